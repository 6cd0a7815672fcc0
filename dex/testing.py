"""For tests of this package and of other people's adapters: pools by hand or by hypothesis, and a chain in memory.

Never imported by production code.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dex.chains.base import Snapshot
from dex.errors import DexError
from dex.pools import Pool
from dex.pools.meteora_dlmm import DlmmFees, DlmmPool, Volatility
from dex.pools.raydium_cpmm import CpmmFees, CpmmPool, CreatorFeeOn
from dex.types import PPM, Receipt, Side, SignedTransaction, SwapIntent, SwapRequest, Token

NOW = 1_700_000_000
TOKENS = ("SOL", "USDC", "BONK", "JUP")


def cpmm_pool(
    pool_id: str, tokens: tuple[str, str], reserves: tuple[int, int], *, fee_rate: int = 2_500, venue: str = "raydium"
) -> CpmmPool:
    """A constant product pool with a trade fee (ppm) and nothing else out of the ordinary."""
    return CpmmPool(pool_id, venue, tokens, CpmmFees(fee_rate), reserves)


def dlmm_pool(
    pool_id: str,
    tokens: tuple[str, str],
    active_id: int,
    depth: tuple[int, int],
    *,
    bin_step: int = 10,
    reach: int = 35,
    variable_fee_control: int = 40_000,
    venue: str = "meteora",
) -> DlmmPool:
    """Bins from `reach` below to `reach` above the active one; `depth` is atoms of X and of Y in each."""
    x, y = depth
    bins = tuple(
        (bin_id, x if bin_id >= active_id else 0, y if bin_id <= active_id else 0)
        for bin_id in range(active_id - reach, active_id + reach + 1)
    )
    fees = DlmmFees(10_000, 30, 600, 5_000, variable_fee_control, 350_000, 500)
    return DlmmPool(pool_id, venue, tokens, bin_step, active_id, fees, Volatility(0, 0, active_id, NOW - 60), bins)


def cpmm_pools(pool_id: str, tokens: tuple[str, str]) -> SearchStrategy[CpmmPool]:
    """Constant product pools of every shape: dust to 10**20 atoms, fees of all kinds."""
    sides: list[CreatorFeeOn] = ["input", "token0", "token1"]
    fees = st.builds(
        CpmmFees,
        trade_rate=st.integers(0, 50_000),
        creator_rate=st.sampled_from([0, 0, 500, 20_000]),
        creator_fee_on=st.sampled_from(sides),
        protocol_rate=st.integers(0, 500_000),
        fund_rate=st.integers(0, 500_000),
    )
    reserve, unclaimed = st.integers(1, 10**20), st.integers(0, 10**9)
    return st.builds(
        CpmmPool,
        st.just(pool_id),
        st.just("raydium"),
        st.just(tokens),
        fees,
        st.tuples(reserve, reserve),
        st.tuples(unclaimed, unclaimed),
    )


@st.composite
def dlmm_pools(draw: st.DrawFn, pool_id: str, tokens: tuple[str, str]) -> DlmmPool:
    """Bin pools of every shape: gaps, empty sides, calm and excited fees, both ways of taking them."""
    active_id = draw(st.integers(-600, 600))
    offsets = sorted(draw(st.sets(st.integers(-12, 12), min_size=1, max_size=12)))
    amount = st.integers(0, 10 ** draw(st.integers(1, 14)))
    bins = tuple(
        (active_id + offset, draw(amount) if offset >= 0 else 0, draw(amount) if offset <= 0 else 0)
        for offset in offsets
    )
    fees = DlmmFees(
        base_factor=draw(st.sampled_from([0, 5_000, 15_000])),
        filter_period=30,
        decay_period=600,
        reduction_factor=5_000,
        variable_fee_control=draw(st.sampled_from([0, 7_500, 120_000])),
        max_volatility_accumulator=draw(st.sampled_from([150_000, 350_000])),
        protocol_share=draw(st.sampled_from([0, 500, 2_500])),
        collect_fee_mode=draw(st.integers(0, 1)),
    )
    volatility = Volatility(
        volatility_accumulator=draw(st.integers(0, 150_000)),
        volatility_reference=draw(st.integers(0, 100_000)),
        index_reference=active_id + draw(st.integers(-8, 8)),
        last_update_timestamp=NOW - draw(st.sampled_from([0, 29, 30, 599, 600])),
    )
    bin_step = draw(st.sampled_from([1, 10, 25, 100]))
    return DlmmPool(pool_id, "meteora", tokens, bin_step, active_id, fees, volatility, bins)


# One strategy per pool kind: pool id and tokens in, pools out. A test compares the keys with POOL_KINDS.
POOL_STRATEGIES: dict[str, Callable[[str, tuple[str, str]], SearchStrategy[Pool]]] = {
    "meteora_dlmm": dlmm_pools,
    "raydium_cpmm": cpmm_pools,
}


@st.composite
def markets(draw: st.DrawFn, max_pools: int = 7) -> list[Pool]:
    """A few pools of any kind over four tokens, some side by side."""
    pools = []
    for number in range(draw(st.integers(1, max_pools))):
        pair = draw(st.permutations(TOKENS))[:2]
        kind = draw(st.sampled_from(sorted(POOL_STRATEGIES)))
        pools.append(draw(POOL_STRATEGIES[kind](f"pool-{number}", (pair[0], pair[1]))))
    return pools


def request(token_in: str, token_out: str, amount: int, side: Side = Side.EXACT_IN, /, **terms: Any) -> SwapRequest:
    """A request without guards; `terms` are fields of SwapRequest."""
    return SwapRequest(token_in, token_out, side, amount, **{"max_slippage_ppm": PPM // 200} | terms)


def requests() -> SearchStrategy[SwapRequest]:
    """Requests between the tokens of `markets`, of any size and both sides."""
    amount = st.integers(0, 14).flatmap(lambda digits: st.integers(1, 10**digits))
    pair = st.permutations(TOKENS).map(lambda tokens: tokens[:2])
    return st.builds(lambda p, a, s: request(p[0], p[1], a, s), pair, amount, st.sampled_from(Side))


@dataclass(slots=True)
class FakeChain:
    """A chain in memory that includes what it is sent at once and never fails; `sent` keeps it."""

    pools: tuple[Pool, ...]
    version: int = 1
    sent: dict[str, SignedTransaction] = field(default_factory=dict)

    chain_id: str = "fake"
    required_confirmations: int = 1

    def tokens(self) -> tuple[Token, ...]:
        """See `Chain`."""
        symbols = sorted({token for pool in self.pools for token in pool.tokens})
        return tuple(Token(symbol, symbol, 9) for symbol in symbols)

    def snapshot(self) -> Snapshot:
        """See `Chain`."""
        return Snapshot(self.version, NOW, self.pools)

    def next_nonce(self, wallet: str) -> int:
        """See `Chain`."""
        return sum(transaction.wallet == wallet for transaction in self.sent.values())

    def balances(self, wallet: str) -> dict[str, int]:
        """See `Chain`: every wallet owns more than anyone can spend."""
        return {token.symbol: 10**30 for token in self.tokens()}

    def prepare(self) -> None:
        """See `Chain`."""

    def sign(self, intents: Sequence[SwapIntent]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return [self._sign(intent) for intent in intents]

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
        """See `Chain`."""
        self.sent |= {transaction.tx_hash: transaction for transaction in transactions}
        return [None] * len(transactions)

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """See `Chain`: success without amounts, since nothing is executed here."""
        return [
            Receipt(tx_hash, self.version, "block", True, None, "", 0, 0, None, 1) if tx_hash in self.sent else None
            for tx_hash in tx_hashes
        ]

    def block_interval_s(self) -> float:
        """See `Chain`."""
        return 0.0

    def _sign(self, intent: SwapIntent) -> SignedTransaction:
        raw = repr(intent).encode()
        tx_hash = hashlib.sha256(raw).hexdigest()
        return SignedTransaction(self.chain_id, intent.wallet, intent.nonce, raw, tx_hash, intent.deadline)
