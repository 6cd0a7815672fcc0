"""What the schema's generator does not find out by itself: closed shapes, bodies of DELETE, links between answers."""

from copy import deepcopy
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_choice_field
from rest_framework.serializers import ChoiceField

from orders.shapes import Shape


class Schema(AutoSchema):
    """Also tells the body of a DELETE, which the generator leaves out."""

    def _get_request_body(self, direction: str = "request") -> Any:
        method = self.method
        self.method = "POST" if method == "DELETE" else method
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        finally:
            self.method = method


class StrictScheme(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Says of every request shape that it takes no other fields."""

    target_class = "orders.api.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """The shape, closed."""
        shape: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**shape, "additionalProperties": False}


class TypeFieldScheme(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Publishes a field of order types as its kind says."""

    target_class = "orders.api.serializers.TypeField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """What a request may state; a copy, since the generator writes into it."""
        return deepcopy(dict(self.target.declared.kind.schema))


class ShapeComponent(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A shape as a component of the schema; what it nests becomes references."""

    target_class = "orders.shapes.Shape"
    target: Shape[Any]

    def get_name(self, auto_schema: Any, direction: str) -> str:
        """Its own."""
        return self.target.name

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """Its schema."""
        schema: dict[str, Any] = self._resolved(self.target.schema(), auto_schema, direction)
        return schema

    def _resolved(self, part: Any, auto_schema: Any, direction: str) -> Any:
        if isinstance(part, Shape):
            return auto_schema.resolve_serializer(part, direction).ref
        if isinstance(part, list):
            return [self._resolved(item, auto_schema, direction) for item in part]
        if not isinstance(part, dict):
            return part
        if part.keys() == {"enum"}:
            return build_choice_field(ChoiceField(part["enum"]))
        return {name: self._resolved(value, auto_schema, direction) for name, value in part.items()}


def link_orders(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """Where to go from an accepted order: OpenAPI links, by which programs find their way."""
    placed = result["paths"]["/api/v1/orders"]["post"]["responses"]["201"]
    for operation in ("getOrder", "cancelOrder", "listOrderEvents", "explainOrder", "getExecution"):
        placed.setdefault("links", {})[operation] = {
            "operationId": operation,
            "parameters": {"order_id": "$response.body#/id"},
        }
    return result
