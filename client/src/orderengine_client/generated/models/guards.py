from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Guards")


@_attrs_define
class Guards:
    """The owner's limits, as they hold."""

    max_slippage_bps: str
    """ Basis points. """
    max_price_impact_bps: None | str
    """ Basis points. """
    max_deviation_bps: None | str
    """ Basis points. """
    min_amount_out: None | str
    """ Token units. """
    max_amount_in: None | str
    """ Token units. """
    max_quote_age_ms: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        max_slippage_bps = self.max_slippage_bps

        max_price_impact_bps: None | str
        max_price_impact_bps = self.max_price_impact_bps

        max_deviation_bps: None | str
        max_deviation_bps = self.max_deviation_bps

        min_amount_out: None | str
        min_amount_out = self.min_amount_out

        max_amount_in: None | str
        max_amount_in = self.max_amount_in

        max_quote_age_ms: int | None
        max_quote_age_ms = self.max_quote_age_ms

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "max_slippage_bps": max_slippage_bps,
                "max_price_impact_bps": max_price_impact_bps,
                "max_deviation_bps": max_deviation_bps,
                "min_amount_out": min_amount_out,
                "max_amount_in": max_amount_in,
                "max_quote_age_ms": max_quote_age_ms,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        max_slippage_bps = d.pop("max_slippage_bps")

        def _parse_max_price_impact_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        max_price_impact_bps = _parse_max_price_impact_bps(d.pop("max_price_impact_bps"))

        def _parse_max_deviation_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        max_deviation_bps = _parse_max_deviation_bps(d.pop("max_deviation_bps"))

        def _parse_min_amount_out(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        min_amount_out = _parse_min_amount_out(d.pop("min_amount_out"))

        def _parse_max_amount_in(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        max_amount_in = _parse_max_amount_in(d.pop("max_amount_in"))

        def _parse_max_quote_age_ms(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        max_quote_age_ms = _parse_max_quote_age_ms(d.pop("max_quote_age_ms"))

        guards = cls(
            max_slippage_bps=max_slippage_bps,
            max_price_impact_bps=max_price_impact_bps,
            max_deviation_bps=max_deviation_bps,
            min_amount_out=min_amount_out,
            max_amount_in=max_amount_in,
            max_quote_age_ms=max_quote_age_ms,
        )

        guards.additional_properties = d
        return guards

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
