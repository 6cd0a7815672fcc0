from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_status_enum import OrderStatusEnum, check_order_status_enum
from ..models.side_enum import SideEnum, check_side_enum

if TYPE_CHECKING:
    from ..models.attempt import Attempt
    from ..models.child_execution import ChildExecution
    from ..models.cost import Cost
    from ..models.losing_quote import LosingQuote
    from ..models.network_fee import NetworkFee
    from ..models.shortfall import Shortfall
    from ..models.step import Step


T = TypeVar("T", bound="Execution")


@_attrs_define
class Execution:
    """How well an order was executed: docs/execution-quality.md explains each figure."""

    order_id: UUID
    client_order_id: None | str
    status: OrderStatusEnum
    outcome: None | str
    type_: str
    side: SideEnum
    token_in: str
    token_out: str
    cost_token: str
    """ What costs are counted in: token_out of exact_in, else token_in. """
    amount_in: None | str
    """ Token units. """
    amount_in_raw: None | str
    """ Atoms. """
    amount_out: None | str
    """ Token units. """
    amount_out_raw: None | str
    """ Atoms. """
    min_amount_out: None | str
    """ Token units. """
    min_amount_out_raw: None | str
    """ Atoms. """
    max_amount_in: None | str
    """ Token units. """
    max_amount_in_raw: None | str
    """ Atoms. """
    arrival_amount: None | str
    """ What the amount was worth, or would have cost, at the mid price when it was first quoted. In `cost_token`;
    of a parent the sum over its executed children; null: not known. """
    arrival_amount_raw: None | str
    """ Atoms. """
    mid_amount: None | str
    """ The same at the mid price of its last quote. In `cost_token`; of a parent the sum over its executed
    children; null: not known. """
    mid_amount_raw: None | str
    """ Atoms. """
    quoted_amount: None | str
    """ As last quoted. In `cost_token`; of a parent the sum over its executed children; null: not known. """
    quoted_amount_raw: None | str
    """ Atoms. """
    executed_amount: None | str
    """ As executed. In `cost_token`; of a parent the sum over its executed children; null: not known. """
    executed_amount_raw: None | str
    """ Atoms. """
    arrival_price: None | str
    """ token_out per token_in, for display only. """
    quoted_price: None | str
    """ The same. """
    executed_price: None | str
    """ The same. """
    shortfall: Shortfall
    """ What the execution has cost. In atoms vs_arrival = delay + market + vs_quote, market = venue_fees +
    price_impact, and total = vs_arrival + network_fee, exactly. """
    price_moved: Cost | None
    price_impact_bps: None | str
    """ How much worse the order's own size made its quoted price, before rounding. """
    network_fee_quoted: NetworkFee | None
    network_fee_paid: NetworkFee | None
    best_single_venue: None | str
    saved: None | str
    """ Quoted better than that venue alone by, in `cost_token`, net of network fees where those of all venues are
    known; positive is gained. """
    saved_raw: None | str
    """ Atoms. """
    saved_bps: None | str
    """ Basis points. """
    bound: None | str
    """ No route of any shape pays more (exact_in), or costs less (exact_out), network fee included. """
    bound_raw: None | str
    """ Atoms. """
    gap_bps: None | str
    """ How far the quoted route was from that bound, at most. """
    venue_quotes: list[LosingQuote]
    """ What each venue alone would have given when the order was last quoted. """
    attempts: list[Attempt]
    children: list[ChildExecution]
    steps: list[Step]
    took_ms: int
    """ From acceptance to the last event. """
    created_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.cost import Cost  # noqa: PLC0415
        from ..models.network_fee import NetworkFee  # noqa: PLC0415

        order_id = str(self.order_id)

        client_order_id: None | str
        client_order_id = self.client_order_id

        status: str = self.status

        outcome: None | str
        outcome = self.outcome

        type_ = self.type_

        side: str = self.side

        token_in = self.token_in

        token_out = self.token_out

        cost_token = self.cost_token

        amount_in: None | str
        amount_in = self.amount_in

        amount_in_raw: None | str
        amount_in_raw = self.amount_in_raw

        amount_out: None | str
        amount_out = self.amount_out

        amount_out_raw: None | str
        amount_out_raw = self.amount_out_raw

        min_amount_out: None | str
        min_amount_out = self.min_amount_out

        min_amount_out_raw: None | str
        min_amount_out_raw = self.min_amount_out_raw

        max_amount_in: None | str
        max_amount_in = self.max_amount_in

        max_amount_in_raw: None | str
        max_amount_in_raw = self.max_amount_in_raw

        arrival_amount: None | str
        arrival_amount = self.arrival_amount

        arrival_amount_raw: None | str
        arrival_amount_raw = self.arrival_amount_raw

        mid_amount: None | str
        mid_amount = self.mid_amount

        mid_amount_raw: None | str
        mid_amount_raw = self.mid_amount_raw

        quoted_amount: None | str
        quoted_amount = self.quoted_amount

        quoted_amount_raw: None | str
        quoted_amount_raw = self.quoted_amount_raw

        executed_amount: None | str
        executed_amount = self.executed_amount

        executed_amount_raw: None | str
        executed_amount_raw = self.executed_amount_raw

        arrival_price: None | str
        arrival_price = self.arrival_price

        quoted_price: None | str
        quoted_price = self.quoted_price

        executed_price: None | str
        executed_price = self.executed_price

        shortfall = self.shortfall.to_dict()

        price_moved: dict[str, Any] | None
        if isinstance(self.price_moved, Cost):
            price_moved = self.price_moved.to_dict()
        else:
            price_moved = self.price_moved

        price_impact_bps: None | str
        price_impact_bps = self.price_impact_bps

        network_fee_quoted: dict[str, Any] | None
        if isinstance(self.network_fee_quoted, NetworkFee):
            network_fee_quoted = self.network_fee_quoted.to_dict()
        else:
            network_fee_quoted = self.network_fee_quoted

        network_fee_paid: dict[str, Any] | None
        if isinstance(self.network_fee_paid, NetworkFee):
            network_fee_paid = self.network_fee_paid.to_dict()
        else:
            network_fee_paid = self.network_fee_paid

        best_single_venue: None | str
        best_single_venue = self.best_single_venue

        saved: None | str
        saved = self.saved

        saved_raw: None | str
        saved_raw = self.saved_raw

        saved_bps: None | str
        saved_bps = self.saved_bps

        bound: None | str
        bound = self.bound

        bound_raw: None | str
        bound_raw = self.bound_raw

        gap_bps: None | str
        gap_bps = self.gap_bps

        venue_quotes = []
        for venue_quotes_item_data in self.venue_quotes:
            venue_quotes_item = venue_quotes_item_data.to_dict()
            venue_quotes.append(venue_quotes_item)

        attempts = []
        for attempts_item_data in self.attempts:
            attempts_item = attempts_item_data.to_dict()
            attempts.append(attempts_item)

        children = []
        for children_item_data in self.children:
            children_item = children_item_data.to_dict()
            children.append(children_item)

        steps = []
        for steps_item_data in self.steps:
            steps_item = steps_item_data.to_dict()
            steps.append(steps_item)

        took_ms = self.took_ms

        created_at = self.created_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_id": order_id,
                "client_order_id": client_order_id,
                "status": status,
                "outcome": outcome,
                "type": type_,
                "side": side,
                "token_in": token_in,
                "token_out": token_out,
                "cost_token": cost_token,
                "amount_in": amount_in,
                "amount_in_raw": amount_in_raw,
                "amount_out": amount_out,
                "amount_out_raw": amount_out_raw,
                "min_amount_out": min_amount_out,
                "min_amount_out_raw": min_amount_out_raw,
                "max_amount_in": max_amount_in,
                "max_amount_in_raw": max_amount_in_raw,
                "arrival_amount": arrival_amount,
                "arrival_amount_raw": arrival_amount_raw,
                "mid_amount": mid_amount,
                "mid_amount_raw": mid_amount_raw,
                "quoted_amount": quoted_amount,
                "quoted_amount_raw": quoted_amount_raw,
                "executed_amount": executed_amount,
                "executed_amount_raw": executed_amount_raw,
                "arrival_price": arrival_price,
                "quoted_price": quoted_price,
                "executed_price": executed_price,
                "shortfall": shortfall,
                "price_moved": price_moved,
                "price_impact_bps": price_impact_bps,
                "network_fee_quoted": network_fee_quoted,
                "network_fee_paid": network_fee_paid,
                "best_single_venue": best_single_venue,
                "saved": saved,
                "saved_raw": saved_raw,
                "saved_bps": saved_bps,
                "bound": bound,
                "bound_raw": bound_raw,
                "gap_bps": gap_bps,
                "venue_quotes": venue_quotes,
                "attempts": attempts,
                "children": children,
                "steps": steps,
                "took_ms": took_ms,
                "created_at": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.attempt import Attempt  # noqa: PLC0415
        from ..models.child_execution import ChildExecution  # noqa: PLC0415
        from ..models.cost import Cost  # noqa: PLC0415
        from ..models.losing_quote import LosingQuote  # noqa: PLC0415
        from ..models.network_fee import NetworkFee  # noqa: PLC0415
        from ..models.shortfall import Shortfall  # noqa: PLC0415
        from ..models.step import Step  # noqa: PLC0415

        d = dict(src_dict)
        order_id = UUID(d.pop("order_id"))

        def _parse_client_order_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        client_order_id = _parse_client_order_id(d.pop("client_order_id"))

        status = check_order_status_enum(d.pop("status"))

        def _parse_outcome(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        outcome = _parse_outcome(d.pop("outcome"))

        type_ = d.pop("type")

        side = check_side_enum(d.pop("side"))

        token_in = d.pop("token_in")

        token_out = d.pop("token_out")

        cost_token = d.pop("cost_token")

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

        def _parse_arrival_amount(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        arrival_amount = _parse_arrival_amount(d.pop("arrival_amount"))

        def _parse_arrival_amount_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        arrival_amount_raw = _parse_arrival_amount_raw(d.pop("arrival_amount_raw"))

        def _parse_mid_amount(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        mid_amount = _parse_mid_amount(d.pop("mid_amount"))

        def _parse_mid_amount_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        mid_amount_raw = _parse_mid_amount_raw(d.pop("mid_amount_raw"))

        def _parse_quoted_amount(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        quoted_amount = _parse_quoted_amount(d.pop("quoted_amount"))

        def _parse_quoted_amount_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        quoted_amount_raw = _parse_quoted_amount_raw(d.pop("quoted_amount_raw"))

        def _parse_executed_amount(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        executed_amount = _parse_executed_amount(d.pop("executed_amount"))

        def _parse_executed_amount_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        executed_amount_raw = _parse_executed_amount_raw(d.pop("executed_amount_raw"))

        def _parse_arrival_price(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        arrival_price = _parse_arrival_price(d.pop("arrival_price"))

        def _parse_quoted_price(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        quoted_price = _parse_quoted_price(d.pop("quoted_price"))

        def _parse_executed_price(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        executed_price = _parse_executed_price(d.pop("executed_price"))

        shortfall = Shortfall.from_dict(d.pop("shortfall"))

        def _parse_price_moved(data: object) -> Cost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                price_moved_type_0 = Cost.from_dict(data)

                return price_moved_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Cost | None, data)

        price_moved = _parse_price_moved(d.pop("price_moved"))

        def _parse_price_impact_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        price_impact_bps = _parse_price_impact_bps(d.pop("price_impact_bps"))

        def _parse_network_fee_quoted(data: object) -> NetworkFee | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                network_fee_quoted_type_0 = NetworkFee.from_dict(data)

                return network_fee_quoted_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(NetworkFee | None, data)

        network_fee_quoted = _parse_network_fee_quoted(d.pop("network_fee_quoted"))

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

        def _parse_best_single_venue(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        best_single_venue = _parse_best_single_venue(d.pop("best_single_venue"))

        def _parse_saved(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        saved = _parse_saved(d.pop("saved"))

        def _parse_saved_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        saved_raw = _parse_saved_raw(d.pop("saved_raw"))

        def _parse_saved_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        saved_bps = _parse_saved_bps(d.pop("saved_bps"))

        def _parse_bound(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        bound = _parse_bound(d.pop("bound"))

        def _parse_bound_raw(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        bound_raw = _parse_bound_raw(d.pop("bound_raw"))

        def _parse_gap_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        gap_bps = _parse_gap_bps(d.pop("gap_bps"))

        venue_quotes = []
        _venue_quotes = d.pop("venue_quotes")
        for venue_quotes_item_data in _venue_quotes:
            venue_quotes_item = LosingQuote.from_dict(venue_quotes_item_data)

            venue_quotes.append(venue_quotes_item)

        attempts = []
        _attempts = d.pop("attempts")
        for attempts_item_data in _attempts:
            attempts_item = Attempt.from_dict(attempts_item_data)

            attempts.append(attempts_item)

        children = []
        _children = d.pop("children")
        for children_item_data in _children:
            children_item = ChildExecution.from_dict(children_item_data)

            children.append(children_item)

        steps = []
        _steps = d.pop("steps")
        for steps_item_data in _steps:
            steps_item = Step.from_dict(steps_item_data)

            steps.append(steps_item)

        took_ms = d.pop("took_ms")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        execution = cls(
            order_id=order_id,
            client_order_id=client_order_id,
            status=status,
            outcome=outcome,
            type_=type_,
            side=side,
            token_in=token_in,
            token_out=token_out,
            cost_token=cost_token,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
            min_amount_out=min_amount_out,
            min_amount_out_raw=min_amount_out_raw,
            max_amount_in=max_amount_in,
            max_amount_in_raw=max_amount_in_raw,
            arrival_amount=arrival_amount,
            arrival_amount_raw=arrival_amount_raw,
            mid_amount=mid_amount,
            mid_amount_raw=mid_amount_raw,
            quoted_amount=quoted_amount,
            quoted_amount_raw=quoted_amount_raw,
            executed_amount=executed_amount,
            executed_amount_raw=executed_amount_raw,
            arrival_price=arrival_price,
            quoted_price=quoted_price,
            executed_price=executed_price,
            shortfall=shortfall,
            price_moved=price_moved,
            price_impact_bps=price_impact_bps,
            network_fee_quoted=network_fee_quoted,
            network_fee_paid=network_fee_paid,
            best_single_venue=best_single_venue,
            saved=saved,
            saved_raw=saved_raw,
            saved_bps=saved_bps,
            bound=bound,
            bound_raw=bound_raw,
            gap_bps=gap_bps,
            venue_quotes=venue_quotes,
            attempts=attempts,
            children=children,
            steps=steps,
            took_ms=took_ms,
            created_at=created_at,
        )

        execution.additional_properties = d
        return execution

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
