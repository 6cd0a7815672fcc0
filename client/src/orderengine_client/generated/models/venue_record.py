from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="VenueRecord")


@_attrs_define
class VenueRecord:
    """Orders whose routes went through a venue."""

    venue: str
    orders: int
    filled: int
    """ Of these. """
    failed: int
    """ Of these; not those that were cancelled or expired. """
    fill_rate_bps: None | str
    """ Filled, of filled and failed ones; null: none. """
    quote_ms_p50: int | None
    """ Median time until their first route was found, in milliseconds; null: none is known. """
    vs_quote_bps: None | str
    """ Median cost of executed orders against their quotes: positive is lost. """
    trend: list[int]
    """ Of each tenth of all orders, how many went through it; the oldest tenth first. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        venue = self.venue

        orders = self.orders

        filled = self.filled

        failed = self.failed

        fill_rate_bps: None | str
        fill_rate_bps = self.fill_rate_bps

        quote_ms_p50: int | None
        quote_ms_p50 = self.quote_ms_p50

        vs_quote_bps: None | str
        vs_quote_bps = self.vs_quote_bps

        trend = self.trend

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "venue": venue,
                "orders": orders,
                "filled": filled,
                "failed": failed,
                "fill_rate_bps": fill_rate_bps,
                "quote_ms_p50": quote_ms_p50,
                "vs_quote_bps": vs_quote_bps,
                "trend": trend,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        venue = d.pop("venue")

        orders = d.pop("orders")

        filled = d.pop("filled")

        failed = d.pop("failed")

        def _parse_fill_rate_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        fill_rate_bps = _parse_fill_rate_bps(d.pop("fill_rate_bps"))

        def _parse_quote_ms_p50(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        quote_ms_p50 = _parse_quote_ms_p50(d.pop("quote_ms_p50"))

        def _parse_vs_quote_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        vs_quote_bps = _parse_vs_quote_bps(d.pop("vs_quote_bps"))

        trend = cast(list[int], d.pop("trend"))

        venue_record = cls(
            venue=venue,
            orders=orders,
            filled=filled,
            failed=failed,
            fill_rate_bps=fill_rate_bps,
            quote_ms_p50=quote_ms_p50,
            vs_quote_bps=vs_quote_bps,
            trend=trend,
        )

        venue_record.additional_properties = d
        return venue_record

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
