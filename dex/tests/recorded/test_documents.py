"""What is written beside orders is canonical JSON, and what is read back is the same pool, cost or request."""

import json
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from dex.chains.evm.config.options import ListedToken
from dex.chains.evm.pools.discovery import PoolFacts
from dex.chains.evm.pools.states import PairState, TickState
from dex.chains.simulated.fees import costs as simulated_costs
from dex.chains.simulated.market import default_market
from dex.costs import Costs, FeeStrategy
from dex.pools import POOL_KINDS, Pool, pool_from_state
from dex.recorded.canonical import RecordError, canonical, read_canonical, sha256
from dex.recorded.market import (
    FORMAT,
    RecordedMarket,
    _cost,
    costs_json,
    document_hash,
    hash_after,
    head_hash,
    pool_bytes,
    step_bytes,
)
from dex.recorded.requests import read_request, request_json
from dex.testing import NOW
from dex.testing.kind_tests import kind_tests
from dex.types import Hop, Route, Side, SwapRequest

ATOMS = st.integers(0, 2**256)
WHOLE = st.integers(0, 2**62)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


def assert_same_pool(pool: Pool) -> None:
    document = pool_bytes(pool)
    read = json.loads(document)

    assert rfc8785.dumps(read) == document
    assert pool_from_state(read["kind"], read["id"], read["venue"], tuple(read["tokens"]), read["state"]) == pool


@pytest.mark.parametrize("kind", sorted(POOL_KINDS))
@given(data=st.data())
def test_a_pool_of_each_kind_is_written_canonically_and_read_back(kind: str, data: st.DataObject) -> None:
    assert_same_pool(data.draw(kind_tests(kind).strategy("pool-1", ("A", "B"))))


def test_pools_as_an_evm_chain_reads_them() -> None:
    tokens = ListedToken("USDC", "USD Coin", 6, "0xa"), ListedToken("WETH", "Wrapped Ether", 18, "0xb")
    facts = [
        PoolFacts("0x" + "1" * 40, "uniswap-v2", "uniswap_v2", tokens, 3_000),
        PoolFacts("0x" + "2" * 40, "uniswap-v3", "uniswap_v3", tokens, 500, 10),
    ]
    pair = PairState((10**12, 2**111)).pool(facts[0])
    ticks = TickState(2**96, 0, 10**18, {-20: 10**18, 20: -(10**18)}, {-20: 10**18, 20: 10**18}, [10**15, 10**15])
    for pool in (pair, ticks.pool(facts[1])):
        assert pool is not None
        assert_same_pool(pool)


@given(
    st.dictionaries(
        st.sampled_from(FeeStrategy),
        st.builds(
            Costs,
            token=NAMES,
            per_transaction=WHOLE,
            per_swap=st.dictionaries(NAMES, WHOLE),
            other_swap=WHOLE,
            per_tick=st.dictionaries(NAMES, WHOLE),
            per_next=st.dictionaries(NAMES, WHOLE),
            per_repeat=st.dictionaries(NAMES, WHOLE),
            wrapped=NAMES,
        ),
    )
)
def test_costs_are_read_back(costs: dict[FeeStrategy, Costs]) -> None:
    told = json.loads(canonical(costs_json(costs)))

    assert {FeeStrategy(name): _cost(cost) for name, cost in told.items()} == costs


REQUEST: dict[str, Any] = {
    "token_in": NAMES,
    "token_out": NAMES,
    "side": st.sampled_from(Side),
    "amount": ATOMS,
    "max_slippage_ppm": st.integers(0, 10**6),
    "max_price_impact_ppm": st.none() | st.integers(0, 10**6),
    "min_amount_out": st.none() | ATOMS,
    "max_amount_in": st.none() | ATOMS,
    "allow_venues": st.frozensets(NAMES),
    "deny_venues": st.frozensets(NAMES),
    "deny_tokens": st.frozensets(NAMES),
    "max_legs": st.none() | st.integers(1, 16),
    "max_hops": st.none() | st.integers(1, 8),
    "max_swaps": st.none() | st.integers(1, 32),
    "fee_strategy": st.sampled_from(FeeStrategy),
    "max_network_fee": st.none() | ATOMS,
    "limit_price": st.none() | st.fractions(min_value=0),
    "allow_partial": st.booleans(),
    "reference_price": st.none() | st.fractions(min_value=0),
    "max_deviation_ppm": st.none() | st.integers(0, 10**6),
}


@given(st.builds(SwapRequest, **REQUEST))
def test_a_request_is_read_back(request: SwapRequest) -> None:
    assert read_request(json.loads(canonical(request_json(request)))) == request


def test_all_that_a_request_may_say_is_drawn_above() -> None:
    assert {known.name for known in fields(SwapRequest)} == REQUEST.keys()


def test_a_request_states_what_is_limited_alone() -> None:
    plain = SwapRequest("A", "B", Side.EXACT_IN, 2**70, 5)

    assert request_json(replace(plain, limit_price=Fraction(1, 3))) == {
        "token_in": "A",
        "token_out": "B",
        "side": "exact_in",
        "amount": "1180591620717411303424",
        "max_slippage_ppm": 5,
        "limit_price": "1/3",
    }
    with pytest.raises(RecordError, match="max_patience"):
        read_request(request_json(plain) | {"max_patience": 1})


@pytest.mark.parametrize("price", ["1e99999999", "0.5", "1/0", "1/2/3", "", 5, None, "9" * 5_000])
def test_a_price_is_read_as_it_is_written_alone(price: Any) -> None:
    """An exponent would be hours of work for the one who checks a file."""
    plain = request_json(SwapRequest("A", "B", Side.EXACT_IN, 5, 5))

    with pytest.raises(RecordError, match="cannot be read"):
        read_request(plain | {"limit_price": price})


def market_document() -> dict[str, Any]:
    """The default market with a step."""
    step = step_bytes(Route("SOL", "USDC", (Hop("orca", "orca-sol-usdc-4", "SOL", "USDC", 10**9, 1),)), Side.EXACT_IN)
    return {
        "format": FORMAT,
        "chain": "simulated",
        "block": 7,
        "time": NOW,
        "costs": costs_json(simulated_costs(10_000)),
        "pools": [json.loads(pool_bytes(pool)) for pool in sorted(default_market().pools, key=lambda p: p.pool_id)],
        "swaps": [json.loads(step)],
    }


def test_the_hash_of_the_writer_is_that_of_the_reader() -> None:
    document = market_document()
    head = {name: document[name] for name in ("format", "chain", "block", "time", "costs")}
    pools = {pool["id"]: sha256(canonical(pool)) for pool in document["pools"]}

    reached = hash_after(head_hash(head, canonical(pools)), canonical(document["swaps"][0]))

    assert document_hash(document) == reached.hex() == RecordedMarket.read(document).hash


def test_any_change_of_a_market_changes_its_hash() -> None:
    name = document_hash(market_document())
    changes: list[Any] = [
        lambda d: d.update(block=8),
        lambda d: d.update(time=NOW + 1),
        lambda d: d.update(chain="local"),
        lambda d: d["costs"]["fast"].update(per_transaction="1"),
        lambda d: d["pools"].pop(),
        lambda d: d["pools"][5]["state"].update(more="1"),
        lambda d: d["pools"][5].update(venue="orca2"),
        lambda d: d["swaps"].pop(),
        lambda d: d["swaps"].append(d["swaps"][0]),
        lambda d: d["swaps"][0].update(side="exact_out"),
        lambda d: d["swaps"][0]["hops"][0].__setitem__(3, "1000000001"),
        lambda d: d.update(more=1),
    ]
    for change in changes:
        document = market_document()
        change(document)
        assert document_hash(document) != name


def test_what_is_no_market_is_refused_in_words() -> None:
    changes: list[Any] = [
        lambda d: d.clear(),
        lambda d: d.update(format="order-market/2"),
        lambda d: d.update(pools={}),
        lambda d: d.update(pools=[[]]),
        lambda d: d["pools"].append(d["pools"][0]),
        lambda d: d["pools"][0].update(kind="none"),
        lambda d: d["pools"][0].update(state={}),
        lambda d: d["pools"][0].update(tokens=["SOL"]),
        lambda d: d.update(costs={"never": {}}),
        lambda d: d.update(costs={"fast": {"token": "SOL", "per_second": "1"}}),
        lambda d: d.update(swaps=None),
    ]
    for change in changes:
        document = market_document()
        change(document)
        with pytest.raises(RecordError):
            RecordedMarket.read(document)


def test_swaps_that_the_pools_do_not_take_are_refused_in_words() -> None:
    hops = ([], ["nowhere", "SOL", "USDC", "1"], *(["orca-sol-usdc-4", *rest] for rest in (["SOL"], ["A", "B", "1"])))
    steps: list[Any] = [{}, {"side": "none"}, *({"side": "exact_in", "hops": [hop]} for hop in hops)]
    for step in steps:
        recorded = RecordedMarket.read(market_document() | {"swaps": [step]})
        with pytest.raises(RecordError, match="do not take"):
            recorded.pools()


def test_only_canonical_text_is_read() -> None:
    texts = (
        *('{"a":1,"a":1}', '{"b":1,"a":1}', '{"a": 1}', '{"a":1.0}', '{"a":1e0}', '{"a":-0}', '{"a":9007199254740993}'),
        *('{"a":"\\u0041"}', '{"a":"\\/"}', '{"a":NaN}', ' {"a":1}', '{"a":1}\n', "", "[" * 100_000, '{"a":"\ud800"}'),
        "\ufeff{}",
    )
    for text in texts:
        with pytest.raises(RecordError):
            read_canonical(text.encode("utf-8", "surrogatepass"))
    assert read_canonical(b'{"a":1}') == {"a": 1}
