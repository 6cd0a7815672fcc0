"""Builds the one `dex.Engine` of this process from the settings; the only reader of the chain settings."""

from functools import cache

from django.conf import settings

from dex import Engine
from dex.chains.simulated import SimulatedChain, SimulatedOptions


@cache
def get_engine() -> Engine:
    """The engine on the configured chain."""
    options = SimulatedOptions(
        block_time_ms=settings.SIM_BLOCK_TIME_MS,
        quote_delay_ms=settings.SIM_QUOTE_DELAY_MS,
        build_delay_ms=settings.SIM_BUILD_DELAY_MS,
        submit_delay_ms=settings.SIM_SUBMIT_DELAY_MS,
        noise_trades=settings.SIM_NOISE_TRADES,
        seed=settings.SIM_SEED,
        required_confirmations=settings.SIM_CONFIRMATIONS,
    )
    return Engine(SimulatedChain(options), route_deadline_ms=settings.ROUTE_DEADLINE_MS or None)
