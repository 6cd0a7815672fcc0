from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.side_enum import SideEnum, check_side_enum
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.fee_limits import FeeLimits
    from ..models.guards import Guards
    from ..models.network_fee import NetworkFee
    from ..models.route import Route


T = TypeVar("T", bound="Quote")


@_attrs_define
class Quote:
    """A timed answer; nothing is stored."""

    quote_id: str
    """ An order that names it is executed within its limit, or refused once it expires. """
    token_in: str
    token_out: str
    side: SideEnum
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
    network_fee: NetworkFee | None
    price: str
    """ token_out per token_in, for display only. """
    guards: Guards
    """ The owner's limits, as they hold. """
    fee: FeeLimits
    """ How much the order offers for its place in a block, and the most that its swaps may cost in all. """
    chain: str
    waiting_for: None | str
    """ What an order would wait for; null: nothing. """
    route: Route
    """ The whole plan, with its comparison. """
    quoted_at: datetime.datetime
    expires_at: datetime.datetime
    net_amount_out: None | str | Unset = UNSET
    """ exact_in: output less the network fee, as quoted; null: not known. """
    net_amount_out_raw: None | str | Unset = UNSET
    """ Atoms. """
    net_amount_in: None | str | Unset = UNSET
    """ exact_out: input and the network fee, as quoted; null: not known. """
    net_amount_in_raw: None | str | Unset = UNSET
    """ Atoms. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.network_fee import NetworkFee  # noqa: PLC0415

        quote_id = self.quote_id

        token_in = self.token_in

        token_out = self.token_out

        side: str = self.side

        amount_in = self.amount_in

        amount_in_raw = self.amount_in_raw

        amount_out = self.amount_out

        amount_out_raw = self.amount_out_raw

        min_amount_out = self.min_amount_out

        min_amount_out_raw = self.min_amount_out_raw

        max_amount_in = self.max_amount_in

        max_amount_in_raw = self.max_amount_in_raw

        network_fee: dict[str, Any] | None
        if isinstance(self.network_fee, NetworkFee):
            network_fee = self.network_fee.to_dict()
        else:
            network_fee = self.network_fee

        price = self.price

        guards = self.guards.to_dict()

        fee = self.fee.to_dict()

        chain = self.chain

        waiting_for: None | str
        waiting_for = self.waiting_for

        route = self.route.to_dict()

        quoted_at = self.quoted_at.isoformat()

        expires_at = self.expires_at.isoformat()

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
                "quote_id": quote_id,
                "token_in": token_in,
                "token_out": token_out,
                "side": side,
                "amount_in": amount_in,
                "amount_in_raw": amount_in_raw,
                "amount_out": amount_out,
                "amount_out_raw": amount_out_raw,
                "min_amount_out": min_amount_out,
                "min_amount_out_raw": min_amount_out_raw,
                "max_amount_in": max_amount_in,
                "max_amount_in_raw": max_amount_in_raw,
                "network_fee": network_fee,
                "price": price,
                "guards": guards,
                "fee": fee,
                "chain": chain,
                "waiting_for": waiting_for,
                "route": route,
                "quoted_at": quoted_at,
                "expires_at": expires_at,
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
        from ..models.fee_limits import FeeLimits  # noqa: PLC0415
        from ..models.guards import Guards  # noqa: PLC0415
        from ..models.network_fee import NetworkFee  # noqa: PLC0415
        from ..models.route import Route  # noqa: PLC0415

        d = dict(src_dict)
        quote_id = d.pop("quote_id")

        token_in = d.pop("token_in")

        token_out = d.pop("token_out")

        side = check_side_enum(d.pop("side"))

        amount_in = d.pop("amount_in")

        amount_in_raw = d.pop("amount_in_raw")

        amount_out = d.pop("amount_out")

        amount_out_raw = d.pop("amount_out_raw")

        min_amount_out = d.pop("min_amount_out")

        min_amount_out_raw = d.pop("min_amount_out_raw")

        max_amount_in = d.pop("max_amount_in")

        max_amount_in_raw = d.pop("max_amount_in_raw")

        def _parse_network_fee(data: object) -> NetworkFee | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                network_fee_type_0 = NetworkFee.from_dict(data)

                return network_fee_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(NetworkFee | None, data)

        network_fee = _parse_network_fee(d.pop("network_fee"))

        price = d.pop("price")

        guards = Guards.from_dict(d.pop("guards"))

        fee = FeeLimits.from_dict(d.pop("fee"))

        chain = d.pop("chain")

        def _parse_waiting_for(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        waiting_for = _parse_waiting_for(d.pop("waiting_for"))

        route = Route.from_dict(d.pop("route"))

        quoted_at = datetime.datetime.fromisoformat(d.pop("quoted_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

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

        quote = cls(
            quote_id=quote_id,
            token_in=token_in,
            token_out=token_out,
            side=side,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
            min_amount_out=min_amount_out,
            min_amount_out_raw=min_amount_out_raw,
            max_amount_in=max_amount_in,
            max_amount_in_raw=max_amount_in_raw,
            network_fee=network_fee,
            price=price,
            guards=guards,
            fee=fee,
            chain=chain,
            waiting_for=waiting_for,
            route=route,
            quoted_at=quoted_at,
            expires_at=expires_at,
            net_amount_out=net_amount_out,
            net_amount_out_raw=net_amount_out_raw,
            net_amount_in=net_amount_in,
            net_amount_in_raw=net_amount_in_raw,
        )

        quote.additional_properties = d
        return quote

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
