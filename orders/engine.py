"""Builds the one `dex.Engine` of this process from the settings; the only reader of the chain settings."""

import gc
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dex import Chain, Engine
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.transaction import ROUTER, facts_of
from dex.signers import DevSigner, SigningPolicy

if TYPE_CHECKING:
    from dex.chains.evm import EvmOptions
    from dex.signers.wallets import WalletFolder

DEVELOPMENT, KEYSTORE = "development", "keystore"
SIGNERS = (DEVELOPMENT, KEYSTORE)
SIMULATED, LOCAL = "simulated", "local"
# Chains whose money is worth nothing.
PLAY_CHAINS = (SIMULATED, LOCAL)


@cache
def get_engine() -> Engine:
    """The engine on the configured chain. Raises: ImproperlyConfigured."""
    chain = _simulated_chain() if settings.CHAIN == SIMULATED else _evm_chain(settings.CHAIN)
    return Engine(chain, route_deadline_ms=settings.ROUTE_DEADLINE_MS or None)


def keep_loaded() -> None:
    """Once in a process: have the garbage collector leave alone what is loaded by now, since it stays for good.

    Measured: in each batch of a few hundred orders it looked through all of it, which took a sixth of the time.
    """
    _keep_loaded(os.getpid())


@cache
def _keep_loaded(pid: int) -> None:
    # A child has all of this from its parent, and loads more: what speaks to nodes comes with its engine.
    gc.collect()
    gc.freeze()


def _simulated_chain() -> Chain:
    options = SimulatedOptions(
        block_time_ms=settings.SIM_BLOCK_TIME_MS,
        quote_delay_ms=settings.SIM_QUOTE_DELAY_MS,
        build_delay_ms=settings.SIM_BUILD_DELAY_MS,
        submit_delay_ms=settings.SIM_SUBMIT_DELAY_MS,
        noise_trades=settings.SIM_NOISE_TRADES,
        seed=settings.SIM_SEED,
        required_confirmations=settings.SIM_CONFIRMATIONS,
    )
    policy = _policy(options.chain_id, frozenset({ROUTER}))
    if settings.SIGNER == DEVELOPMENT:
        return SimulatedChain(options, DevSigner(options.chain_id, facts_of, policy))
    # Only where a keystore is used: loading its libraries takes a second and 40 MB.
    from dex.signers.keystore import LocalKeystoreSigner

    signer = LocalKeystoreSigner(options.chain_id, *_keystore_files(), facts_of, policy, wallet_folder())
    return SimulatedChain(options, signer)


def _evm_chain(name: str) -> Chain:
    # Only where such a chain is used: what speaks to nodes takes seconds and tens of megabytes to load.
    from dex.chains.evm import EvmChain, chain_name, facts_reader
    from dex.chains.evm.config import ChainsFileError, read_chain
    from dex.signers.keystore import LocalKeystoreSigner

    try:
        options = read_chain(Path(settings.CHAINS_FILE), name, os.environ)
    except ChainsFileError as error:
        raise ImproperlyConfigured(f"CHAIN={name}: {error}") from error
    is_on_this_machine = _is_on_this_machine(options)
    if not is_on_this_machine and not settings.ALLOW_REAL_MONEY:
        raise ImproperlyConfigured(f"CHAIN={name} is not on this machine: its orders need ALLOW_REAL_MONEY=1")
    chain_id, reader = chain_name(options.deployment.chain_id), facts_reader(options)
    policy = _policy(chain_id, options.spenders, options.deployment.batch_account)
    if settings.SIGNER == KEYSTORE:
        keystore = LocalKeystoreSigner(chain_id, *_keystore_files(), reader, policy, wallet_folder())
        return EvmChain(options, keystore, _faucet(options) if is_on_this_machine else None)
    if not is_on_this_machine:
        raise ImproperlyConfigured(f"CHAIN={name} needs SIGNER=keystore: the keys of the development signer are public")
    from dex.signers.public_keys import PublicKeySigner

    return EvmChain(options, PublicKeySigner(chain_id, reader, policy, wallet_folder()), _faucet(options))


def moves_real_money() -> bool:
    """Whether orders cost somebody something. Said yes to where in doubt: a chain called local may be anywhere."""
    return settings.CHAIN not in PLAY_CHAINS or (settings.CHAIN == LOCAL and settings.ALLOW_REAL_MONEY)


def wallet_folder() -> "WalletFolder":
    """Where wallets with keys of their own are."""
    from dex.signers.wallets import WalletFolder

    return WalletFolder(Path(settings.SIGNER_WALLETS))


def _is_on_this_machine(options: "EvmOptions") -> bool:
    """Whether it is the chain of `make chain`."""
    from dex.chains.evm.node_address import read_node_address

    hosts = {read_node_address(url).hostname for url in options.urls}
    return options.deployment.name == LOCAL and hosts <= {"127.0.0.1", "localhost", "::1"}


def _faucet(options: "EvmOptions") -> Callable[[str], None]:
    from dex.chains.evm.local.faucet import Faucet
    from dex.chains.evm.local.node import Anvil

    return Faucet(Anvil(options.urls[0]), options.deployment, options.tokens).fund


def _policy(chain_id: str, routers: frozenset[str], delegate: str = "") -> SigningPolicy:
    return SigningPolicy(
        chain_ids=frozenset({chain_id}),
        routers=routers,
        max_amounts=settings.SIGNER_MAX_AMOUNTS,
        max_fee=settings.SIGNER_MAX_FEE,
        max_deadline_s=settings.SIGNER_MAX_DEADLINE_S,
        delegates=frozenset({delegate} if delegate else ()),
    )


def _keystore_files() -> tuple[Path, Path]:
    return Path(settings.SIGNER_KEYSTORE), Path(settings.SIGNER_PASSPHRASE_FILE)
