"""Orders on the local node, step by step, as the tests of the EVM chain need them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dex import (
    CancellationIntent,
    DexError,
    Engine,
    Fees,
    FeeStrategy,
    Quote,
    Receipt,
    Side,
    SignedTransaction,
    SwapIntent,
    SwapRequest,
)
from dex.chains.evm import EvmChain
from dex.chains.evm.local.world import World
from dex.testing.known_market import knowing_chain

ETH, UNIT_6, UNIT_8 = 10**18, 10**6, 10**8
OWNER = "account/1"


def quote_of(engine: Engine, token_in: str, token_out: str, amount: int, side: Side, **limits: Any) -> Quote:
    """The engine's answer, which must be a quote."""
    request = replace(SwapRequest(token_in, token_out, side, amount, 5_000), **limits)
    (answer,) = engine.route([request])
    assert isinstance(answer, Quote), answer
    return answer


def intent_of(engine: Engine, quote: Quote, wallet: str, nonce: int, **changes: Any) -> SwapIntent:
    """What a quote asks to be signed, ten minutes from now at the latest."""
    fees, deadline = engine.prepare()[FeeStrategy.NORMAL], int(time.time()) + 600
    intent = SwapIntent(
        wallet, nonce, quote.side, quote.route, quote.min_amount_out, quote.max_amount_in, deadline, fees=fees
    )
    return replace(intent, **changes)


def sign(engine: Engine, quote: Quote, wallet: str, nonce: int, **changes: Any) -> SignedTransaction:
    """Its bytes."""
    (signed,) = engine.build([intent_of(engine, quote, wallet, nonce, **changes)])
    assert isinstance(signed, SignedTransaction), signed
    return signed


def refusals(engine: Engine, intents: Sequence[SwapIntent]) -> list[DexError | None]:
    """Why the chain would undo each of them, None where it would go through."""
    return [answer if isinstance(answer, DexError) else None for answer in engine.simulate(intents)]


@dataclass(slots=True)
class Trader:
    """One wallet of an engine on the local node, with everything in it."""

    world: World
    engine: Engine
    wallet: str
    nonce: int

    @classmethod
    def on(cls, world: World, owner: str = OWNER, *, is_first: bool | None = None, **options: Any) -> "Trader":
        """A trader through a chain of its own, which knows the market: not where it is the first to look.

        That is where it has other nodes, unless stated.
        """
        is_first = "urls" in options if is_first is None else is_first
        chain = world.chain(**options) if is_first else knowing_chain(world, **options)
        wallet = chain.address_of(owner)
        return cls(world, Engine(chain), wallet, chain.next_nonce(wallet))

    @property
    def chain(self) -> EvmChain:
        """The engine's chain, with all that only EVM chains can do."""
        assert isinstance(self.engine.chain, EvmChain)
        return self.engine.chain

    def quote(self, amount: int = ETH, token_in: str = "WETH", token_out: str = "USDC", **limits: Any) -> Quote:
        """A sale."""
        return quote_of(self.engine, token_in, token_out, amount, Side.EXACT_IN, **{"max_hops": 1} | limits)

    def signed(self, quote: Quote | None = None, **changes: Any) -> SignedTransaction:
        """Its bytes, at the next nonce unless another is named."""
        nonce = changes.pop("nonce", self.nonce)
        self.nonce = max(self.nonce, nonce + 1)
        return sign(self.engine, quote or self.quote(), self.wallet, nonce, **changes)

    def cancellation(self, nonce: int, fees: Fees) -> SignedTransaction:
        """What only consumes a nonce."""
        (signed,) = self.engine.build([CancellationIntent(self.wallet, nonce, fees)])
        assert isinstance(signed, SignedTransaction), signed
        return signed

    def send(self, *signed: SignedTransaction) -> list[str | None]:
        """The codes that the chain answers with, None where it took them."""
        return [answer.code if answer else None for answer in self.engine.submit(signed)]

    def receipt(self, signed: SignedTransaction) -> Receipt | None:
        """The chain's word on it."""
        return self.engine.receipts([signed.tx_hash])[0]
