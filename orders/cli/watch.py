"""Follows orders over their WebSockets at once and shows what happens."""

import asyncio
import os
import sys
from shlex import quote
from typing import Any

from rich.console import Console
from rich.live import Live

from orders.cli.client import EngineClient, ServerError
from orders.cli.render import Row, json_line, line, summary, table, waiting_line


def watch(client: EngineClient, rows: list[Row], *, timeout_s: float, as_json: bool, title: str) -> list[str]:
    """Show events until every order has ended or the time is up; return what went wrong, in sentences.

    Those whose row says what they wait for are shown as they are.
    """
    console = Console()
    if as_json or not console.is_terminal or os.environ.get("NO_COLOR"):
        problems = asyncio.run(_follow_all(client, rows, timeout_s, as_json, None))
        if not as_json:
            sys.stdout.writelines(f"{waiting_line(row)}\n" for row in rows if row.waits)
            sys.stdout.write(summary(rows) + "\n")
        return problems
    with Live(table(rows, title, console.width), console=console, refresh_per_second=12) as live:
        problems = asyncio.run(_follow_all(client, rows, timeout_s, as_json, (live, title)))
        live.update(table(rows, title, console.width))
    console.print(summary(rows))
    return problems


async def _follow_all(
    client: EngineClient, rows: list[Row], timeout_s: float, as_json: bool, shown: tuple[Live, str] | None
) -> list[str]:
    async def follow(row: Row) -> None:
        async for event in client.follow(row.order["id"]):
            if event["status"] == "CONFIRMED":
                # Before the event: other orders draw the table while this one waits for its amounts.
                row.order["final"] = await asyncio.to_thread(client.call, "GET", f"orders/{row.order['id']}")
            row.events.append(event)
            if shown:
                shown[0].update(table(rows, shown[1], shown[0].console.width))
            else:
                sys.stdout.write((json_line(event) if as_json else line(row, event)) + "\n")
                sys.stdout.flush()

    followed = [row for row in rows if not row.waits]
    results = await asyncio.gather(
        *(asyncio.wait_for(follow(row), timeout_s) for row in followed), return_exceptions=True
    )
    return [
        _problem(client, row, result, timeout_s)
        for row, result in zip(followed, results, strict=True)
        if result is not None
    ]


# What an order waits for that is not its turn, and how that ends.
WAITS = {
    "worker": "no worker has taken it: manage.py doctor says why",
    "chain": "the chain cannot be reached; it goes on by itself: manage.py doctor --live asks its nodes",
    "fees": "the network's fees are above its fee.max_native or max_fee of CHAINS_FILE; it goes on when they fall",
    "price": "the market does not give its price yet; manage.py orders watch ID goes on watching it",
    "schedule": "its next slice is not due yet; manage.py orders watch ID goes on watching it",
    "sibling": "the order that it is linked with goes first",
    "funds": "other transactions of its wallet may take what it needs; it goes on when they are in a block, or funded",
}


def _problem(client: EngineClient, row: Row, result: BaseException, timeout_s: float) -> str:
    match result:
        case TimeoutError():
            text = f"order {row.order['id']} is still {row.status} after {timeout_s:g} s"
            waits = _waiting_for(client, row)
            if not waits:
                return text
            return f"{text}: {_pauses(client) if waits == 'halt' else WAITS.get(waits, waits)}"
        case ServerError():
            return str(result)
        case _:
            raise result


def _pauses(client: EngineClient) -> str:
    """What is paused, and the command for each that ends it."""
    try:
        rows = client.call("GET", "halt")["results"]
    except ServerError:
        return "trading is paused: GET /api/v1/halt says what"
    ways = [f"manage.py resume {row['scope']} {_name(row)}".rstrip() + " --reason WHY" for row in rows]
    return "trading is paused; it ends by: " + "; ".join(ways)


def _name(row: dict[str, Any]) -> str:
    """Of what is paused, as the command takes it; the answer has no address of a wallet."""
    if row["scope"] == "wallet":
        return f"$(manage.py wallet address {quote(row['account'])})"
    name = row["venue"] or row["account"] or row["chain"]
    return quote(name) if name else ""


def _waiting_for(client: EngineClient, row: Row) -> str:
    """What the order itself says that it waits for; empty where it says nothing."""
    try:
        return str(client.call("GET", f"orders/{row.order['id']}").get("waiting_for") or "")
    except ServerError:
        return ""
