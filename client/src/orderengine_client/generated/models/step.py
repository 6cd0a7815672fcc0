from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_status_enum import OrderStatusEnum, check_order_status_enum

T = TypeVar("T", bound="Step")


@_attrs_define
class Step:
    """An event of the order, and the time that it took to it."""

    seq: int
    status: OrderStatusEnum
    attempt: int
    at: datetime.datetime
    took_ms: int
    """ Since the event before. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        seq = self.seq

        status: str = self.status

        attempt = self.attempt

        at = self.at.isoformat()

        took_ms = self.took_ms

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "seq": seq,
                "status": status,
                "attempt": attempt,
                "at": at,
                "took_ms": took_ms,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        seq = d.pop("seq")

        status = check_order_status_enum(d.pop("status"))

        attempt = d.pop("attempt")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        took_ms = d.pop("took_ms")

        step = cls(
            seq=seq,
            status=status,
            attempt=attempt,
            at=at,
            took_ms=took_ms,
        )

        step.additional_properties = d
        return step

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
