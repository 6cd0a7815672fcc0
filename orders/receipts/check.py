"""Checks a receipt on any machine: its signature, the market that it names, and the route on that market."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dex import DexError, Hop, Route, Side
from dex.recorded.canonical import RecordError, read_canonical
from dex.recorded.market import RecordedMarket
from dex.recorded.program import program_json
from dex.recorded.requests import read_request
from dex.recorded.rerun import Difference, GivenRoute, differences, executed, rerun
from dex.router import TimeLimit
from orders.receipts.document import ReceiptError, UnknownKey, read, verified
from orders.receipts.keys import PublicKey


@dataclass(slots=True)
class Finding:
    """One check: what was looked at, whether it holds (None: it could not be checked), and what was found."""

    what: str
    holds: bool | None
    detail: str
    differences: Sequence[Difference] = field(default_factory=tuple)


def check_signature(file: bytes, keys: Mapping[str, PublicKey] | None) -> tuple[Finding, dict[str, Any] | None]:
    """The signature, and what the receipt says; None where it is no receipt. Without keys only its form is checked."""
    try:
        if keys is None:
            document = read(file)
            detail = f"name the keys of the engine (--keys); it says that it is signed by {document['key_id']}"
            return Finding("signature", None, detail), document
        document = verified(file, keys)
    except UnknownKey as error:
        return Finding("signature", False, str(error)), None
    except ReceiptError as error:
        return Finding("signature", False, str(error)), None
    return Finding("signature", True, f"of the key {document['key_id']}"), document


def check_market(receipt: Mapping[str, Any], snapshot: bytes) -> tuple[Finding, RecordedMarket | None]:
    """Whether a file holds the market that the receipt names."""
    try:
        named = receipt["market"] and receipt["market"]["hash"]
        if named is None:
            return Finding("market", None, "the receipt names none: its order was not routed, or it was not kept"), None
        market = RecordedMarket.read(read_canonical(snapshot))
    except (RecordError, KeyError, TypeError) as error:
        return Finding("market", False, f"the file cannot be read: {error}"), None
    if market.hash != named:
        return Finding("market", False, f"the receipt names {named}, the file holds {market.hash}"), None
    return Finding("market", True, f"{market.hash} (block {market.block} of {market.chain_id})"), market


def check_route(receipt: Mapping[str, Any], market: RecordedMarket) -> list[Finding]:
    """Whether the pools pay what the receipt says, and whether the router finds the same route on them."""
    try:
        given, side = _given(receipt), Side(receipt["order"]["side"])
        found = executed(market, given, side)
        exact = Finding("amounts", not found, "as the pools pay them" if not found else "not as the pools pay", found)
        return [exact, _rerun(receipt, market, given)]
    except (RecordError, KeyError, TypeError, ValueError) as error:
        return [Finding("route", False, f"the receipt cannot be read: {error}")]


def _rerun(receipt: Mapping[str, Any], market: RecordedMarket, given: GivenRoute) -> Finding:
    routing = receipt["market"]["routing"]
    if routing is None:
        return Finding("route", None, "the receipt was made when the request to the router was not kept any more")
    request, checked = read_request(routing["request"]), [int(cost) for cost in routing["checked_costs"]]
    try:
        found = rerun(market, request, checked, TimeLimit.after(routing["ended_after"]))
    except DexError as error:
        return Finding("route", False, f"the router finds none: {error.detail}{_other_program(routing)}")
    unlike = differences(given, found)
    if not unlike:
        return Finding("route", True, f"same, to the atom{_bound(found.gap_bps)}")
    return Finding("route", False, f"another one is found{_other_program(routing)}", unlike)


def _bound(gap_bps: float | None) -> str:
    return "" if gap_bps is None else f"; no route is better by more than {gap_bps:.4f} bp"


def _other_program(routing: Mapping[str, Any]) -> str:
    """What may be to blame."""
    here, there = program_json(), routing["program"]
    unlike = [f"{name} {there.get(name)} there, {here[name]} here" for name in here if there.get(name) != here[name]]
    return f" by another program ({'; '.join(unlike)})" if unlike else ""


def _given(receipt: Mapping[str, Any]) -> GivenRoute:
    told, order = receipt["route"], receipt["order"]
    hops = tuple(
        Hop(
            swap["venue"],
            swap["pool"],
            swap["token_in"],
            swap["token_out"],
            int(swap["amount_in_raw"]),
            int(swap["amount_out_raw"]),
        )
        for swap in told["swaps"]
    )
    amounts = ("quoted_amount_in_raw", "quoted_amount_out_raw", "min_amount_out_raw", "max_amount_in_raw")
    return GivenRoute(Route(order["token_in"], order["token_out"], hops), *(int(told[name]) for name in amounts))
