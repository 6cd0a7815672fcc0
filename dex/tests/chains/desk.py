"""A wallet on a chain with everything in it: what the contract tests of chains act with."""

import time
from dataclasses import dataclass, replace

from dex import (
    DexError,
    Engine,
    FeeStrategy,
    Quote,
    Receipt,
    Side,
    SignedTransaction,
    SwapIntent,
    SwapRequest,
)
from dex.chains.base import Chain
from dex.chains.capabilities import (
    DelegatesWallets,
)
from dex.testing.chain_bench import ChainBench

OWNER, OTHER_OWNER = "account/1", "account/2"
# Of what the pool holds.
SHARE = 10_000
DEADLINE_S = 600
MOST_BLOCKS = 10


@dataclass(slots=True)
class Desk:
    """A wallet with everything in it, and what it does step by step."""

    bench: ChainBench
    engine: Engine
    wallet: str
    token_in: str = ""
    token_out: str = ""
    amount: int = 0

    @classmethod
    def on(cls, bench: ChainBench, owner: str = OWNER) -> "Desk":
        """A wallet that sells a token for another, as some pool of the chain allows."""
        chain = bench.chain
        wallet = chain.address_of(owner)
        chain.hold_wallet(owner, wallet)
        chain.next_nonce(wallet)
        desk = cls(bench, Engine(chain), wallet)
        held, closed = chain.balances(wallet), closed_venues(chain)
        for pool in chain.snapshot().pools:
            token_in, token_out, *_ = pool.tokens
            amount = min(pool.balances()[token_in] // SHARE, held.get(token_in, 0) // 10)
            if amount and pool.venue not in closed and bench.gas not in pool.tokens:
                desk.token_in, desk.token_out, desk.amount = token_in, token_out, amount
                return desk
        raise AssertionError("no pool of this chain sells what its new wallets hold")

    @property
    def chain(self) -> Chain:
        return self.bench.chain

    def request(self) -> SwapRequest:
        closed = closed_venues(self.chain)
        return SwapRequest(
            self.token_in, self.token_out, Side.EXACT_IN, self.amount, 5_000, max_hops=1, deny_venues=closed
        )

    def quote(self) -> Quote:
        (answer,) = self.engine.route([self.request()])
        assert isinstance(answer, Quote), answer
        return answer

    def intent(self, nonce: int | None = None, **changes: object) -> SwapIntent:
        quote, fees = self.quote(), self.engine.prepare()[FeeStrategy.NORMAL]
        intent = SwapIntent(
            self.wallet,
            self.next_key() if nonce is None else nonce,
            quote.side,
            quote.route,
            quote.min_amount_out,
            quote.max_amount_in,
            int(time.time()) + DEADLINE_S,
            fees=fees,
        )
        return replace(intent, **changes)  # type: ignore[arg-type]  # names of its fields

    def signed(self, nonce: int | None = None, **changes: object) -> SignedTransaction:
        return one(self.engine.build([self.intent(nonce, **changes)]))

    def next_key(self) -> int:
        return self.chain.next_nonce(self.wallet)

    def send(self, *items: SignedTransaction) -> list[DexError | None]:
        return self.engine.submit(items)

    def receipt(self, item: SignedTransaction) -> Receipt | None:
        return self.engine.receipts([item.tx_hash])[0]

    def included(self, item: SignedTransaction) -> Receipt:
        """Its receipt, once a block has taken it."""
        for _ in range(MOST_BLOCKS):
            if (receipt := self.receipt(item)) is not None:
                return receipt
            self.bench.next_block()
        raise AssertionError("no block takes it")

    def final(self, item: SignedTransaction) -> Receipt:
        """Its receipt, once no reorg takes it back."""
        self.included(item)
        for _ in range(MOST_BLOCKS):
            receipt = self.receipt(item)
            assert receipt is not None
            if receipt.is_final:
                return receipt
            self.bench.next_block()
        raise AssertionError("it does not become final")

    def pair(self) -> tuple[int, int]:
        """Atoms of what it sells and of what it buys."""
        held = self.chain.balances(self.wallet)
        return held.get(self.token_in, 0), held.get(self.token_out, 0)


def closed_venues(chain: Chain) -> frozenset[str]:
    """Where a new wallet cannot trade."""
    return chain.batch_venues if isinstance(chain, DelegatesWallets) else frozenset()


def one(answers: list[SignedTransaction | DexError]) -> SignedTransaction:
    (answer,) = answers
    assert isinstance(answer, SignedTransaction), answer
    return answer
