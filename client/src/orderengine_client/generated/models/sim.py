from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.scenario_enum import ScenarioEnum, check_scenario_enum
from ..types import UNSET, Unset

T = TypeVar("T", bound="Sim")


@_attrs_define
class Sim:
    """What the simulated chain acts out for this order."""

    scenario: ScenarioEnum | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        scenario: str | Unset = UNSET
        if not isinstance(self.scenario, Unset):
            scenario = self.scenario

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if scenario is not UNSET:
            field_dict["scenario"] = scenario

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        _scenario = d.pop("scenario", UNSET)
        scenario: ScenarioEnum | Unset
        if isinstance(_scenario, Unset):
            scenario = UNSET
        else:
            scenario = check_scenario_enum(_scenario)

        sim = cls(
            scenario=scenario,
        )

        return sim
