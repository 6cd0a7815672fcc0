from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.strategy_enum import StrategyEnum, check_strategy_enum

T = TypeVar("T", bound="FeeLimits")


@_attrs_define
class FeeLimits:
    """How much the order offers for its place in a block, and the most that its swaps may cost in all."""

    strategy: StrategyEnum
    max_native: None | str
    """ Units of the chain's own token; null: no limit. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        strategy: str = self.strategy

        max_native: None | str
        max_native = self.max_native

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "strategy": strategy,
                "max_native": max_native,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        strategy = check_strategy_enum(d.pop("strategy"))

        def _parse_max_native(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        max_native = _parse_max_native(d.pop("max_native"))

        fee_limits = cls(
            strategy=strategy,
            max_native=max_native,
        )

        fee_limits.additional_properties = d
        return fee_limits

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
