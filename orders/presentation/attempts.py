"""The public JSON of an order's history: its steps, and what each attempt came to."""

from collections.abc import Callable
from typing import NamedTuple

from orders.event_log.event import Event
from orders.models import Order
from orders.presentation.amounts import amount
from orders.presentation.history import Attempt, QuoteSeen
from orders.shapes import Shape, choice, integer, text, texts, time
from orders.states import OrderStatus

STEP = Shape[Event](
    "StepShape",
    "An event of the order, and the time that it took to it.",
    {
        "seq": integer(),
        "status": choice(OrderStatus),
        "attempt": integer(),
        "at": time(lambda event: f"{event.at[:23]}Z"),
        "took_ms": integer(about="Since the event before."),
    },
)


class TriedOf(NamedTuple):
    """An attempt, and the order."""

    attempt: Attempt
    order: Order

    @property
    def result(self) -> str | None:
        """Its end: the code of a problem, or `filled`."""
        end = self.attempt.result
        if end is None:
            return None
        return "filled" if end.code == "filled" else str(end.facts.get("code") or end.code)


def _quoted(read: Callable[[QuoteSeen], int | None]) -> Callable[[TriedOf], int | None]:
    return lambda tried: None if tried.attempt.quote is None else read(tried.attempt.quote)


ATTEMPT = Shape[TriedOf](
    "AttemptShape",
    "One try at executing the order, and what it came to.",
    {
        "attempt": integer(lambda tried: tried.attempt.number),
        "began_at": time(lambda tried: f"{tried.attempt.began_at[:23]}Z"),
        "quoted_at": time(lambda tried: (quote := tried.attempt.quote) and f"{quote.at[:23]}Z", null=True),
        **amount("quoted_amount_in", _quoted(lambda q: q.amount_in), lambda tried: tried.order.decimals_in, null=True),
        **amount(
            "quoted_amount_out", _quoted(lambda q: q.amount_out), lambda tried: tried.order.decimals_out, null=True
        ),
        "tx_hashes": texts(lambda tried: list(tried.attempt.tx_hashes)),
        "result": text(
            lambda tried: tried.result, "`filled`, or the code of the problem that ended it; null: none yet.", null=True
        ),
        "detail": text(
            lambda tried: (end := tried.attempt.result) and end.facts.get("detail"), "The same in words.", null=True
        ),
    },
)
