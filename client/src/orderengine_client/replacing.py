"""PATCH of an order, where a repeat after a lost answer meets its own change: the version is another one by then."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from orderengine_client.calling import API
from orderengine_client.flows import Flow, Send
from orderengine_client.generated.models import Events, Order
from orderengine_client.retries import Retries, call, read, send
from orderengine_client.values import OrderId, id_text


def replace_order(order_id: OrderId, version: int, body: Mapping[str, Any], retries: Retries) -> Flow[Order]:
    """The order with its new terms. Raises: ClientError."""
    headers = {"If-Match": f'"{version}"'}
    told = yield from send(Send("PATCH", f"{API}/orders/{id_text(order_id)}", body=body, headers=headers), retries)
    if told.may_be_done and told.answer.status in {409, 412}:
        request = Send("GET", f"{API}/orders/{id_text(order_id)}/events", {"after": version})
        events = yield from call(request, Events.from_dict, retries)
        replaced = events.results[0].data.additional_properties.get("replaced") if events.results else None
        if isinstance(replaced, dict) and is_what_was_asked_for(replaced, body):
            return (yield from call(Send("GET", f"{API}/orders/{id_text(order_id)}"), Order.from_dict, retries))
    return read(told.answer, Order.from_dict)


def is_what_was_asked_for(replaced: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether the first event after the version replaced terms that the request states, each by what it states.

    A term that the request states as it was before is not in the event.
    """
    after = {name: pair[1] for name, pair in replaced.items() if isinstance(pair, list) and len(pair) == 2}
    # Follows from expires_at.
    after.pop("time_in_force", None)
    return bool(after) and all(name in body and _fits(after[name], body[name]) for name in after)


def _fits(shown: Any, stated: Any) -> bool:
    """Whether the answer's value is the request's; of guards those that are stated count."""
    if isinstance(stated, Mapping):
        return isinstance(shown, Mapping) and all(_fits(shown.get(name), value) for name, value in stated.items())
    return bool(_comparable(shown) == _comparable(stated))


def _comparable(value: Any) -> Any:
    """Numbers by their value, times to the millisecond that the engine keeps, everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return value
    try:
        return Decimal(value)
    except InvalidOperation:
        pass
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return value
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
