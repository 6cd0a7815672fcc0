"""The interface of an order type: what it takes, when an order of it is due, and what is executed then.

A type is pure: functions of the order and of a view of the market. It reads no clock, no setting and no row: the same
question always has the same answer. docs/adding-an-order-type.md shows how to write one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from orders.order_types.fields import NoTerms, RequestField, load_terms, request_fields, store_terms
from orders.problems import FieldError, Problem
from orders.terms import NewOrder, SwapTerms

Own = TypeVar("Own")


class OrderLike(Protocol):
    """What a type reads of an order, be it new, stored or claimed. `amount` is atoms of the fixed side."""

    @property
    def side(self) -> str: ...
    @property
    def token_in(self) -> str: ...
    @property
    def token_out(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def terms(self) -> SwapTerms: ...


@dataclass(frozen=True, slots=True)
class MarketView:
    """What a type may know besides the order: the time. Prices join it with the first type that waits for one."""

    at: datetime


class Wait(NamedTuple):
    """An order that is not due: the public word for what it waits for, and when it is looked at again at the latest."""

    waiting_for: str
    until: datetime


class Part(NamedTuple):
    """What is executed of an order: atoms of its fixed side, under these terms."""

    amount: int
    terms: SwapTerms


class Refusal(NamedTuple):
    """Fields that the type refuses, with the pointer and the code of the answer; for the contract test."""

    fields: Mapping[str, Any]
    pointer: str
    code: str


class OrderType(Generic[Own]):
    """One way to say when an order may execute, and at what limit. The defaults are those of a market order."""

    name: ClassVar[str]
    # A frozen dataclass whose fields are those that the request takes for this type, beside those of every order.
    terms_class: ClassVar[type[Any]] = NoTerms
    # The first one holds where the request states neither a time in force nor a time limit.
    times_in_force: ClassVar[tuple[str, ...]] = ("ioc", "fok", "gtd")
    # What an order of this type can wait for.
    waits_for: ClassVar[tuple[str, ...]] = ()
    # Fields of orders that are accepted and refused, beside token_in, token_out and amount: the contract test's cases.
    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({},)
    refusals: ClassVar[Sequence[Refusal]] = ()

    @property
    def fields(self) -> Mapping[str, RequestField]:
        """The request fields that this type takes, beside those of every order."""
        return request_fields(self.terms_class)

    def own(self, order: OrderLike) -> Own:
        """The order's own terms. Raises: TypeError for terms that this type did not store."""
        own: Own = load_terms(self.terms_class, order.terms.type_terms)
        return own

    def time_in_force(self, stated: str | None, *, has_expiry: bool) -> str:
        """As stated, else what having a time limit or none means."""
        return stated or ("gtd" if has_expiry else self.times_in_force[0])

    def stored(self, stated: Mapping[str, Any]) -> dict[str, Any]:
        """The stored form of the own terms in the fields of a request, in which all that it takes stand."""
        known = {name: value for name in self.fields if (value := stated.get(name)) is not None}
        return store_terms(self.terms_class(**known))

    def check_time_in_force(self, time_in_force: str, *, has_expiry: bool) -> Problem | None:
        """Why this time in force makes no sense here, or None."""
        if time_in_force not in self.times_in_force:
            detail = f"a {self.name} order takes {', '.join(self.times_in_force)}, not {time_in_force}"
            return _problem("time_in_force", detail, "/time_in_force")
        if (time_in_force == "gtd") != has_expiry:
            detail = "gtd and expires_at go together, for one without the other there is no meaning"
            return _problem("time_in_force", detail, "/time_in_force" if has_expiry else "/expires_at")
        return None

    def check(self, order: NewOrder) -> FieldError | None:
        """Why the own terms make no sense in this order, or None. The code is one of docs/errors.md."""
        return None

    def due(self, order: OrderLike, market: MarketView) -> Wait | None:
        """None where the order may be executed now, else what it waits for. It waits for nothing that has come."""
        return None

    def becomes(self, order: OrderLike, left: int, market: MarketView) -> Sequence[Part]:
        """What to execute now of an order that is due, of which `left` atoms are left; never more than these.

        One part of all that is left is the order itself; its terms may be narrower than the order's. The pipeline
        makes no child orders yet: a type that answers anything else is not executed.
        """
        return [Part(left, order.terms)]

    def left(self, order: OrderLike, filled: int) -> int:
        """Atoms of the fixed side still to be executed when `filled` are filled; never negative."""
        return max(0, order.amount - filled)


def _problem(code: str, detail: str, pointer: str) -> Problem:
    return Problem(code, detail, errors=[FieldError(pointer, code, detail)])
