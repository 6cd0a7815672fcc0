"""The interface of an order type: what it takes, when an order of it is due, and what is executed then.

A type is pure: functions of the order and of a view of the market. It reads no clock, no setting and no row: the same
question always has the same answer. docs/adding-an-order-type.md shows how to write one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from dex import Side
from orders.order_types.fields import NoTerms, RequestField, load_terms, make_terms, request_fields, store_terms
from orders.problems import FieldError, Problem
from orders.terms import NewOrder, SwapTerms

Own = TypeVar("Own")
# Before and after the point, of a price that is stored: models/orders.py has room for as many.
PRICE_DIGITS = 60
# The least that is stored.
LEAST_PRICE = Decimal(1).scaleb(-PRICE_DIGITS)


class OrderLike(Protocol):
    """What a type reads of an order, be it new, stored or claimed. `amount` is atoms of the fixed side."""

    @property
    def side(self) -> str: ...
    @property
    def token_in(self) -> str: ...
    @property
    def token_out(self) -> str: ...
    @property
    def decimals_in(self) -> int: ...
    @property
    def decimals_out(self) -> int: ...
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


class Trigger(NamedTuple):
    """What an order waits for that comes with the market and not with time: the word for it, and when it is reached.

    `kind` (models/waiting.py) says which price of the pair reaches `price`, and from which side; prices are token_out
    for one token_in, in token units. Of the kinds of pools it is the least liquidity, in units of a token.
    """

    waiting_for: str
    kind: str
    price: Decimal


class Part(NamedTuple):
    """What is executed of an order: atoms of its fixed side, under these terms."""

    amount: int
    terms: SwapTerms


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a parent is at the time `at`. Amounts are atoms of its fixed side.

    `seed` is its own, and the same for good. `slices_done` is how many of its slices have had their turn, `allotted`
    what its children have filled or may yet fill, `fee_left` the native atoms that the swaps of children to come may
    cost in all; None: any. `has_open`: a child has not ended yet. `failures` is how many have failed since one was
    filled, the last one at `failed_at` with `last_outcome`. `offered` is what the market gives of what the type `asks`.
    """

    at: datetime
    placed_at: datetime
    seed: bytes
    decimals_in: int
    decimals_out: int
    slices_done: int = 0
    allotted: int = 0
    fee_left: int | None = None
    has_open: bool = False
    failures: int = 0
    failed_at: datetime | None = None
    last_outcome: str | None = None
    offered: int | None = None


class Child(NamedTuple):
    """An order to be placed for a parent: its type, atoms of the fixed side, and terms."""

    order_type: str
    amount: int
    terms: SwapTerms


class Step(NamedTuple):
    """What a parent does now: the children to make, how many slices have then had their turn, and the wait for more.

    Without a wait no child comes any more: the parent ends with its last child, as `ends_as` where not all is filled.
    """

    children: Sequence[Child]
    slices_done: int
    wait: Wait | Trigger | None = None
    ends_as: str = "not_filled"


class Slice(NamedTuple):
    """A slice as it is planned: from when on it may be traded at the earliest, and atoms of the fixed side."""

    at: datetime
    amount: int


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
    # Whether all orders of it are executed by children that are planned when it is placed: see `is_parent`.
    is_sliced: ClassVar[bool] = False
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
        return store_terms(make_terms(self.terms_class, known))

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

    def trigger(self, order: OrderLike) -> Trigger | None:
        """What a new order waits for before anything else; None: for nothing that the market brings."""
        return None

    def after_trigger(self, order: OrderLike) -> Trigger | None:
        """What an order waits for that its trigger has reached; None: it is due. `limit` itself is never over."""
        return None

    def limit_price(self, order: OrderLike) -> Decimal | None:
        """The worst average price at which it executes, in token units; None: any within the guards.

        An order that may wait waits on where the market does not give it; another one ends.
        """
        return None

    def waits_on(self, order: OrderLike) -> bool:
        """Whether an order for which the market gives no route within its terms waits for a better one."""
        return self.limit_price(order) is not None and order.terms.time_in_force in ("gtc", "gtd")

    def becomes(self, order: OrderLike, left: int, market: MarketView) -> Sequence[Part]:
        """What to execute now of an order that is due, of which `left` atoms are left: one part of all of these.

        Its terms may be narrower than the order's: a limit price makes the worst amount that it permits the one that
        the chain enforces. A parent is not asked: its children are.
        """
        return [Part(left, _within_limit(order, left, self.limit_price(order)))]

    def is_parent(self, order: OrderLike) -> bool:
        """Whether the order is executed by children, orders of their own, and never itself."""
        return self.is_sliced

    def slices(self, order: OrderLike) -> int | None:
        """How many slices a parent has: each has its turn once. None: as many as the market makes of it."""
        raise NotImplementedError

    def asks(self, order: OrderLike, progress: Progress) -> Part | None:
        """What a parent asks of the market before its step: how much of this it gives at the limit price or better."""
        return None

    def step(self, order: OrderLike, progress: Progress) -> Step:
        """What a parent does at a time: the children to make. Never more atoms than are not allotted yet."""
        raise NotImplementedError

    def outline(self, order: OrderLike, progress: Progress) -> Sequence[Slice]:
        """The slices that a parent begins with, if each is filled in its turn."""
        raise NotImplementedError

    def left(self, order: OrderLike, filled: int) -> int:
        """Atoms of the fixed side still to be executed when `filled` are filled; never negative."""
        return max(0, order.amount - filled)


def atoms_price(price: Decimal, order: OrderLike) -> Fraction:
    """A price in token units as one in atoms of token_out for one of token_in, exactly."""
    return Fraction(price) * Fraction(10) ** (order.decimals_out - order.decimals_in)


def share_up(whole: int | None, amount: int, of: int) -> int | None:
    """The part of a least amount that falls to a child, rounded in the owner's favour."""
    return None if whole is None else -(-whole * amount // of)


def share_down(whole: int | None, amount: int, of: int) -> int | None:
    """The same of a most amount."""
    return None if whole is None else whole * amount // of


def price_error(pointer: str, price: Decimal) -> FieldError | None:
    """Why a price cannot be kept exactly, or None."""
    _, digits, exponent = price.as_tuple()
    assert isinstance(exponent, int)
    if -exponent <= PRICE_DIGITS and len(digits) + exponent <= PRICE_DIGITS:
        return None
    return FieldError(pointer, "invalid", f"a price has at most {PRICE_DIGITS} digits on either side of the point")


def limit_error(pointer: str, price: Decimal, order: OrderLike) -> FieldError | None:
    """Why a limit price makes no sense in an order, or None."""
    if order.side == Side.EXACT_OUT and order.amount < atoms_price(price, order):
        return FieldError(pointer, "amount_too_small", "at this price the amount costs less than the smallest unit")
    return price_error(pointer, price)


def _within_limit(order: OrderLike, amount: int, price: Decimal | None) -> SwapTerms:
    """The order's terms, narrowed to what a limit price means for an amount of its fixed side.

    Rounded so that the price is never worse than the limit, not by an atom.
    """
    terms = order.terms
    if price is None:
        return terms
    rate = atoms_price(price, order)
    if order.side == Side.EXACT_IN:
        least = -int(-amount * rate // 1)
        return replace(terms, min_amount_out=max(least, terms.min_amount_out or 0))
    most = int(amount / rate // 1)
    return replace(terms, max_amount_in=most if terms.max_amount_in is None else min(most, terms.max_amount_in))


def _problem(code: str, detail: str, pointer: str) -> Problem:
    return Problem(code, detail, errors=[FieldError(pointer, code, detail)])
