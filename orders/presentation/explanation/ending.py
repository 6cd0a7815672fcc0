"""How an order has ended and why, and what its owner can do next."""

from collections.abc import Iterator, Mapping
from typing import Any

from dex import Side
from orders.measures import share_bps
from orders.models import Order
from orders.presentation.costs import Cost
from orders.presentation.execution import Execution, price_moved
from orders.presentation.explanation.sentences import Sentence, atoms, given, got, in_bp, shown
from orders.problems import KINDS
from orders.states import OrderStatus, is_terminal


def ending_sentences(execution: Execution) -> list[Sentence]:
    """None for an order that goes on."""
    order = execution.order
    if not is_terminal(order.status):
        return []
    found = list(_filled(execution) if order.status == OrderStatus.CONFIRMED else _failed(execution))
    return found + list(_fees(order))


def _filled(execution: Execution) -> Iterator[Sentence]:
    order = execution.order
    assert order.amount_in is not None
    assert order.amount_out is not None
    facts = {
        **_amount("amount_in", order.amount_in, order.decimals_in),
        **_amount("amount_out", order.amount_out, order.decimals_out),
        "tx_hash": order.tx_hash,
    }
    swapped = f"{given(order, order.amount_in)} for {got(order, order.amount_out)}"
    if order.outcome == "partially_filled":
        fixed = order.amount_in if order.side == Side.EXACT_IN else order.amount_out
        left = order.amount - fixed
        told = execution.history.happenings[-1].facts.get("unfilled") if execution.history.happenings else None
        why = f": {told['detail']}" if isinstance(told, Mapping) and told.get("detail") else ""
        what = given(order, left) if order.side == Side.EXACT_IN else got(order, left)
        yield Sentence("partially_filled", f"It has swapped {swapped}; {what} was not traded{why}.", facts)
    else:
        yield Sentence("filled", f"It is filled: {swapped}.", facts)
    measured = execution.measured
    yield from _compared(execution, "vs_quote", measured.cost(measured.quoted, measured.executed), "its quote")
    yield from _compared(execution, "vs_arrival", measured.vs_arrival, "the mid price when it was first quoted")


def _compared(execution: Execution, code: str, found: Cost | None, what: str) -> Iterator[Sentence]:
    if found is None:
        return
    bps = share_bps(found.atoms, found.of)
    facts = {**_amount("cost", found.atoms, found.decimals), "token": execution.token, "bps": bps}
    if found.atoms == 0:
        yield Sentence(code, f"That is {what}, to the atom.", facts)
        return
    word = "worse" if found.atoms > 0 else "better"
    amount = shown(abs(found.atoms), found.decimals, execution.token)
    in_bps = f" ({in_bp(bps)})" if bps is not None else ""
    yield Sentence(code, f"That is {amount}{in_bps} {word} than {what}.", facts)


def _failed(execution: Execution) -> Iterator[Sentence]:
    order, failure = execution.order, execution.order.failure or {}
    code = str(failure.get("code", order.outcome))
    title = failure.get("title") or (KINDS[code].title if code in KINDS else code)
    detail = str(failure.get("detail", "")).rstrip(".")
    facts = {"code": code, "title": title, "detail": detail, "facts": failure.get("facts", {})}
    yield Sentence("failed", f"It ended as {order.outcome}. {title}{': ' if detail else ''}{detail}.", facts)
    yield Sentence("nothing_swapped", "Nothing was swapped.")
    moved = price_moved(execution)
    if moved is not None:
        yield _moved(execution, moved)


def _moved(execution: Execution, moved: Cost) -> Sentence:
    bps = share_bps(moved.atoms, moved.of)
    facts = {**_amount("moved", moved.atoms, moved.decimals), "token": execution.token, "bps": bps}
    if moved.atoms == 0:
        return Sentence("price_moved", "The price was the same at the last look as in its first quote.", facts)
    way = "against" if moved.atoms > 0 else "in favour of"
    amount = shown(abs(moved.atoms), moved.decimals, execution.token)
    in_bps = f" ({in_bp(bps)})" if bps is not None else ""
    text = f"From its first quote to what was known last the price moved by {amount}{in_bps} {way} the order."
    return Sentence("price_moved", text, facts)


def _fees(order: Order) -> Iterator[Sentence]:
    paid = order.network_fee_paid
    if paid is None or order.native_token is None or order.native_decimals is None:
        return
    facts = atoms("network_fee_paid", paid, order.native_decimals, order.native_token)
    what = "Its transactions" if order.status == OrderStatus.CONFIRMED else "What its transactions"
    if order.status == OrderStatus.CONFIRMED:
        text = f"{what} have cost {shown(paid, order.native_decimals, order.native_token)} of network fees."
    elif paid:
        text = f"{what} have cost all the same: {shown(paid, order.native_decimals, order.native_token)}."
    else:
        return
    yield Sentence("network_fee_paid", text, facts)


def next_sentences(execution: Execution, waiting_for: str | None) -> list[Sentence]:
    """What can be done now. An order that has failed says so itself."""
    order = execution.order
    if order.status == OrderStatus.CONFIRMED:
        path = f"/api/v1/orders/{order.id}/execution"
        return [Sentence("see_execution", f"GET {path} says what it cost against each benchmark.", {"path": path})]
    if order.status == OrderStatus.FAILED:
        return list(_after_failure(order))
    found = [_NEXT[waiting_for]] if waiting_for in _NEXT else []
    if order.cancel_requested_at is None:
        found.append(_cancel(order))
    else:
        found.append(Sentence("wait", "Nothing is left to do: its cancel is stored, and it ends by itself."))
    return found


def _after_failure(order: Order) -> Iterator[Sentence]:
    hint = (order.failure or {}).get("try")
    if hint:
        yield Sentence("try", f"{hint.rstrip('.')}.", {"try": hint})
    elif order.outcome == "cancelled":
        yield Sentence("none", "Nothing is left to do.")
    elif not order.is_parent:
        yield Sentence("place_again", "Nothing was swapped: it may be placed again once what ended it is solved.")
    if order.is_parent:
        path = f"/api/v1/orders?parent={order.id}"
        yield Sentence("see_children", f"GET {path} lists its children, and why each of them ended.", {"path": path})


def _cancel(order: Order) -> Sentence:
    path = f"/api/v1/orders/{order.id}"
    if order.tx_hash is not None:
        text = f"DELETE {path} still tries to cancel it; the chain decides which transaction is first."
        return Sentence("cancel_late", text, {"path": path})
    return Sentence("cancel", f"DELETE {path} cancels it.", {"path": path})


def _amount(name: str, count: int, decimals: int) -> dict[str, Any]:
    facts = atoms(name, count, decimals, "")
    del facts["token"]
    return facts


_NEXT: dict[str | None, Sentence] = {
    "worker": Sentence("see_doctor", "Where no worker comes: manage.py doctor says why."),
    "price": Sentence("replace_price", "PATCH with If-Match gives it another price; or it waits on by itself."),
    "pool": Sentence("replace_pool", "PATCH with If-Match changes which pool is enough; or it waits on by itself."),
    "schedule": Sentence("wait_schedule", "Its schedule goes on by itself."),
    "children": Sentence("see_children", "Its children say what they wait for: GET /api/v1/orders?parent=ID."),
    "sibling": Sentence("wait_sibling", "The order that it waits for decides; cancel that one to let this one go on."),
    "halt": Sentence("resume", "It goes on when the pause is lifted: DELETE /api/v1/halt, or manage.py resume."),
    "chain": Sentence("wait_chain", "It goes on when the chain answers: manage.py doctor --live asks its nodes."),
    "fees": Sentence("wait_fees", "It goes on when fees fall; else place it again with a higher fee.max_native."),
    "funds": Sentence("fund", "Fund its wallet, or wait until the wallet's other transactions are in a block."),
}
