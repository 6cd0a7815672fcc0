"""Periodic jobs beside the stages: by beat's messages, and without them while the broker is away."""

from collections.abc import Callable
from dataclasses import dataclass

from dex import Engine
from dex.deadline import within
from orders.config import Policy, get_guard_policy
from orders.reconciliation.blocks import watch_blocks
from orders.reconciliation.wallets import watch_wallets
from orders.risk.gas_guard import guard_gas
from orders.risk.revert_guard import guard_trading
from orders.signing.nonces import clear_nonces


@dataclass(frozen=True, slots=True)
class Job:
    """What to do, and how often."""

    every_s: float
    run: Callable[[Engine, Policy], object]


def watch_nonces(engine: Engine, policy: Policy) -> None:
    """Consume the nonces of orders that have ended without theirs, and fill gaps."""
    with within(engine.chain.timing.answer_s):
        clear_nonces(engine, policy)


def watch(engine: Engine, policy: Policy) -> None:
    """Compare each wallet's nonce with the chain's, and the blocks that filled orders."""
    with within(engine.chain.timing.answer_s):
        watch_wallets(engine)
        watch_blocks(engine)


def guard(engine: Engine, policy: Policy) -> None:
    """Pause what keeps going wrong."""
    with within(engine.chain.timing.answer_s):
        guard_gas(engine)
    guard_trading(engine, get_guard_policy())


# What orders and money need. The rest waits for the broker.
JOBS = {"watch-nonces": Job(2.0, watch_nonces), "watch-wallets": Job(30.0, watch), "guard": Job(60.0, guard)}
