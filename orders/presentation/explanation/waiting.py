"""What an order waits for now, and how far away that is; of one that is under way, what happens to it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from orders.event_log.event import timestamp
from orders.models import Order
from orders.models.waiting import NEVER_DUE
from orders.order_types import slices_of, waits
from orders.presentation.explanation.around import Around
from orders.presentation.explanation.prices import is_pool, pool_wait, price_wait
from orders.presentation.explanation.sentences import Sentence, and_also, lasting
from orders.presentation.history import History
from orders.states import OrderStatus, is_terminal

# A worker that was seen longer ago is taken to be away.
WORKER_AWAY_S = 10.0
# Others than these have words of their own below.
_CAUSES = {
    "chain": "the chain cannot be asked",
    "fees": "the network's fees are above the most that is allowed",
    "funds": "other transactions of its wallet may take what it needs",
}
Part = Callable[[Order, History, Around], Iterator[Sentence]]


def waiting_sentences(order: Order, waiting_for: str | None, history: History, around: Around) -> list[Sentence]:
    """None for an order that has ended. `waiting_for` is the word that the order object shows."""
    if is_terminal(order.status):
        return []
    part = _WAITS.get(waiting_for) if waiting_for is not None else _STATES[OrderStatus(order.status)]
    found = list(part(order, history, around)) if part else [_other(waiting_for)]
    return [*found, *([] if waiting_for == "sibling" else _linked(order, around)), *_besides(order, around)]


def _other(waiting_for: str | None) -> Sentence:
    """A word of a later version."""
    return Sentence("waits", f"It waits for {waiting_for}.", {"waiting_for": waiting_for})


def _worker(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    age_s = around.worker_age_s
    facts = {"worker_seen_s": None if age_s is None else round(age_s)}
    if age_s is None:
        yield Sentence("waits_for_worker", "It waits for a worker, and none of its chain was ever seen.", facts)
    elif age_s > WORKER_AWAY_S:
        text = f"It waits for a worker, and none of its chain was seen for {lasting(age_s)}."
        yield Sentence("waits_for_worker", text, facts)
    else:
        yield Sentence("waits_for_worker", "The next worker that is free takes it up; workers are there.", facts)


def _price(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    yield from pool_wait(order) if is_pool(order) else price_wait(order, history, around)


def _pool(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    yield from pool_wait(order)


def _schedule(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    wait = waits(order.order_type, order, around.at)
    until = wait.until if wait else order.due_at
    total = slices_of(order.order_type, order) if order.is_parent else None
    facts = {"slices_done": order.slices_done, "slices_total": total, "next_at": timestamp(until)}
    turns = "" if total is None else f"{order.slices_done or 0} of its {total} slices have had their turns; "
    away = (until - around.at).total_seconds()
    when = f"the next one is due at {_clock(until)}, in {lasting(away)}" if away > 0 else "the next one is due now"
    text = turns + when
    yield Sentence("waits_for_schedule", f"{text[0].upper()}{text[1:]}.", facts)
    yield from _open_children(around)


def _children(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    open_children = [child for child in around.children if not is_terminal(child.status)]
    if not open_children:
        yield Sentence("waits_for_children", "Its children have ended, and it ends next.", {"open": []})
    yield from _open_children(around)


def _open_children(around: Around) -> Iterator[Sentence]:
    open_children = [child for child in around.children if not is_terminal(child.status)]
    if open_children:
        facts = {"open": [{"order_id": str(child.id), "status": child.status} for child in open_children]}
        count = len(open_children)
        text = f"{count} of its children {'is' if count == 1 else 'are'} open."
        yield Sentence("waits_for_children", text, facts)


def _sibling(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    rank = order.link_rank or 0
    before = [one for one in around.siblings if (one.link_rank or 0) < rank and one.outcome is None]
    if before:
        facts = {"link": order.link, "before": [_named(one) for one in before]}
        names = and_also([f"order {one.id} ({one.status})" for one in before])
        text = f"It is placed when {names} has filled, and cancelled if that ends otherwise."
        yield Sentence("waits_for_sibling", text, facts)
        return
    ahead = [
        one
        for one in around.siblings
        if one.link_rank == rank and one.outcome is None and one.status != OrderStatus.PENDING
    ]
    facts = {"link": order.link, "ahead": [_named(one) for one in ahead]}
    names = and_also([f"order {one.id} ({one.status})" for one in ahead]) or "an order that it is linked with"
    text = f"{names[0].upper()}{names[1:]} goes first: this one is cancelled if that fills, and goes on if not."
    yield Sentence("waits_for_sibling", text, facts)


def _named(order: Order) -> dict[str, object]:
    return {"order_id": str(order.id), "status": order.status, "outcome": order.outcome}


def _halt(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    pauses = [
        {"scope": one.scope, "name": one.name, "reason": one.reason, "since": timestamp(one.since)}
        for one in around.pauses
    ]
    if not pauses:
        yield Sentence("waits_for_halt", "Trading was paused when it was read; the pause has ended since.")
    for facts, one in zip(pauses, around.pauses, strict=True):
        name = f" {one.name}" if one.name else ""
        text = f"Trading is paused ({one.scope}{name}) since {_clock(one.since)}: {one.reason}."
        yield Sentence("waits_for_halt", text, facts)


def _cause(word: str) -> Part:
    def read(order: Order, history: History, around: Around) -> Iterator[Sentence]:
        since = order.waiting_since
        told = history.last("waited")
        detail = told.facts.get("detail") if told is not None and told.facts.get("waiting_for") == word else None
        facts = {"since": since and timestamp(since), "detail": detail}
        lasted = f", for {lasting((around.at - since).total_seconds())} so far" if since else ""
        why = f" ({detail})" if detail else ""
        yield Sentence(
            f"waits_for_{word}", f"It waits: {_CAUSES[word]}{why}{lasted}. It is tried again by itself.", facts
        )

    return read


def _pending(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    yield Sentence("pending", "It is accepted.")


def _routing(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    again = history.last("tried_again")
    if again is not None and order.attempt > 1 and order.due_at > around.at:
        facts = {"attempt": order.attempt, "next_at": timestamp(order.due_at)}
        yield Sentence("tried_again_soon", f"Attempt {order.attempt} begins at {_clock(order.due_at)}.", facts)
    else:
        yield Sentence("routing", "A worker is looking for a route.", {"attempt": order.attempt})


def _building(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    if order.tx_hash is None:
        yield Sentence("building", "It has a route, and its transaction is tried out and signed.")
    else:
        text = "Its transaction is signed and stored, and is being sent."
        yield Sentence("sending", text, {"tx_hash": order.tx_hash})


def _submitted(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    raised = sum(one.code == "fees_raised" for one in history.happenings)
    facts = {"tx_hash": order.tx_hash, "replacements": raised}
    text = "Its transaction may have left: it is SUBMITTED until the chain's word on it is final."
    if raised:
        text += f" Its fees were raised {raised} time{'' if raised == 1 else 's'}, since no block took it."
    yield Sentence("submitted", text, facts)
    if history.happenings and history.happenings[-1].code == "answer_unclear":
        detail = history.happenings[-1].facts.get("detail", "")
        yield Sentence("answer_unclear", f"The chain's answer was unclear: {detail}.", {"detail": detail})


def _linked(order: Order, around: Around) -> Iterator[Sentence]:
    """What becomes of the orders that it is linked with."""
    rank = order.link_rank or 0
    rivals = [one for one in around.siblings if one.link_rank == rank and one.outcome is None]
    later = [one for one in around.siblings if one.link_rank == rank + 1 and one.outcome is None]
    if rivals:
        names = and_also([f"order {one.id}" for one in rivals])
        facts = {"link": order.link, "orders": [_named(one) for one in rivals]}
        yield Sentence("one_executes", f"Of it and {names} one executes, and cancels the rest when it fills.", facts)
    if later:
        names = and_also([f"order {one.id}" for one in later])
        facts = {"link": order.link, "orders": [_named(one) for one in later]}
        yield Sentence("places_next", f"When it has filled, {names} comes next; else that is cancelled.", facts)


def _besides(order: Order, around: Around) -> Iterator[Sentence]:
    if order.parked_at is not None:
        text = "Its workers died again and again, so it is looked at rarely until an operator releases it."
        yield Sentence("quarantined", text, {"since": timestamp(order.parked_at)})
    if order.cancel_requested_at is not None:
        how = (
            "a cancellation transaction takes its nonce, unless a block has taken the swap first"
            if order.tx_hash is not None
            else "it ends when its children have"
            if order.is_parent
            else "it ends at the next look"
        )
        facts = {"at": timestamp(order.cancel_requested_at)}
        yield Sentence("cancel_stored", f"Its cancel is stored, and no other swap is signed for it: {how}.", facts)
    if order.expires_at is not None and order.expires_at < NEVER_DUE:
        away = (order.expires_at - around.at).total_seconds()
        when = f"in {lasting(away)}" if away > 0 else "which has passed"
        text = f"Its time is up at {_clock(order.expires_at)}, {when}."
        yield Sentence("expires", text, {"expires_at": timestamp(order.expires_at)})


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


_WAITS: dict[str, Part] = {
    "worker": _worker,
    "price": _price,
    "pool": _pool,
    "schedule": _schedule,
    "children": _children,
    "sibling": _sibling,
    "halt": _halt,
    **{word: _cause(word) for word in _CAUSES},
}
_STATES: dict[OrderStatus, Part] = {
    OrderStatus.PENDING: _pending,
    OrderStatus.ROUTING: _routing,
    OrderStatus.BUILDING: _building,
    OrderStatus.SUBMITTED: _submitted,
}
