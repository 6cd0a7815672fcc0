"""A market as a document, and its hash: what a route was found on, to the last atom.

{"format": "order-market/1", "chain": "simulated", "block": 812, "time": 1764540000,
 "costs": {STRATEGY: {...}}, "pools": [{"id", "kind", "venue", "tokens", "state"}, ...],
 "swaps": [{"side": "exact_in", "hops": [[POOL, TOKEN_IN, TOKEN_OUT, AMOUNT], ...]}, ...]}

`swaps` are what orders before it in the same batch do to the pools, in turn; an amount is of the side that is fixed.
The hash is that of the head, in which each pool stands as the hash of its document: h = sha256(canonical of the above
with {ID: sha256(canonical pool)} as `pools`, and without `swaps`). Each element of `swaps` takes it one further:
h = sha256(h + canonical element), with h as bytes. So a market costs no more to name than what has changed in it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import orjson

from dex.costs import Costs, FeeStrategy
from dex.errors import DexError
from dex.execution import swap
from dex.pools import Pool, pool_from_state
from dex.recorded.canonical import RecordError, canonical, sha256
from dex.router import Market
from dex.types import Hop, Route, Side

FORMAT = "order-market/1"
_AMOUNTS = {"per_transaction", "other_swap"}
_BY_KIND = {"per_swap", "per_tick", "per_next", "per_repeat"}


# --- Written, beside orders: orjson with sorted keys writes these documents as RFC 8785 does -------------------------


def pool_bytes(pool: Pool) -> bytes:
    """The canonical document of a pool. Its members have ASCII names, and whole numbers below 2**53."""
    document = {
        "id": pool.pool_id,
        "kind": pool.kind,
        "state": pool.to_state(),
        "tokens": pool.tokens,
        "venue": pool.venue,
    }
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def costs_json(costs: Mapping[FeeStrategy, Costs]) -> dict[str, Any]:
    """What transactions cost; atoms as text, what is zero left out."""
    return {strategy.value: _cost_json(cost) for strategy, cost in costs.items()}


def step_bytes(route: Route, side: Side) -> bytes:
    """The canonical document of what a route does to the pools."""
    is_exact_in = side is Side.EXACT_IN
    hops = [
        (hop.pool_id, hop.token_in, hop.token_out, str(hop.amount_in if is_exact_in else hop.amount_out))
        for hop in route.hops
    ]
    return orjson.dumps({"hops": hops, "side": side.value})


def by_name(name: str) -> bytes:
    """What RFC 8785 sorts the members of an object by."""
    return name.encode("utf-16-be", "surrogatepass")


def head_hash(head: Mapping[str, Any], pools: bytes) -> bytes:
    """The hash of a market before any swap; `pools` is the canonical object of their hashes, `head` all the rest."""
    document = {**head, "pools": orjson.Fragment(pools)}
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).digest()


def hash_after(before: bytes, step: bytes) -> bytes:
    """The hash of a market after one more step."""
    return hashlib.sha256(before + step).digest()


# --- Read ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordedMarket:
    """A document that was read; `hash` is its name as hex."""

    chain_id: str
    block: int
    hash: str
    now: int
    _costs: Mapping[FeeStrategy, Costs]
    _pools: Sequence[Pool]
    _steps: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, document: Any) -> Self:
        """Raises: RecordError."""
        try:
            if document["format"] != FORMAT or not all(isinstance(document[name], list) for name in ("pools", "swaps")):
                raise RecordError(f"it is no market of the form {FORMAT}")
            pools = [_pool(described) for described in document["pools"]]
            costs = {FeeStrategy(name): _cost(told) for name, told in document["costs"].items()}
            name = document_hash(document)
            steps = list(document["swaps"])
            market = cls(document["chain"], document["block"], name, document["time"], costs, pools, steps)
        except RecordError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise RecordError(f"it is no market: {type(error).__name__} {error}") from error
        if len({pool.pool_id for pool in pools}) < len(pools):
            raise RecordError("it is no market: a pool is stated twice")
        return market

    def pools(self) -> dict[str, Pool]:
        """As the swaps leave them, by id. Raises: RecordError for a swap that the pools do not take."""
        pools = {pool.pool_id: pool for pool in self._pools}
        try:
            for step in self._steps:
                is_exact_in = Side(step["side"]) is Side.EXACT_IN
                for pool_id, token_in, token_out, amount in step["hops"]:
                    venue = pools[pool_id].venue if pool_id in pools else ""
                    hop = Hop(venue, pool_id, token_in, token_out, 0, 0)
                    swap(pools, hop, int(amount), is_exact_in, self.now)
        except (DexError, KeyError, TypeError, ValueError) as error:
            raise RecordError(f"its pools do not take its swaps: {error}") from error
        return pools

    def market(self) -> Market:
        """Compiled for the router. Raises: RecordError."""
        return Market(list(self.pools().values()), self.now, self.block, self._costs)


def document_hash(document: Mapping[str, Any]) -> str:
    """The name of a market's document, as the head of this module says. Raises: RecordError."""
    pools = {pool["id"]: sha256(canonical(pool)) for pool in document["pools"]}
    head = {name: value for name, value in document.items() if name != "swaps"} | {"pools": pools}
    reached = hashlib.sha256(canonical(head)).digest()
    for step in document["swaps"]:
        reached = hash_after(reached, canonical(step))
    return reached.hex()


def _pool(described: Mapping[str, Any]) -> Pool:
    return pool_from_state(
        described["kind"], described["id"], described["venue"], tuple(described["tokens"]), dict(described["state"])
    )


def _cost_json(cost: Costs) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for known in fields(Costs):
        value = getattr(cost, known.name)
        if not value:
            continue
        if known.name in _BY_KIND:
            told[known.name] = {kind: str(atoms) for kind, atoms in value.items()}
        else:
            told[known.name] = str(value)
    return told


def _cost(told: Mapping[str, Any]) -> Costs:
    values: dict[str, Any] = {
        name: {kind: int(atoms) for kind, atoms in value.items()}
        if name in _BY_KIND
        else (int(value) if name in _AMOUNTS else str(value))
        for name, value in told.items()
    }
    return Costs(**values)
