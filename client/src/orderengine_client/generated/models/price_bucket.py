from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.fills import Fills
    from ..models.market_price import MarketPrice


T = TypeVar("T", bound="PriceBucket")


@_attrs_define
class PriceBucket:
    """From `at` on, for `bucket_s` seconds."""

    at: datetime.datetime
    market: MarketPrice | None
    sold: Fills | None
    bought: Fills | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.fills import Fills  # noqa: PLC0415
        from ..models.market_price import MarketPrice  # noqa: PLC0415

        at = self.at.isoformat()

        market: dict[str, Any] | None
        if isinstance(self.market, MarketPrice):
            market = self.market.to_dict()
        else:
            market = self.market

        sold: dict[str, Any] | None
        if isinstance(self.sold, Fills):
            sold = self.sold.to_dict()
        else:
            sold = self.sold

        bought: dict[str, Any] | None
        if isinstance(self.bought, Fills):
            bought = self.bought.to_dict()
        else:
            bought = self.bought

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "market": market,
                "sold": sold,
                "bought": bought,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.fills import Fills  # noqa: PLC0415
        from ..models.market_price import MarketPrice  # noqa: PLC0415

        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        def _parse_market(data: object) -> MarketPrice | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                market_type_0 = MarketPrice.from_dict(data)

                return market_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MarketPrice | None, data)

        market = _parse_market(d.pop("market"))

        def _parse_sold(data: object) -> Fills | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                sold_type_0 = Fills.from_dict(data)

                return sold_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Fills | None, data)

        sold = _parse_sold(d.pop("sold"))

        def _parse_bought(data: object) -> Fills | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                bought_type_0 = Fills.from_dict(data)

                return bought_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Fills | None, data)

        bought = _parse_bought(d.pop("bought"))

        price_bucket = cls(
            at=at,
            market=market,
            sold=sold,
            bought=bought,
        )

        price_bucket.additional_properties = d
        return price_bucket

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
