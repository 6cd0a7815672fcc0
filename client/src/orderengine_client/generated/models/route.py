from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.hop import Hop
    from ..models.leg import Leg
    from ..models.network_fee import NetworkFee
    from ..models.venue_quote import VenueQuote


T = TypeVar("T", bound="Route")


@_attrs_define
class Route:
    """The whole plan, with its comparison."""

    token_in: str
    token_out: str
    legs: list[Leg]
    """ Paths that add up to the route. """
    swaps: list[Hop]
    """ Each pool once: sold only after everything that buys it. """
    swap_count: int
    """ How many swaps that is. """
    network_fee: NetworkFee | None
    gap_bps: None | str
    """ How far the net amount is from that bound, at most. """
    best_single_venue: None | str
    saved_bps: None | str
    """ Better than the best single venue by, net of network fees where all of them are known. """
    price_impact_bps: str
    """ How much worse the order's own size makes its price. """
    mid_amount_out: str
    """ The same input at the marginal prices, without fee or impact. """
    mid_amount_out_raw: str
    """ Atoms. """
    snapshot_version: int
    """ Block that was priced. """
    venue_quotes: list[VenueQuote]
    net_amount_out: None | str | Unset = UNSET
    """ exact_in: output less the network fee, as quoted; null: not known. """
    net_amount_out_raw: None | str | Unset = UNSET
    """ Atoms. """
    net_amount_in: None | str | Unset = UNSET
    """ exact_out: input and the network fee, as quoted; null: not known. """
    net_amount_in_raw: None | str | Unset = UNSET
    """ Atoms. """
    upper_bound: None | str | Unset = UNSET
    """ exact_in: no route of any shape pays more, net of the network fee. """
    upper_bound_raw: None | str | Unset = UNSET
    """ Atoms. """
    lower_bound: None | str | Unset = UNSET
    """ exact_out: no route of any shape costs less, network fee included. """
    lower_bound_raw: None | str | Unset = UNSET
    """ Atoms. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.network_fee import NetworkFee  # noqa: PLC0415

        token_in = self.token_in

        token_out = self.token_out

        legs = []
        for legs_item_data in self.legs:
            legs_item = legs_item_data.to_dict()
            legs.append(legs_item)

        swaps = []
        for swaps_item_data in self.swaps:
            swaps_item = swaps_item_data.to_dict()
            swaps.append(swaps_item)

        swap_count = self.swap_count

        network_fee: dict[str, Any] | None
        if isinstance(self.network_fee, NetworkFee):
            network_fee = self.network_fee.to_dict()
        else:
            network_fee = self.network_fee

        gap_bps: None | str
        gap_bps = self.gap_bps

        best_single_venue: None | str
        best_single_venue = self.best_single_venue

        saved_bps: None | str
        saved_bps = self.saved_bps

        price_impact_bps = self.price_impact_bps

        mid_amount_out = self.mid_amount_out

        mid_amount_out_raw = self.mid_amount_out_raw

        snapshot_version = self.snapshot_version

        venue_quotes = []
        for venue_quotes_item_data in self.venue_quotes:
            venue_quotes_item = venue_quotes_item_data.to_dict()
            venue_quotes.append(venue_quotes_item)

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

        upper_bound: None | str | Unset
        if isinstance(self.upper_bound, Unset):
            upper_bound = UNSET
        else:
            upper_bound = self.upper_bound

        upper_bound_raw: None | str | Unset
        if isinstance(self.upper_bound_raw, Unset):
            upper_bound_raw = UNSET
        else:
            upper_bound_raw = self.upper_bound_raw

        lower_bound: None | str | Unset
        if isinstance(self.lower_bound, Unset):
            lower_bound = UNSET
        else:
            lower_bound = self.lower_bound

        lower_bound_raw: None | str | Unset
        if isinstance(self.lower_bound_raw, Unset):
            lower_bound_raw = UNSET
        else:
            lower_bound_raw = self.lower_bound_raw

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "token_in": token_in,
                "token_out": token_out,
                "legs": legs,
                "swaps": swaps,
                "swap_count": swap_count,
                "network_fee": network_fee,
                "gap_bps": gap_bps,
                "best_single_venue": best_single_venue,
                "saved_bps": saved_bps,
                "price_impact_bps": price_impact_bps,
                "mid_amount_out": mid_amount_out,
                "mid_amount_out_raw": mid_amount_out_raw,
                "snapshot_version": snapshot_version,
                "venue_quotes": venue_quotes,
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
        if upper_bound is not UNSET:
            field_dict["upper_bound"] = upper_bound
        if upper_bound_raw is not UNSET:
            field_dict["upper_bound_raw"] = upper_bound_raw
        if lower_bound is not UNSET:
            field_dict["lower_bound"] = lower_bound
        if lower_bound_raw is not UNSET:
            field_dict["lower_bound_raw"] = lower_bound_raw

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.hop import Hop  # noqa: PLC0415
        from ..models.leg import Leg  # noqa: PLC0415
        from ..models.network_fee import NetworkFee  # noqa: PLC0415
        from ..models.venue_quote import VenueQuote  # noqa: PLC0415

        d = dict(src_dict)
        token_in = d.pop("token_in")

        token_out = d.pop("token_out")

        legs = []
        _legs = d.pop("legs")
        for legs_item_data in _legs:
            legs_item = Leg.from_dict(legs_item_data)

            legs.append(legs_item)

        swaps = []
        _swaps = d.pop("swaps")
        for swaps_item_data in _swaps:
            swaps_item = Hop.from_dict(swaps_item_data)

            swaps.append(swaps_item)

        swap_count = d.pop("swap_count")

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

        def _parse_gap_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        gap_bps = _parse_gap_bps(d.pop("gap_bps"))

        def _parse_best_single_venue(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        best_single_venue = _parse_best_single_venue(d.pop("best_single_venue"))

        def _parse_saved_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        saved_bps = _parse_saved_bps(d.pop("saved_bps"))

        price_impact_bps = d.pop("price_impact_bps")

        mid_amount_out = d.pop("mid_amount_out")

        mid_amount_out_raw = d.pop("mid_amount_out_raw")

        snapshot_version = d.pop("snapshot_version")

        venue_quotes = []
        _venue_quotes = d.pop("venue_quotes")
        for venue_quotes_item_data in _venue_quotes:
            venue_quotes_item = VenueQuote.from_dict(venue_quotes_item_data)

            venue_quotes.append(venue_quotes_item)

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

        def _parse_upper_bound(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        upper_bound = _parse_upper_bound(d.pop("upper_bound", UNSET))

        def _parse_upper_bound_raw(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        upper_bound_raw = _parse_upper_bound_raw(d.pop("upper_bound_raw", UNSET))

        def _parse_lower_bound(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        lower_bound = _parse_lower_bound(d.pop("lower_bound", UNSET))

        def _parse_lower_bound_raw(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        lower_bound_raw = _parse_lower_bound_raw(d.pop("lower_bound_raw", UNSET))

        route = cls(
            token_in=token_in,
            token_out=token_out,
            legs=legs,
            swaps=swaps,
            swap_count=swap_count,
            network_fee=network_fee,
            gap_bps=gap_bps,
            best_single_venue=best_single_venue,
            saved_bps=saved_bps,
            price_impact_bps=price_impact_bps,
            mid_amount_out=mid_amount_out,
            mid_amount_out_raw=mid_amount_out_raw,
            snapshot_version=snapshot_version,
            venue_quotes=venue_quotes,
            net_amount_out=net_amount_out,
            net_amount_out_raw=net_amount_out_raw,
            net_amount_in=net_amount_in,
            net_amount_in_raw=net_amount_in_raw,
            upper_bound=upper_bound,
            upper_bound_raw=upper_bound_raw,
            lower_bound=lower_bound,
            lower_bound_raw=lower_bound_raw,
        )

        route.additional_properties = d
        return route

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
