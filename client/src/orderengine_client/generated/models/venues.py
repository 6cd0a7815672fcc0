from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.venue import Venue


T = TypeVar("T", bound="Venues")


@_attrs_define
class Venues:
    """All venues, as of one block."""

    chain: str
    """ Where orders trade. """
    moves_real_money: bool
    """ Whether its tokens are worth money; false on development chains. """
    snapshot_version: int
    results: list[Venue]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        chain = self.chain

        moves_real_money = self.moves_real_money

        snapshot_version = self.snapshot_version

        results = []
        for results_item_data in self.results:
            results_item = results_item_data.to_dict()
            results.append(results_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "chain": chain,
                "moves_real_money": moves_real_money,
                "snapshot_version": snapshot_version,
                "results": results,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.venue import Venue  # noqa: PLC0415

        d = dict(src_dict)
        chain = d.pop("chain")

        moves_real_money = d.pop("moves_real_money")

        snapshot_version = d.pop("snapshot_version")

        results = []
        _results = d.pop("results")
        for results_item_data in _results:
            results_item = Venue.from_dict(results_item_data)

            results.append(results_item)

        venues = cls(
            chain=chain,
            moves_real_money=moves_real_money,
            snapshot_version=snapshot_version,
            results=results,
        )

        venues.additional_properties = d
        return venues

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
