from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Fills")


@_attrs_define
class Fills:
    """The caller's orders that were filled within the bucket in one direction."""

    orders: int
    """ How many. """
    amount_in: str
    """ What they gave. """
    amount_in_raw: str
    """ Atoms. """
    amount_out: str
    """ What they got. """
    amount_out_raw: str
    """ Atoms. """
    average_price: str
    """ Units of the pair's second token for one of its first. 12 significant digits, for display only. """
    newest_order_id: UUID
    """ The order that was filled last. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        orders = self.orders

        amount_in = self.amount_in

        amount_in_raw = self.amount_in_raw

        amount_out = self.amount_out

        amount_out_raw = self.amount_out_raw

        average_price = self.average_price

        newest_order_id = str(self.newest_order_id)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "orders": orders,
                "amount_in": amount_in,
                "amount_in_raw": amount_in_raw,
                "amount_out": amount_out,
                "amount_out_raw": amount_out_raw,
                "average_price": average_price,
                "newest_order_id": newest_order_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        orders = d.pop("orders")

        amount_in = d.pop("amount_in")

        amount_in_raw = d.pop("amount_in_raw")

        amount_out = d.pop("amount_out")

        amount_out_raw = d.pop("amount_out_raw")

        average_price = d.pop("average_price")

        newest_order_id = UUID(d.pop("newest_order_id"))

        fills = cls(
            orders=orders,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
            average_price=average_price,
            newest_order_id=newest_order_id,
        )

        fills.additional_properties = d
        return fills

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
