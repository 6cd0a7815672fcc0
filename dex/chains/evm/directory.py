"""Which pools there are between the listed tokens: what the factories say, and what of a pool never changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from dex.chains.evm.abi import GET_PAIR, GET_POOL, TICK_SPACING
from dex.chains.evm.deployments import Deployment
from dex.chains.evm.functions import Function
from dex.chains.evm.multicall import Reader
from dex.chains.evm.options import ListedToken
from dex.pools.uniswap_v2 import UniswapV2Pool
from dex.pools.uniswap_v3 import UniswapV3Pool

NOBODY = 0


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """A pool's address, venue and kind, its tokens in the pool's own order, its fee in ppm; spacing of V3 ticks.

    `router` is the fork's where it belongs to one, empty for the chain's own.
    """

    address: str
    venue: str
    kind: str
    tokens: tuple[ListedToken, ListedToken]
    fee: int
    spacing: int = 0
    router: str = ""

    @property
    def symbols(self) -> tuple[str, str]:
        """The tokens' symbols, in the pool's order."""
        return self.tokens[0].symbol, self.tokens[1].symbol

    @property
    def is_v3(self) -> bool:
        """Whether it has ticks."""
        return self.kind == UniswapV3Pool.kind


def discover(reader: Reader, deployment: Deployment, tokens: Sequence[ListedToken], block: int) -> dict[str, PoolFacts]:
    """Every pool of the deployment's factories between two of the tokens, by address. Raises: ChainUnavailable."""
    # A pool calls the token with the lower address its first.
    listed = sorted(tokens, key=lambda token: int(token.address, 16))
    pairs = list(combinations(listed, 2))
    found = _ask(reader, deployment.factory_v2, GET_PAIR, [((one, two), ()) for one, two in pairs], block)
    facts = [
        PoolFacts(address, deployment.venue_v2, UniswapV2Pool.kind, pair, deployment.v2_fee)
        for (pair, _), address in found
    ]
    for fork in deployment.forks:
        found = _ask(reader, fork.factory, GET_PAIR, [((one, two), ()) for one, two in pairs], block)
        facts += [
            PoolFacts(address, fork.venue, UniswapV2Pool.kind, pair, fork.fee, router=fork.router)
            for (pair, _), address in found
        ]
    asked = [((one, two), (fee,)) for one, two in pairs for fee in deployment.v3_fees]
    found = _ask(reader, deployment.factory_v3, GET_POOL, asked, block)
    spacings = reader.read([(address, TICK_SPACING.call()) for _, address in found], block)
    facts += [
        PoolFacts(address, deployment.venue_v3, UniswapV3Pool.kind, pair, fee, TICK_SPACING.result(spacing)[0])
        for ((pair, (fee,)), address), spacing in zip(found, spacings, strict=True)
    ]
    return {fact.address: fact for fact in facts}


Asked = tuple[tuple[ListedToken, ListedToken], tuple[int, ...]]


def _ask(
    reader: Reader, factory: str, function: Function, asked: Sequence[Asked], block: int
) -> list[tuple[Asked, str]]:
    """Those that the factory knows a pool for."""
    if not factory:
        return []
    calls = [(factory, function.call(one.address, two.address, *rest)) for (one, two), rest in asked]
    answers = reader.read(calls, block)
    return [(item, "0x" + raw[-20:].hex()) for item, raw in zip(asked, answers, strict=True) if any(raw)]
