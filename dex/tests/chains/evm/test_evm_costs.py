"""What transactions are expected to cost, against what they did cost: swaps of every kind by the real contracts."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple

import pytest

from dex import DexError, FeeStrategy, Quote, Side, SignedTransaction, SwapRequest
from dex.chains.evm.abi.contracts import APPROVE, TRANSFER_TO
from dex.chains.evm.local.world import World
from dex.chains.evm.swaps.expected_gas import PACKED_PER_REPEAT, PACKED_PER_SWAP, PACKED_PER_TRANSACTION
from dex.costs import Costs, NetworkFee
from dex.legs import repeats_of, without_wrapping
from dex.pools import Swap
from dex.pools.kinds.uniswap_v3 import UniswapV3Pool
from dex.router import Market, find_route
from dex.router.graph.compiled import CompiledMarket
from dex.router.net.fees import FeeTable
from dex.testing.packed import fastlz_length
from dex.tests.chains.evm.evm_orders import ETH, UNIT_6, UNIT_8, Trader, intent_of, quote_of, refusals
from dex.tests.chains.evm.promises import FORK, V2, V3
from dex.tests.chains.evm.test_evm_batch import ONLY, quote_in
from dex.tests.chains.evm.test_evm_permit2 import permitted
from dex.types import Route

pytestmark = pytest.mark.chain

# Of the receipt's gas: an estimate is never farther below or above it, and closer in half of the cases.
BELOW_PERCENT, ABOVE_PERCENT, MEDIAN_PERCENT = 25, 50, 10
# Of bytes, which cost little beside the gas.
BYTES_BELOW_PERCENT, BYTES_MEDIAN_PERCENT = 33, 15
WRAP = frozenset({"wrapping"})
SEED, RANDOM, SIZES_USD = 16, 20, (300, 30_000, 300_000, 1_000_000)
UNITS = {"WETH": ETH, "USDC": 3_000 * UNIT_6, "USDT": 3_000 * UNIT_6, "DAI": 3_000 * ETH, "WBTC": UNIT_8 // 30}
PLENTY = {token: 50_000 * amount for token, amount in UNITS.items()}


class Measured(NamedTuple):
    """One executed swap: what its route was expected to cost, at one wei per gas, and what it took."""

    name: str
    expected: int
    used: int
    packed: int
    swaps: int
    repeats: int

    @property
    def error_percent(self) -> float:
        return 100 * (self.expected / self.used - 1)

    @property
    def bytes_error_percent(self) -> float:
        expected = PACKED_PER_TRANSACTION + PACKED_PER_SWAP * self.swaps + PACKED_PER_REPEAT * self.repeats
        return 100 * (expected / self.packed - 1)


SALES: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "V2": ("WETH", "USDC", ETH, {"allow_venues": V2, "max_swaps": 1}),
    "V2, back": ("USDC", "WETH", 3_000 * UNIT_6, {"allow_venues": V2, "max_swaps": 1}),
    "V3": ("WETH", "USDC", ETH, {"allow_venues": V3, "max_swaps": 1}),
    "V3, back": ("USDC", "WETH", 3_000 * UNIT_6, {"allow_venues": V3, "max_swaps": 1}),
    "V3, another tier": ("WETH", "DAI", ETH, {"allow_venues": V3, "max_swaps": 1}),
    "V3 over ticks": ("USDC", "WETH", 4_000_000 * UNIT_6, {"allow_venues": V3, "max_swaps": 1}),
    "V3 over ticks, back": ("WETH", "USDC", 1_300 * ETH, {"allow_venues": V3, "max_swaps": 1}),
    "V2 in a row": ("WBTC", "USDC", UNIT_8 // 10, {"allow_venues": V2, "max_legs": 1}),
    "V3 in a row": ("DAI", "USDT", 50_000 * ETH, {"allow_venues": V3, "max_legs": 1}),
    "V2 and V3 in a row": ("USDT", "WETH", 3_000 * UNIT_6, {"max_legs": 1, "deny_venues": FORK}),
    "split over V3": ("WETH", "USDC", 300 * ETH, {"allow_venues": V3, "max_hops": 1}),
    "split over V2 and V3": ("WETH", "USDC", 300 * ETH, {"deny_venues": FORK, "max_hops": 1}),
    "split over paths": ("WETH", "USDC", 300 * ETH, {"deny_venues": FORK, "max_hops": 2, "max_swaps": 5}),
    "native to V2": ("ETH", "USDC", ETH, {"allow_venues": V2 | WRAP, "max_swaps": 2}),
    "native from V2": ("USDC", "ETH", 3_000 * UNIT_6, {"allow_venues": V2 | WRAP, "max_swaps": 2}),
    "native to V3": ("ETH", "USDC", ETH, {"allow_venues": V3 | WRAP, "max_swaps": 2}),
    "native from V3": ("USDC", "ETH", 3_000 * UNIT_6, {"allow_venues": V3 | WRAP, "max_swaps": 2}),
    "wrapping": ("ETH", "WETH", ETH, {}),
    "unwrapping": ("WETH", "ETH", ETH, {}),
}
IN_BATCHES: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "a fork": ("WETH", "USDC", ETH, {"allow_venues": FORK, "max_swaps": 1}),
    "a fork in a row": ("DAI", "USDC", 10**4 * ETH, {"allow_venues": FORK}),
    "native to a fork": ("ETH", "USDC", ETH, {"allow_venues": FORK | WRAP}),
    "native from a fork": ("USDC", "ETH", 3_000 * UNIT_6, {"allow_venues": FORK | WRAP}),
    "split over all": ("WETH", "USDC", 300 * ETH, {"max_hops": 1}),
    "native, split": ("ETH", "USDC", 300 * ETH, {"max_swaps": 5, "max_hops": 2}),
    "split over many paths": ("WETH", "USDC", 300 * ETH, {}),
}
PURCHASES: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "V2, bought": ("WETH", "USDC", 3_000 * UNIT_6, {"allow_venues": V2, "max_swaps": 1}),
    "V3, bought": ("WETH", "USDC", 3_000 * UNIT_6, {"allow_venues": V3, "max_swaps": 1}),
    "V3 in a row, bought": ("DAI", "USDT", 50_000 * UNIT_6, {"allow_venues": V3, "max_legs": 1}),
}


def execute(world: World, trader: Trader, name: str, quote: Quote) -> Measured:
    """Send it, and compare with what the router states for its route."""
    snapshot = trader.chain.snapshot()
    costs = snapshot.costs[FeeStrategy.NORMAL]
    market = CompiledMarket(snapshot.pools, snapshot.time)
    price = costs.of_tick(UniswapV3Pool.kind) // 30_000
    expected = expected_fee(market, quote, FeeTable(costs, None)).amount // price
    signed = trader.signed(quote)
    assert trader.send(signed) == [None]
    world.anvil.mine()
    receipt = world.anvil.ask("eth_getTransactionReceipt", signed.tx_hash)
    assert receipt["status"] == "0x1"
    swaps = sum(hop.venue not in WRAP for hop in quote.route.hops)
    repeats = again_of(quote.route, costs).total()
    return Measured(name, expected, int(receipt["gasUsed"], 16), fastlz_length(signed.raw), swaps, repeats)


def again_of(route: Route, costs: Costs) -> Counter[str]:
    """Pools that it goes through again, leg by leg."""
    return repeats_of(without_wrapping(route, costs.token, costs.wrapped))


def expected_fee(market: CompiledMarket, quote: Quote, fees: FeeTable) -> NetworkFee:
    """What the route of a quote is expected to cost, in any market that it was found in."""
    edges = {
        (market.pools[market.pool.item(edge)].pool_id, *ends): edge for edge, ends in enumerate(market.edge_tokens)
    }
    swaps = [
        (edge, Swap(hop.amount_in, hop.amount_out, 0, market.pools[market.pool.item(edge)]))
        for hop in quote.route.hops
        for edge in [edges[hop.pool_id, hop.token_in, hop.token_out]]
    ]
    return fees.of(market, swaps)


def traded_before(world: World) -> None:
    """Each pool has sold both of its tokens, and ticks were crossed: what is first fills storage, and is dearer."""
    trader = rich(world, "account/before")
    for pool in trader.chain.snapshot().pools:
        if pool.venue in WRAP:
            continue
        for token_in, token_out in (pool.tokens, pool.tokens[::-1]):
            asked = SwapRequest(token_in, token_out, Side.EXACT_IN, UNITS[token_in], 100_000)
            snapshot = trader.chain.snapshot()
            market = Market([one for one in snapshot.pools if one.pool_id == pool.pool_id], snapshot.time, 1)
            assert trader.send(trader.signed(find_route(market, asked).quote)) == [None]
            world.anvil.mine()
    for name in ("V3 over ticks", "V3 over ticks, back"):
        token_in, token_out, amount, limits = SALES[name]
        assert trader.send(trader.signed(trader.quote(amount, token_in, token_out, **limits))) == [None]
        world.anvil.mine()


def rich(world: World, owner: str) -> Trader:
    """A trader with enough of everything, all of which the router may take."""
    trader, giver = Trader.on(world, owner), world.anvil.accounts()[0]
    world.anvil.ask("anvil_impersonateAccount", trader.wallet)
    for token in world.tokens:
        for sender, data in (
            (giver, TRANSFER_TO.call(trader.wallet, PLENTY[token.symbol])),
            (trader.wallet, APPROVE.call(world.deployment.router, 2**200)),
        ):
            call = {"from": sender, "to": token.address, "gas": hex(100_000), "data": "0x" + data.hex()}
            world.anvil.ask("eth_sendTransaction", call)
    world.anvil.mine()
    return Trader.on(world, owner)


def measured_by_router(world: World) -> Iterator[Measured]:
    trader = rich(world, "account/rich")
    for side, cases in ((Side.EXACT_IN, SALES | IN_BATCHES), (Side.EXACT_OUT, PURCHASES)):
        for name, (token_in, token_out, amount, limits) in cases.items():
            quote = quote_of(trader.engine, token_in, token_out, amount, side, **limits)
            yield execute(world, trader, name, quote)
    for name, case in ONLY.items():
        yield execute(world, trader, name, quote_in(trader, case))
    yield from measured_at_random(world, trader)


def measured_at_random(world: World, trader: Trader) -> Iterator[Measured]:
    """Routes of any shape, most as if swaps were free: then they split, and many go leg by leg."""
    numbers, executed, leg_by_leg = random.Random(SEED), 0, 0
    for number in range(RANDOM):
        token_in, token_out = numbers.sample(["ETH", *UNITS], 2)
        side, usd = numbers.choice(list(Side)), numbers.choice(SIZES_USD)
        fixed = token_in if side is Side.EXACT_IN else token_out
        hops, denied = numbers.choice([None, 2, 3]), numbers.choice([FORK, frozenset()])
        amount = usd * UNITS.get(fixed, ETH) // 3_000
        asked = SwapRequest(token_in, token_out, side, amount, 100_000, max_hops=hops, deny_venues=denied)
        snapshot = trader.chain.snapshot()
        costs = snapshot.costs if number % 3 == 0 else {}
        quote = find_route(Market(snapshot.pools, snapshot.time, 1, costs), asked).quote
        if refusals(trader.engine, [intent_of(trader.engine, quote, trader.wallet, trader.nonce)]) != [None]:
            continue  # a purchase whose legs come out short is not signed
        executed += 1
        leg_by_leg += bool(again_of(quote.route, snapshot.costs[FeeStrategy.NORMAL]))
        yield execute(world, trader, f"random {number}", quote)
    assert executed >= RANDOM * 3 // 4
    assert leg_by_leg >= RANDOM // 10


def measured_by_universal_router(world: World) -> Iterator[Measured]:
    trader = permitted(world, "account/permit2", **PLENTY)
    for side, cases in ((Side.EXACT_IN, SALES), (Side.EXACT_OUT, PURCHASES)):
        for name, (token_in, token_out, amount, limits) in cases.items():
            limits = limits | {"deny_venues": FORK}
            quote = quote_of(trader.engine, token_in, token_out, amount, side, **limits)
            yield execute(world, trader, f"{name}, through Permit2", quote)


@pytest.mark.parametrize("measured_by", [measured_by_router, measured_by_universal_router])
def test_what_a_swap_is_expected_to_cost_is_close_to_what_it_costs(
    ticking: World, measured_by: Callable[[World], Iterator[Measured]]
) -> None:
    traded_before(ticking)

    found = list(measured_by(ticking))

    table = "\n".join(f"{one.error_percent:+6.1f} % {one.expected:9d} {one.used:9d} {one.name}" for one in found)
    assert all(-BELOW_PERCENT <= one.error_percent <= ABOVE_PERCENT for one in found), table
    assert median(abs(one.error_percent) for one in found) <= MEDIAN_PERCENT, table
    table = "\n".join(f"{one.bytes_error_percent:+6.1f} % of {one.packed} bytes: {one.name}" for one in found)
    assert all(-BYTES_BELOW_PERCENT <= one.bytes_error_percent <= ABOVE_PERCENT for one in found), table
    assert median(abs(one.bytes_error_percent) for one in found) <= BYTES_MEDIAN_PERCENT, table


def test_a_first_balance_is_within_the_error_that_is_allowed(ticking: World) -> None:
    world = ticking
    traded_before(world)
    trader = rich(world, "account/rich")
    usdt = trader.chain.balances(trader.wallet)["USDT"]
    data = TRANSFER_TO.call(world.anvil.accounts()[0], usdt)
    call = {"from": trader.wallet, "to": world.address("USDT"), "gas": hex(100_000), "data": "0x" + data.hex()}
    world.anvil.ask("eth_sendTransaction", call)
    world.anvil.mine()
    trader.nonce += 1
    quote = quote_of(trader.engine, "USDC", "USDT", 3_000 * UNIT_6, Side.EXACT_IN, max_swaps=1)

    first = execute(world, trader, "first", quote)
    second = execute(world, trader, "second", quote)

    assert first.used - second.used == 17_100
    assert first.error_percent >= -BELOW_PERCENT


def test_costs_are_those_of_the_very_fees_that_would_be_offered(world: World) -> None:
    chain = world.chain()

    costs, offers = chain.snapshot().costs, chain.prepare()

    assert list(costs) == list(offers) == list(FeeStrategy)
    base = int(world.anvil.ask("eth_feeHistory", "0x1", "latest", [])["baseFeePerGas"][-1], 16)
    for strategy in FeeStrategy:
        assert costs[strategy].token == "ETH"
        assert costs[strategy].of_tick("uniswap_v3") == 30_000 * (base + offers[strategy].priority_fee)
        assert costs[strategy].of_swap("never heard of") == costs[strategy].of_swap("uniswap_v3")


def test_costs_follow_the_fees_of_the_network(world: World) -> None:
    chain = world.chain()
    before = chain.snapshot().costs[FeeStrategy.NORMAL]
    world.anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(50 * 10**9))
    world.anvil.mine()

    after = chain.snapshot().costs[FeeStrategy.NORMAL]

    assert after.per_transaction > 20 * before.per_transaction
    # What is asked for is known also where no order may pay it: orders wait, quotes do not.
    dear = world.chain(max_fee=10**9).snapshot().costs
    assert dear[FeeStrategy.NORMAL] == after


def paid(world: World, trader: Trader, signed: SignedTransaction, value: int = 0) -> int:
    """What the wallet really lost for it, beside what it gave."""
    before = int(world.anvil.ask("eth_getBalance", trader.wallet, "latest"), 16)
    assert trader.send(signed) == [None]
    world.anvil.mine()
    return before - int(world.anvil.ask("eth_getBalance", trader.wallet, "latest"), 16) - value


def test_a_receipt_says_what_was_paid_whatever_it_was_for(world: World) -> None:
    trader = Trader.on(world)
    fees = trader.engine.prepare()[FeeStrategy.NORMAL]
    approvals = trader.chain.approve(
        trader.wallet, trader.nonce, trader.chain.approval_calls(trader.wallet, "USDC", 5), fees
    )
    assert not isinstance(approvals, DexError)
    trader.nonce += 1
    sent: list[tuple[str, SignedTransaction, int]] = [
        ("approval", approvals[0], 0),
        ("swap", trader.signed(), 0),
        ("native swap", trader.signed(trader.quote(ETH, "ETH", max_hops=2)), ETH),
        ("expired", trader.signed(deadline=1), 0),
        ("cancellation", trader.cancellation(trader.nonce, fees), 0),
    ]

    lost = {name: paid(world, trader, signed, value) for name, signed, value in sent}

    receipts = {name: trader.receipt(signed) for name, signed, _ in sent}
    assert {name: receipt and receipt.fee_paid for name, receipt in receipts.items()} == lost
    assert all(fee > 0 for fee in lost.values())
    assert [receipt and receipt.is_success for receipt in receipts.values()] == [True, True, True, False, True]


def test_a_delegation_says_what_it_cost(world: World) -> None:
    trader = Trader.on(world)
    signed = trader.chain.delegate(trader.wallet, trader.nonce, False, trader.engine.prepare()[FeeStrategy.NORMAL])
    assert not isinstance(signed, DexError)

    lost = paid(world, trader, signed[0])

    receipt = trader.receipt(signed[0])
    assert receipt is not None
    assert receipt.fee_paid == lost > 0
