from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.pool_reserves import PoolReserves


T = TypeVar("T", bound="Pool")


@_attrs_define
class Pool:
    """One source of liquidity."""

    pool: str
    kind: str
    tokens: list[str]
    fee_bps: str
    """ Basis points. """
    reserves: PoolReserves
    """ Token units by symbol. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        pool = self.pool

        kind = self.kind

        tokens = self.tokens

        fee_bps = self.fee_bps

        reserves = self.reserves.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "pool": pool,
                "kind": kind,
                "tokens": tokens,
                "fee_bps": fee_bps,
                "reserves": reserves,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.pool_reserves import PoolReserves  # noqa: PLC0415

        d = dict(src_dict)
        pool = d.pop("pool")

        kind = d.pop("kind")

        tokens = cast(list[str], d.pop("tokens"))

        fee_bps = d.pop("fee_bps")

        reserves = PoolReserves.from_dict(d.pop("reserves"))

        pool = cls(
            pool=pool,
            kind=kind,
            tokens=tokens,
            fee_bps=fee_bps,
            reserves=reserves,
        )

        pool.additional_properties = d
        return pool

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
