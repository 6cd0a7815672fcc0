from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.report_row import ReportRow
    from ..models.venue_report_row import VenueReportRow


T = TypeVar("T", bound="Report")


@_attrs_define
class Report:
    """Sums over the caller's orders; orders in archive files are not in it, `archived_months` says of which months."""

    group_by: str
    created_after: datetime.datetime | None
    created_before: datetime.datetime | None
    archived_months: list[str]
    results: list[ReportRow | VenueReportRow]
    """ By venue rows of swaps, else rows of orders. """
    totals: list[ReportRow | VenueReportRow]
    """ The same over all groups. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.report_row import ReportRow  # noqa: PLC0415

        group_by = self.group_by

        created_after: None | str
        if isinstance(self.created_after, datetime.datetime):
            created_after = self.created_after.isoformat()
        else:
            created_after = self.created_after

        created_before: None | str
        if isinstance(self.created_before, datetime.datetime):
            created_before = self.created_before.isoformat()
        else:
            created_before = self.created_before

        archived_months = self.archived_months

        results = []
        for results_item_data in self.results:
            results_item: dict[str, Any]
            if isinstance(results_item_data, ReportRow):
                results_item = results_item_data.to_dict()
            else:
                results_item = results_item_data.to_dict()

            results.append(results_item)

        totals = []
        for totals_item_data in self.totals:
            totals_item: dict[str, Any]
            if isinstance(totals_item_data, ReportRow):
                totals_item = totals_item_data.to_dict()
            else:
                totals_item = totals_item_data.to_dict()

            totals.append(totals_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "group_by": group_by,
                "created_after": created_after,
                "created_before": created_before,
                "archived_months": archived_months,
                "results": results,
                "totals": totals,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.report_row import ReportRow  # noqa: PLC0415
        from ..models.venue_report_row import VenueReportRow  # noqa: PLC0415

        d = dict(src_dict)
        group_by = d.pop("group_by")

        def _parse_created_after(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                created_after_type_0 = datetime.datetime.fromisoformat(data)

                return created_after_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        created_after = _parse_created_after(d.pop("created_after"))

        def _parse_created_before(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                created_before_type_0 = datetime.datetime.fromisoformat(data)

                return created_before_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        created_before = _parse_created_before(d.pop("created_before"))

        archived_months = cast(list[str], d.pop("archived_months"))

        results = []
        _results = d.pop("results")
        for results_item_data in _results:

            def _parse_results_item(data: object) -> ReportRow | VenueReportRow:
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    results_item_type_0 = ReportRow.from_dict(data)

                    return results_item_type_0
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                if not isinstance(data, dict):
                    raise TypeError()
                results_item_type_1 = VenueReportRow.from_dict(data)

                return results_item_type_1

            results_item = _parse_results_item(results_item_data)

            results.append(results_item)

        totals = []
        _totals = d.pop("totals")
        for totals_item_data in _totals:

            def _parse_totals_item(data: object) -> ReportRow | VenueReportRow:
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    totals_item_type_0 = ReportRow.from_dict(data)

                    return totals_item_type_0
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                if not isinstance(data, dict):
                    raise TypeError()
                totals_item_type_1 = VenueReportRow.from_dict(data)

                return totals_item_type_1

            totals_item = _parse_totals_item(totals_item_data)

            totals.append(totals_item)

        report = cls(
            group_by=group_by,
            created_after=created_after,
            created_before=created_before,
            archived_months=archived_months,
            results=results,
            totals=totals,
        )

        report.additional_properties = d
        return report

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
