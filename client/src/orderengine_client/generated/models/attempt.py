from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Attempt")


@_attrs_define
class Attempt:
    """One try at executing the order, and what it came to."""

    attempt: int
    began_at: datetime.datetime
    quoted_at: datetime.datetime | None
    quoted_amount_in: None | str
    """ Token units. """
    quoted_amount_in_raw: None | str
    """ Atoms. """
    quoted_amount_out: None | str
    """ Token units. """
    quoted_amount_out_raw: None | str
    """ Atoms. """
    tx_hashes: list[str]
    result: None | str
    """ `filled`, or the code of the problem that ended it; null: none yet. """
    detail: None | str
    """ The same in words. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempt = self.attempt

        began_at = self.began_at.isoformat()

        quoted_at: None | str
        if isinstance(self.quoted_at, datetime.datetime):
            quoted_at = self.quoted_at.isoformat()
        else:
            quoted_at = self.quoted_at

        quoted_amount_in: None | str
        quoted_amount_in = self.quoted_amount_in

        quoted_amount_in_raw: None | str
        quoted_amount_in_raw = self.quoted_amount_in_raw

        quoted_amount_out: None | str
        quoted_amount_out = self.quoted_amount_out

        quoted_amount_out_raw: None | str
        quoted_amount_out_raw = self.quoted_amount_out_raw

        tx_hashes = self.tx_hashes

        result: None | str
        result = self.result

        detail: None | str
        detail = self.detail

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempt": attempt,
                "began_at": began_at,
                "quoted_at": quoted_at,
                "quoted_amount_in": quoted_amount_in,
                "quoted_amount_in_raw": quoted_amount_in_raw,
                "quoted_amount_out": quoted_amount_out,
                "quoted_amount_out_raw": quoted_amount_out_raw,
                "tx_hashes": tx_hashes,
                "result": result,
                "detail": detail,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        attempt = d.pop("attempt")

        began_at = datetime.datetime.fromisoformat(d.pop("began_at"))

        def _parse_quoted_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                quoted_at_type_0 = datetime.datetime.fromisoformat(data)

                return quoted_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        quoted_at = _parse_quoted_at(d.pop("quoted_at"))

        def _parse_quoted_amount_in(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        quoted_amount_in = _parse_quoted_amount_in(d.pop("quoted_amount_in"))

        def _parse_quoted_amount_in_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        quoted_amount_in_raw = _parse_quoted_amount_in_raw(d.pop("quoted_amount_in_raw"))

        def _parse_quoted_amount_out(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        quoted_amount_out = _parse_quoted_amount_out(d.pop("quoted_amount_out"))

        def _parse_quoted_amount_out_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        quoted_amount_out_raw = _parse_quoted_amount_out_raw(d.pop("quoted_amount_out_raw"))

        tx_hashes = cast(list[str], d.pop("tx_hashes"))

        def _parse_result(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        result = _parse_result(d.pop("result"))

        def _parse_detail(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        detail = _parse_detail(d.pop("detail"))

        attempt = cls(
            attempt=attempt,
            began_at=began_at,
            quoted_at=quoted_at,
            quoted_amount_in=quoted_amount_in,
            quoted_amount_in_raw=quoted_amount_in_raw,
            quoted_amount_out=quoted_amount_out,
            quoted_amount_out_raw=quoted_amount_out_raw,
            tx_hashes=tx_hashes,
            result=result,
            detail=detail,
        )

        attempt.additional_properties = d
        return attempt

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
