"""Which pools there are between the listed tokens: what the factories say, and what of a pool never changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from dex.chains.evm.abi.contracts import GET_PAIR, GET_POOL, TICK_SPACING
from dex.chains.evm.answers import Block
from dex.chains.evm.config.deployments import Deployment
from dex.chains.evm.config.options import ListedToken
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.nodes.multicall import Read, Reader
from dex.pools.kinds.uniswap_v2 import UniswapV2Pool
from dex.pools.kinds.uniswap_v3 import UniswapV3Pool


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


def discover(
    reader: Reader, deployment: Deployment, tokens: Sequence[ListedToken], block: Block
) -> dict[str, PoolFacts]:
    """Every pool of the deployment's factories between two of the tokens, by address, in one request.

    Raises: ChainUnavailable.
    """
    # A pool calls the token with the lower address its first.
    listed = sorted(tokens, key=lambda token: int(token.address, 16))
    pairs = list(combinations(listed, 2))
    asked = [*_pairs_asked(deployment, pairs), *_pools_asked(deployment, pairs)]
    fees = deployment.v3_fees if deployment.factory_v3 else ()
    spacings: list[Read] = [(deployment.factory_v3, TICK_SPACING.call(fee)) for fee in fees]
    answers = reader.read([*(read for _, read in asked), *spacings], block)
    spacing_of = {
        fee: TICK_SPACING.result(raw)[0] for fee, raw in zip(fees, answers[len(asked) :], strict=True) if any(raw)
    }
    found = {}
    for (facts, (factory, _)), raw in zip(asked, answers, strict=False):
        address = _address(factory, raw)
        if address and facts.is_v3:
            found[address] = replace(facts, address=address, spacing=_spacing(facts.fee, spacing_of))
        elif address:
            found[address] = replace(facts, address=address)
    return found


# What a pool would be, still without its address, and the read that tells whether there is one.
Asked = tuple[PoolFacts, Read]
Pair = tuple[ListedToken, ListedToken]


def _pairs_asked(deployment: Deployment, pairs: Sequence[Pair]) -> Iterator[Asked]:
    """V2 pairs, of the chain's own factory and of its forks."""
    factories = [(deployment.factory_v2, deployment.venue_v2, deployment.v2_fee, "")]
    factories += [(fork.factory, fork.venue, fork.fee, fork.router) for fork in deployment.forks]
    for factory, venue, fee, router in factories:
        for one, two in pairs if factory else ():
            facts = PoolFacts("", venue, UniswapV2Pool.kind, (one, two), fee, router=router)
            yield facts, (factory, GET_PAIR.call(one.address, two.address))


def _pools_asked(deployment: Deployment, pairs: Sequence[Pair]) -> Iterator[Asked]:
    """V3 pools of every fee."""
    for one, two in pairs if deployment.factory_v3 else ():
        for fee in deployment.v3_fees:
            facts = PoolFacts("", deployment.venue_v3, UniswapV3Pool.kind, (one, two), fee)
            yield facts, (deployment.factory_v3, GET_POOL.call(one.address, two.address, fee))


def _address(factory: str, raw: bytes) -> str:
    """The pool that a factory knows; empty where it knows none. Raises: BadAnswer where no factory answers."""
    if not raw:
        raise BadAnswer(f"nothing from the factory {factory}")
    (found,) = GET_PAIR.result(raw)
    return str(found) if int(found, 16) else ""


def _spacing(fee: int, spacing_of: Mapping[int, int]) -> int:
    if spacing_of.get(fee, 0) <= 0:
        raise BadAnswer(f"no spacing of ticks for the fee {fee}")
    return spacing_of[fee]
