from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="VenueReportRow")


@_attrs_define
class VenueReportRow:
    """Sums over executed swaps through one venue, from one token to another."""

    group: None | str
    """ As `group_by` says; null in totals, and for orders that no key has placed. """
    chain: str
    token_in: str
    token_out: str
    orders: int | None
    """ Null in totals. """
    swaps: int
    """ Executed. """
    amount_in: None | str
    """ Executed. Token units; null: the token is not registered any more. """
    amount_in_raw: str
    """ Atoms. """
    amount_out: None | str
    """ Executed. Token units; null: the token is not registered any more. """
    amount_out_raw: str
    """ Atoms. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        group: None | str
        group = self.group

        chain = self.chain

        token_in = self.token_in

        token_out = self.token_out

        orders: int | None
        orders = self.orders

        swaps = self.swaps

        amount_in: None | str
        amount_in = self.amount_in

        amount_in_raw = self.amount_in_raw

        amount_out: None | str
        amount_out = self.amount_out

        amount_out_raw = self.amount_out_raw

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "group": group,
                "chain": chain,
                "token_in": token_in,
                "token_out": token_out,
                "orders": orders,
                "swaps": swaps,
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

        def _parse_group(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        group = _parse_group(d.pop("group"))

        chain = d.pop("chain")

        token_in = d.pop("token_in")

        token_out = d.pop("token_out")

        def _parse_orders(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        orders = _parse_orders(d.pop("orders"))

        swaps = d.pop("swaps")

        def _parse_amount_in(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_in = _parse_amount_in(d.pop("amount_in"))

        amount_in_raw = d.pop("amount_in_raw")

        def _parse_amount_out(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_out = _parse_amount_out(d.pop("amount_out"))

        amount_out_raw = d.pop("amount_out_raw")

        venue_report_row = cls(
            group=group,
            chain=chain,
            token_in=token_in,
            token_out=token_out,
            orders=orders,
            swaps=swaps,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
        )

        venue_report_row.additional_properties = d
        return venue_report_row

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
