from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="MarketPrice")


@_attrs_define
class MarketPrice:
    """Mid prices that were noted within the bucket: before any cost, as triggers compare them."""

    first: str
    """ Units of the pair's second token for one of its first. """
    low: str
    """ Units of the pair's second token for one of its first. """
    high: str
    """ Units of the pair's second token for one of its first. """
    last: str
    """ Units of the pair's second token for one of its first. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        first = self.first

        low = self.low

        high = self.high

        last = self.last

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "first": first,
                "low": low,
                "high": high,
                "last": last,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        first = d.pop("first")

        low = d.pop("low")

        high = d.pop("high")

        last = d.pop("last")

        market_price = cls(
            first=first,
            low=low,
            high=high,
            last=last,
        )

        market_price.additional_properties = d
        return market_price

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
