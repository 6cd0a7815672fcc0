from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.route import Route


T = TypeVar("T", bound="Replay")


@_attrs_define
class Replay:
    """The route that the order's own market gives with these settings, beside the one of then. Nothing is changed."""

    order_id: UUID
    market_hash: str
    side: str
    token_in: str
    token_out: str
    amount_in: str
    """ Token units. """
    amount_in_raw: str
    """ Atoms. """
    amount_out: str
    """ Token units. """
    amount_out_raw: str
    """ Atoms. """
    min_amount_out: str
    """ Token units. """
    min_amount_out_raw: str
    """ Atoms. """
    max_amount_in: str
    """ Token units. """
    max_amount_in_raw: str
    """ Atoms. """
    is_same_route: bool
    """ Whether it is the route of then, to the atom. """
    quoted_amount_in: None | str
    """ Then. """
    quoted_amount_in_raw: None | str
    """ Atoms. """
    quoted_amount_out: None | str
    """ Then. """
    quoted_amount_out_raw: None | str
    """ Atoms. """
    better_than_quoted_bps: None | str
    """ By how much the average price is better for the owner than the one quoted then; below 0: worse. """
    better_than_executed_bps: None | str
    """ The same against what was executed; null: nothing was. """
    route: Route
    """ The whole plan, with its comparison. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        order_id = str(self.order_id)

        market_hash = self.market_hash

        side = self.side

        token_in = self.token_in

        token_out = self.token_out

        amount_in = self.amount_in

        amount_in_raw = self.amount_in_raw

        amount_out = self.amount_out

        amount_out_raw = self.amount_out_raw

        min_amount_out = self.min_amount_out

        min_amount_out_raw = self.min_amount_out_raw

        max_amount_in = self.max_amount_in

        max_amount_in_raw = self.max_amount_in_raw

        is_same_route = self.is_same_route

        quoted_amount_in: None | str
        quoted_amount_in = self.quoted_amount_in

        quoted_amount_in_raw: None | str
        quoted_amount_in_raw = self.quoted_amount_in_raw

        quoted_amount_out: None | str
        quoted_amount_out = self.quoted_amount_out

        quoted_amount_out_raw: None | str
        quoted_amount_out_raw = self.quoted_amount_out_raw

        better_than_quoted_bps: None | str
        better_than_quoted_bps = self.better_than_quoted_bps

        better_than_executed_bps: None | str
        better_than_executed_bps = self.better_than_executed_bps

        route = self.route.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_id": order_id,
                "market_hash": market_hash,
                "side": side,
                "token_in": token_in,
                "token_out": token_out,
                "amount_in": amount_in,
                "amount_in_raw": amount_in_raw,
                "amount_out": amount_out,
                "amount_out_raw": amount_out_raw,
                "min_amount_out": min_amount_out,
                "min_amount_out_raw": min_amount_out_raw,
                "max_amount_in": max_amount_in,
                "max_amount_in_raw": max_amount_in_raw,
                "is_same_route": is_same_route,
                "quoted_amount_in": quoted_amount_in,
                "quoted_amount_in_raw": quoted_amount_in_raw,
                "quoted_amount_out": quoted_amount_out,
                "quoted_amount_out_raw": quoted_amount_out_raw,
                "better_than_quoted_bps": better_than_quoted_bps,
                "better_than_executed_bps": better_than_executed_bps,
                "route": route,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.route import Route  # noqa: PLC0415

        d = dict(src_dict)
        order_id = UUID(d.pop("order_id"))

        market_hash = d.pop("market_hash")

        side = d.pop("side")

        token_in = d.pop("token_in")

        token_out = d.pop("token_out")

        amount_in = d.pop("amount_in")

        amount_in_raw = d.pop("amount_in_raw")

        amount_out = d.pop("amount_out")

        amount_out_raw = d.pop("amount_out_raw")

        min_amount_out = d.pop("min_amount_out")

        min_amount_out_raw = d.pop("min_amount_out_raw")

        max_amount_in = d.pop("max_amount_in")

        max_amount_in_raw = d.pop("max_amount_in_raw")

        is_same_route = d.pop("is_same_route")

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

        def _parse_better_than_quoted_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        better_than_quoted_bps = _parse_better_than_quoted_bps(d.pop("better_than_quoted_bps"))

        def _parse_better_than_executed_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        better_than_executed_bps = _parse_better_than_executed_bps(d.pop("better_than_executed_bps"))

        route = Route.from_dict(d.pop("route"))

        replay = cls(
            order_id=order_id,
            market_hash=market_hash,
            side=side,
            token_in=token_in,
            token_out=token_out,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
            min_amount_out=min_amount_out,
            min_amount_out_raw=min_amount_out_raw,
            max_amount_in=max_amount_in,
            max_amount_in_raw=max_amount_in_raw,
            is_same_route=is_same_route,
            quoted_amount_in=quoted_amount_in,
            quoted_amount_in_raw=quoted_amount_in_raw,
            quoted_amount_out=quoted_amount_out,
            quoted_amount_out_raw=quoted_amount_out_raw,
            better_than_quoted_bps=better_than_quoted_bps,
            better_than_executed_bps=better_than_executed_bps,
            route=route,
        )

        replay.additional_properties = d
        return replay

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
