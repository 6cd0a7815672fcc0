"""What operations answer, and examples of what they are asked."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from orders.problems import PROBLEM
from orders.shapes import Shape

# What the docs page fills in to be tried out; values made up from the shapes alone are refused.
_SWAP = {"token_in": "SOL", "token_out": "USDC", "amount": "250"}
_BACK = {"token_in": "USDC", "token_out": "ETH", "amount": "1000"}
_GUARDS = {"max_slippage_bps": 50, "max_price_impact_bps": 100}
SWAP = OpenApiExample("A swap", _SWAP, request_only=True)
GUARDED = OpenApiExample(
    "A swap with guards and an id", _SWAP | {"client_order_id": "a-1", "guards": _GUARDS}, request_only=True
)
TWO_SWAPS = OpenApiExample("Two swaps", {"orders": [_SWAP, _BACK]}, request_only=True)


def example(title: str, body: Any) -> OpenApiExample:
    """A body that the docs page fills in."""
    return OpenApiExample(title, body, request_only=True)


CURVE = example(
    "A tenth, the amount, ten times", {"token_in": "SOL", "token_out": "USDC", "amounts": ["25", "250", "2500"]}
)
LINKED = example("The first that executes cancels the other", {"orders": [_SWAP, _BACK], "link": "one_cancels_other"})
_PROBLEM = OpenApiResponse(PROBLEM, description="Problem object")
_REFUSALS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
# A cursor of another log, or an order that is archived.
GONE: dict[Any, Any] = {(410, "application/problem+json"): _PROBLEM}
# Of what takes a key that the operator has not named.
NOT_SET_UP: dict[Any, Any] = {(501, "application/problem+json"): _PROBLEM}
# Of requests that are made on the ground of a version.
PRECONDITIONS: dict[Any, Any] = {(status, "application/problem+json"): _PROBLEM for status in (412, 428)}


def answers(shape: Shape[Any], *statuses: int | tuple[int, str]) -> dict[Any, Any]:
    """The success statuses with their shape, and every refusal as a problem object."""
    return {**dict.fromkeys(statuses or (200,), shape), **refusals()}


def refusals() -> dict[Any, Any]:
    """Every refusal as a problem object."""
    return {(status, "application/problem+json"): _PROBLEM for status in _REFUSALS}
