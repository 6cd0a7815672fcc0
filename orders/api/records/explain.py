"""Why an order is where it is, and how well it was executed: GET /orders/{id}/explain and /execution."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import scopes
from orders.api import schema
from orders.api.base import AccountView
from orders.api.orders import find_order
from orders.config import get_policy
from orders.engine import get_engine
from orders.presentation.execution import EXECUTION
from orders.presentation.explanation import EXPLANATION
from orders.services.explain import execution_of, explain_order


class ExplainView(AccountView):
    """GET /orders/{id}/explain."""

    scopes: ClassVar = {"GET": scopes.READ}

    @extend_schema(responses=schema.answers(EXPLANATION) | schema.GONE, operation_id="explainOrder")
    def get(self, request: Request, order_id: UUID) -> Response:
        """Why this route, what it waits for and how far away that is, what it met, why it ended, what to do next."""
        explained = explain_order(find_order(request, order_id), get_engine, get_policy())
        return Response(EXPLANATION.render(explained))


class ExecutionView(AccountView):
    """GET /orders/{id}/execution."""

    scopes: ClassVar = {"GET": scopes.READ}

    @extend_schema(responses=schema.answers(EXECUTION) | schema.GONE, operation_id="getExecution")
    def get(self, request: Request, order_id: UUID) -> Response:
        """What it cost against arrival, quote and each venue, step by step and attempt by attempt."""
        return Response(EXECUTION.render(execution_of(find_order(request, order_id))))
