"""The tools for agents, over stdio, with the protocol's own client, against a running engine."""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async
from mcp import Client, StdioServerParameters

from dex.chains.simulated import SimulatedChain
from orderengine_client import AsyncClient
from orders.models import Account, Order
from orders.tests.factories import api_key
from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

SOURCES = Path(__file__).resolve().parents[1] / "src"
SWAP = {"token_in": "SOL", "token_out": "USDC", "amount": "2.5"}


@pytest.fixture
async def engine_url(account: Account, chain: SimulatedChain, both_webs: list[Web]) -> str:
    return f"http://127.0.0.1:{both_webs[0].port}"


@asynccontextmanager
async def agent(url: str, key: str, *words: str, **environment: str) -> AsyncIterator[Client]:
    """A client of a server of its own."""
    variables = {"ORDER_ENGINE_API_KEY": key, "ORDER_ENGINE_URL": url, "PYTHONPATH": str(SOURCES)}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "orderengine_client.mcp", *words],
        env={"PATH": os.environ["PATH"]} | variables | environment,
    )
    async with Client(server, read_timeout_seconds=60) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """The answer as an object."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    """What the agent reads where a call fails."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    [text] = result.content
    return str(text.text)  # type: ignore[union-attr]


def told(text: str) -> Any:
    """The object in what the agent reads."""
    return json.loads(text[text.index("{") :])


@database_sync_to_async
def orders_of(account: Account) -> list[Order]:
    return list(Order.objects.filter(account=account))


async def test_an_agent_reads_what_there_is_and_that_amounts_are_strings(account: Account, engine_url: str) -> None:
    key = await database_sync_to_async(api_key)(account)
    async with agent(engine_url, key) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        instructions = client.instructions

    assert set(tools) == {"quote", "place", "order", "explain", "cancel", "report"}
    assert "dry_run=true" in str(instructions)
    assert "decimal strings" in str(instructions)
    for name in ("quote", "place"):
        stated = tools[name].input_schema["properties"]["amount"]
        assert stated["type"] == "string"
        assert "Decimal string" in stated["description"]
    assert tools["place"].input_schema["properties"]["dry_run"]["default"] is True
    reads = {name for name, tool in tools.items() if tool.annotations and tool.annotations.read_only_hint}
    assert reads == {"quote", "order", "explain", "report"}


async def test_without_the_flag_nothing_is_placed(account: Account, engine_url: str) -> None:
    key = await database_sync_to_async(api_key)(account)
    async with agent(engine_url, key) as client:
        quote = await call(client, "quote", **SWAP)
        shown = await call(client, "place", **SWAP, terms={"guards": {"max_slippage_bps": "80"}})
        refused = await refusal(client, "place", **SWAP, dry_run=False, client_order_id="a-1")

    assert quote["amount_in"] == "2.5"
    assert (shown["dry_run"], shown["order"]["id"]) == (True, None)
    assert shown["order"]["guards"]["max_slippage_bps"] == "80"
    assert shown["order"]["quoted_amount_out"] == quote["amount_out"]
    assert "--allow-orders" in refused
    assert await orders_of(account) == []


async def test_no_text_in_place_of_an_id_reaches_another_path(account: Account, engine_url: str) -> None:
    key = await database_sync_to_async(api_key)(account)
    async with AsyncClient(engine_url, key) as owner, agent(engine_url, key) as client:
        await owner.halt("lunch")
        await owner.deadman(600)
        refused = [await refusal(client, "cancel", order_id=text) for text in ("../halt", "../deadman")]
        halts, deadman = await owner.halts(), await owner.deadman_state()

    assert all("is no id" in text for text in refused)
    assert [halt.reason for halt in halts] == ["lunch"]
    assert deadman.state == "armed"


async def test_with_the_flag_an_agent_places_once_looks_and_cancels(account: Account, engine_url: str) -> None:
    key = await database_sync_to_async(api_key)(account)
    real = {**SWAP, "dry_run": False, "client_order_id": "agent-1"}
    limit = {"type": "limit", "limit_price": "100000", "time_in_force": "gtc"}
    async with agent(engine_url, key, "--allow-orders") as client:
        first = await call(client, "place", **real)
        again = await call(client, "place", **real)
        other = told(await refusal(client, "place", **real | {"amount": "3"}))
        nameless = await refusal(client, "place", **SWAP, dry_run=False)
        waiting = await call(client, "place", **real | {"client_order_id": "agent-2", "terms": limit})
        seen = await call(client, "order", client_order_id="agent-2")
        cancelled = await call(client, "cancel", order_id=waiting["order"]["id"], reason="enough")
        explained = await call(client, "explain", order_id=waiting["order"]["id"])
        report = await call(client, "report", group_by="pair", filters={"pair": "SOL/USDC"})

    assert first == again
    assert first["dry_run"] is False
    assert other["problem"]["code"] == "client_order_id_reused"
    assert other["look_it_up_by"] == {"client_order_id": "agent-1"}
    assert "client_order_id" in nameless
    assert seen["id"] == waiting["order"]["id"]
    assert (cancelled["status"], cancelled["outcome"]) == ("FAILED", "cancelled")
    assert "cancelled" in explained["summary"]["text"]
    assert [row["orders"] for row in report["results"]] == [2]
    assert {order.client_order_id for order in await orders_of(account)} == {"agent-1", "agent-2"}


async def test_the_engine_holds_an_agent_to_its_key(account: Account, engine_url: str) -> None:
    """Where the flag allows more than the key."""
    dry, small = await database_sync_to_async(
        lambda: (api_key(account, is_dry_run_only=True), api_key(account, max_order_value=1))
    )()
    real = {**SWAP, "dry_run": False, "client_order_id": "agent-1"}
    async with agent(engine_url, dry, ORDER_ENGINE_MCP_ALLOW_ORDERS="1") as client:
        refused = told(await refusal(client, "place", **real))
        shown = await call(client, "place", **SWAP)
    async with agent(engine_url, "oe_live_wrong", "--allow-orders") as client:
        unknown = told(await refusal(client, "order", order_id="019ae000-0000-7000-8000-000000000001"))
    async with agent(engine_url, small, "--allow-orders") as client:
        above = told(await refusal(client, "place", **real))
        missing = told(await refusal(client, "order", order_id="019ae000-0000-7000-8000-000000000001"))
        both = await refusal(client, "order")

    assert refused["problem"]["code"] == "scope"
    assert shown["dry_run"] is True
    assert above["problem"]["code"] == "limit_exceeded"
    assert unknown["problem"]["status"] == 401
    assert "oe_live_wrong" not in json.dumps(unknown)
    assert missing["problem"]["code"] == "not_found"
    assert "one of them" in both
    assert await orders_of(account) == []


@pytest.mark.parametrize("wrong", [{"amount": 2.5}, {"amount": 3}, {"terms": {"limit_price": 1.5, "type": "limit"}}])
async def test_a_number_as_an_amount_is_refused(account: Account, engine_url: str, wrong: dict[str, Any]) -> None:
    key = await database_sync_to_async(api_key)(account)
    async with agent(engine_url, key) as client:
        refused = await refusal(client, "place", **SWAP | wrong)

    assert "string" in refused or "float" in refused


async def test_an_engine_that_is_away_is_told(account: Account) -> None:
    async with agent("http://127.0.0.1:9", "oe_key", "--patience-s", "0.3") as client:
        text = await refusal(client, "quote", **SWAP)

    assert told(text)["may_succeed_later"] is True
    assert "oe_key" not in text
