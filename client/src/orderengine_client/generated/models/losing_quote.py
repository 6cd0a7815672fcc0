from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="LosingQuote")


@_attrs_define
class LosingQuote:
    """What one venue alone would have given, and how far that is behind the route."""

    venue: str
    amount_in: None | str
    """ Token units. """
    amount_in_raw: None | str
    """ Atoms. """
    amount_out: None | str
    """ Token units. """
    amount_out_raw: None | str
    """ Atoms. """
    code: None | str
    behind: None | str
    """ How much less it would have paid, or more it would have asked, in `cost_token`, net of network fees where
    those of all venues are known; negative: it would have been better. null: it refuses. """
    behind_raw: None | str
    """ Atoms. """
    behind_bps: None | str
    """ The same, of what that venue alone would have paid or asked. """
    net_amount_out: None | str | Unset = UNSET
    """ exact_in: output less the network fee, of its own route; null: not known. """
    net_amount_out_raw: None | str | Unset = UNSET
    """ Atoms. """
    net_amount_in: None | str | Unset = UNSET
    """ exact_out: input and the network fee, of its own route; null: not known. """
    net_amount_in_raw: None | str | Unset = UNSET
    """ Atoms. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        venue = self.venue

        amount_in: None | str
        amount_in = self.amount_in

        amount_in_raw: None | str
        amount_in_raw = self.amount_in_raw

        amount_out: None | str
        amount_out = self.amount_out

        amount_out_raw: None | str
        amount_out_raw = self.amount_out_raw

        code: None | str
        code = self.code

        behind: None | str
        behind = self.behind

        behind_raw: None | str
        behind_raw = self.behind_raw

        behind_bps: None | str
        behind_bps = self.behind_bps

        net_amount_out: None | str | Unset
        if isinstance(self.net_amount_out, Unset):
            net_amount_out = UNSET
        else:
            net_amount_out = self.net_amount_out

        net_amount_out_raw: None | str | Unset
        if isinstance(self.net_amount_out_raw, Unset):
            net_amount_out_raw = UNSET
        else:
            net_amount_out_raw = self.net_amount_out_raw

        net_amount_in: None | str | Unset
        if isinstance(self.net_amount_in, Unset):
            net_amount_in = UNSET
        else:
            net_amount_in = self.net_amount_in

        net_amount_in_raw: None | str | Unset
        if isinstance(self.net_amount_in_raw, Unset):
            net_amount_in_raw = UNSET
        else:
            net_amount_in_raw = self.net_amount_in_raw

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "venue": venue,
                "amount_in": amount_in,
                "amount_in_raw": amount_in_raw,
                "amount_out": amount_out,
                "amount_out_raw": amount_out_raw,
                "code": code,
                "behind": behind,
                "behind_raw": behind_raw,
                "behind_bps": behind_bps,
            }
        )
        if net_amount_out is not UNSET:
            field_dict["net_amount_out"] = net_amount_out
        if net_amount_out_raw is not UNSET:
            field_dict["net_amount_out_raw"] = net_amount_out_raw
        if net_amount_in is not UNSET:
            field_dict["net_amount_in"] = net_amount_in
        if net_amount_in_raw is not UNSET:
            field_dict["net_amount_in_raw"] = net_amount_in_raw

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        venue = d.pop("venue")

        def _parse_amount_in(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_in = _parse_amount_in(d.pop("amount_in"))

        def _parse_amount_in_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_in_raw = _parse_amount_in_raw(d.pop("amount_in_raw"))

        def _parse_amount_out(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_out = _parse_amount_out(d.pop("amount_out"))

        def _parse_amount_out_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_out_raw = _parse_amount_out_raw(d.pop("amount_out_raw"))

        def _parse_code(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        code = _parse_code(d.pop("code"))

        def _parse_behind(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        behind = _parse_behind(d.pop("behind"))

        def _parse_behind_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        behind_raw = _parse_behind_raw(d.pop("behind_raw"))

        def _parse_behind_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        behind_bps = _parse_behind_bps(d.pop("behind_bps"))

        def _parse_net_amount_out(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        net_amount_out = _parse_net_amount_out(d.pop("net_amount_out", UNSET))

        def _parse_net_amount_out_raw(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        net_amount_out_raw = _parse_net_amount_out_raw(d.pop("net_amount_out_raw", UNSET))

        def _parse_net_amount_in(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        net_amount_in = _parse_net_amount_in(d.pop("net_amount_in", UNSET))

        def _parse_net_amount_in_raw(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        net_amount_in_raw = _parse_net_amount_in_raw(d.pop("net_amount_in_raw", UNSET))

        losing_quote = cls(
            venue=venue,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
            code=code,
            behind=behind,
            behind_raw=behind_raw,
            behind_bps=behind_bps,
            net_amount_out=net_amount_out,
            net_amount_out_raw=net_amount_out_raw,
            net_amount_in=net_amount_in,
            net_amount_in_raw=net_amount_in_raw,
        )

        losing_quote.additional_properties = d
        return losing_quote

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
