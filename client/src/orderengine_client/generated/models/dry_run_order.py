from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.dry_run_order_liquidity_token_type_0 import (
    DryRunOrderLiquidityTokenType0,
    check_dry_run_order_liquidity_token_type_0,
)
from ..models.dry_run_order_trigger_source_type_0 import (
    DryRunOrderTriggerSourceType0,
    check_dry_run_order_trigger_source_type_0,
)
from ..models.dry_run_order_trigger_type_0 import (
    DryRunOrderTriggerType0,
    check_dry_run_order_trigger_type_0,
)
from ..models.order_status_enum import OrderStatusEnum, check_order_status_enum
from ..models.side_enum import SideEnum, check_side_enum
from ..models.time_in_force_enum import TimeInForceEnum, check_time_in_force_enum
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.dry_run_order_tags import DryRunOrderTags
    from ..models.dry_run_order_twap_type_0 import DryRunOrderTwapType0
    from ..models.fee_limits import FeeLimits
    from ..models.guards import Guards
    from ..models.network_fee import NetworkFee
    from ..models.problem import Problem
    from ..models.route import Route
    from ..models.route_limits import RouteLimits
    from ..models.sim import Sim
    from ..models.slice_ import Slice


T = TypeVar("T", bound="DryRunOrder")


@_attrs_define
class DryRunOrder:
    """What would become of an order; it is not stored."""

    id: None | UUID
    """ Always null: nothing was stored. """
    client_order_id: None | str
    parent_id: None | UUID
    """ The order that this one is a child of, a part of its execution; null: of none. """
    token_in: str
    token_out: str
    side: SideEnum
    type_: str
    amount: str
    """ The fixed side, token units. """
    amount_raw: str
    """ Atoms. """
    amount_in: None | str
    """ Executed; null for an order that was not, or not yet. """
    amount_in_raw: None | str
    """ Atoms. """
    amount_out: None | str
    """ Executed; null for an order that was not, or not yet. """
    amount_out_raw: None | str
    """ Atoms. """
    filled_amount_in: None | str
    """ Of a parent: what its ended children have filled; null for other orders. """
    filled_amount_in_raw: None | str
    """ Atoms. """
    filled_amount_out: None | str
    """ Of a parent: what its ended children have filled; null for other orders. """
    filled_amount_out_raw: None | str
    """ Atoms. """
    average_price: None | str
    """ Of a parent: token_out per token_in over all that is filled, for display only; null: nothing is. """
    slices_done: int | None
    """ Of a parent: how many of its slices have had their turn. """
    slices_total: int | None
    """ Of a parent: how many slices it has. """
    quoted_amount_in: None | str
    """ As last quoted; null before the first quote. """
    quoted_amount_in_raw: None | str
    """ Atoms. """
    quoted_amount_out: None | str
    """ As last quoted; null before the first quote. """
    quoted_amount_out_raw: None | str
    """ Atoms. """
    network_fee: NetworkFee | None
    network_fee_paid: NetworkFee | None
    min_amount_out: None | str
    """ Limit that the chain enforces. """
    min_amount_out_raw: None | str
    """ Atoms. """
    max_amount_in: None | str
    """ Limit that the chain enforces. """
    max_amount_in_raw: None | str
    """ Atoms. """
    guards: Guards
    """ The owner's limits, as they hold. """
    venues: RouteLimits
    """ Where the order may trade, and how large its route may be; null: no limit. """
    fee: FeeLimits
    """ How much the order offers for its place in a block, and the most that its swaps may cost in all. """
    time_in_force: TimeInForceEnum
    expires_at: datetime.datetime | None
    tags: DryRunOrderTags
    sim: Sim
    """ What the simulated chain acts out for this order. """
    status: OrderStatusEnum
    outcome: None | str
    """ Open set: filled, slippage, no_route, cancelled ... """
    waiting_for: None | str
    """ worker, price, pool, sibling, halt, schedule, children, chain, fees or funds; null: nothing. """
    link: None | str
    """ one_cancels_other or then; null: the order stands alone. """
    link_id: None | UUID
    """ The same for orders that decide on each other. """
    link_rank: int | None
    """ Of those of one rank one executes; the next rank is placed when it has filled. """
    attempt: int
    cancel_requested_at: datetime.datetime | None
    """ When its cancel was stored: no swap is signed for it after that. """
    seq: int
    """ seq of the last event. """
    chain: str
    tx_hash: None | str
    route: None | Route
    failure: None | Problem
    version: int
    created_at: datetime.datetime
    updated_at: datetime.datetime
    limit_price: None | str
    """ The worst average price, token_out for one token_in, after fees and price impact. For limit, stop_limit,
    twap. """
    allow_partial: bool | None
    """ Filled in parts: as much as the market gives at the limit price or better, and the rest waits. For limit.
    """
    trigger_price: None | str
    """ The price of the pair that triggers it. For stop, stop_limit. """
    trigger: DryRunOrderTriggerType0 | None
    """ Triggered at the price or `below` it (the default), or `above`. For stop, stop_limit. """
    trigger_source: DryRunOrderTriggerSourceType0 | None
    """ Compared with the `reference` price, a median over time (the default), or with the `last` block's mid price.
    For stop, stop_limit, trailing_stop. """
    trail_bps: None | str
    """ How far below the best price since it was placed it is triggered, in basis points. For trailing_stop. """
    twap: DryRunOrderTwapType0 | None
    """ When its slices are traded. For twap. """
    from_: None | str
    """ The limit price of the first step, token_out for one token_in. For ladder. """
    to: None | str
    """ The limit price of the last step. For ladder. """
    steps: int | None
    """ How many limit orders, the two ends among them. For ladder. """
    min_liquidity: None | str
    """ The least that the pool must hold of the `liquidity_token`, in units of that token. For sniper. """
    max_age_s: int | None
    """ The most seconds since the pool was created. For sniper. """
    liquidity_token: DryRunOrderLiquidityTokenType0 | None
    """ Of which token of the order `min_liquidity` is counted: `token_in` (the default) or `token_out`. For sniper.
    """
    outline: list[Slice] | None
    """ A parent's slices, if each is filled in its turn; null for other orders. """
    net_amount_out: None | str | Unset = UNSET
    """ exact_in: output less the network fee, executed where it was, as last quoted while it may still be; null:
    not known. """
    net_amount_out_raw: None | str | Unset = UNSET
    """ Atoms. """
    net_amount_in: None | str | Unset = UNSET
    """ exact_out: input and the network fee, executed where it was, as last quoted while it may still be; null: not
    known. """
    net_amount_in_raw: None | str | Unset = UNSET
    """ Atoms. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.dry_run_order_twap_type_0 import DryRunOrderTwapType0  # noqa: PLC0415
        from ..models.network_fee import NetworkFee  # noqa: PLC0415
        from ..models.problem import Problem  # noqa: PLC0415
        from ..models.route import Route  # noqa: PLC0415

        id: None | str
        if isinstance(self.id, UUID):
            id = str(self.id)
        else:
            id = self.id

        client_order_id: None | str
        client_order_id = self.client_order_id

        parent_id: None | str
        if isinstance(self.parent_id, UUID):
            parent_id = str(self.parent_id)
        else:
            parent_id = self.parent_id

        token_in = self.token_in

        token_out = self.token_out

        side: str = self.side

        type_ = self.type_

        amount = self.amount

        amount_raw = self.amount_raw

        amount_in: None | str
        amount_in = self.amount_in

        amount_in_raw: None | str
        amount_in_raw = self.amount_in_raw

        amount_out: None | str
        amount_out = self.amount_out

        amount_out_raw: None | str
        amount_out_raw = self.amount_out_raw

        filled_amount_in: None | str
        filled_amount_in = self.filled_amount_in

        filled_amount_in_raw: None | str
        filled_amount_in_raw = self.filled_amount_in_raw

        filled_amount_out: None | str
        filled_amount_out = self.filled_amount_out

        filled_amount_out_raw: None | str
        filled_amount_out_raw = self.filled_amount_out_raw

        average_price: None | str
        average_price = self.average_price

        slices_done: int | None
        slices_done = self.slices_done

        slices_total: int | None
        slices_total = self.slices_total

        quoted_amount_in: None | str
        quoted_amount_in = self.quoted_amount_in

        quoted_amount_in_raw: None | str
        quoted_amount_in_raw = self.quoted_amount_in_raw

        quoted_amount_out: None | str
        quoted_amount_out = self.quoted_amount_out

        quoted_amount_out_raw: None | str
        quoted_amount_out_raw = self.quoted_amount_out_raw

        network_fee: dict[str, Any] | None
        if isinstance(self.network_fee, NetworkFee):
            network_fee = self.network_fee.to_dict()
        else:
            network_fee = self.network_fee

        network_fee_paid: dict[str, Any] | None
        if isinstance(self.network_fee_paid, NetworkFee):
            network_fee_paid = self.network_fee_paid.to_dict()
        else:
            network_fee_paid = self.network_fee_paid

        min_amount_out: None | str
        min_amount_out = self.min_amount_out

        min_amount_out_raw: None | str
        min_amount_out_raw = self.min_amount_out_raw

        max_amount_in: None | str
        max_amount_in = self.max_amount_in

        max_amount_in_raw: None | str
        max_amount_in_raw = self.max_amount_in_raw

        guards = self.guards.to_dict()

        venues = self.venues.to_dict()

        fee = self.fee.to_dict()

        time_in_force: str = self.time_in_force

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        tags = self.tags.to_dict()

        sim = self.sim.to_dict()

        status: str = self.status

        outcome: None | str
        outcome = self.outcome

        waiting_for: None | str
        waiting_for = self.waiting_for

        link: None | str
        link = self.link

        link_id: None | str
        if isinstance(self.link_id, UUID):
            link_id = str(self.link_id)
        else:
            link_id = self.link_id

        link_rank: int | None
        link_rank = self.link_rank

        attempt = self.attempt

        cancel_requested_at: None | str
        if isinstance(self.cancel_requested_at, datetime.datetime):
            cancel_requested_at = self.cancel_requested_at.isoformat()
        else:
            cancel_requested_at = self.cancel_requested_at

        seq = self.seq

        chain = self.chain

        tx_hash: None | str
        tx_hash = self.tx_hash

        route: dict[str, Any] | None
        if isinstance(self.route, Route):
            route = self.route.to_dict()
        else:
            route = self.route

        failure: dict[str, Any] | None
        if isinstance(self.failure, Problem):
            failure = self.failure.to_dict()
        else:
            failure = self.failure

        version = self.version

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        limit_price: None | str
        limit_price = self.limit_price

        allow_partial: bool | None
        allow_partial = self.allow_partial

        trigger_price: None | str
        trigger_price = self.trigger_price

        trigger: None | str
        if isinstance(self.trigger, str):
            trigger = self.trigger
        else:
            trigger = self.trigger

        trigger_source: None | str
        if isinstance(self.trigger_source, str):
            trigger_source = self.trigger_source
        else:
            trigger_source = self.trigger_source

        trail_bps: None | str
        trail_bps = self.trail_bps

        twap: dict[str, Any] | None
        if isinstance(self.twap, DryRunOrderTwapType0):
            twap = self.twap.to_dict()
        else:
            twap = self.twap

        from_: None | str
        from_ = self.from_

        to: None | str
        to = self.to

        steps: int | None
        steps = self.steps

        min_liquidity: None | str
        min_liquidity = self.min_liquidity

        max_age_s: int | None
        max_age_s = self.max_age_s

        liquidity_token: None | str
        if isinstance(self.liquidity_token, str):
            liquidity_token = self.liquidity_token
        else:
            liquidity_token = self.liquidity_token

        outline: list[dict[str, Any]] | None
        if isinstance(self.outline, list):
            outline = []
            for outline_type_0_item_data in self.outline:
                outline_type_0_item = outline_type_0_item_data.to_dict()
                outline.append(outline_type_0_item)

        else:
            outline = self.outline

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
                "id": id,
                "client_order_id": client_order_id,
                "parent_id": parent_id,
                "token_in": token_in,
                "token_out": token_out,
                "side": side,
                "type": type_,
                "amount": amount,
                "amount_raw": amount_raw,
                "amount_in": amount_in,
                "amount_in_raw": amount_in_raw,
                "amount_out": amount_out,
                "amount_out_raw": amount_out_raw,
                "filled_amount_in": filled_amount_in,
                "filled_amount_in_raw": filled_amount_in_raw,
                "filled_amount_out": filled_amount_out,
                "filled_amount_out_raw": filled_amount_out_raw,
                "average_price": average_price,
                "slices_done": slices_done,
                "slices_total": slices_total,
                "quoted_amount_in": quoted_amount_in,
                "quoted_amount_in_raw": quoted_amount_in_raw,
                "quoted_amount_out": quoted_amount_out,
                "quoted_amount_out_raw": quoted_amount_out_raw,
                "network_fee": network_fee,
                "network_fee_paid": network_fee_paid,
                "min_amount_out": min_amount_out,
                "min_amount_out_raw": min_amount_out_raw,
                "max_amount_in": max_amount_in,
                "max_amount_in_raw": max_amount_in_raw,
                "guards": guards,
                "venues": venues,
                "fee": fee,
                "time_in_force": time_in_force,
                "expires_at": expires_at,
                "tags": tags,
                "sim": sim,
                "status": status,
                "outcome": outcome,
                "waiting_for": waiting_for,
                "link": link,
                "link_id": link_id,
                "link_rank": link_rank,
                "attempt": attempt,
                "cancel_requested_at": cancel_requested_at,
                "seq": seq,
                "chain": chain,
                "tx_hash": tx_hash,
                "route": route,
                "failure": failure,
                "version": version,
                "created_at": created_at,
                "updated_at": updated_at,
                "limit_price": limit_price,
                "allow_partial": allow_partial,
                "trigger_price": trigger_price,
                "trigger": trigger,
                "trigger_source": trigger_source,
                "trail_bps": trail_bps,
                "twap": twap,
                "from": from_,
                "to": to,
                "steps": steps,
                "min_liquidity": min_liquidity,
                "max_age_s": max_age_s,
                "liquidity_token": liquidity_token,
                "outline": outline,
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
        from ..models.dry_run_order_tags import DryRunOrderTags  # noqa: PLC0415
        from ..models.dry_run_order_twap_type_0 import DryRunOrderTwapType0  # noqa: PLC0415
        from ..models.fee_limits import FeeLimits  # noqa: PLC0415
        from ..models.guards import Guards  # noqa: PLC0415
        from ..models.network_fee import NetworkFee  # noqa: PLC0415
        from ..models.problem import Problem  # noqa: PLC0415
        from ..models.route import Route  # noqa: PLC0415
        from ..models.route_limits import RouteLimits  # noqa: PLC0415
        from ..models.sim import Sim  # noqa: PLC0415
        from ..models.slice_ import Slice  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                id_type_0 = UUID(data)

                return id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        id = _parse_id(d.pop("id"))

        def _parse_client_order_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        client_order_id = _parse_client_order_id(d.pop("client_order_id"))

        def _parse_parent_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                parent_id_type_0 = UUID(data)

                return parent_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        parent_id = _parse_parent_id(d.pop("parent_id"))

        token_in = d.pop("token_in")

        token_out = d.pop("token_out")

        side = check_side_enum(d.pop("side"))

        type_ = d.pop("type")

        amount = d.pop("amount")

        amount_raw = d.pop("amount_raw")

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

        def _parse_filled_amount_in(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        filled_amount_in = _parse_filled_amount_in(d.pop("filled_amount_in"))

        def _parse_filled_amount_in_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        filled_amount_in_raw = _parse_filled_amount_in_raw(d.pop("filled_amount_in_raw"))

        def _parse_filled_amount_out(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        filled_amount_out = _parse_filled_amount_out(d.pop("filled_amount_out"))

        def _parse_filled_amount_out_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        filled_amount_out_raw = _parse_filled_amount_out_raw(d.pop("filled_amount_out_raw"))

        def _parse_average_price(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        average_price = _parse_average_price(d.pop("average_price"))

        def _parse_slices_done(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        slices_done = _parse_slices_done(d.pop("slices_done"))

        def _parse_slices_total(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        slices_total = _parse_slices_total(d.pop("slices_total"))

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

        def _parse_network_fee_paid(data: object) -> NetworkFee | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                network_fee_paid_type_0 = NetworkFee.from_dict(data)

                return network_fee_paid_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(NetworkFee | None, data)

        network_fee_paid = _parse_network_fee_paid(d.pop("network_fee_paid"))

        def _parse_min_amount_out(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        min_amount_out = _parse_min_amount_out(d.pop("min_amount_out"))

        def _parse_min_amount_out_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        min_amount_out_raw = _parse_min_amount_out_raw(d.pop("min_amount_out_raw"))

        def _parse_max_amount_in(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        max_amount_in = _parse_max_amount_in(d.pop("max_amount_in"))

        def _parse_max_amount_in_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        max_amount_in_raw = _parse_max_amount_in_raw(d.pop("max_amount_in_raw"))

        guards = Guards.from_dict(d.pop("guards"))

        venues = RouteLimits.from_dict(d.pop("venues"))

        fee = FeeLimits.from_dict(d.pop("fee"))

        time_in_force = check_time_in_force_enum(d.pop("time_in_force"))

        def _parse_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expires_at = _parse_expires_at(d.pop("expires_at"))

        tags = DryRunOrderTags.from_dict(d.pop("tags"))

        sim = Sim.from_dict(d.pop("sim"))

        status = check_order_status_enum(d.pop("status"))

        def _parse_outcome(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        outcome = _parse_outcome(d.pop("outcome"))

        def _parse_waiting_for(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        waiting_for = _parse_waiting_for(d.pop("waiting_for"))

        def _parse_link(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        link = _parse_link(d.pop("link"))

        def _parse_link_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                link_id_type_0 = UUID(data)

                return link_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        link_id = _parse_link_id(d.pop("link_id"))

        def _parse_link_rank(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        link_rank = _parse_link_rank(d.pop("link_rank"))

        attempt = d.pop("attempt")

        def _parse_cancel_requested_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                cancel_requested_at_type_0 = datetime.datetime.fromisoformat(data)

                return cancel_requested_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        cancel_requested_at = _parse_cancel_requested_at(d.pop("cancel_requested_at"))

        seq = d.pop("seq")

        chain = d.pop("chain")

        def _parse_tx_hash(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        tx_hash = _parse_tx_hash(d.pop("tx_hash"))

        def _parse_route(data: object) -> None | Route:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                route_type_0 = Route.from_dict(data)

                return route_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Route, data)

        route = _parse_route(d.pop("route"))

        def _parse_failure(data: object) -> None | Problem:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                failure_type_0 = Problem.from_dict(data)

                return failure_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Problem, data)

        failure = _parse_failure(d.pop("failure"))

        version = d.pop("version")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        def _parse_limit_price(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        limit_price = _parse_limit_price(d.pop("limit_price"))

        def _parse_allow_partial(data: object) -> bool | None:
            if data is None:
                return data
            return cast(bool | None, data)

        allow_partial = _parse_allow_partial(d.pop("allow_partial"))

        def _parse_trigger_price(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        trigger_price = _parse_trigger_price(d.pop("trigger_price"))

        def _parse_trigger(data: object) -> DryRunOrderTriggerType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                trigger_type_0 = check_dry_run_order_trigger_type_0(data)

                return trigger_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DryRunOrderTriggerType0 | None, data)

        trigger = _parse_trigger(d.pop("trigger"))

        def _parse_trigger_source(data: object) -> DryRunOrderTriggerSourceType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                trigger_source_type_0 = check_dry_run_order_trigger_source_type_0(data)

                return trigger_source_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DryRunOrderTriggerSourceType0 | None, data)

        trigger_source = _parse_trigger_source(d.pop("trigger_source"))

        def _parse_trail_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        trail_bps = _parse_trail_bps(d.pop("trail_bps"))

        def _parse_twap(data: object) -> DryRunOrderTwapType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                twap_type_0 = DryRunOrderTwapType0.from_dict(data)

                return twap_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DryRunOrderTwapType0 | None, data)

        twap = _parse_twap(d.pop("twap"))

        def _parse_from_(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        from_ = _parse_from_(d.pop("from"))

        def _parse_to(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        to = _parse_to(d.pop("to"))

        def _parse_steps(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        steps = _parse_steps(d.pop("steps"))

        def _parse_min_liquidity(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        min_liquidity = _parse_min_liquidity(d.pop("min_liquidity"))

        def _parse_max_age_s(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        max_age_s = _parse_max_age_s(d.pop("max_age_s"))

        def _parse_liquidity_token(data: object) -> DryRunOrderLiquidityTokenType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                liquidity_token_type_0 = check_dry_run_order_liquidity_token_type_0(data)

                return liquidity_token_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DryRunOrderLiquidityTokenType0 | None, data)

        liquidity_token = _parse_liquidity_token(d.pop("liquidity_token"))

        def _parse_outline(data: object) -> list[Slice] | None:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                outline_type_0 = []
                _outline_type_0 = data
                for outline_type_0_item_data in _outline_type_0:
                    outline_type_0_item = Slice.from_dict(outline_type_0_item_data)

                    outline_type_0.append(outline_type_0_item)

                return outline_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[Slice] | None, data)

        outline = _parse_outline(d.pop("outline"))

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

        dry_run_order = cls(
            id=id,
            client_order_id=client_order_id,
            parent_id=parent_id,
            token_in=token_in,
            token_out=token_out,
            side=side,
            type_=type_,
            amount=amount,
            amount_raw=amount_raw,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
            filled_amount_in=filled_amount_in,
            filled_amount_in_raw=filled_amount_in_raw,
            filled_amount_out=filled_amount_out,
            filled_amount_out_raw=filled_amount_out_raw,
            average_price=average_price,
            slices_done=slices_done,
            slices_total=slices_total,
            quoted_amount_in=quoted_amount_in,
            quoted_amount_in_raw=quoted_amount_in_raw,
            quoted_amount_out=quoted_amount_out,
            quoted_amount_out_raw=quoted_amount_out_raw,
            network_fee=network_fee,
            network_fee_paid=network_fee_paid,
            min_amount_out=min_amount_out,
            min_amount_out_raw=min_amount_out_raw,
            max_amount_in=max_amount_in,
            max_amount_in_raw=max_amount_in_raw,
            guards=guards,
            venues=venues,
            fee=fee,
            time_in_force=time_in_force,
            expires_at=expires_at,
            tags=tags,
            sim=sim,
            status=status,
            outcome=outcome,
            waiting_for=waiting_for,
            link=link,
            link_id=link_id,
            link_rank=link_rank,
            attempt=attempt,
            cancel_requested_at=cancel_requested_at,
            seq=seq,
            chain=chain,
            tx_hash=tx_hash,
            route=route,
            failure=failure,
            version=version,
            created_at=created_at,
            updated_at=updated_at,
            limit_price=limit_price,
            allow_partial=allow_partial,
            trigger_price=trigger_price,
            trigger=trigger,
            trigger_source=trigger_source,
            trail_bps=trail_bps,
            twap=twap,
            from_=from_,
            to=to,
            steps=steps,
            min_liquidity=min_liquidity,
            max_age_s=max_age_s,
            liquidity_token=liquidity_token,
            outline=outline,
            net_amount_out=net_amount_out,
            net_amount_out_raw=net_amount_out_raw,
            net_amount_in=net_amount_in,
            net_amount_in_raw=net_amount_in_raw,
        )

        dry_run_order.additional_properties = d
        return dry_run_order

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
