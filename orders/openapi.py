"""What the schema's generator does not find out by itself: closed shapes, bodies of DELETE, links between answers."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema


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

    target_class = "orders.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """The shape, closed."""
        shape: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**shape, "additionalProperties": False}


def link_orders(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """Where to go from an accepted order: OpenAPI links, by which programs find their way."""
    placed = result["paths"]["/api/v1/orders"]["post"]["responses"]["201"]
    for operation in ("getOrder", "cancelOrder", "listOrderEvents"):
        placed.setdefault("links", {})[operation] = {
            "operationId": operation,
            "parameters": {"order_id": "$response.body#/id"},
        }
    return result
