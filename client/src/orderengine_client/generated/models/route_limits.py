from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="RouteLimits")


@_attrs_define
class RouteLimits:
    """Where the order may trade, and how large its route may be; null: no limit."""

    allow: list[str] | None
    deny: list[str]
    deny_tokens: list[str]
    max_legs: int | None
    max_hops: int | None
    max_swaps: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        allow: list[str] | None
        if isinstance(self.allow, list):
            allow = self.allow

        else:
            allow = self.allow

        deny = self.deny

        deny_tokens = self.deny_tokens

        max_legs: int | None
        max_legs = self.max_legs

        max_hops: int | None
        max_hops = self.max_hops

        max_swaps: int | None
        max_swaps = self.max_swaps

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "allow": allow,
                "deny": deny,
                "deny_tokens": deny_tokens,
                "max_legs": max_legs,
                "max_hops": max_hops,
                "max_swaps": max_swaps,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_allow(data: object) -> list[str] | None:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                allow_type_0 = cast(list[str], data)

                return allow_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None, data)

        allow = _parse_allow(d.pop("allow"))

        deny = cast(list[str], d.pop("deny"))

        deny_tokens = cast(list[str], d.pop("deny_tokens"))

        def _parse_max_legs(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        max_legs = _parse_max_legs(d.pop("max_legs"))

        def _parse_max_hops(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        max_hops = _parse_max_hops(d.pop("max_hops"))

        def _parse_max_swaps(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        max_swaps = _parse_max_swaps(d.pop("max_swaps"))

        route_limits = cls(
            allow=allow,
            deny=deny,
            deny_tokens=deny_tokens,
            max_legs=max_legs,
            max_hops=max_hops,
            max_swaps=max_swaps,
        )

        route_limits.additional_properties = d
        return route_limits

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
