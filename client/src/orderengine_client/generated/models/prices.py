from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.price_bucket import PriceBucket


T = TypeVar("T", bound="Prices")


@_attrs_define
class Prices:
    """A pair's prices over time: the market's, which are the same for all callers, and those of the caller's own fills."""

    pair: str
    """ `SOL/USDC`: prices are USDC for one SOL. """
    chain: str
    from_: datetime.datetime
    """ Where the first bucket begins. """
    to: datetime.datetime
    bucket_s: int
    """ Seconds that a bucket is wide. """
    results: list[PriceBucket]
    """ Oldest first, without those of which nothing is known: a gap is no price of 0. """
    fills_since: datetime.datetime | None
    """ Older fills of the range are left out, for there are too many; null: none is. """
    archived_months: list[str]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        pair = self.pair

        chain = self.chain

        from_ = self.from_.isoformat()

        to = self.to.isoformat()

        bucket_s = self.bucket_s

        results = []
        for results_item_data in self.results:
            results_item = results_item_data.to_dict()
            results.append(results_item)

        fills_since: None | str
        if isinstance(self.fills_since, datetime.datetime):
            fills_since = self.fills_since.isoformat()
        else:
            fills_since = self.fills_since

        archived_months = self.archived_months

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "pair": pair,
                "chain": chain,
                "from": from_,
                "to": to,
                "bucket_s": bucket_s,
                "results": results,
                "fills_since": fills_since,
                "archived_months": archived_months,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.price_bucket import PriceBucket  # noqa: PLC0415

        d = dict(src_dict)
        pair = d.pop("pair")

        chain = d.pop("chain")

        from_ = datetime.datetime.fromisoformat(d.pop("from"))

        to = datetime.datetime.fromisoformat(d.pop("to"))

        bucket_s = d.pop("bucket_s")

        results = []
        _results = d.pop("results")
        for results_item_data in _results:
            results_item = PriceBucket.from_dict(results_item_data)

            results.append(results_item)

        def _parse_fills_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                fills_since_type_0 = datetime.datetime.fromisoformat(data)

                return fills_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        fills_since = _parse_fills_since(d.pop("fills_since"))

        archived_months = cast(list[str], d.pop("archived_months"))

        prices = cls(
            pair=pair,
            chain=chain,
            from_=from_,
            to=to,
            bucket_s=bucket_s,
            results=results,
            fills_since=fills_since,
            archived_months=archived_months,
        )

        prices.additional_properties = d
        return prices

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
