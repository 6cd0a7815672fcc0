"""PATCH /orders/{id}: other terms for an order that waits, judged as those of a new one."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.serializers import ValidationError

from orders import selectors
from orders.access.authentication import Caller
from orders.access.key_limits import require_real_orders, require_within_key
from orders.api.base import account_of, actor_of, caller_of, fields_of
from orders.api.intake import Offer, new_order
from orders.api.posts import order_reader, read_offer
from orders.api.serializers import AmountField, GuardsSerializer, TimeField, type_fields
from orders.api.strict import StrictSerializer
from orders.engine import get_engine
from orders.models import Order
from orders.order_types import FIELDS, ORDER_TYPES
from orders.presentation.orders import order_json
from orders.problems import Problem, ProblemError
from orders.services.replace import TYPE_FIELDS, Restated, replace_terms
from orders.services.slices import slices_refusal
from orders.states import OrderStatus

# The time in force that goes with having a time limit, and with having none.
_BY_EXPIRY = ("gtc", "gtd")
_KEPT = ("token_in", "token_out", "amount", "side", "type", "guards", "venues", "fee", "expires_at", "tags")
_VERSION = re.compile(r'"([1-9][0-9]{0,8})"')


class ReplaceRequestSerializer(StrictSerializer):
    """The terms that change; those that are not stated stay as they are."""

    amount = AmountField(required=False, help_text="Token units of the fixed side.")
    expires_at = TimeField(
        required=False, allow_null=True, help_text="RFC 3339; null: no time limit. It turns gtc into gtd and back."
    )
    guards = GuardsSerializer(required=False, help_text="Those that are stated change, null: no such limit.")

    def get_fields(self) -> dict[str, Any]:
        """Those of every order, and those of the order types that may change."""
        fields = type_fields(required=False)
        return super().get_fields() | {name: fields[name] for name in TYPE_FIELDS}


def read_version(request: Request) -> int:
    """The version of the order that the caller has read. Raises: ProblemError."""
    stated = request.headers.get("If-Match")
    if stated is None:
        raise ProblemError(Problem("precondition_required", "If-Match says which version of the order is replaced"))
    match = _VERSION.fullmatch(stated.strip())
    if match is None:
        raise ProblemError(Problem("invalid", 'If-Match must be one version of the order in quotes: "5"'))
    return int(match[1])


def replace_order(request: Request, order_id: UUID) -> Order:
    """What PATCH asks for. Raises: ProblemError, ValidationError."""
    version, caller = read_version(request), caller_of(request)
    require_real_orders(caller)
    if not fields_of(request, ReplaceRequestSerializer):
        raise ProblemError(Problem("fields_conflict", "the body states nothing that is to be replaced"))
    assert isinstance(request.data, Mapping)  # the serializer takes nothing else
    patch: Mapping[str, Any] = request.data
    offer = read_offer()

    def restate(order: Order) -> Restated:
        stated = _stated(order)
        before = new_order(order_reader().run_validation(stated), offer)
        return Restated(before, _judged(_patched(stated, order, patch), offer, caller))

    account = account_of(request)
    if "amount" in patch:
        _require_worthwhile_slices(selectors.orders_of(account).filter(pk=order_id, is_parent=True), version, restate)
    return replace_terms(account, order_id, version, restate, key=caller.key, actor=actor_of(request, ""))


def _require_worthwhile_slices(rows: QuerySet[Order], version: int, restate: Callable[[Order], Restated]) -> None:
    """Ask the market, which takes time, before the row is locked. Another version of the order is refused by then.

    Raises: ProblemError `slice_too_small`, and what `restate` raises.
    """
    parent = rows.filter(seq=version, status=OrderStatus.PENDING).first()
    if parent is not None and (refusal := slices_refusal(restate(parent).after, get_engine())) is not None:
        raise ProblemError(refusal)


def _judged(stated: Mapping[str, Any], offer: Offer, caller: Caller) -> Any:
    try:
        fields = order_reader().run_validation(stated)
    except ValidationError as error:
        raise ValidationError(error.detail) from None
    return require_within_key(new_order(fields, offer), caller)


def _stated(order: Order) -> dict[str, Any]:
    """The body of a request that would place the order with the terms that it has."""
    shown = order_json(order)
    body = {name: shown[name] for name in _KEPT}
    body |= {name: shown[name] for name in FIELDS if shown[name] is not None}
    body["time_in_force"] = shown["time_in_force"]
    if order.terms.scenario != "none":
        body["sim"] = shown["sim"]
    return body


def _patched(stated: Mapping[str, Any], order: Order, patch: Mapping[str, Any]) -> dict[str, Any]:
    body = {**stated, **patch}
    if "guards" in patch:
        body["guards"] = {**stated["guards"], **patch["guards"]}
    if "expires_at" in patch and stated["time_in_force"] in _BY_EXPIRY:
        order_type = ORDER_TYPES[order.order_type]
        body["time_in_force"] = order_type.time_in_force(None, has_expiry=patch["expires_at"] is not None)
    return body
