from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="NetworkFee")


@_attrs_define
class NetworkFee:
    """What the network charges, in the chain's own token."""

    token: str
    amount: str
    """ Token units. """
    amount_raw: str
    """ Atoms. """
    value: None | str
    """ The same in token_out for exact_in, in token_in for exact_out, at what the pools gave for it; null: not
    known. """
    value_raw: None | str
    """ Atoms. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        token = self.token

        amount = self.amount

        amount_raw = self.amount_raw

        value: None | str
        value = self.value

        value_raw: None | str
        value_raw = self.value_raw

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "token": token,
                "amount": amount,
                "amount_raw": amount_raw,
                "value": value,
                "value_raw": value_raw,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        token = d.pop("token")

        amount = d.pop("amount")

        amount_raw = d.pop("amount_raw")

        def _parse_value(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        value = _parse_value(d.pop("value"))

        def _parse_value_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        value_raw = _parse_value_raw(d.pop("value_raw"))

        network_fee = cls(
            token=token,
            amount=amount,
            amount_raw=amount_raw,
            value=value,
            value_raw=value_raw,
        )

        network_fee.additional_properties = d
        return network_fee

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
