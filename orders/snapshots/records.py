"""What a record of a batch holds, written beside orders and read on request.

{"head": {"format", "chain", "block", "time", "costs"}, "program": {...},
 "pools": [documents of those that changed], "orders": [[request, step or null, [checked costs], ended after], ...]}

Only the first of a series has `program`, and `costs` are left out where they are those of the record before. `orders`
are those of the batch that got a quote, in its order; a step is what an order did to the market for those after it.
Pools are those of dex/recorded/market.py, and so are hashes.
"""

import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import orjson

from dex import Costs, FeeStrategy, Pool
from dex.recorded.canonical import sha256
from dex.recorded.market import FORMAT, by_name, costs_json, hash_after, head_hash, pool_bytes, step_bytes
from dex.recorded.program import program_json
from dex.recorded.requests import request_json
from dex.trace import RoutingTrace, TracedRequest
from orders.plan import MarketRef

# Level 1 takes a quarter of the time of the usual one, and a sixth more room. What is said of a lone order is so little
# that it would cost more time than it saves room.
LEVEL = 1
COMPRESSED_FROM = 4_096  # bytes
_SORTED = orjson.OPT_SORT_KEYS


class KnownPools(NamedTuple):
    """The pools of a market in their order, of each its document, and the member of the head that states its hash."""

    pools: tuple[Pool, ...] = ()
    documents: tuple[bytes, ...] = ()
    members: tuple[bytes, ...] = ()
    costs: bytes = b""

    def may_become(self, pools: tuple[Pool, ...]) -> bool:
        """Whether these are the same pools, in any state."""
        return len(pools) == len(self.pools) and all(
            new is old or new.pool_id == old.pool_id for new, old in zip(pools, self.pools, strict=True)
        )


NOTHING = KnownPools()


class Written(NamedTuple):
    """A record, where its orders find it (None: refused ones), and the pools as its series holds them from then on."""

    body: bytes
    refs: list[MarketRef | None]
    known: KnownPools


def write_record(trace: RoutingTrace, chain_id: str, known: KnownPools, series: str, number: int) -> Written:
    """The record of a batch, which says what is other than it is `known`; the first of a series says all."""
    market = trace.market
    assert market is not None
    before, costs = known, _costs_bytes(market.costs)
    changed, known = _changes(market.pools, known if known.may_become(market.pools) else NOTHING, costs)
    head = {"block": market.version, "chain": chain_id, "format": FORMAT, "time": market.time}
    priced = {**head, "costs": orjson.Fragment(costs)}
    reached = head_hash(priced, b"{" + b",".join(known.members) + b"}")
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
    document: dict[str, Any] = {"head": head if number and costs == before.costs else priced, "orders": orders}
    if number:
        document["pools"] = [*map(orjson.Fragment, changed)]
    else:
        document |= {"pools": [*map(orjson.Fragment, known.documents)], "program": _program()}
    return Written(_body(orjson.dumps(document)), refs, known)


def _changes(pools: tuple[Pool, ...], known: KnownPools, costs: bytes) -> tuple[list[bytes], KnownPools]:
    """Documents of what is not as it is known, and what is known afterwards."""
    changed, count = [], len(pools)
    documents, members = list(known.documents) or [b""] * count, list(known.members) or [b""] * count
    for place, (pool, was) in enumerate(zip(pools, known.pools or [None] * count, strict=True)):
        if pool is was:
            continue
        document = pool_bytes(pool)
        if document != documents[place]:
            documents[place] = document
            members[place] = orjson.dumps({pool.pool_id: sha256(document)})[1:-1]
            changed.append(document)
    return changed, KnownPools(pools, tuple(documents), tuple(members), costs)


def _entry(traced: TracedRequest, step: bytes | None) -> list[Any]:
    checked = [str(cost) for cost in traced.checked_costs]
    told = None if step is None else orjson.Fragment(step)
    return [request_json(traced.request), told, checked, traced.ended_after]


# Chains give the same object until their fees change.
_costs: tuple[Any, bytes] = (None, b"")


def _costs_bytes(costs: Mapping[FeeStrategy, Costs]) -> bytes:
    global _costs
    known, written = _costs
    if known is not costs:
        written = orjson.dumps(costs_json(costs), option=_SORTED)
        _costs = costs, written
    return written


@cache
def _program() -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(program_json()))


def _body(document: bytes) -> bytes:
    return document if len(document) < COMPRESSED_FROM else zlib.compress(document, LEVEL)


def read_body(body: bytes) -> dict[str, Any]:
    """A record as it was written."""
    read: dict[str, Any] = orjson.loads(body if body.startswith(b"{") else zlib.decompress(body))
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
    head: dict[str, Any] = {}
    for record in records:
        head |= record["head"]
        pools |= {pool["id"]: pool for pool in record["pools"]}
    last = records[-1]
    request, _, checked_costs, ended_after = last["orders"][place]
    steps = [step for _, step, *_ in last["orders"][:place] if step is not None]
    held = [pools[pool_id] for pool_id in sorted(pools, key=by_name)]
    document = {**head, "pools": held, "swaps": steps}
    return Snapshot(document, Routing(request, checked_costs, ended_after, records[0]["program"]))
