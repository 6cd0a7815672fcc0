"""The order types there are, by their public name, and what follows from all of them together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from orders.order_types.base import (
    MarketView,
    OrderLike,
    OrderType,
    Part,
    Progress,
    Slice,
    Step,
    Trigger,
    Wait,
    atoms_price,
)
from orders.order_types.fields import RequestField, show_terms
from orders.order_types.ladder import Ladder
from orders.order_types.limit import Limit
from orders.order_types.market import Market
from orders.order_types.sniper import Sniper
from orders.order_types.stop import Stop
from orders.order_types.stop_limit import StopLimit
from orders.order_types.trailing_stop import TrailingStop
from orders.order_types.twap import Twap
from orders.problems import FieldError, Problem, ProblemError
from orders.scalars import ScalarError, shown
from orders.terms import NewOrder

ORDER_TYPES: dict[str, OrderType[Any]] = {
    "market": Market(),
    "limit": Limit(),
    "stop": Stop(),
    "stop_limit": StopLimit(),
    "trailing_stop": TrailingStop(),
    "twap": Twap(),
    "ladder": Ladder(),
    "sniper": Sniper(),
}

__all__ = [
    "FIELDS",
    "ORDER_TYPES",
    "SLICED_TYPES",
    "TIMES_IN_FORCE",
    "MarketView",
    "OrderLike",
    "OrderType",
    "Part",
    "Progress",
    "Slice",
    "Step",
    "Trigger",
    "Wait",
    "atoms_price",
]


def merge_fields(types: Iterable[OrderType[Any]]) -> dict[str, RequestField]:
    """The fields that any type takes. Raises: ValueError where two types mean different things by one name."""
    merged: dict[str, RequestField] = {}
    for order_type in types:
        for name, field in order_type.fields.items():
            if merged.setdefault(name, field).kind.schema != field.kind.schema:
                raise ValueError(f"{order_type.name} reads the field {name} in another way than a type before it")
    return merged


# Those whose orders are executed in slices that are known when they are placed.
SLICED_TYPES = frozenset(name for name, known in ORDER_TYPES.items() if known.is_sliced)
FIELDS: Mapping[str, RequestField] = merge_fields(ORDER_TYPES.values())
_FIELDS_OF = {name: frozenset(known.fields) for name, known in ORDER_TYPES.items()}
TIMES_IN_FORCE: tuple[str, ...] = tuple(
    word for word in ("ioc", "fok", "gtc", "gtd") if any(word in known.times_in_force for known in ORDER_TYPES.values())
)


def read_type(value: Any) -> str:
    """The name of an order type. Raises: ScalarError, with `unknown_order_type` for text that names none."""
    if not isinstance(value, str) or not value:
        raise ScalarError("must be the name of an order type")
    if value not in ORDER_TYPES:
        raise ScalarError(f"there is no type {shown(value)}; there are {', '.join(ORDER_TYPES)}", "unknown_order_type")
    return value


def types_with(field: str) -> str:
    """The names of the types that take a field."""
    return ", ".join(name for name, known in ORDER_TYPES.items() if field in known.fields)


def read_type_terms(order_type: OrderType[Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """The stored form of a type's own terms, from the fields of a request.

    Raises: ProblemError `type_field` for fields of other types, and for one that this type needs and that is not there.
    """
    takes = order_type.fields
    has = [name for name in FIELDS if stated.get(name) is not None] if not FIELDS.keys().isdisjoint(stated) else []
    errors = [
        FieldError(
            f"/{name}", "type_field", f"a {order_type.name} order takes no {name}, which is for {types_with(name)}"
        )
        for name in has
        if name not in takes
    ]
    errors += [
        FieldError(f"/{name}", "type_field", f"a {order_type.name} order needs {name}")
        for name, field in takes.items()
        if field.is_required and name not in has
    ]
    if errors:
        raise ProblemError(Problem("type_field", errors[0].detail, errors=errors))
    return order_type.stored(stated)


def type_fields_json(name: str, order: OrderLike) -> dict[str, Any]:
    """Every field that any type takes, in the answer's form: null for those that this order's type does not."""
    known = ORDER_TYPES.get(name) if FIELDS else None
    return dict.fromkeys(FIELDS) | (show_terms(known.own(order)) if known else {})


def type_field_json(name: str, order: OrderLike, field: str) -> Any:
    """One of these. Most orders are market orders, of which none needs to be read."""
    return type_fields_json(name, order)[field] if field in _FIELDS_OF.get(name, ()) else None


def part_of(name: str, order: OrderLike, at: datetime) -> Part:
    """What is executed now of an order of which nothing is executed yet.

    Raises: NotImplementedError where its type asks for anything but one part of it all: no stage executes that.
    """
    order_type = ORDER_TYPES[name]
    left = order_type.left(order, filled=0)
    parts = order_type.becomes(order, left, MarketView(at))
    if [part.amount for part in parts] != [left]:
        raise NotImplementedError(f"a {name} order that is no parent asks for other parts than all of it")
    return parts[0]


class First(NamedTuple):
    """What an order that is placed executes first: all of `part`, or with `is_partial` as much as the market gives.

    `outline` is a parent's slices, as far as they are known; None where it has none.
    """

    part: Part
    outline: Sequence[Slice] | None
    is_partial: bool = False


def first_part(new: NewOrder, at: datetime) -> First:
    """What an order that is placed at a time executes first."""
    order_type = ORDER_TYPES[new.order_type]
    if not order_type.is_parent(new):
        return First(part_of(new.order_type, new, at), None)
    begin = Progress(at, at, b"", new.decimals_in, new.decimals_out, fee_left=new.terms.max_network_fee)
    if (asked := order_type.asks(new, begin)) is not None:
        return First(asked, [], is_partial=True)
    step = order_type.step(new, begin)
    if not step.children and isinstance(step.wait, Wait):
        step = order_type.step(new, replace(begin, at=step.wait.until))
    return First(Part(step.children[0].amount, step.children[0].terms), order_type.outline(new, begin))


def is_parent(name: str, order: OrderLike) -> bool:
    """Whether an order is executed by children."""
    return ORDER_TYPES[name].is_parent(order)


def parent_columns(order_type: str, order: OrderLike) -> dict[str, Any]:
    """The columns of a parent before its first child; of another order none."""
    if not is_parent(order_type, order):
        return {}
    return {"is_parent": True, "allotted": 0, "slices_done": 0, "filled_amount_in": 0, "filled_amount_out": 0}


def slices_of(name: str, order: OrderLike) -> int | None:
    """How many slices a parent has; None where the market makes them, or only a later version of the program knows."""
    known = ORDER_TYPES.get(name)
    return known.slices(order) if known else None


def waits(name: str, order: OrderLike, at: datetime) -> Wait | None:
    """What an order waits for at a time by its type; nothing where only a later version of the program knows that."""
    known = ORDER_TYPES.get(name)
    return known.due(order, MarketView(at)) if known else None


def trigger_of(name: str, order: OrderLike) -> Trigger | None:
    """What a new order waits for that the market brings; nothing where only a later version knows its type."""
    known = ORDER_TYPES.get(name)
    return known.trigger(order) if known else None


def limit_of(name: str, order: OrderLike) -> Fraction | None:
    """The worst average price at which an order executes, in atoms of token_out per atom of token_in; None: any."""
    price = ORDER_TYPES[name].limit_price(order)
    return None if price is None else atoms_price(price, order)
