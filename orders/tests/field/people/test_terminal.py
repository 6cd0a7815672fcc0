"""What traders met on the command line: exit codes, short ids, columns, and a quote that adds up."""

import io
import re
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from orders.cli.client import EngineClient, ServerError
from orders.cli.columns import columns
from orders.cli.quoting import quote_lines
from orders.cli.short_ids import SEARCHED, full_id

FIRST, SECOND = "01a22867-5899-766c-937b-09c23eb32235", "01a22868-9274-7308-810d-ad3cd39884cc"
THIRD, FOURTH = SECOND[:-1] + "d", "01a22869-0000-7000-8000-000000000000"
ORDER = {
    "id": FIRST, "created_at": "2026-11-29T17:44:33.014Z", "side": "exact_in", "amount": "2500.5",
    "amount_in": "2500.5", "token_in": "SOL", "token_out": "USDC", "amount_out": "359830.651", "status": "CONFIRMED",
    "outcome": "filled", "waiting_for": None, "network_fee_paid": {"token": "SOL", "amount": "0.000035"},
}  # fmt: skip
OPEN = ORDER | {"amount_out": None, "outcome": None, "network_fee_paid": None}
OTHERS = [
    ORDER,
    OPEN | {"id": SECOND, "status": "FAILED", "outcome": "slippage"},
    OPEN | {"id": THIRD, "status": "PENDING", "waiting_for": "halt"},
    OPEN | {"id": FOURTH, "side": "exact_out", "amount": "7", "amount_in": None, "status": "ROUTING"},
]


class Server(EngineClient):
    """Answers lists from pages, and every order with the same events."""

    def __init__(self) -> None:
        super().__init__("http://localhost")
        self.pages: list[list[dict[str, Any]]] = [OTHERS]
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        if path.startswith("orders?"):
            number = int(path.rpartition("cursor=")[2]) if "cursor=" in path else 0
            is_last = number + 1 >= len(self.pages)
            link = None if is_last else f"http://elsewhere/api/v1/orders?cursor={number + 1}"
            return {"results": self.pages[number], "next": link}
        return ORDER

    async def follow(self, order_id: str) -> AsyncIterator[dict[str, Any]]:
        for event in self.events:
            yield event


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server()
    monkeypatch.setattr("orders.management.commands.orders.client_from", lambda options: found)
    return found


def event(status: str, outcome: str | None, **data: Any) -> dict[str, Any]:
    return {"type": "event", "seq": 1, "status": status, "attempt": 1, "outcome": outcome, "took_ms": 7, "data": data}


FAILED = event("FAILED", "slippage", failure={"detail": "moved", "try": "Raise max_slippage_bps"})
FILLED = event("CONFIRMED", "filled", quoted_amount_out_raw="1", amount_out_raw="1")


@pytest.mark.parametrize(("verb", "arguments"), [("place", ["SOL", "USDC", "1"]), ("watch", [FIRST])])
def test_a_failed_order_is_an_exit_code_of_1_with_its_reason(server: Server, verb: str, arguments: list[str]) -> None:
    server.events = [FAILED]
    with pytest.raises(CommandError) as failed:
        call_command("orders", verb, *arguments)
    assert (failed.value.returncode, str(failed.value)) == (
        1, f"order {FIRST} ended as slippage: moved. Next: Raise max_slippage_bps",
    )  # fmt: skip

    server.events = [FILLED]
    call_command("orders", verb, *arguments)


@pytest.mark.parametrize("text", [FIRST, FIRST.upper(), FIRST[-7:], "…" + FIRST[-12:], "..." + FIRST[-7:], FIRST[:8]])
def test_the_digits_that_a_table_shows_name_the_order(server: Server, text: str) -> None:
    assert full_id(server, text) == FIRST


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no order id"),
        ("235", "4 or more digits"),
        ("2235; DROP", "is no order id"),
        ("ffff", "none of your newest 1,000 orders"),
        (SECOND[:13], "names 2 orders; give more digits"),
    ],
)
def test_digits_that_name_no_order_or_several_are_refused(server: Server, text: str, said: str) -> None:
    with pytest.raises(ServerError, match=re.escape(said)):
        full_id(server, text)


def test_a_short_id_is_looked_for_among_a_bounded_number_of_orders(server: Server) -> None:
    ids = [str(UUID(int=number)) for number in range(3_000)]
    server.pages = [[ORDER | {"id": order_id} for order_id in ids[at : at + 100]] for at in range(0, 3_000, 100)]

    assert full_id(server, f"{SEARCHED - 1:08x}") == ids[SEARCHED - 1]
    with pytest.raises(ServerError, match="none of your newest"):
        full_id(server, f"{SEARCHED:08x}")


def test_a_server_that_names_an_order_by_no_id_is_not_believed(server: Server) -> None:
    """Files are named by it."""
    server.pages = [[ORDER | {"id": "../../beef"}]]

    with pytest.raises(ServerError, match="which is no id"):
        full_id(server, "beef")


def test_the_list_says_when_what_and_how_much(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("orders", "list")

    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["placed", "(UTC)", "order", "gives", "for", "got", "status", "network", "fee"]
    assert [re.split(r" {2,}", line) for line in lines] == [
        ["2026-11-29 17:44:33", FIRST, "2,500.5 SOL", "USDC", "359,830.651 USDC", "CONFIRMED filled", "0.000035 SOL"],
        ["2026-11-29 17:44:33", SECOND, "2,500.5 SOL", "USDC", "-", "FAILED slippage", "-"],
        ["2026-11-29 17:44:33", THIRD, "2,500.5 SOL", "USDC", "-", "PENDING (waits for halt)", "-"],
        ["2026-11-29 17:44:33", FOURTH, "- SOL", "7 USDC", "-", "ROUTING", "-"],
    ]


def test_the_list_fits_a_terminal_of_100_columns(server: Server) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    drawn = Terminal()
    call_command("orders", "list", stdout=drawn)

    assert f"…{FIRST[-12:]}" in drawn.getvalue()
    assert max(map(len, drawn.getvalue().splitlines())) <= 100


def quote() -> dict[str, Any]:
    def swap(pool: str, token_in: str, amount_in: str, token_out: str, amount_out: str) -> dict[str, Any]:
        return {"venue": "curve", "pool": pool, "token_in": token_in, "amount_in": amount_in, "token_out": token_out,
                "amount_out": amount_out}  # fmt: skip

    swaps = [
        swap("a", "SOL", "0.6", "USDT", "80.000001"),
        swap("b", "SOL", "0.4", "USDC", "50"),
        swap("c", "USDT", "30", "USDC", "29"),
        swap("d", "USDT", "50.000001", "USDC", "49"),
    ]
    legs = [
        {"share": "0.4", "hops": [swaps[1]]},
        {"share": "0.375", "hops": [swaps[0], swaps[3]]},
        {"share": "0.225", "hops": [swaps[0], swaps[2]]},
    ]
    # Gross the one is better, net of its network fee the other.
    gross = {"curve": "128.5", "orca": "128", "raydium": None}
    net = {"curve": "100", "orca": "127", "raydium": None}
    venue_quotes = [
        {"venue": venue, "code": None if out else "no_route"}
        | {"amount_out": out, "amount_out_raw": out and str(int(Decimal(out) * 10**6))}
        | {"net_amount_out": net[venue], "net_amount_out_raw": net[venue] and f"{net[venue]}000000"}
        for venue, out in gross.items()
    ]
    route = {"token_in": "SOL", "token_out": "USDC", "legs": legs, "swaps": swaps, "price_impact_bps": "0.5",
             "venue_quotes": venue_quotes, "swap_count": 4}  # fmt: skip
    fee = {"token": "SOL", "amount": "0.007", "value": "1"}
    return {"token_in": "SOL", "token_out": "USDC", "side": "exact_in", "amount_in": "1", "amount_out": "128",
            "min_amount_out": "126", "price": "128", "route": route, "network_fee": fee,
            "net_amount_out": "127", "waiting_for": None}  # fmt: skip


def test_what_a_quote_shows_adds_up_token_by_token() -> None:
    lines = list(quote_lines(quote()))
    at = lines.index("Swaps, one for each pool; what one pays of a token others take:")
    shown = [re.split(r" {2,}", line.strip()) for line in lines[at + 1 : lines.index("", at)]]

    balance: Counter[str] = Counter()
    for _, _, given, token_in, got, token_out in shown:
        balance[token_in.removesuffix(" →")] -= Decimal(given)  # type: ignore[assignment]
        balance[token_out] += Decimal(got)  # type: ignore[assignment]
    assert balance == {"SOL": Decimal(-1), "USDC": Decimal(128), "USDT": Decimal(0)}
    assert len({pool for _, pool, *_ in shown}) == len(shown)
    assert max(map(len, lines)) <= 100


def test_each_venue_alone_comes_best_first() -> None:
    lines = list(quote_lines(quote()))

    assert lines[-4] == "Each venue alone, the best first, net of its network fee:"
    assert [line.split() for line in lines[-3:]] == [["Orca", "Whirlpool", "127", "USDC"], ["Curve", "100", "USDC"],
                                                     ["Raydium", "CPMM", "no_route"]]  # fmt: skip


def test_a_quote_says_what_the_network_charges_and_what_is_left() -> None:
    lines = list(quote_lines(quote()))

    assert lines[2:4] == ["network fee 0.007 SOL for 4 swaps, worth 1 USDC", "127 USDC left after it"]
    assert not any("would wait" in line for line in lines)
    assert "an order would wait: it may cost more than its --max-native" in quote_lines(
        quote() | {"waiting_for": "fees"}
    )
    assert not any("network" in line for line in quote_lines(quote() | {"network_fee": None}))


def test_columns_cut_and_wrap_nothing() -> None:
    assert list(columns([["a", "1"], ["bcd", "20"]], frozenset({1}))) == ["a     1", "bcd  20"]
