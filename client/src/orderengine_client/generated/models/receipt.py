from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.receipt_children_item import ReceiptChildrenItem
    from ..models.receipt_events_item import ReceiptEventsItem
    from ..models.receipt_fills_item import ReceiptFillsItem
    from ..models.receipt_market_type_0 import ReceiptMarketType0
    from ..models.receipt_order import ReceiptOrder
    from ..models.receipt_outcome import ReceiptOutcome
    from ..models.receipt_route_type_0 import ReceiptRouteType0
    from ..models.receipt_transactions_item import ReceiptTransactionsItem


T = TypeVar("T", bound="Receipt")


@_attrs_define
class Receipt:
    """Canonical JSON (RFC 8785), signed: docs/receipts.md."""

    format_: str
    """ order-receipt/1 """
    key_id: str
    """ Of the key that signed it, among those of /.well-known/jwks.json. """
    order: ReceiptOrder
    outcome: ReceiptOutcome
    route: None | ReceiptRouteType0
    market: None | ReceiptMarketType0
    fills: list[ReceiptFillsItem]
    """ By leg. """
    transactions: list[ReceiptTransactionsItem]
    """ All that was signed for it, in turn. """
    children: list[ReceiptChildrenItem]
    """ Of a parent: the orders that it was executed by. """
    events: list[ReceiptEventsItem]
    """ When it was where. """
    signature: str
    """ Ed25519, of the canonical bytes without this member; base64url. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.receipt_market_type_0 import ReceiptMarketType0  # noqa: PLC0415
        from ..models.receipt_route_type_0 import ReceiptRouteType0  # noqa: PLC0415

        format_ = self.format_

        key_id = self.key_id

        order = self.order.to_dict()

        outcome = self.outcome.to_dict()

        route: dict[str, Any] | None
        if isinstance(self.route, ReceiptRouteType0):
            route = self.route.to_dict()
        else:
            route = self.route

        market: dict[str, Any] | None
        if isinstance(self.market, ReceiptMarketType0):
            market = self.market.to_dict()
        else:
            market = self.market

        fills = []
        for fills_item_data in self.fills:
            fills_item = fills_item_data.to_dict()
            fills.append(fills_item)

        transactions = []
        for transactions_item_data in self.transactions:
            transactions_item = transactions_item_data.to_dict()
            transactions.append(transactions_item)

        children = []
        for children_item_data in self.children:
            children_item = children_item_data.to_dict()
            children.append(children_item)

        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)

        signature = self.signature

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "format": format_,
                "key_id": key_id,
                "order": order,
                "outcome": outcome,
                "route": route,
                "market": market,
                "fills": fills,
                "transactions": transactions,
                "children": children,
                "events": events,
                "signature": signature,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.receipt_children_item import ReceiptChildrenItem  # noqa: PLC0415
        from ..models.receipt_events_item import ReceiptEventsItem  # noqa: PLC0415
        from ..models.receipt_fills_item import ReceiptFillsItem  # noqa: PLC0415
        from ..models.receipt_market_type_0 import ReceiptMarketType0  # noqa: PLC0415
        from ..models.receipt_order import ReceiptOrder  # noqa: PLC0415
        from ..models.receipt_outcome import ReceiptOutcome  # noqa: PLC0415
        from ..models.receipt_route_type_0 import ReceiptRouteType0  # noqa: PLC0415
        from ..models.receipt_transactions_item import ReceiptTransactionsItem  # noqa: PLC0415

        d = dict(src_dict)
        format_ = d.pop("format")

        key_id = d.pop("key_id")

        order = ReceiptOrder.from_dict(d.pop("order"))

        outcome = ReceiptOutcome.from_dict(d.pop("outcome"))

        def _parse_route(data: object) -> None | ReceiptRouteType0:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                route_type_0 = ReceiptRouteType0.from_dict(data)

                return route_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ReceiptRouteType0, data)

        route = _parse_route(d.pop("route"))

        def _parse_market(data: object) -> None | ReceiptMarketType0:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                market_type_0 = ReceiptMarketType0.from_dict(data)

                return market_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ReceiptMarketType0, data)

        market = _parse_market(d.pop("market"))

        fills = []
        _fills = d.pop("fills")
        for fills_item_data in _fills:
            fills_item = ReceiptFillsItem.from_dict(fills_item_data)

            fills.append(fills_item)

        transactions = []
        _transactions = d.pop("transactions")
        for transactions_item_data in _transactions:
            transactions_item = ReceiptTransactionsItem.from_dict(transactions_item_data)

            transactions.append(transactions_item)

        children = []
        _children = d.pop("children")
        for children_item_data in _children:
            children_item = ReceiptChildrenItem.from_dict(children_item_data)

            children.append(children_item)

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = ReceiptEventsItem.from_dict(events_item_data)

            events.append(events_item)

        signature = d.pop("signature")

        receipt = cls(
            format_=format_,
            key_id=key_id,
            order=order,
            outcome=outcome,
            route=route,
            market=market,
            fills=fills,
            transactions=transactions,
            children=children,
            events=events,
            signature=signature,
        )

        receipt.additional_properties = d
        return receipt

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
