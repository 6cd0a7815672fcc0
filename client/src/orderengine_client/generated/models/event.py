from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_status_enum import OrderStatusEnum, check_order_status_enum

if TYPE_CHECKING:
    from ..models.event_data import EventData


T = TypeVar("T", bound="Event")


@_attrs_define
class Event:
    """One fact about an order; the WebSocket sends the same record."""

    type_: str
    cursor: str
    order_id: UUID
    seq: int
    status: OrderStatusEnum
    attempt: int
    outcome: None | str
    at: datetime.datetime
    took_ms: int
    data: EventData
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_

        cursor = self.cursor

        order_id = str(self.order_id)

        seq = self.seq

        status: str = self.status

        attempt = self.attempt

        outcome: None | str
        outcome = self.outcome

        at = self.at.isoformat()

        took_ms = self.took_ms

        data = self.data.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "cursor": cursor,
                "order_id": order_id,
                "seq": seq,
                "status": status,
                "attempt": attempt,
                "outcome": outcome,
                "at": at,
                "took_ms": took_ms,
                "data": data,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.event_data import EventData  # noqa: PLC0415

        d = dict(src_dict)
        type_ = d.pop("type")

        cursor = d.pop("cursor")

        order_id = UUID(d.pop("order_id"))

        seq = d.pop("seq")

        status = check_order_status_enum(d.pop("status"))

        attempt = d.pop("attempt")

        def _parse_outcome(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        outcome = _parse_outcome(d.pop("outcome"))

        at = datetime.datetime.fromisoformat(d.pop("at"))

        took_ms = d.pop("took_ms")

        data = EventData.from_dict(d.pop("data"))

        event = cls(
            type_=type_,
            cursor=cursor,
            order_id=order_id,
            seq=seq,
            status=status,
            attempt=attempt,
            outcome=outcome,
            at=at,
            took_ms=took_ms,
            data=data,
        )

        event.additional_properties = d
        return event

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
