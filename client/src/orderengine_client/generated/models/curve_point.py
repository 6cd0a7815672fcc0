from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.network_fee import NetworkFee
    from ..models.problem import Problem


T = TypeVar("T", bound="CurvePoint")


@_attrs_define
class CurvePoint:
    """What POST /quotes would answer to this amount on the same market."""

    amount: str
    """ The fixed side, token units. """
    amount_raw: str
    """ Atoms. """
    amount_in: None | str
    """ Token units. """
    amount_in_raw: None | str
    """ Atoms. """
    amount_out: None | str
    """ Token units. """
    amount_out_raw: None | str
    """ Atoms. """
    price: None | str
    """ token_out for one token_in, for display only. """
    price_impact_bps: None | str
    """ By the order's own size. """
    cost_bps: None | str
    """ All that is lost against the mid price: venue fees, own size, network fee. Null: not known. """
    network_fee: NetworkFee | None
    swaps: int | None
    """ That its route is made of. """
    problem: None | Problem
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.network_fee import NetworkFee  # noqa: PLC0415
        from ..models.problem import Problem  # noqa: PLC0415

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

        price: None | str
        price = self.price

        price_impact_bps: None | str
        price_impact_bps = self.price_impact_bps

        cost_bps: None | str
        cost_bps = self.cost_bps

        network_fee: dict[str, Any] | None
        if isinstance(self.network_fee, NetworkFee):
            network_fee = self.network_fee.to_dict()
        else:
            network_fee = self.network_fee

        swaps: int | None
        swaps = self.swaps

        problem: dict[str, Any] | None
        if isinstance(self.problem, Problem):
            problem = self.problem.to_dict()
        else:
            problem = self.problem

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "amount": amount,
                "amount_raw": amount_raw,
                "amount_in": amount_in,
                "amount_in_raw": amount_in_raw,
                "amount_out": amount_out,
                "amount_out_raw": amount_out_raw,
                "price": price,
                "price_impact_bps": price_impact_bps,
                "cost_bps": cost_bps,
                "network_fee": network_fee,
                "swaps": swaps,
                "problem": problem,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.network_fee import NetworkFee  # noqa: PLC0415
        from ..models.problem import Problem  # noqa: PLC0415

        d = dict(src_dict)
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

        def _parse_price(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        price = _parse_price(d.pop("price"))

        def _parse_price_impact_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        price_impact_bps = _parse_price_impact_bps(d.pop("price_impact_bps"))

        def _parse_cost_bps(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        cost_bps = _parse_cost_bps(d.pop("cost_bps"))

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

        def _parse_swaps(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        swaps = _parse_swaps(d.pop("swaps"))

        def _parse_problem(data: object) -> None | Problem:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                problem_type_0 = Problem.from_dict(data)

                return problem_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Problem, data)

        problem = _parse_problem(d.pop("problem"))

        curve_point = cls(
            amount=amount,
            amount_raw=amount_raw,
            amount_in=amount_in,
            amount_in_raw=amount_in_raw,
            amount_out=amount_out,
            amount_out_raw=amount_out_raw,
            price=price,
            price_impact_bps=price_impact_bps,
            cost_bps=cost_bps,
            network_fee=network_fee,
            swaps=swaps,
            problem=problem,
        )

        curve_point.additional_properties = d
        return curve_point

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
