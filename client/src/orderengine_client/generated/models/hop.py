from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Hop")


@_attrs_define
class Hop:
    """One swap through one pool."""

    venue: str
    pool: str
    token_in: str
    token_out: str
    amount_in: str
    """ Token units. """
    amount_in_raw: str
    """ Atoms. """
    amount_out: str
    """ Token units. """
    amount_out_raw: str
    """ Atoms. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        venue = self.venue

        pool = self.pool

        token_in = self.token_in

        token_out = self.token_out

        amount_in = self.amount_in

        amount_in_raw = self.amount_in_raw

        amount_out = self.amount_out

        amount_out_raw = self.amount_out_raw

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "venue": venue,
                "pool": pool,
                "token_in": token_in,
                "token_out": token_out,
                "amount_in": amount_in,
                "amount_in_raw": amount_in_raw,
                "amount_out": amount_out,
                "amount_out_raw": amount_out_raw,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        venue = d.pop("venue")

        pool = d.pop("pool")

        token_in = d.pop("token_in")

        token_out = d.pop("token_out")

        amount_in = d.pop("amount_in")

        amount_in_raw = d.pop("amount_in_raw")

        amount_out = d.pop("amount_out")

        amount_out_raw = d.pop("amount_out_raw")

        hop = cls(
            venue=venue,
            pool=pool,
            token_in=token_in,
            token_out=token_out,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
        )

        hop.additional_properties = d
        return hop

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
