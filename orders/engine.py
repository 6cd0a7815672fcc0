"""Builds the one `dex.Engine` of this process from the settings; the only reader of the chain settings."""

from functools import cache
from pathlib import Path

from django.conf import settings

from dex import Engine
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.transaction import ROUTER, facts_of
from dex.signers import DevSigner, Signer, SigningPolicy

DEVELOPMENT, KEYSTORE = "development", "keystore"
SIGNERS = (DEVELOPMENT, KEYSTORE)


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
    return Engine(
        SimulatedChain(options, _signer(options.chain_id)), route_deadline_ms=settings.ROUTE_DEADLINE_MS or None
    )


def _signer(chain_id: str) -> Signer:
    policy = SigningPolicy(
        chain_ids=frozenset({chain_id}),
        routers=frozenset({ROUTER}),
        max_amounts=settings.SIGNER_MAX_AMOUNTS,
        max_fee=settings.SIGNER_MAX_FEE,
        max_deadline_s=settings.SIGNER_MAX_DEADLINE_S,
    )
    if settings.SIGNER == DEVELOPMENT:
        return DevSigner(chain_id, facts_of, policy)
    # Only where a keystore is used: loading its libraries takes a second and 40 MB.
    from dex.signers.keystore import LocalKeystoreSigner

    return LocalKeystoreSigner(
        chain_id, Path(settings.SIGNER_KEYSTORE), Path(settings.SIGNER_PASSPHRASE_FILE), facts_of, policy
    )
