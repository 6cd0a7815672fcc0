from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_status_enum import OrderStatusEnum, check_order_status_enum

if TYPE_CHECKING:
    from ..models.cost import Cost


T = TypeVar("T", bound="ChildExecution")


@_attrs_define
class ChildExecution:
    """A child of the order; its own /execution has the rest."""

    id: UUID
    status: OrderStatusEnum
    outcome: None | str
    amount_in: None | str
    """ Token units. """
    amount_in_raw: None | str
    """ Atoms. """
    amount_out: None | str
    """ Token units. """
    amount_out_raw: None | str
    """ Atoms. """
    vs_arrival: Cost | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.cost import Cost  # noqa: PLC0415

        id = str(self.id)

        status: str = self.status

        outcome: None | str
        outcome = self.outcome

        amount_in: None | str
        amount_in = self.amount_in

        amount_in_raw: None | str
        amount_in_raw = self.amount_in_raw

        amount_out: None | str
        amount_out = self.amount_out

        amount_out_raw: None | str
        amount_out_raw = self.amount_out_raw

        vs_arrival: dict[str, Any] | None
        if isinstance(self.vs_arrival, Cost):
            vs_arrival = self.vs_arrival.to_dict()
        else:
            vs_arrival = self.vs_arrival

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "status": status,
                "outcome": outcome,
                "amount_in": amount_in,
                "amount_in_raw": amount_in_raw,
                "amount_out": amount_out,
                "amount_out_raw": amount_out_raw,
                "vs_arrival": vs_arrival,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.cost import Cost  # noqa: PLC0415

        d = dict(src_dict)
        id = UUID(d.pop("id"))

        status = check_order_status_enum(d.pop("status"))

        def _parse_outcome(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        outcome = _parse_outcome(d.pop("outcome"))

        def _parse_amount_in(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_in = _parse_amount_in(d.pop("amount_in"))

        def _parse_amount_in_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_in_raw = _parse_amount_in_raw(d.pop("amount_in_raw"))

        def _parse_amount_out(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_out = _parse_amount_out(d.pop("amount_out"))

        def _parse_amount_out_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_out_raw = _parse_amount_out_raw(d.pop("amount_out_raw"))

        def _parse_vs_arrival(data: object) -> Cost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                vs_arrival_type_0 = Cost.from_dict(data)

                return vs_arrival_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Cost | None, data)

        vs_arrival = _parse_vs_arrival(d.pop("vs_arrival"))

        child_execution = cls(
            id=id,
            status=status,
            outcome=outcome,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
            vs_arrival=vs_arrival,
        )

        child_execution.additional_properties = d
        return child_execution

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
