from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Cost")


@_attrs_define
class Cost:
    """What a step has cost, in `cost_token`: positive is lost, negative is gained."""

    amount: str
    """ Token units. """
    amount_raw: str
    """ Atoms. """
    bps: None | str
    """ Of the benchmark that the step begins at; null: that is not known. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        amount = self.amount

        amount_raw = self.amount_raw

        bps: None | str
        bps = self.bps

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "amount": amount,
                "amount_raw": amount_raw,
                "bps": bps,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount = d.pop("amount")

        amount_raw = d.pop("amount_raw")

        def _parse_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        bps = _parse_bps(d.pop("bps"))

        cost = cls(
            amount=amount,
            amount_raw=amount_raw,
            bps=bps,
        )

        cost.additional_properties = d
        return cost

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
