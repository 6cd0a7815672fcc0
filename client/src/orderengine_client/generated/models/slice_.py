from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Slice")


@_attrs_define
class Slice:
    """A slice of a parent as it is planned."""

    at: datetime.datetime
    """ Its turn; jitter may make it later. """
    amount: str
    """ The fixed side, token units. """
    amount_raw: str
    """ Atoms. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        amount = self.amount

        amount_raw = self.amount_raw

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "amount": amount,
                "amount_raw": amount_raw,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        amount = d.pop("amount")

        amount_raw = d.pop("amount_raw")

        slice_ = cls(
            at=at,
            amount=amount,
            amount_raw=amount_raw,
        )

        slice_.additional_properties = d
        return slice_

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
