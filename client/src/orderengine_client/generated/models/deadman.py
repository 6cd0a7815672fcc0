from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.state_enum import StateEnum, check_state_enum

T = TypeVar("T", bound="Deadman")


@_attrs_define
class Deadman:
    """The account's dead-man switch."""

    state: StateEnum
    timeout_s: int | None
    due_at: datetime.datetime | None
    """ When it fires. """
    renewed_at: datetime.datetime | None
    fired_at: datetime.datetime | None
    """ When it fired; beside armed: when it had fired before this request armed it again. """
    is_cancelling: bool
    """ It has fired, and orders are left that it cancels. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        state: str = self.state

        timeout_s: int | None
        timeout_s = self.timeout_s

        due_at: None | str
        if isinstance(self.due_at, datetime.datetime):
            due_at = self.due_at.isoformat()
        else:
            due_at = self.due_at

        renewed_at: None | str
        if isinstance(self.renewed_at, datetime.datetime):
            renewed_at = self.renewed_at.isoformat()
        else:
            renewed_at = self.renewed_at

        fired_at: None | str
        if isinstance(self.fired_at, datetime.datetime):
            fired_at = self.fired_at.isoformat()
        else:
            fired_at = self.fired_at

        is_cancelling = self.is_cancelling

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "state": state,
                "timeout_s": timeout_s,
                "due_at": due_at,
                "renewed_at": renewed_at,
                "fired_at": fired_at,
                "is_cancelling": is_cancelling,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        state = check_state_enum(d.pop("state"))

        def _parse_timeout_s(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        timeout_s = _parse_timeout_s(d.pop("timeout_s"))

        def _parse_due_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                due_at_type_0 = datetime.datetime.fromisoformat(data)

                return due_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        due_at = _parse_due_at(d.pop("due_at"))

        def _parse_renewed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                renewed_at_type_0 = datetime.datetime.fromisoformat(data)

                return renewed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        renewed_at = _parse_renewed_at(d.pop("renewed_at"))

        def _parse_fired_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                fired_at_type_0 = datetime.datetime.fromisoformat(data)

                return fired_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        fired_at = _parse_fired_at(d.pop("fired_at"))

        is_cancelling = d.pop("is_cancelling")

        deadman = cls(
            state=state,
            timeout_s=timeout_s,
            due_at=due_at,
            renewed_at=renewed_at,
            fired_at=fired_at,
            is_cancelling=is_cancelling,
        )

        deadman.additional_properties = d
        return deadman

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
