from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.cost import Cost


T = TypeVar("T", bound="Shortfall")


@_attrs_define
class Shortfall:
    """What the execution has cost. In atoms vs_arrival = delay + market + vs_quote, market = venue_fees + price_impact,
    and total = vs_arrival + network_fee, exactly.

    """

    vs_arrival: Cost | None
    vs_quote: Cost | None
    delay: Cost | None
    market: Cost | None
    venue_fees: Cost | None
    price_impact: Cost | None
    network_fee: Cost | None
    total: Cost | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.cost import Cost  # noqa: PLC0415

        vs_arrival: dict[str, Any] | None
        if isinstance(self.vs_arrival, Cost):
            vs_arrival = self.vs_arrival.to_dict()
        else:
            vs_arrival = self.vs_arrival

        vs_quote: dict[str, Any] | None
        if isinstance(self.vs_quote, Cost):
            vs_quote = self.vs_quote.to_dict()
        else:
            vs_quote = self.vs_quote

        delay: dict[str, Any] | None
        if isinstance(self.delay, Cost):
            delay = self.delay.to_dict()
        else:
            delay = self.delay

        market: dict[str, Any] | None
        if isinstance(self.market, Cost):
            market = self.market.to_dict()
        else:
            market = self.market

        venue_fees: dict[str, Any] | None
        if isinstance(self.venue_fees, Cost):
            venue_fees = self.venue_fees.to_dict()
        else:
            venue_fees = self.venue_fees

        price_impact: dict[str, Any] | None
        if isinstance(self.price_impact, Cost):
            price_impact = self.price_impact.to_dict()
        else:
            price_impact = self.price_impact

        network_fee: dict[str, Any] | None
        if isinstance(self.network_fee, Cost):
            network_fee = self.network_fee.to_dict()
        else:
            network_fee = self.network_fee

        total: dict[str, Any] | None
        if isinstance(self.total, Cost):
            total = self.total.to_dict()
        else:
            total = self.total

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "vs_arrival": vs_arrival,
                "vs_quote": vs_quote,
                "delay": delay,
                "market": market,
                "venue_fees": venue_fees,
                "price_impact": price_impact,
                "network_fee": network_fee,
                "total": total,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.cost import Cost  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_vs_arrival(data: object) -> Cost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                vs_arrival_type_0 = Cost.from_dict(data)

                return vs_arrival_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Cost | None, data)

        vs_arrival = _parse_vs_arrival(d.pop("vs_arrival"))

        def _parse_vs_quote(data: object) -> Cost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                vs_quote_type_0 = Cost.from_dict(data)

                return vs_quote_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Cost | None, data)

        vs_quote = _parse_vs_quote(d.pop("vs_quote"))

        def _parse_delay(data: object) -> Cost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                delay_type_0 = Cost.from_dict(data)

                return delay_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Cost | None, data)

        delay = _parse_delay(d.pop("delay"))

        def _parse_market(data: object) -> Cost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                market_type_0 = Cost.from_dict(data)

                return market_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Cost | None, data)

        market = _parse_market(d.pop("market"))

        def _parse_venue_fees(data: object) -> Cost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                venue_fees_type_0 = Cost.from_dict(data)

                return venue_fees_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Cost | None, data)

        venue_fees = _parse_venue_fees(d.pop("venue_fees"))

        def _parse_price_impact(data: object) -> Cost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                price_impact_type_0 = Cost.from_dict(data)

                return price_impact_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Cost | None, data)

        price_impact = _parse_price_impact(d.pop("price_impact"))

        def _parse_network_fee(data: object) -> Cost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                network_fee_type_0 = Cost.from_dict(data)

                return network_fee_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Cost | None, data)

        network_fee = _parse_network_fee(d.pop("network_fee"))

        def _parse_total(data: object) -> Cost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                total_type_0 = Cost.from_dict(data)

                return total_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Cost | None, data)

        total = _parse_total(d.pop("total"))

        shortfall = cls(
            vs_arrival=vs_arrival,
            vs_quote=vs_quote,
            delay=delay,
            market=market,
            venue_fees=venue_fees,
            price_impact=price_impact,
            network_fee=network_fee,
            total=total,
        )

        shortfall.additional_properties = d
        return shortfall

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
