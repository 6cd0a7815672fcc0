from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.market_snapshot_costs import MarketSnapshotCosts
    from ..models.market_snapshot_pools_item import MarketSnapshotPoolsItem
    from ..models.market_snapshot_swaps_item import MarketSnapshotSwapsItem


T = TypeVar("T", bound="MarketSnapshot")


@_attrs_define
class MarketSnapshot:
    """The market that the order was routed on, as canonical JSON; its hash is in the receipt: docs/receipts.md."""

    format_: str
    """ order-market/1 """
    chain: str
    block: int
    time: int
    """ Chain time, unix seconds. """
    costs: MarketSnapshotCosts
    pools: list[MarketSnapshotPoolsItem]
    swaps: list[MarketSnapshotSwapsItem]
    """ What orders before it in its batch do to the pools, in turn. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        format_ = self.format_

        chain = self.chain

        block = self.block

        time = self.time

        costs = self.costs.to_dict()

        pools = []
        for pools_item_data in self.pools:
            pools_item = pools_item_data.to_dict()
            pools.append(pools_item)

        swaps = []
        for swaps_item_data in self.swaps:
            swaps_item = swaps_item_data.to_dict()
            swaps.append(swaps_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "format": format_,
                "chain": chain,
                "block": block,
                "time": time,
                "costs": costs,
                "pools": pools,
                "swaps": swaps,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.market_snapshot_costs import MarketSnapshotCosts  # noqa: PLC0415
        from ..models.market_snapshot_pools_item import MarketSnapshotPoolsItem  # noqa: PLC0415
        from ..models.market_snapshot_swaps_item import MarketSnapshotSwapsItem  # noqa: PLC0415

        d = dict(src_dict)
        format_ = d.pop("format")

        chain = d.pop("chain")

        block = d.pop("block")

        time = d.pop("time")

        costs = MarketSnapshotCosts.from_dict(d.pop("costs"))

        pools = []
        _pools = d.pop("pools")
        for pools_item_data in _pools:
            pools_item = MarketSnapshotPoolsItem.from_dict(pools_item_data)

            pools.append(pools_item)

        swaps = []
        _swaps = d.pop("swaps")
        for swaps_item_data in _swaps:
            swaps_item = MarketSnapshotSwapsItem.from_dict(swaps_item_data)

            swaps.append(swaps_item)

        market_snapshot = cls(
            format_=format_,
            chain=chain,
            block=block,
            time=time,
            costs=costs,
            pools=pools,
            swaps=swaps,
        )

        market_snapshot.additional_properties = d
        return market_snapshot

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
