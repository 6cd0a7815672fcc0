"""The changing part of pools: read whole at one block, then carried on by the pools' own events, log by log."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from dex.chains.evm.abi import contracts
from dex.chains.evm.answers import Block, Log
from dex.chains.evm.nodes.multicall import Read, Reader
from dex.chains.evm.pools.discovery import PoolFacts
from dex.pools import Pool
from dex.pools.kinds.uniswap_v2 import UniswapV2Pool
from dex.pools.kinds.uniswap_v3 import MAX_TICK, UniswapV3Pool

logger = logging.getLogger(__name__)

# Reserves of a V2 pair; root of the price, tick and liquidity of a V3 pool.
Head = tuple[int, ...]
WORD_BITS = 8
NO_TICKS = bytes(32)
FOLLOWED = tuple(
    event.topic
    for event in (
        contracts.SYNC,
        contracts.SWAP_V3,
        contracts.SWAP_PANCAKE_V3,
        contracts.MINT,
        contracts.BURN,
        contracts.COLLECT,
        contracts.COLLECT_PROTOCOL,
        contracts.FLASH,
        contracts.INITIALIZE,
    )
)


@dataclass(slots=True)
class PairState:
    """A V2 pair: its two reserves."""

    reserves: tuple[int, int] = (0, 0)

    @property
    def head(self) -> Head:
        """What its price follows from."""
        return self.reserves

    def follow(self, topic: str, log: Log) -> None:
        """Take in one log of the pair."""
        if topic == contracts.SYNC.topic:
            reserve0, reserve1 = contracts.SYNC.data(log)
            self.reserves = (reserve0, reserve1)

    def pool(self, facts: PoolFacts) -> Pool | None:
        """As the router takes it; None while there is nothing in it."""
        if not min(self.reserves):
            return None
        return UniswapV2Pool(facts.address, facts.venue, facts.symbols, self.reserves, facts.fee)


@dataclass(slots=True)
class TickState:
    """A V3 pool: price, liquidity in range, net liquidity of each tick with any, and the tokens that it holds.

    `gross` is the liquidity that begins or ends at a tick; one without any is no longer initialized.
    """

    sqrt_price: int = 0
    tick: int = 0
    liquidity: int = 0
    net: dict[int, int] = field(default_factory=dict)
    gross: dict[int, int] = field(default_factory=dict)
    holdings: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def head(self) -> Head:
        """What its price follows from."""
        return self.sqrt_price, self.tick, self.liquidity

    def follow(self, topic: str, log: Log) -> None:
        """Take in one log of the pool."""
        if topic in {contracts.SWAP_V3.topic, contracts.SWAP_PANCAKE_V3.topic}:
            event = contracts.SWAP_V3 if topic == contracts.SWAP_V3.topic else contracts.SWAP_PANCAKE_V3
            amount0, amount1, self.sqrt_price, self.liquidity, self.tick, *_ = event.data(log)
            self._hold(amount0, amount1)
        elif topic == contracts.MINT.topic:
            _, amount, amount0, amount1 = contracts.MINT.data(log)
            _, lower, upper = contracts.MINT.topics(log)
            self._place(lower, upper, amount)
            self._hold(amount0, amount1)
        elif topic == contracts.BURN.topic:
            # What it pays is kept for its owner until collected.
            _, lower, upper = contracts.BURN.topics(log)
            self._place(lower, upper, -contracts.BURN.data(log)[0])
        elif topic == contracts.COLLECT.topic:
            _, amount0, amount1 = contracts.COLLECT.data(log)
            self._hold(-amount0, -amount1)
        elif topic == contracts.COLLECT_PROTOCOL.topic:
            amount0, amount1 = contracts.COLLECT_PROTOCOL.data(log)
            self._hold(-amount0, -amount1)
        elif topic == contracts.FLASH.topic:
            self._hold(*contracts.FLASH.data(log)[2:])
        elif topic == contracts.INITIALIZE.topic:
            self.sqrt_price, self.tick = contracts.INITIALIZE.data(log)

    def pool(self, facts: PoolFacts) -> Pool | None:
        """As the router takes it; None while it has no price or no liquidity at all."""
        if not self.sqrt_price or not self.net:
            return None
        state = {
            "fee_ppm": facts.fee,
            "tick_spacing": facts.spacing,
            "sqrt_price_x96": self.sqrt_price,
            "tick": self.tick,
            "liquidity": self.liquidity,
            "ticks": sorted(self.net.items()),
            "balances": self.holdings,
        }
        return UniswapV3Pool.from_state(facts.address, facts.venue, facts.symbols, state)

    def _hold(self, amount0: int, amount1: int) -> None:
        self.holdings = [self.holdings[0] + amount0, self.holdings[1] + amount1]

    def _place(self, lower: int, upper: int, amount: int) -> None:
        """Add liquidity between two ticks; take it away when negative."""
        for tick, sign in ((lower, 1), (upper, -1)):
            self.net[tick] = self.net.get(tick, 0) + sign * amount
            self.gross[tick] = self.gross.get(tick, 0) + amount
            if not self.gross[tick]:
                del self.net[tick], self.gross[tick]
        if lower <= self.tick < upper:
            self.liquidity += amount


PoolState = PairState | TickState


def head_reads(facts: PoolFacts) -> tuple[Read, ...]:
    """What a pool's contract is asked for to know its price and the liquidity there."""
    if not facts.is_v3:
        return ((facts.address, contracts.GET_RESERVES.call()),)
    return (facts.address, contracts.SLOT0.call()), (facts.address, contracts.LIQUIDITY.call())


def head_in(facts: PoolFacts, answers: Iterator[bytes]) -> Head:
    """These, out of the answers, as `head` of the state has them. Raises: BadAnswer."""
    if not facts.is_v3:
        reserve0, reserve1, _ = contracts.GET_RESERVES.result(next(answers))
        return reserve0, reserve1
    root, tick = contracts.SLOT0.result(next(answers))
    (liquidity,) = contracts.LIQUIDITY.result(next(answers))
    return root, tick, liquidity


def read_states(reader: Reader, pools: Sequence[PoolFacts], block: Block) -> dict[str, PoolState]:
    """The whole state of each pool after one block, by address, in two requests. Raises: ChainUnavailable."""
    ticked = [facts for facts in pools if facts.is_v3]
    words = [(facts, word) for facts in ticked for word in _words(facts.spacing)]
    heads = [read for facts in pools for read in head_reads(facts)]
    held = [(token.address, contracts.BALANCE_OF.call(facts.address)) for facts in ticked for token in facts.tokens]
    bitmaps = [(facts.address, _bitmap_call(word)) for facts, word in words]
    answers = iter(reader.read([*heads, *held, *bitmaps], block))
    states: dict[str, PoolState] = {facts.address: _state(facts, head_in(facts, answers)) for facts in pools}
    for facts in ticked:
        state = states[facts.address]
        assert isinstance(state, TickState)
        state.holdings = [contracts.BALANCE_OF.result(next(answers))[0] for _ in facts.tokens]
    for (address, tick), raw in _ticks(reader, [(facts, word, next(answers)) for facts, word in words], block):
        state = states[address]
        assert isinstance(state, TickState)
        state.gross[tick], state.net[tick] = contracts.TICKS.result(raw)
    return states


def built(facts: PoolFacts, state: PoolState) -> Pool | None:
    """The pool, or None where there is nothing to trade with or its state contradicts itself."""
    try:
        return state.pool(facts)
    except ValueError as error:
        logger.error("%s is left out: %s", facts.address, error)
        return None


def _state(facts: PoolFacts, head: Head) -> PoolState:
    return TickState(head[0], head[1], head[2]) if facts.is_v3 else PairState((head[0], head[1]))


def _ticks(
    reader: Reader, words: Sequence[tuple[PoolFacts, int, bytes]], block: Block
) -> Iterator[tuple[tuple[str, int], bytes]]:
    """Every initialized tick by its pool and number, with what the pool says of it. Raises: ChainUnavailable."""
    places = [
        (facts.address, ((word << WORD_BITS) + bit) * facts.spacing)
        for facts, word, raw in words
        if raw != NO_TICKS  # as nearly all of them
        for bit in _bits(*contracts.TICK_BITMAP.result(raw))
    ]
    answers = reader.read([(address, contracts.TICKS.call(tick)) for address, tick in places], block)
    return zip(places, answers, strict=True)


def _words(spacing: int) -> range:
    """Every word of the bitmap that can hold a tick."""
    last = MAX_TICK // spacing
    return range(-last >> WORD_BITS, (last >> WORD_BITS) + 1)


@cache
def _bitmap_call(word: int) -> bytes:
    return contracts.TICK_BITMAP.call(word)


def _bits(word: int) -> list[int]:
    return [bit for bit in range(1 << WORD_BITS) if word >> bit & 1] if word else []
