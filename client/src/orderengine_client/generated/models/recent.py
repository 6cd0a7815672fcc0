from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.venue_record import VenueRecord


T = TypeVar("T", bound="Recent")


@_attrs_define
class Recent:
    """How the newest orders that have ended went, 200 at most; without parents, whose children are among them."""

    orders: int
    since: datetime.datetime | None
    """ When the oldest of them was placed; null: there is none. """
    measured: int
    """ Market orders among them, without parts and linked ones. """
    took_ms_p50: int | None
    """ Of these, from acceptance to the end. """
    took_ms_p99: int | None
    """ Of these. """
    venues: list[VenueRecord]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        orders = self.orders

        since: None | str
        if isinstance(self.since, datetime.datetime):
            since = self.since.isoformat()
        else:
            since = self.since

        measured = self.measured

        took_ms_p50: int | None
        took_ms_p50 = self.took_ms_p50

        took_ms_p99: int | None
        took_ms_p99 = self.took_ms_p99

        venues = []
        for venues_item_data in self.venues:
            venues_item = venues_item_data.to_dict()
            venues.append(venues_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "orders": orders,
                "since": since,
                "measured": measured,
                "took_ms_p50": took_ms_p50,
                "took_ms_p99": took_ms_p99,
                "venues": venues,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.venue_record import VenueRecord  # noqa: PLC0415

        d = dict(src_dict)
        orders = d.pop("orders")

        def _parse_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                since_type_0 = datetime.datetime.fromisoformat(data)

                return since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        since = _parse_since(d.pop("since"))

        measured = d.pop("measured")

        def _parse_took_ms_p50(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        took_ms_p50 = _parse_took_ms_p50(d.pop("took_ms_p50"))

        def _parse_took_ms_p99(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        took_ms_p99 = _parse_took_ms_p99(d.pop("took_ms_p99"))

        venues = []
        _venues = d.pop("venues")
        for venues_item_data in _venues:
            venues_item = VenueRecord.from_dict(venues_item_data)

            venues.append(venues_item)

        recent = cls(
            orders=orders,
            since=since,
            measured=measured,
            took_ms_p50=took_ms_p50,
            took_ms_p99=took_ms_p99,
            venues=venues,
        )

        recent.additional_properties = d
        return recent

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
