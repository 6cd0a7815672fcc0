from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.side_enum import SideEnum, check_side_enum

T = TypeVar("T", bound="ReportRow")


@_attrs_define
class ReportRow:
    """Sums over orders of one group, pair and side. Costs are in `cost_token`: positive is lost."""

    group: None | str
    """ As `group_by` says; null in totals, and for orders that no key has placed. """
    chain: str
    token_in: str
    token_out: str
    side: SideEnum
    cost_token: str
    orders: int
    """ Without parents: their children are counted. """
    filled: int
    """ Of these. """
    failed: int
    """ Of these. """
    open_: int
    """ Of these: not ended yet. """
    amount_in: None | str
    """ Executed. Token units; null: the token is not registered any more. """
    amount_in_raw: str
    """ Atoms. """
    amount_out: None | str
    """ Executed. Token units; null: the token is not registered any more. """
    amount_out_raw: str
    """ Atoms. """
    quoted_amount: None | str
    """ Of filled orders, as last quoted, in `cost_token`. Token units; null: the token is not registered any more.
    """
    quoted_amount_raw: str
    """ Atoms. """
    executed_amount: None | str
    """ Of filled orders, in `cost_token`. Token units; null: the token is not registered any more. """
    executed_amount_raw: str
    """ Atoms. """
    vs_quote: None | str
    """ Their cost against their quotes. Token units; null: the token is not registered any more. """
    vs_quote_raw: str
    """ Atoms. """
    vs_quote_bps: None | str
    """ Basis points. """
    measured: int
    """ Filled orders whose arrival is known: the next sums are theirs. """
    arrival_amount: None | str
    """ Their amounts at the mid prices of their first quotes. Token units; null: the token is not registered any
    more. """
    arrival_amount_raw: str
    """ Atoms. """
    vs_arrival: None | str
    """ Their implementation shortfall. Token units; null: the token is not registered any more. """
    vs_arrival_raw: str
    """ Atoms. """
    vs_arrival_bps: None | str
    """ Basis points. """
    compared: int
    """ Filled orders whose best single venue is known: the next sums are theirs. """
    compared_amount: None | str
    """ As last quoted. Token units; null: the token is not registered any more. """
    compared_amount_raw: str
    """ Atoms. """
    saved: None | str
    """ Quoted better than the best venue alone by; positive is gained. Token units; null: the token is not
    registered any more. """
    saved_raw: str
    """ Atoms. """
    saved_bps: None | str
    """ Basis points. """
    network_fee_token: None | str
    """ The chain's own token. """
    network_fee: None | str
    """ Paid, by orders that failed too. Token units; null: the token is not registered any more. """
    network_fee_raw: str
    """ Atoms. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        group: None | str
        group = self.group

        chain = self.chain

        token_in = self.token_in

        token_out = self.token_out

        side: str = self.side

        cost_token = self.cost_token

        orders = self.orders

        filled = self.filled

        failed = self.failed

        open_ = self.open_

        amount_in: None | str
        amount_in = self.amount_in

        amount_in_raw = self.amount_in_raw

        amount_out: None | str
        amount_out = self.amount_out

        amount_out_raw = self.amount_out_raw

        quoted_amount: None | str
        quoted_amount = self.quoted_amount

        quoted_amount_raw = self.quoted_amount_raw

        executed_amount: None | str
        executed_amount = self.executed_amount

        executed_amount_raw = self.executed_amount_raw

        vs_quote: None | str
        vs_quote = self.vs_quote

        vs_quote_raw = self.vs_quote_raw

        vs_quote_bps: None | str
        vs_quote_bps = self.vs_quote_bps

        measured = self.measured

        arrival_amount: None | str
        arrival_amount = self.arrival_amount

        arrival_amount_raw = self.arrival_amount_raw

        vs_arrival: None | str
        vs_arrival = self.vs_arrival

        vs_arrival_raw = self.vs_arrival_raw

        vs_arrival_bps: None | str
        vs_arrival_bps = self.vs_arrival_bps

        compared = self.compared

        compared_amount: None | str
        compared_amount = self.compared_amount

        compared_amount_raw = self.compared_amount_raw

        saved: None | str
        saved = self.saved

        saved_raw = self.saved_raw

        saved_bps: None | str
        saved_bps = self.saved_bps

        network_fee_token: None | str
        network_fee_token = self.network_fee_token

        network_fee: None | str
        network_fee = self.network_fee

        network_fee_raw = self.network_fee_raw

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "group": group,
                "chain": chain,
                "token_in": token_in,
                "token_out": token_out,
                "side": side,
                "cost_token": cost_token,
                "orders": orders,
                "filled": filled,
                "failed": failed,
                "open": open_,
                "amount_in": amount_in,
                "amount_in_raw": amount_in_raw,
                "amount_out": amount_out,
                "amount_out_raw": amount_out_raw,
                "quoted_amount": quoted_amount,
                "quoted_amount_raw": quoted_amount_raw,
                "executed_amount": executed_amount,
                "executed_amount_raw": executed_amount_raw,
                "vs_quote": vs_quote,
                "vs_quote_raw": vs_quote_raw,
                "vs_quote_bps": vs_quote_bps,
                "measured": measured,
                "arrival_amount": arrival_amount,
                "arrival_amount_raw": arrival_amount_raw,
                "vs_arrival": vs_arrival,
                "vs_arrival_raw": vs_arrival_raw,
                "vs_arrival_bps": vs_arrival_bps,
                "compared": compared,
                "compared_amount": compared_amount,
                "compared_amount_raw": compared_amount_raw,
                "saved": saved,
                "saved_raw": saved_raw,
                "saved_bps": saved_bps,
                "network_fee_token": network_fee_token,
                "network_fee": network_fee,
                "network_fee_raw": network_fee_raw,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_group(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        group = _parse_group(d.pop("group"))

        chain = d.pop("chain")

        token_in = d.pop("token_in")

        token_out = d.pop("token_out")

        side = check_side_enum(d.pop("side"))

        cost_token = d.pop("cost_token")

        orders = d.pop("orders")

        filled = d.pop("filled")

        failed = d.pop("failed")

        open_ = d.pop("open")

        def _parse_amount_in(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_in = _parse_amount_in(d.pop("amount_in"))

        amount_in_raw = d.pop("amount_in_raw")

        def _parse_amount_out(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        amount_out = _parse_amount_out(d.pop("amount_out"))

        amount_out_raw = d.pop("amount_out_raw")

        def _parse_quoted_amount(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        quoted_amount = _parse_quoted_amount(d.pop("quoted_amount"))

        quoted_amount_raw = d.pop("quoted_amount_raw")

        def _parse_executed_amount(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        executed_amount = _parse_executed_amount(d.pop("executed_amount"))

        executed_amount_raw = d.pop("executed_amount_raw")

        def _parse_vs_quote(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        vs_quote = _parse_vs_quote(d.pop("vs_quote"))

        vs_quote_raw = d.pop("vs_quote_raw")

        def _parse_vs_quote_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        vs_quote_bps = _parse_vs_quote_bps(d.pop("vs_quote_bps"))

        measured = d.pop("measured")

        def _parse_arrival_amount(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        arrival_amount = _parse_arrival_amount(d.pop("arrival_amount"))

        arrival_amount_raw = d.pop("arrival_amount_raw")

        def _parse_vs_arrival(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        vs_arrival = _parse_vs_arrival(d.pop("vs_arrival"))

        vs_arrival_raw = d.pop("vs_arrival_raw")

        def _parse_vs_arrival_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        vs_arrival_bps = _parse_vs_arrival_bps(d.pop("vs_arrival_bps"))

        compared = d.pop("compared")

        def _parse_compared_amount(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        compared_amount = _parse_compared_amount(d.pop("compared_amount"))

        compared_amount_raw = d.pop("compared_amount_raw")

        def _parse_saved(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        saved = _parse_saved(d.pop("saved"))

        saved_raw = d.pop("saved_raw")

        def _parse_saved_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        saved_bps = _parse_saved_bps(d.pop("saved_bps"))

        def _parse_network_fee_token(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        network_fee_token = _parse_network_fee_token(d.pop("network_fee_token"))

        def _parse_network_fee(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        network_fee = _parse_network_fee(d.pop("network_fee"))

        network_fee_raw = d.pop("network_fee_raw")

        report_row = cls(
            group=group,
            chain=chain,
            token_in=token_in,
            token_out=token_out,
            side=side,
            cost_token=cost_token,
            orders=orders,
            filled=filled,
            failed=failed,
            open_=open_,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
            quoted_amount=quoted_amount,
            quoted_amount_raw=quoted_amount_raw,
            executed_amount=executed_amount,
            executed_amount_raw=executed_amount_raw,
            vs_quote=vs_quote,
            vs_quote_raw=vs_quote_raw,
            vs_quote_bps=vs_quote_bps,
            measured=measured,
            arrival_amount=arrival_amount,
            arrival_amount_raw=arrival_amount_raw,
            vs_arrival=vs_arrival,
            vs_arrival_raw=vs_arrival_raw,
            vs_arrival_bps=vs_arrival_bps,
            compared=compared,
            compared_amount=compared_amount,
            compared_amount_raw=compared_amount_raw,
            saved=saved,
            saved_raw=saved_raw,
            saved_bps=saved_bps,
            network_fee_token=network_fee_token,
            network_fee=network_fee,
            network_fee_raw=network_fee_raw,
        )

        report_row.additional_properties = d
        return report_row

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
