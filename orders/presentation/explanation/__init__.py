"""An order explained: why this route, what it waits for, what each attempt met, why it ended, what to do next.

Each sentence has a stable code and the facts that its words are made of. Pure: what is known around the order is given.
"""

from typing import Any, NamedTuple

from orders.event_log.event import timestamp
from orders.presentation.execution import Execution
from orders.presentation.explanation.around import Around, Pause, PriceNow
from orders.presentation.explanation.attempts import attempt_sentences
from orders.presentation.explanation.ending import ending_sentences, next_sentences
from orders.presentation.explanation.prices import is_pool, price_kind
from orders.presentation.explanation.route import route_sentences
from orders.presentation.explanation.sentences import SENTENCE, Sentence, given, got
from orders.presentation.explanation.waiting import waiting_sentences
from orders.shapes import Shape, choice, listed, nested, text, time, uuid
from orders.states import OrderStatus

__all__ = ["EXPLANATION", "Around", "Explained", "Pause", "PriceNow", "is_pool", "price_kind"]


class Explained(NamedTuple):
    """An order, what it waits for as the order object says it, and what is known around it."""

    execution: Execution
    waiting_for: str | None
    around: Around


EXPLANATION = Shape[Explained](
    "ExplanationShape",
    "An order in plain words and facts; docs/explain.md lists the codes.",
    {
        "order_id": uuid(lambda it: str(it.execution.order.id)),
        "client_order_id": text(lambda it: it.execution.order.client_order_id, null=True),
        "status": choice(OrderStatus, lambda it: it.execution.order.status),
        "outcome": text(lambda it: it.execution.order.outcome, null=True),
        "waiting_for": text(lambda it: it.waiting_for, null=True),
        "as_of": time(lambda it: timestamp(it.around.at)),
        "summary": nested(SENTENCE, lambda it: SENTENCE.render(_summary(it))),
        "waiting": listed(SENTENCE, lambda it: _rendered(_waiting(it)), "What it waits for; empty once it has ended."),
        "ending": listed(
            SENTENCE, lambda it: _rendered(ending_sentences(it.execution)), "How and why it ended; empty before."
        ),
        "route": listed(SENTENCE, lambda it: _rendered(_route(it)), "Why this route."),
        "attempts": listed(
            SENTENCE,
            lambda it: _rendered(attempt_sentences(it.execution.order, it.execution.history)),
            "What it met, oldest first.",
        ),
        "next": listed(
            SENTENCE, lambda it: _rendered(next_sentences(it.execution, it.waiting_for)), "What can be done now."
        ),
    },
)


def _route(it: Explained) -> list[Sentence]:
    return route_sentences(it.execution.order, it.execution.history.last_quote)


def _waiting(it: Explained) -> list[Sentence]:
    return waiting_sentences(it.execution.order, it.waiting_for, it.execution.history, it.around)


def _rendered(sentences: list[Sentence]) -> list[dict[str, Any]]:
    return [SENTENCE.render(sentence) for sentence in sentences]


def _summary(it: Explained) -> Sentence:
    """What the order is, and the first thing to know of it."""
    order = it.execution.order
    is_exact_in = order.side == "exact_in"
    swap = (
        f"{given(order, order.amount)} for {order.token_out}"
        if is_exact_in
        else f"{order.token_in} for exactly {got(order, order.amount)}"
    )
    first = (_waiting(it) or ending_sentences(it.execution))[0]
    facts = {"type": order.order_type, "side": order.side, "reason": first.code}
    return Sentence("summary", f"This {_type(order.order_type)} order swaps {swap}. {first.text}", facts)


def _type(name: str) -> str:
    return name.replace("_", "-")
