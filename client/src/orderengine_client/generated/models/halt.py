from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.scope_enum import ScopeEnum, check_scope_enum

T = TypeVar("T", bound="Halt")


@_attrs_define
class Halt:
    """One pause that is in force."""

    scope: ScopeEnum
    chain: None | str
    account: None | str
    venue: None | str
    is_by_owner: bool
    """ The account itself may lift it. """
    reason: str
    since: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        scope: str = self.scope

        chain: None | str
        chain = self.chain

        account: None | str
        account = self.account

        venue: None | str
        venue = self.venue

        is_by_owner = self.is_by_owner

        reason = self.reason

        since = self.since.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "scope": scope,
                "chain": chain,
                "account": account,
                "venue": venue,
                "is_by_owner": is_by_owner,
                "reason": reason,
                "since": since,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        scope = check_scope_enum(d.pop("scope"))

        def _parse_chain(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        chain = _parse_chain(d.pop("chain"))

        def _parse_account(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        account = _parse_account(d.pop("account"))

        def _parse_venue(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        venue = _parse_venue(d.pop("venue"))

        is_by_owner = d.pop("is_by_owner")

        reason = d.pop("reason")

        since = datetime.datetime.fromisoformat(d.pop("since"))

        halt = cls(
            scope=scope,
            chain=chain,
            account=account,
            venue=venue,
            is_by_owner=is_by_owner,
            reason=reason,
            since=since,
        )

        halt.additional_properties = d
        return halt

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
