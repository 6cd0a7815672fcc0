"""The request fields of order types: how each kind of value is read, published, stored, loaded and shown. Pure.

A type declares its fields as those of a frozen dataclass, its own terms. Everything else about them follows from here:
the request's schema, the answer's, the stored JSON and the options of the command line.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from orders import scalars
from orders.scalars import ScalarError


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    `read` takes a member of the request's JSON, never null, and raises ScalarError; `schema` publishes exactly what it
    takes. `store` gives JSON, which `load` turns back into the same value. `show` is its form in answers, which the
    request would take too; `shown_schema` publishes that. `from_text` makes JSON of an option of the command line.
    """

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]
    shown_schema: Mapping[str, Any]
    store: Callable[[Any], Any] = _same
    load: Callable[[Any], Any] = _same
    show: Callable[[Any], Any] = _same
    from_text: Callable[[str], Any] = _same


def _read_time(value: Any) -> datetime:
    """In whole milliseconds, so that the stored and the shown time are the same."""
    at = scalars.read_time(value)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _show_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_price(value: Any) -> Decimal:
    return Decimal(scalars.read_amount(value))


def _show_decimal(number: Decimal) -> str:
    return format(number, "f")


TIME = Kind(
    read=_read_time,
    schema=scalars.TIME_SCHEMA,
    shown_schema={"type": "string", "format": "date-time"},
    store=_show_time,
    load=datetime.fromisoformat,
    show=_show_time,
)
# token_out per token_in in token units, or a value: a decimal above zero, exact at any length.
PRICE = Kind(
    read=_read_price,
    schema=scalars.AMOUNT_SCHEMA,
    shown_schema={"type": "string"},
    store=_show_decimal,
    load=Decimal,
    show=_show_decimal,
)
BPS = Kind(
    read=scalars.read_bps,
    schema=scalars.BPS_SCHEMA,
    shown_schema={"type": "string"},
    store=_show_decimal,
    load=Decimal,
    show=_show_decimal,
)
FLAG = Kind(
    read=scalars.read_flag,
    schema={"type": "boolean"},
    shown_schema={"type": "boolean"},
    from_text=scalars.read_flag_text,
)


def whole(least: int, most: int) -> Kind:
    """A whole number in a range."""
    return Kind(
        read=lambda value: scalars.read_whole(value, least, most),
        schema={"type": "integer", "minimum": least, "maximum": most},
        shown_schema={"type": "integer"},
        from_text=lambda text: scalars.read_whole_text(text, least, most),
    )


def choice(*words: str) -> Kind:
    """One of some words."""
    schema = {"type": "string", "enum": list(words)}
    return Kind(read=lambda value: scalars.read_choice(value, words), schema=schema, shown_schema=schema)


@dataclass(frozen=True, slots=True)
class RequestField:
    """A field of the request that an order type takes. `default` is its value where the request states none or null."""

    kind: Kind
    help_text: str
    is_required: bool = False
    default: Any = None


def request_field(kind: Kind, help_text: str, *, required: bool = False, default: Any = None) -> Any:
    """Declare a field of a type's own terms, a frozen dataclass with keyword arguments."""
    declared = RequestField(kind, help_text, required, default)
    return field(default=MISSING if required else default, metadata={RequestField: declared})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTerms:
    """The own terms of a type that takes no field of its own."""


# By class, since each order and each answer asks for all of them.
_fields: dict[type[Any], Mapping[str, "Field[Any]"]] = {}
_request_fields: dict[type[Any], Mapping[str, RequestField]] = {}


def request_fields(terms_class: type[Any]) -> Mapping[str, RequestField]:
    """The fields that a type's own terms declare, by name: `from_` is the field `from`, a word of Python's own."""
    known = _request_fields.get(terms_class)
    if known is None:
        known = {name: declared.metadata[RequestField] for name, declared in _declared(terms_class).items()}
        _request_fields[terms_class] = known
    return known


def make_terms(terms_class: type[Any], values: Mapping[str, Any]) -> Any:
    """A type's own terms of values by the names of their fields. Raises: TypeError where one is missing."""
    declared = _declared(terms_class)
    return terms_class(**{declared[name].name: value for name, value in values.items()})


def value_of(own: Any, name: str) -> Any:
    """The value of a field, by its name."""
    return getattr(own, _declared(type(own))[name].name)


def _declared(terms_class: type[Any]) -> Mapping[str, "Field[Any]"]:
    known = _fields.get(terms_class)
    if known is None:
        known = _fields[terms_class] = {declared.name.removesuffix("_"): declared for declared in fields(terms_class)}
    return known


def store_terms(own: Any) -> dict[str, Any]:
    """The stored form of a type's own terms. Defaults are stored too: a later one must not change a stored order."""
    values = {name: (known.kind, value_of(own, name)) for name, known in request_fields(type(own)).items()}
    return {name: kind.store(value) for name, (kind, value) in values.items() if value is not None}


def load_terms(terms_class: type[Any], stored: Mapping[str, Any]) -> Any:
    """A type's own terms from their stored form. Raises: TypeError for a form that is not theirs."""
    known = request_fields(terms_class)
    if unknown := stored.keys() - known.keys():
        raise TypeError(f"{terms_class.__name__} has no field {min(unknown)}")
    return make_terms(terms_class, {name: known[name].kind.load(value) for name, value in stored.items()})


def show_terms(own: Any) -> dict[str, Any]:
    """A type's own terms as answers show them."""
    known = request_fields(type(own))
    values = {name: value_of(own, name) for name in known}
    return {name: None if value is None else known[name].kind.show(value) for name, value in values.items()}


class MemberErrors(ScalarError):
    """What is wrong with the members of an object, by their names."""

    def __init__(self, errors: Mapping[str, ScalarError]) -> None:
        super().__init__("; ".join(f"{name}: {error.detail}" for name, error in errors.items()))
        self.errors = errors


def group(terms_class: type[Any]) -> Kind:
    """An object with fields of its own, declared as a type's own terms are. A member is left out, never null."""
    members = request_fields(terms_class)
    schema = {
        "type": "object",
        "properties": {name: {**known.kind.schema, "description": known.help_text} for name, known in members.items()},
        "required": [name for name, known in members.items() if known.is_required],
        "additionalProperties": False,
    }
    shown = {name: {**known.kind.shown_schema, "description": known.help_text} for name, known in members.items()}
    return Kind(
        read=lambda value: make_terms(terms_class, _read_members(members, value)),
        schema=schema,
        shown_schema={"type": "object", "properties": shown},
        store=store_terms,
        load=lambda stored: load_terms(terms_class, stored),
        show=lambda own: {name: value for name, value in show_terms(own).items() if value is not None},
        from_text=_read_json,
    )


def _read_members(members: Mapping[str, RequestField], value: Any) -> dict[str, Any]:
    """Raises: ScalarError, MemberErrors."""
    if not isinstance(value, Mapping):
        raise ScalarError("must be an object")
    missing = [name for name, known in members.items() if known.is_required and name not in value]
    errors = {name: ScalarError("is needed", "required") for name in missing}
    read = {}
    for name, item in value.items():
        try:
            if name not in members:
                raise ScalarError("there is no such field", "unknown_field")
            read[name] = members[name].kind.read(item)
        except ScalarError as error:
            errors[str(name)] = error
    if errors:
        raise MemberErrors(errors)
    return read


def _read_json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ScalarError("must be a JSON object") from None
