"""What the simulated chain keeps in PostgreSQL: the whole market, and chains that began with less of it."""

from collections import Counter

from dex import Engine
from dex.chains.simulated import SimulatedChain
from dex.chains.simulated.market import FAUCET, default_market
from dex.chains.simulated.models import Balance

MARKET = default_market()


def simulated(engine: Engine) -> SimulatedChain:
    assert isinstance(engine.chain, SimulatedChain)
    return engine.chain


def test_every_pool_comes_back_from_the_database_as_it_began(engine: Engine) -> None:
    assert engine.chain.snapshot().pools == MARKET.pools


def test_a_new_wallet_is_granted_every_token_and_the_supply_stays(engine: Engine) -> None:
    engine.chain.snapshot()
    supply = simulated(engine).store.total_supply()

    assert engine.chain.balances("somebody") == MARKET.grant()

    expected: Counter[str] = Counter()
    for (_, token), atoms in MARKET.genesis().balances.items():
        expected[token] += atoms
    for pool in MARKET.pools:
        expected.update(pool.balances())
    assert simulated(engine).store.total_supply() == supply == expected


def test_a_chain_that_began_without_a_token_still_opens_wallets(engine: Engine) -> None:
    engine.chain.snapshot()
    Balance.objects.filter(address=FAUCET, token="DAI").delete()

    granted = engine.chain.balances("somebody")

    assert granted == {token: atoms for token, atoms in MARKET.grant().items() if token != "DAI"}
    assert engine.chain.next_nonce("somebody") == 0
