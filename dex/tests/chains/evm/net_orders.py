"""Random orders on the local chain, each executed three ways from the same block: what was left after the network fee.

The price of gas is chosen so that one swap costs 0.1 to 30 basis points of the order.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from dex import FeeStrategy, Quote, Receipt, Route, Side, SwapRequest
from dex.chains.base import Snapshot
from dex.chains.evm.abi.contracts import APPROVE
from dex.chains.evm.local.market import NATIVE, TOKENS, WRAPPED
from dex.chains.evm.local.world import World
from dex.chains.evm.swaps.expected_gas import OTHER_SWAP
from dex.costs import Costs
from dex.pools import Pool
from dex.router import Market, find_route
from dex.router.graph.compiled import CompiledMarket
from dex.router.net.costs import native_price
from dex.router.net.fees import FeeTable
from dex.router.venue_paths import Fill, Path, fill_path
from dex.tests.chains.evm.evm_orders import Trader
from dex.tests.chains.evm.test_evm_costs import expected_fee, traded_before

BP: Final = 10_000
LEAST_BPS, MOST_BPS = 0.1, 30.0
LEAST_USD, MOST_USD = 300.0, 1_000_000.0
MOST_HOPS: Final = 4  # of a single path
SLIPPAGE_PPM: Final = 10_000
PLENTY_WEI: Final = 10**25
MOST_GAS_PRICE: Final = 10**16
_USD: Final = {token.symbol: (float(token.usd), token.decimals) for token in TOKENS}
_USD[NATIVE] = _USD[WRAPPED]


class RandomOrder(NamedTuple):
    """An order, and the price of gas in wei at which one swap costs `bps` of it."""

    request: SwapRequest
    usd: float
    bps: float
    gas_price: int

    def __str__(self) -> str:
        asked = self.request
        fixed = "sell" if asked.side is Side.EXACT_IN else "buy"
        return f"{fixed} {self.usd:,.0f} $ {asked.token_in} > {asked.token_out}, {self.bps:.2f} bp a swap"


class Executed(NamedTuple):
    """One route as the chain executed it.

    `net` is in atoms of the side that is not fixed, more is better: what was received less the fee, or minus what was
    given and the fee. `expected_net` is the same as it was quoted, `fee_value` the fee in these atoms. `expected_fee`
    and `fee_paid` are wei.
    """

    route: Route
    net: float
    expected_net: float
    fee_value: float
    expected_fee: int
    fee_paid: int

    @property
    def swaps(self) -> int:
        """Pools that it goes through."""
        return len(self.route.hops)

    @property
    def fee_error(self) -> float:
        """By what share of the fee the estimate was above it."""
        return self.expected_fee / self.fee_paid - 1


class Compared(NamedTuple):
    """The router's route net of costs, the best single path, and the route of a router to which swaps are free.

    `size` is what the order pays or takes, in atoms of the side that is not fixed.
    """

    order: RandomOrder
    net: Executed
    single: Executed
    gross: Executed
    size: int

    def above(self, other: Executed) -> float:
        """Basis points of the order by which the net route left more."""
        return (self.net.net - other.net) / self.size * BP

    def expected_above(self, other: Executed) -> float:
        """The same by the estimates of fees."""
        return (self.net.expected_net - other.expected_net) / self.size * BP


def random_orders(seed: int, count: int) -> Iterator[RandomOrder]:
    """Sales and purchases of every pair of tokens, their sizes and costs log-uniform."""
    numbers = random.Random(seed)
    symbols = sorted(_USD)
    for _ in range(count):
        token_in, token_out = numbers.sample(symbols, 2)
        while {token_in, token_out} == {NATIVE, WRAPPED}:
            token_in, token_out = numbers.sample(symbols, 2)
        side = numbers.choice(list(Side))
        usd = LEAST_USD * (MOST_USD / LEAST_USD) ** numbers.random()
        bps = LEAST_BPS * (MOST_BPS / LEAST_BPS) ** numbers.random()
        price, decimals = _USD[token_in if side is Side.EXACT_IN else token_out]
        request = SwapRequest(token_in, token_out, side, int(usd / price * 10**decimals), SLIPPAGE_PPM)
        wei = usd * bps / BP / _USD[NATIVE][0] * 10 ** _USD[NATIVE][1]
        yield RandomOrder(request, usd, bps, int(wei / OTHER_SWAP))


def net_trader(world: World) -> Trader:
    """A wallet with plenty of everything, in a market that has traded before."""
    traded_before(world)
    trader = Trader.on(world, "account/net", max_fee=MOST_GAS_PRICE)
    anvil, wallet = world.anvil, trader.wallet
    anvil.ask_all([("anvil_setBalance", [wallet, hex(PLENTY_WEI)]), ("anvil_impersonateAccount", [wallet])])
    for token in world.tokens:
        data = "0x" + APPROVE.call(world.deployment.router, 2**200).hex()
        anvil.ask("eth_sendTransaction", {"from": wallet, "to": token.address, "data": data})
    anvil.mine()
    trader.nonce = trader.chain.next_nonce(wallet)
    return trader


def compare(trader: Trader, order: RandomOrder) -> Compared:
    """Execute an order three ways on the same state; the chain is as before."""
    anvil = trader.world.anvil
    before, usual_fee = anvil.ask("evm_snapshot"), _next_base_fee(trader)
    anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(order.gas_price))
    anvil.mine()
    base_fee = _next_base_fee(trader)
    snapshot = trader.chain.snapshot()
    costs = snapshot.costs[FeeStrategy.NORMAL]
    market = _market(snapshot, snapshot.pools, {FeeStrategy.NORMAL: costs})
    asked = order.request
    fees = FeeTable(costs, native_price(market.compiled, costs, _counted(asked)))
    quotes = (
        find_route(market, asked).quote,
        _best_single(market, snapshot, asked, fees),
        find_route(_market(snapshot, snapshot.pools), asked).quote,
    )
    net, single, gross = (_executed(trader, market.compiled, quote, fees, base_fee) for quote in quotes)
    anvil.ask("evm_revert", before)
    anvil.ask("anvil_setNextBlockBaseFeePerGas", usual_fee)  # which going back does not restore
    size = quotes[0].amount_out if asked.side is Side.EXACT_IN else quotes[0].amount_in
    return Compared(order, net, single, gross, size)


def _next_base_fee(trader: Trader) -> str:
    return str(trader.world.anvil.ask("eth_feeHistory", "0x1", "latest", [])["baseFeePerGas"][-1])


def _counted(asked: SwapRequest) -> str:
    """The token that is not fixed."""
    return asked.token_out if asked.side is Side.EXACT_IN else asked.token_in


def _market(snapshot: Snapshot, pools: Sequence[Pool], costs: Mapping[FeeStrategy, Costs] | None = None) -> Market:
    return Market(pools, snapshot.time, snapshot.version, costs)


def _best_single(market: Market, snapshot: Snapshot, asked: SwapRequest, fees: FeeTable) -> Quote:
    """The single path that is best by expected net, of all there are: the router's search has no part in it."""
    compiled = market.compiled
    walks = _walks(compiled, asked.token_out, (asked.token_in,), ())
    fills = [fill_path(compiled, asked.side, asked.amount, walk, fees) for walk in walks]
    best = max((fill for fill in fills if isinstance(fill, Fill)), key=lambda fill: fill.net)
    pools = [compiled.pools[compiled.pool.item(edge)] for edge in best.path]
    quote = find_route(_market(snapshot, pools), replace(asked, max_legs=1)).quote
    assert len(quote.route.hops) == len(best.path)
    return quote


def _walks(market: CompiledMarket, target: str, tokens: tuple[str, ...], walk: Path) -> Iterator[Path]:
    """All paths that visit no token twice."""
    for edge, (tail, head) in enumerate(market.edge_tokens):
        if tail != tokens[-1] or head in tokens:
            continue
        if head == target:
            yield (*walk, edge)
        elif len(walk) + 1 < MOST_HOPS:
            yield from _walks(market, target, (*tokens, head), (*walk, edge))


def _executed(trader: Trader, market: CompiledMarket, quote: Quote, fees: FeeTable, base_fee: str) -> Executed:
    receipt = _receipt(trader, quote, base_fee)
    expected = expected_fee(market, quote, fees)
    assert fees.price is not None
    is_exact_in = quote.side is Side.EXACT_IN
    # What is bought above the amount is worth what it cost.
    given = receipt.amount_in * quote.amount_out / receipt.amount_out
    return Executed(
        quote.route,
        (receipt.amount_out if is_exact_in else -given) - receipt.fee_paid * fees.price,
        (quote.amount_out if is_exact_in else -quote.amount_in) - expected.amount * fees.price,
        receipt.fee_paid * fees.price,
        expected.amount,
        receipt.fee_paid,
    )


def _receipt(trader: Trader, quote: Quote, base_fee: str) -> Receipt:
    """What the chain says of it in a block of its own, at the base fee that was announced; the chain is as before."""
    anvil, nonce = trader.world.anvil, trader.nonce
    before = anvil.ask("evm_snapshot")
    anvil.ask("anvil_setNextBlockBaseFeePerGas", base_fee)
    signed = trader.signed(quote)
    trader.nonce = nonce
    assert trader.send(signed) == [None]
    anvil.mine()
    receipt = trader.receipt(signed)
    anvil.ask("evm_revert", before)
    assert receipt is not None
    assert receipt.is_success, receipt.detail
    return receipt
