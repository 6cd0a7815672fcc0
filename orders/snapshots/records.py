"""What a record of a batch holds, written beside orders and read when somebody asks.

{"head": {"format", "chain", "block", "time", "costs"}, "program": {...},
 "pools": [documents of those that changed], "orders": [[request, step or null, [checked costs], ended after], ...]}

`orders` are those of the batch that got a quote, in its order; a step is what an order did to the market for those
after it. Pools are those of dex/recorded/market.py, and so are hashes.
"""

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import orjson

from dex.recorded.canonical import sha256
from dex.recorded.market import (
    FORMAT,
    by_name,
    costs_json,
    hash_after,
    head_hash,
    pool_bytes,
    pool_hashes,
    step_bytes,
)
from dex.recorded.program import program_json
from dex.recorded.requests import request_json
from dex.trace import RoutingTrace, TracedMarket, TracedRequest
from orders.plan import MarketRef

# Level 1 takes a quarter of the time of the usual one, and a sixth more room.
LEVEL = 1


class KnownPool(NamedTuple):
    """A pool as a series holds it: the object that it was made of, and the hash of its document."""

    pool: Any
    hash: str


class Written(NamedTuple):
    """A record, where its orders find it (None: refused ones), and the pools as its series holds them from then on."""

    body: bytes
    refs: list[MarketRef | None]
    pools: dict[str, KnownPool]


def write_record(trace: RoutingTrace, chain_id: str, known: dict[str, KnownPool], series: str, number: int) -> Written:
    """The record of a batch that follows what is `known`."""
    market = cast("TracedMarket", trace.market)
    changed, pools = _changes(market, known)
    head = {
        "format": FORMAT,
        "chain": chain_id,
        "block": market.version,
        "time": market.time,
        "costs": costs_json(market.costs),
    }
    reached = head_hash(head, pool_hashes((pool_id, pool.hash) for pool_id, pool in pools.items()))
    orders: list[Any] = []
    refs: list[MarketRef | None] = []
    for traced in trace.requests:
        if traced.quote is None:
            refs.append(None)
            continue
        refs.append(MarketRef(reached.hex(), series, number, len(orders)))
        step = step_bytes(traced.quote.route, traced.request.side) if traced.is_applied else None
        orders.append(_entry(traced, step))
        if step is not None:
            reached = hash_after(reached, step)
    document = {"head": head, "program": program_json(), "pools": changed, "orders": orders}
    return Written(zlib.compress(orjson.dumps(document), LEVEL), refs, pools)


def _changes(market: TracedMarket, known: dict[str, KnownPool]) -> tuple[list[orjson.Fragment], dict[str, KnownPool]]:
    """Documents of what is not as it is known, and all pools, in the order in which their hashes are written."""
    changed, pools = [], {}
    for pool in market.pools:
        was = known.get(pool.pool_id)
        if was is None or was.pool is not pool:
            document = pool_bytes(pool)
            name = sha256(document)
            if was is None or was.hash != name:
                changed.append(orjson.Fragment(document))
            was = KnownPool(pool, name)
        pools[pool.pool_id] = was
    if all(map(str.isascii, pools)):  # they come sorted
        return changed, pools
    return changed, {pool_id: pools[pool_id] for pool_id in sorted(pools, key=by_name)}


def _entry(traced: TracedRequest, step: bytes | None) -> list[Any]:
    checked = [str(cost) for cost in traced.checked_costs]
    return [
        request_json(traced.request),
        None if step is None else orjson.Fragment(step),
        checked,
        traced.ended_after,
    ]


def read_body(body: bytes) -> dict[str, Any]:
    """A record as it was written."""
    read: dict[str, Any] = orjson.loads(zlib.decompress(body))
    return read


class Routing(NamedTuple):
    """How one order was routed: what the router was asked, and by which program. As JSON; see dex/recorded/."""

    request: dict[str, Any]
    checked_costs: list[str]
    ended_after: int | None
    program: dict[str, Any]


class Snapshot(NamedTuple):
    """The market of one order as a document (dex/recorded/market.py), and how the order was routed on it."""

    document: dict[str, Any]
    routing: Routing


def snapshot_of(records: Sequence[dict[str, Any]], place: int) -> Snapshot:
    """Of an order of the last record, from all records of its series up to it."""
    pools: dict[str, Any] = {}
    for record in records:
        pools |= {pool["id"]: pool for pool in record["pools"]}
    last = records[-1]
    request, _, checked_costs, ended_after = last["orders"][place]
    steps = [step for _, step, *_ in last["orders"][:place] if step is not None]
    held = [pools[pool_id] for pool_id in sorted(pools, key=by_name)]
    document = {**last["head"], "pools": held, "swaps": steps}
    return Snapshot(document, Routing(request, checked_costs, ended_after, last["program"]))
