from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_status_enum import OrderStatusEnum, check_order_status_enum
from ..models.result_enum import ResultEnum, check_result_enum

T = TypeVar("T", bound="Cancelled")


@_attrs_define
class Cancelled:
    """What became of one order. too_late: its cancel is stored, the chain decides; already_ended: it ended meanwhile."""

    id: UUID
    client_order_id: None | str
    result: ResultEnum
    status: OrderStatusEnum
    outcome: None | str
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        client_order_id: None | str
        client_order_id = self.client_order_id

        result: str = self.result

        status: str = self.status

        outcome: None | str
        outcome = self.outcome

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "client_order_id": client_order_id,
                "result": result,
                "status": status,
                "outcome": outcome,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        def _parse_client_order_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        client_order_id = _parse_client_order_id(d.pop("client_order_id"))

        result = check_result_enum(d.pop("result"))

        status = check_order_status_enum(d.pop("status"))

        def _parse_outcome(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        outcome = _parse_outcome(d.pop("outcome"))

        version = d.pop("version")

        cancelled = cls(
            id=id,
            client_order_id=client_order_id,
            result=result,
            status=status,
            outcome=outcome,
            version=version,
        )

        cancelled.additional_properties = d
        return cancelled

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
