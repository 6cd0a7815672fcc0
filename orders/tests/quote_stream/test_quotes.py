"""The quote stream: the quotes of POST /quotes, as they change, one at a time."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError

from dex import ChainUnavailable, Engine
from dex.chains.simulated import SimulatedChain
from orders.audit.record import Actor
from orders.engine import get_engine
from orders.models import Account, ApiKey, Order, Token, TradingControl
from orders.quote_stream import consumer, feed, look
from orders.quote_stream.feed import REST
from orders.risk.pause import find_target, pause
from orders.services.quoted_order import DATED
from orders.streams import socket
from orders.tests.factories import api_key, new_account, place, terms
from orders.tests.http_client import VENUE_NAMES
from orders.tests.quote_stream.conftest import SWAP, Quotes, ask

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

Drive = Callable[..., None]
BODY = {"token_in": "SOL", "token_out": "USDC", "amount": "250"}
OPERATOR = Actor("boss", reason="drill", is_admin=True)


def plain(quote: Any) -> Any:
    """A quote without what differs each time."""
    return {name: value for name, value in quote.items() if name not in DATED}


async def trade(account: Account, drive: Drive, sol: int = 100_000) -> None:
    """Move the market."""
    await database_sync_to_async(place)(account, terms(amount=sol * 10**9, max_slippage_ppm=10**6))
    await database_sync_to_async(drive)()


def pause_venues() -> None:
    for name in VENUE_NAMES:
        pause(find_target("venue", name, get_engine()), OPERATOR)


async def test_hello_and_the_quote_that_the_api_gives(account: Account, key: str) -> None:
    async with Quotes(key, f"?{SWAP}") as quotes:
        hello, message = await quotes.next(), await quotes.next()
    answer = await ask(account, "POST", "quotes", BODY)

    assert hello == {"type": "hello", "subscription": 1, "heartbeat_s": 15}
    assert (message["type"], message["subscription"]) == ("quote", 1)
    assert plain(message["quote"]) == plain(answer)
    assert list(message["quote"]) == list(answer)


async def test_an_order_may_name_a_streamed_quote(account: Account, key: str) -> None:
    async with Quotes(key, f"?{SWAP}") as quotes:
        quote = (await quotes.take())["quote"]
        order = await ask(account, "POST", "orders", BODY | {"quote_id": quote["quote_id"]})

    assert order["guards"]["min_amount_out"] == quote["min_amount_out"]


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("token_in=SOL&token_out=USDC&amount=10&side=exact_out", {"amount": "10", "side": "exact_out"}),
        (f"{SWAP}&max_slippage_bps=7.5", {"guards": {"max_slippage_bps": "7.5"}}),
        (f"{SWAP}&max_price_impact_bps=500", {"guards": {"max_price_impact_bps": "500"}}),
        (f"{SWAP}&min_amount_out=1", {"guards": {"min_amount_out": "1"}}),
    ],
)  # fmt: skip
async def test_the_address_states_plain_fields(account: Account, key: str, address: str, body: Any) -> None:
    async with Quotes(key, f"?{address}") as quotes:
        message = await quotes.take()

    assert plain(message["quote"]) == plain(await ask(account, "POST", "quotes", BODY | body))


async def test_a_new_quote_comes_when_the_market_has_moved_and_only_then(
    account: Account, key: str, drive: Drive
) -> None:
    async with Quotes(key, f"?{SWAP}") as quotes:
        first = (await quotes.take())["quote"]
        assert await quotes.is_silent()
        await trade(account, drive)
        second = (await quotes.take())["quote"]

    assert int(second["amount_out_raw"]) < int(first["amount_out_raw"])
    assert second["quote_id"] != first["quote_id"]


async def test_what_is_not_acknowledged_is_followed_by_the_newest_alone(
    account: Account, key: str, drive: Drive
) -> None:
    async with Quotes(key, f"?{SWAP}") as quotes:
        await quotes.next("quote")
        for _ in range(3):
            await trade(account, drive)
            assert await quotes.is_silent(0.4)
        await quotes.send(op="ack")
        newest = (await quotes.take())["quote"]
        assert await quotes.is_silent(0.4)

    assert plain(newest) == plain(await ask(account, "POST", "quotes", BODY))


async def test_a_quote_is_renewed_before_it_expires(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "RENEW_S", 4.9)
    async with Quotes(key, f"?{SWAP}") as quotes:
        first, second = [(await quotes.take())["quote"] for _ in range(2)]

    assert plain(first) == plain(second)
    assert first["expires_at"] < second["expires_at"]
    assert first["quote_id"] != second["quote_id"]


async def test_without_a_route_it_says_why_once_and_quotes_again_when_there_is_one(account: Account, key: str) -> None:
    async with Quotes(key, f"?{SWAP}") as quotes:
        first = await quotes.take()
        await database_sync_to_async(pause_venues)()
        refusal = await quotes.take("error")
        assert await quotes.is_silent()
        await database_sync_to_async(TradingControl.objects.all().delete)()
        again = await quotes.take()

    assert (refusal["subscription"], refusal["problem"]["code"]) == (1, "no_route")
    assert set(refusal["problem"]["facts"]["paused_venues"]) == set(VENUE_NAMES)
    assert plain(again["quote"]) == plain(first["quote"])


async def test_a_halt_shows_in_the_quote(account: Account, key: str) -> None:
    async with Quotes(key, f"?{SWAP}") as quotes:
        waits = [(await quotes.take())["quote"]["waiting_for"]]
        await ask(account, "POST", "halt", {"reason": "drill"})
        waits.append((await quotes.take())["quote"]["waiting_for"])
        await ask(account, "DELETE", "halt", {"reason": "over"})
        waits.append((await quotes.take())["quote"]["waiting_for"])

    assert waits == [None, "halt", None]


@pytest.mark.parametrize(
    ("owner", "name", "error", "code"),
    [
        (SimulatedChain, "snapshot", ChainUnavailable("no node answers"), "chain_unavailable"),
        (look, "read_controls", OperationalError("the connection is closed"), "not_ready"),
    ],
)
async def test_while_the_chain_or_the_database_is_away_it_says_so_once(
    key: str, owner: Any, name: str, error: Exception, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    async with Quotes(key, f"?{SWAP}") as quotes:
        first = await quotes.take()
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fail)
            refusal = await quotes.take("error")
            assert await quotes.is_silent()
        again = await quotes.take()

    assert refusal["problem"]["code"] == code
    assert plain(again["quote"]) == plain(first["quote"])


async def test_that_there_is_no_quote_is_not_said_again(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "RENEW_S", 4.9)
    async with Quotes(key) as quotes:
        await quotes.send(op="subscribe", quote=BODY | {"token_out": "NOPE"})
        await quotes.take("error")
        assert await quotes.is_silent()


async def test_frames_change_what_is_quoted_and_the_newest_wins(account: Account, key: str) -> None:
    async with Quotes(key) as quotes:
        assert (await quotes.next())["subscription"] == 0
        assert await quotes.is_silent(0.3)
        for amount in ("1", "12", "125"):
            await quotes.send(op="subscribe", quote=BODY | {"amount": amount})
        while (message := await quotes.take())["subscription"] < 3:
            pass
        await quotes.send(op="subscribe", quote=BODY | {"token_out": "ETH", "venues": {"max_legs": 1}})
        last = await quotes.take()

    assert message["quote"]["amount_in"] == "125"
    assert (last["subscription"], last["quote"]["token_out"], len(last["quote"]["route"]["legs"])) == (4, "ETH", 1)


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (BODY | {"amount": "2."}, "amount_malformed", "/amount"),
        (BODY | {"amount": 2}, "amount_must_be_string", "/amount"),
        (BODY | {"token_out": "NOPE"}, "unknown_token", "/token_out"),
        (BODY | {"type": "limit"}, "unknown_field", "/type"),
        (BODY | {"guards": {"max_slippage": 1}}, "unknown_field", "/guards/max_slippage"),
        ([], "invalid", ""),
    ],
)
async def test_what_cannot_be_quoted_is_answered_and_the_socket_goes_on(
    key: str, body: Any, code: str, pointer: str
) -> None:
    async with Quotes(key, f"?{SWAP}") as quotes:
        await quotes.take()
        await quotes.send(op="subscribe", quote=body)
        refusal = await quotes.take("error")
        assert await quotes.is_silent(0.3)
        await quotes.send(op="subscribe", quote=BODY | {"amount": "3"})
        message = await quotes.take()

    assert (refusal["subscription"], refusal["problem"]["code"]) == (2, code)
    assert refusal["problem"]["errors"][0]["pointer"] == pointer
    assert (message["subscription"], message["quote"]["amount_in"]) == (3, "3")


@pytest.mark.parametrize(
    "query",
    ["?token_in=SOL", f"?{SWAP}&x=1", f"?{SWAP}&amount=1", f"?{SWAP}&side=", f"?{SWAP}&type=limit", "?amount=1e5"],
)
async def test_an_address_that_means_nothing(key: str, query: str) -> None:
    async with Quotes(key, query) as quotes:
        messages, code = await quotes.close_code()

    assert code == 4400
    assert [message["type"] for message in messages] == ["error"]


@pytest.mark.parametrize(
    "frame",
    ["x", "[]", "{}", '{"op":"ack","cursor":"1"}', '{"op":"subscribe"}', '{"op":"subscribe","quote":{},"x":1}',
     '{"op":"nope"}', '{"op":"ack","op":"ack"}', b"\x00\xff"],
)  # fmt: skip
async def test_a_frame_that_means_nothing_closes(key: str, frame: str | bytes) -> None:
    async with Quotes(key) as quotes:
        await quotes.next("hello")
        await (quotes.ws.send_to(bytes_data=frame) if isinstance(frame, bytes) else quotes.ws.send_to(text_data=frame))
        _, code = await quotes.close_code()

    assert code == 4400


async def test_a_key_needs_the_scope_and_a_ticket_opens_no_more_than_its_key(account: Account) -> None:
    reader = await database_sync_to_async(api_key)(account, scopes=["read", "trade"])
    quoter = await database_sync_to_async(api_key)(account, scopes=["quote"])
    both = await database_sync_to_async(api_key)(account, scopes=["quote", "read"])

    async def close_code(key: str, ticket_of: str = "") -> int:
        protocols = None
        if ticket_of:
            ticket = await database_sync_to_async(_ticket)(account, ticket_of)
            protocols = ["oe.v1", f"ticket.{ticket}"]
        async with Quotes(key, f"?{SWAP}", protocols) as quotes:
            message = await quotes.next("error" if key == reader or ticket_of == reader else "quote")
            return (await quotes.close_code())[1] if message["type"] == "error" else 0

    assert [await close_code(key) for key in (reader, quoter, both)] == [4403, 0, 0]
    assert [await close_code("", ticket_of) for ticket_of in (reader, both)] == [4401, 0]


def _ticket(account: Account, key: str) -> str:
    from orders.access.tickets import issue_ticket
    from orders.models.key_format import prefix_of

    return issue_ticket(account.pk, str(prefix_of(key)))


async def test_a_key_that_has_ended_closes_and_one_that_has_changed_counts_as_it_is(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "KEY_CHECK_S", 0.05)
    key = await database_sync_to_async(api_key)(account)
    async with Quotes(key, f"?{SWAP}") as quotes:
        await quotes.take()
        await database_sync_to_async(ApiKey.objects.filter(account=account).update)(tokens=["ETH"])
        await asyncio.sleep(0.5)
        await quotes.send(op="subscribe", quote=BODY)
        refusal = await quotes.take("error")
        await database_sync_to_async(ApiKey.objects.filter(account=account).update)(scopes=["read"])
        messages, code = await quotes.close_code()

    assert refusal["problem"]["code"] == "scope"
    assert (code, messages[-1]["problem"]["code"]) == (4401, "unauthorized")


async def test_a_token_that_is_disabled_is_quoted_no_longer(key: str) -> None:
    async with Quotes(key, f"?{SWAP}") as quotes:
        await quotes.take()
        await database_sync_to_async(Token.objects.filter(symbol="USDC").update)(is_enabled=False)
        refusal = await quotes.take("error")

    assert refusal["problem"]["code"] == "unknown_token"


async def test_who_does_not_acknowledge_is_closed_and_told(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "SLOW_S", 0.1)
    async with Quotes(key, f"?{SWAP}") as quotes:
        messages, code = await quotes.close_code()

    assert code == 4408
    assert [message["type"] for message in messages] == ["hello", "quote", "error"]
    assert '{"op":"ack"}' in messages[-1]["problem"]["detail"]


async def test_heartbeats_come_while_nothing_changes(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "HEARTBEAT_S", 0.05)
    async with Quotes(key) as quotes:
        beats = [await quotes.next("heartbeat") for _ in range(2)]

    assert [set(beat) for beat in beats] == [{"type", "at"}] * 2


async def test_sockets_are_counted_per_account_and_in_all(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "MAX_SOCKETS", 1)
    stranger = await database_sync_to_async(api_key)(await database_sync_to_async(new_account)())
    async with Quotes(key) as first:
        await first.next("hello")
        async with Quotes(key) as second:
            of_account = (await second.close_code())[1]
        monkeypatch.setattr(feed, "MOST", 1)
        async with Quotes(stranger) as third:
            in_all = (await third.close_code())[1]
    async with Quotes(stranger) as again:
        assert (await again.next())["type"] == "hello"

    assert (of_account, in_all) == (4429, 4429)


async def test_equal_requests_are_routed_once_for_each_block(
    account: Account, key: str, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed: list[int] = []
    route = Engine.route

    def counted(self: Engine, requests: Any, **options: Any) -> Any:
        routed.extend(options["ahead"].snapshot().version for _ in requests if options.get("ahead"))
        return route(self, requests, **options)

    monkeypatch.setattr(Engine, "route", counted)
    # A worker's own market comes along with its claim otherwise.
    monkeypatch.setattr(SimulatedChain, "ask_snapshot", lambda _: None)
    stranger = await database_sync_to_async(api_key)(await database_sync_to_async(new_account)())
    async with Quotes(key, f"?{SWAP}") as one, Quotes(key, f"?{SWAP}") as two, Quotes(stranger, f"?{SWAP}") as three:
        firsts = [await client.take() for client in (one, two, three)]
        await trade(account, drive)
        seconds = [await client.take() for client in (one, two, three)]

    assert len({json.dumps(plain(message["quote"])) for message in firsts}) == 1
    assert len({json.dumps(plain(message["quote"])) for message in seconds}) == 1
    assert len({message["quote"]["quote_id"] for message in (firsts[0], firsts[2])}) == 2
    assert len(routed) == len(set(routed)) == 2


async def test_it_rests_in_proportion_to_what_it_has_calculated(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    sleep, calculate = asyncio.sleep, feed._calculate

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        await sleep(0)

    async def costly(*args: Any) -> Any:
        return (await calculate(*args))._replace(cpu_s=0.125)

    monkeypatch.setattr(feed, "_calculate", costly)
    monkeypatch.setattr(asyncio, "sleep", rest)
    async with Quotes(key, f"?{SWAP}") as quotes:
        await quotes.next("quote")
        monkeypatch.setattr(asyncio, "sleep", sleep)

    # Of the quote, and of the look before it. The other one is of the look at the key, a minute later.
    assert set(rests) - {socket.KEY_CHECK_S} == {REST * 0.25}


async def test_an_error_that_was_not_foreseen_is_answered_and_logged_and_ends_nothing(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with Quotes(key, f"?{SWAP}") as quotes:
        await quotes.take()
        with monkeypatch.context() as patch:
            patch.setattr("orders.quote_stream.look.quoted_order", lambda *_: 1 // 0)
            await quotes.send(op="subscribe", quote=BODY)
            refusal = await quotes.take("error")
        await quotes.send(op="subscribe", quote=BODY)
        await quotes.take()

    assert refusal["problem"]["code"] == "server_error"
    assert "ZeroDivisionError" in caplog.text
    assert not await database_sync_to_async(Order.objects.exists)()


HOSTILE: list[Any] = [
    None,
    5,
    "x",
    [],
    {},
    {"token_in": "SOL"},
    BODY | {"\u2028": 1},
    BODY | {"token_in": "S" * 33},
    BODY | {"token_in": {"a": [{}] * 500}},
    BODY | {"token_out": "SOL"},
    BODY | {"amount": "1" * 81},
    BODY | {"amount": "9" * 80},
    BODY | {"amount": "0.0000000001"},
    BODY | {"side": 1},
    BODY | {"guards": {"max_slippage_bps": 1e308}},
    BODY | {"guards": {"min_amount_out": "9" * 70}},
    BODY | {"guards": {"max_amount_in": "1"}},
    BODY | {"guards": {"max_price_impact_bps": 0}},
    BODY | {"guards": {"max_deviation_bps": "1"}},
    BODY | {"guards": {"x" * 5_000: {}}},
    BODY | {"venues": {"allow": []}},
    BODY | {"venues": {"deny": ["x"] * 40}},
    BODY | {"venues": {"max_hops": 2**63}},
    BODY | {"fee": {"max_native": "0.000000001"}},
    BODY | {"fee": {"strategy": ["fast"]}},
]


async def test_each_body_has_an_answer_with_its_number(key: str, caplog: pytest.LogCaptureFixture) -> None:
    codes = set()
    async with Quotes(key) as quotes:
        for number, body in enumerate(HOSTILE, start=1):
            await quotes.send(op="subscribe", quote=body)
            while (message := await quotes.next()).get("subscription") != number or message["type"] == "hello":
                pass
            await quotes.send(op="ack")
            codes.add(message["problem"]["code"] if message["type"] == "error" else "")
        await quotes.ws.send_to(text_data='{"op":"subscribe","quote":{"\\ud800":1}}')
        _, code = await quotes.close_code()

    assert "server_error" not in codes
    assert {"", "invalid", "unknown_field", "amount_too_large", "amount_too_fine", "guard_side", "same_token"} <= codes
    assert code == 4400  # text that is none is no frame
    assert "Traceback" not in caplog.text
