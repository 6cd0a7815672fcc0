from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.side_enum import SideEnum, check_side_enum

if TYPE_CHECKING:
    from ..models.curve_point import CurvePoint


T = TypeVar("T", bound="Curve")


@_attrs_define
class Curve:
    """Quotes of several amounts on one market; nothing is stored, and none can be named by an order."""

    token_in: str
    token_out: str
    side: SideEnum
    chain: str
    snapshot_version: int
    """ The block of the market. """
    quoted_at: datetime.datetime
    results: list[CurvePoint]
    """ In the order of the amounts sent. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        token_in = self.token_in

        token_out = self.token_out

        side: str = self.side

        chain = self.chain

        snapshot_version = self.snapshot_version

        quoted_at = self.quoted_at.isoformat()

        results = []
        for results_item_data in self.results:
            results_item = results_item_data.to_dict()
            results.append(results_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "token_in": token_in,
                "token_out": token_out,
                "side": side,
                "chain": chain,
                "snapshot_version": snapshot_version,
                "quoted_at": quoted_at,
                "results": results,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.curve_point import CurvePoint  # noqa: PLC0415

        d = dict(src_dict)
        token_in = d.pop("token_in")

        token_out = d.pop("token_out")

        side = check_side_enum(d.pop("side"))

        chain = d.pop("chain")

        snapshot_version = d.pop("snapshot_version")

        quoted_at = datetime.datetime.fromisoformat(d.pop("quoted_at"))

        results = []
        _results = d.pop("results")
        for results_item_data in _results:
            results_item = CurvePoint.from_dict(results_item_data)

            results.append(results_item)

        curve = cls(
            token_in=token_in,
            token_out=token_out,
            side=side,
            chain=chain,
            snapshot_version=snapshot_version,
            quoted_at=quoted_at,
            results=results,
        )

        curve.additional_properties = d
        return curve

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
