from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.dry_run_order_twap_type_0_catch_up import (
    DryRunOrderTwapType0CatchUp,
    check_dry_run_order_twap_type_0_catch_up,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="DryRunOrderTwapType0")


@_attrs_define
class DryRunOrderTwapType0:
    slices: int | Unset = UNSET
    """ How many child orders. """
    interval_s: int | Unset = UNSET
    """ Seconds from the turn of one slice to that of the next. """
    start_at: datetime.datetime | Unset = UNSET
    """ The first slice's turn; at once without one. """
    jitter_percent: int | Unset = UNSET
    """ Each slice comes later by a random share of the interval, up to this percentage. """
    catch_up: DryRunOrderTwapType0CatchUp | Unset = UNSET
    """ What slices have left that had no turn, or were not filled: all slices to come share it (skip), or the next
    one trades it (immediate). """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        slices = self.slices

        interval_s = self.interval_s

        start_at: str | Unset = UNSET
        if not isinstance(self.start_at, Unset):
            start_at = self.start_at.isoformat()

        jitter_percent = self.jitter_percent

        catch_up: str | Unset = UNSET
        if not isinstance(self.catch_up, Unset):
            catch_up = self.catch_up

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if slices is not UNSET:
            field_dict["slices"] = slices
        if interval_s is not UNSET:
            field_dict["interval_s"] = interval_s
        if start_at is not UNSET:
            field_dict["start_at"] = start_at
        if jitter_percent is not UNSET:
            field_dict["jitter_percent"] = jitter_percent
        if catch_up is not UNSET:
            field_dict["catch_up"] = catch_up

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        slices = d.pop("slices", UNSET)

        interval_s = d.pop("interval_s", UNSET)

        _start_at = d.pop("start_at", UNSET)
        start_at: datetime.datetime | Unset
        if isinstance(_start_at, Unset):
            start_at = UNSET
        else:
            start_at = datetime.datetime.fromisoformat(_start_at)

        jitter_percent = d.pop("jitter_percent", UNSET)

        _catch_up = d.pop("catch_up", UNSET)
        catch_up: DryRunOrderTwapType0CatchUp | Unset
        if isinstance(_catch_up, Unset):
            catch_up = UNSET
        else:
            catch_up = check_dry_run_order_twap_type_0_catch_up(_catch_up)

        dry_run_order_twap_type_0 = cls(
            slices=slices,
            interval_s=interval_s,
            start_at=start_at,
            jitter_percent=jitter_percent,
            catch_up=catch_up,
        )

        dry_run_order_twap_type_0.additional_properties = d
        return dry_run_order_twap_type_0

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
