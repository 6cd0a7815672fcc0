"""Requests for orders of any type, read and answered as the API does, without a database."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.serializers import ValidationError

from dex import Token as Coin
from orders.api.exceptions import validation_problem
from orders.api.intake import Offer, new_order
from orders.api.serializers import OrderRequestSerializer
from orders.models import Account, Token
from orders.order_types import ORDER_TYPES, OrderType
from orders.presentation.orders import order_json
from orders.problems import Problem, ProblemError
from orders.services.inserting import unsaved_order
from orders.terms import NewOrder

SWAP: dict[str, Any] = {"token_in": "SOL", "token_out": "USDC", "amount": "2.5"}
OFFER = Offer(
    chain_id="simulated",
    native=Coin("SOL", "Solana", 9),
    tokens={symbol: Token(symbol=symbol, decimals=digits) for symbol, digits in (("SOL", 9), ("USDC", 6))},
    venues=frozenset({"orca"}),
    default_slippage_bps="50",
    default_price_impact_bps="100",
)
NOW = datetime.now(UTC)
_CASES = {f"{known.name}-{i}": (known, case) for known in ORDER_TYPES.values() for i, case in enumerate(known.examples)}
each_type = pytest.mark.parametrize("order_type", ORDER_TYPES.values(), ids=list(ORDER_TYPES))
each_example = pytest.mark.parametrize(("order_type", "example"), _CASES.values(), ids=list(_CASES))


def body(order_type: OrderType[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request for an order of the type."""
    return SWAP | {"type": order_type.name} | dict(fields)


def read(request: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request, from JSON text."""
    fields: dict[str, Any] = OrderRequestSerializer().run_validation(json.loads(json.dumps(request)))
    return fields


def accepted(order_type: OrderType[Any], fields: Mapping[str, Any]) -> NewOrder:
    """The order that a request is accepted as."""
    return new_order(read(body(order_type, fields)), OFFER)


def judged(request: Mapping[str, Any]) -> NewOrder | Problem:
    """The order that a request is accepted as, or the problem that answers it."""
    try:
        return new_order(read(request), OFFER)
    except ProblemError as error:
        return error.problem
    except ValidationError as error:
        return validation_problem(error.detail)


def refused(request: Mapping[str, Any]) -> Problem:
    """The problem that answers a request."""
    problem = judged(request)
    assert isinstance(problem, Problem), problem
    return problem


def answer(order: NewOrder) -> dict[str, Any]:
    """The order object that answers a request, as JSON."""
    row = unsaved_order(Account(id=1, name="owner"), order)
    row.created_at = row.updated_at = NOW
    shown: dict[str, Any] = json.loads(json.dumps(order_json(row, at=NOW)))
    return shown
