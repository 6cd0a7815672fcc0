"""Shapes of answers. A field is stated once: its name, its JSON Schema, and how it is read from its source."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")
# In place of a reader: the value comes from the caller of `render`.
GIVEN: Any = object()
# Read for a field that an answer leaves out.
ABSENT: Any = object()


class Field(NamedTuple, Generic[T]):
    """One field. In `schema` a shape stands for its component; without `read` it is the attribute of its name."""

    schema: "Mapping[str, Any] | Shape[Any]"
    read: Callable[[T], Any] | None = None
    is_optional: bool = False


class Shape(Generic[T]):
    """The JSON object that a T is rendered as; describes itself for the published schema, under its name."""

    def __init__(self, name: str, description: str, fields: Mapping[str, Field[T]]) -> None:
        self.name, self.description, self.fields = name, description, fields
        self._readers = [(key, field.read or attrgetter(key)) for key, field in fields.items()]
        self._given = {key for key, field in fields.items() if field.read is GIVEN}
        if self._given:
            self._readers = [(key, _nothing if key in self._given else read) for key, read in self._readers]
        self._optional = [key for key, field in fields.items() if field.is_optional]

    def render(self, source: T, **given: Any) -> dict[str, Any]:
        """The object, its fields in the order of their statement. Raises: TypeError where `given` does not fit."""
        answer = {key: read(source) for key, read in self._readers}
        if given or self._given:
            if given.keys() != self._given:
                raise TypeError(f"{self.name} is given {sorted(given)} in place of {sorted(self._given)}")
            answer.update(given)
        for key in self._optional:
            if answer[key] is ABSENT:
                del answer[key]
        return answer

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the object, with shapes in place of references."""
        required = sorted(key for key, field in self.fields.items() if not field.is_optional)
        return {
            "type": "object",
            "description": self.description,
            "properties": {key: field.schema for key, field in self.fields.items()},
            **({"required": required} if required else {}),
        }


def text(
    read: Callable[[T], Any] | None = None,
    about: str = "",
    *,
    null: bool = False,
    optional: bool = False,
    blank: bool = False,
    pattern: str = "",
) -> Field[T]:
    """Text, which is not empty unless `blank`."""
    head = {"type": _type("string", null)} | ({} if blank else {"minLength": 1})
    return Field(head | _about(about) | ({"pattern": pattern} if pattern else {}), read, optional)


def uuid(read: Callable[[T], Any] | None = None, about: str = "", *, null: bool = False) -> Field[T]:
    """A UUID as text."""
    return Field({"type": _type("string", null), "format": "uuid"} | _about(about), read)


def time(read: Callable[[T], Any] | None = None, about: str = "", *, null: bool = False) -> Field[T]:
    """RFC 3339 text."""
    return Field({"type": _type("string", null), "format": "date-time"} | _about(about), read)


def constant(value: str) -> Field[Any]:
    """Always this word."""
    return Field({"const": value}, lambda _: value)


def choice(values: Iterable[str], read: Callable[[T], Any] | None = None) -> Field[T]:
    """One of these words."""
    return Field({"enum": list(values)}, read)


def integer(read: Callable[[T], Any] | None = None, about: str = "", *, null: bool = False) -> Field[T]:
    """A whole number."""
    return Field({"type": _type("integer", null)} | _about(about), read)


def boolean(read: Callable[[T], Any] | None = None, about: str = "") -> Field[T]:
    """True or false."""
    return Field({"type": "boolean"} | _about(about), read)


def texts(read: Callable[[T], Any] | None = None, *, null: bool = False) -> Field[T]:
    """A list of texts."""
    return Field({"type": _type("array", null), "items": {"type": "string", "minLength": 1}}, read)


def text_map(read: Callable[[T], Any] | None = None, about: str = "") -> Field[T]:
    """An object of texts with names of its own."""
    values = {"type": "string", "minLength": 1}
    return Field({"type": "object", "additionalProperties": values} | _about(about), read)


def anything(read: Callable[[T], Any] | None = None, *, optional: bool = False) -> Field[T]:
    """An object of any values."""
    return Field({"type": "object", "additionalProperties": {}}, read, optional)


def nested(
    shape: Shape[Any] | Mapping[str, Any],
    read: Callable[[T], Any] | None = None,
    *,
    null: bool = False,
    optional: bool = False,
) -> Field[T]:
    """An object of the shape; `read` gives it rendered."""
    return Field({"oneOf": [shape, {"type": "null"}]} if null else shape, read, optional)


def listed(
    shape: Shape[Any],
    read: Callable[[T], Any] | None = None,
    about: str = "",
    *,
    null: bool = False,
    optional: bool = False,
) -> Field[T]:
    """A list of objects of the shape; `read` gives them rendered."""
    return Field({"type": _type("array", null), "items": shape} | _about(about), read, optional)


def _type(name: str, null: bool) -> str | list[str]:
    return [name, "null"] if null else name


def _about(about: str) -> dict[str, str]:
    return {"description": about} if about else {}


def _nothing(_: Any) -> None:
    return None
