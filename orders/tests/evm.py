"""What the tests of orders on the local chain have in common."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from dex import Engine, RetryableError
from dex.chains.evm import EvmChain
from dex.chains.evm.local.world import World
from dex.testing.known_market import knowing_chain
from dex.tests.chains.evm.evm_orders import ETH
from orders.config import Policy
from orders.models import Order, Token, Wallet
from orders.pipeline.loop import run_stage
from orders.states import TERMINAL, Stage
from orders.tests.factories import let_leases_run_out, terms

LIMIT_S = 60.0
POLICY = Policy(retry_base_s=0.001, retry_cap_s=0.001, resend_s=0.2, stuck_s=600.0)


def engine_on(world: World) -> Engine:
    """An engine on the local chain, whose tokens are registered now."""
    engine = Engine(knowing_chain(world))
    Token.objects.bulk_create(
        Token(symbol=token.symbol, name=token.name, decimals=token.decimals) for token in engine.chain.tokens()
    )
    return engine


def evm_chain(engine: Engine) -> EvmChain:
    """The engine's chain, with all that only EVM chains can do."""
    assert isinstance(engine.chain, EvmChain)
    return engine.chain


def sale(engine: Engine, amount: int = ETH, **changes: Any) -> Any:
    fields = {"chain_id": engine.chain.chain_id, "token_in": "WETH", "decimals_in": 18, "amount": amount}
    return terms(**fields | changes)


def work(engine: Engine, *stages: Stage, policy: Policy = POLICY) -> None:
    """One round of a worker; each named stage alone, or all of them in a row."""
    for stage in stages or tuple(Stage):
        with contextlib.suppress(RetryableError):
            run_stage(stage, engine=engine, policy=policy, **({"carries_to": {}} if stages else {}))
        if stages:
            let_leases_run_out()


def finish(world: World, engine: Engine, policy: Policy = POLICY, mine: Callable[[], None] | None = None) -> None:
    """Work and make blocks until every order has ended."""
    ends_at = time.monotonic() + LIMIT_S
    while Order.objects.exclude(status__in=TERMINAL).exists():
        work(engine, policy=policy)
        (mine or world.anvil.mine)()
        assert time.monotonic() < ends_at, list(Order.objects.exclude(status__in=TERMINAL).values())
        time.sleep(0.02)


def chain_nonce_of(world: World, wallet: Wallet) -> int:
    return int(world.anvil.ask("eth_getTransactionCount", wallet.address, "latest"), 16)
