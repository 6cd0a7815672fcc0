"""Schemas of the AsyncAPI document: those of the OpenAPI document where it has them, else those of the shapes."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orders.shapes import Shape

PLACE = "#/components/schemas/"


class Published(NamedTuple):
    """A schema of the OpenAPI document, or one of its properties."""

    schema: str
    field: str = ""


class Components:
    """All schemas that are referred to. `published` are those of the OpenAPI document, by name."""

    def __init__(self, published: Mapping[str, Any]) -> None:
        self._published = published
        self.schemas: dict[str, Any] = {}

    def resolved(self, part: Any) -> Any:
        """A schema with references in place of shapes and published schemas. Raises: KeyError where there is none."""
        if isinstance(part, Shape):
            return self._ref(part.name, part)
        if isinstance(part, Published):
            return self._property(part) if part.field else self._ref(part.schema)
        if isinstance(part, list):
            return [self.resolved(item) for item in part]
        if isinstance(part, Mapping):
            return {name: self.resolved(value) for name, value in part.items()}
        return part

    def _ref(self, name: str, shape: Shape[Any] | None = None) -> dict[str, str]:
        if name not in self.schemas:
            self.schemas[name] = {}  # it may refer to itself
            published = self._published.get(name)
            assert shape is not None or published is not None, name
            self.schemas[name] = self._followed(published) if published else self.resolved(shape and shape.schema())
        return {"$ref": PLACE + name}

    def _property(self, part: Published) -> Any:
        return self._followed(self._published[part.schema]["properties"][part.field])

    def _followed(self, schema: Any) -> Any:
        """A published schema, and all that it refers to are among these too."""
        for name in references(schema):
            self._ref(name)
        return schema


def references(part: Any) -> Iterator[str]:
    """The names of the schemas that a schema refers to."""
    if isinstance(part, list):
        for item in part:
            yield from references(item)
    elif isinstance(part, Mapping):
        for name, value in part.items():
            if name == "$ref":
                yield value.removeprefix(PLACE)
            else:
                yield from references(value)
