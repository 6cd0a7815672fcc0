"""Quotes and orders: what each call sends, how its answer is read, and how a repeat stays harmless."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, Unpack
from urllib.parse import quote

from orderengine_client.calling import API, Calls
from orderengine_client.errors import ClientError
from orderengine_client.flows import Flow, ItemFlow, Send
from orderengine_client.generated.models import (
    Batch,
    BatchResult,
    CancelledMany,
    Curve,
    DryRunOrder,
    Order,
    OrderPage,
    Quote,
)
from orderengine_client.replacing import replace_order
from orderengine_client.retries import read, send
from orderengine_client.terms import CancelFilters, ListFilters, NewTerms, OrderRequest, OrderTerms, SwapTerms
from orderengine_client.values import (
    Amount,
    OrderId,
    as_json,
    id_text,
    new_client_order_id,
    swap_body,
    without_none,
)

T = TypeVar("T")


class Trading(Calls):
    """Quotes and orders."""

    def quote(self, token_in: str, token_out: str, amount: Amount, **terms: Unpack[SwapTerms]) -> Flow[Quote]:
        """The price, the route and the costs of a swap now; nothing is stored."""
        body = swap_body(token_in, token_out, amount, terms)
        return self._call(Send("POST", f"{API}/quotes", body=body), Quote.from_dict)

    def quote_curve(
        self, token_in: str, token_out: str, amounts: Sequence[Amount], **terms: Unpack[SwapTerms]
    ) -> Flow[Curve]:
        """What each of up to 12 amounts would get on one and the same market; those that are refused say why."""
        body = as_json(without_none({"token_in": token_in, "token_out": token_out, "amounts": list(amounts), **terms}))
        return self._call(Send("POST", f"{API}/quotes/curve", body=body), Curve.from_dict)

    def place(self, token_in: str, token_out: str, amount: Amount, **terms: Unpack[OrderTerms]) -> Flow[Order]:
        """Place an order. Repeats name the same `client_order_id`, so it is placed once, and the first answer returned.

        The id is made here where none is stated. An exception holds it too: `get_by_client_id` then says what became of
        the order, and `place` with it and the same terms is a repeat.
        """
        body = _with_id(swap_body(token_in, token_out, amount, terms))
        return _naming([body], self._call(Send("POST", f"{API}/orders", body=body), Order.from_dict))

    def dry_run(self, token_in: str, token_out: str, amount: Amount, **terms: Unpack[OrderTerms]) -> Flow[DryRunOrder]:
        """What would become of an order, by all steps up to the broadcast; nothing is stored or sent."""
        request = Send("POST", f"{API}/orders", {"dry_run": "true"}, swap_body(token_in, token_out, amount, terms))
        return self._call(request, DryRunOrder.from_dict)

    def place_many(
        self, orders: Sequence[OrderRequest], *, atomic: bool = False, link: str | None = None
    ) -> Flow[list[BatchResult]]:
        """Place up to 500 orders; each result has its `order` or its `error`. `atomic` or a `link`: all or none.

        Each has a `client_order_id` before the first try, as with `place`.
        """
        bodies = [_with_id(without_none(as_json(order))) for order in orders]
        body = {"orders": bodies} | ({"atomic": True} if atomic else {}) | ({"link": link} if link else {})
        request = Send("POST", f"{API}/orders/batch", body=body)
        return _naming(bodies, self._call(request, lambda answer: Batch.from_dict(answer).results))

    def get(self, order_id: OrderId) -> Flow[Order]:
        """The order as it stands."""
        return self._call(Send("GET", f"{API}/orders/{id_text(order_id)}"), Order.from_dict)

    def by_client_id(self, client_order_id: str) -> Flow[Order]:
        """The order that was placed with this id."""
        return self._call(Send("GET", f"{API}/orders/by-client-id/{quote(client_order_id, safe='')}"), Order.from_dict)

    def list(self, *, limit: int = 500, **filters: Unpack[ListFilters]) -> ItemFlow[Order]:
        """All orders that fit, newest first, page by page of `limit`."""
        params = as_json(without_none(filters)) | {"limit": limit}
        return self._pages(f"{API}/orders", params, OrderPage.from_dict)

    def cancel(self, order_id: OrderId, reason: str | None = None) -> Flow[Order]:
        """Cancel; an order whose bytes may be on their way has `cancel_requested_at`, and the chain decides.

        Raises: ConflictError where it had ended before.
        """
        body = {"reason": reason} if reason else {}
        told = yield from send(Send("DELETE", f"{API}/orders/{id_text(order_id)}", body=body), self.retries)
        if told.answer.status == 409 and told.may_be_done:
            order = yield from self.get(order_id)
            if order.outcome == "cancelled":
                return order
        return read(told.answer, Order.from_dict)

    def cancel_many(self, **filters: Unpack[CancelFilters]) -> Flow[CancelledMany]:
        """Cancel up to 1,000 open orders that fit; repeat it while `has_more`."""
        headers = {"Idempotency-Key": new_client_order_id()}
        request = Send("POST", f"{API}/orders/cancel", body=as_json(without_none(filters)), headers=headers)
        return self._call(request, CancelledMany.from_dict)

    def replace(self, order_id: OrderId, version: int, **terms: Unpack[NewTerms]) -> Flow[Order]:
        """Replace terms of an order that waits, where it still has this version.

        Raises: VersionChangedError where it has another one by then, unless that is what a try without an answer did.
        """
        return replace_order(order_id, version, as_json(terms), self.retries)


def _with_id(body: dict[str, Any]) -> dict[str, Any]:
    return {"client_order_id": new_client_order_id()} | body


def _naming(bodies: Sequence[Mapping[str, Any]], flow: Flow[T]) -> Flow[T]:
    """Let an exception say which orders it is about."""
    try:
        return (yield from flow)
    except ClientError as error:
        error.client_order_ids = tuple(body["client_order_id"] for body in bodies)
        raise
