"""Builds the one `dex.Engine` of this process from the settings; the only reader of the chain settings."""

import gc
import os
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dex import Engine
from dex.chains import chain_kind
from dex.chains.kind import ChainMisconfigured, ChainSettings
from dex.signers.settings import SignerSettings

if TYPE_CHECKING:
    from dex.signers.wallets import WalletFolder

DEVELOPMENT, KEYSTORE = "development", "keystore"
SIGNERS = (DEVELOPMENT, KEYSTORE)


@cache
def get_engine() -> Engine:
    """The engine on the configured chain. Raises: ImproperlyConfigured."""
    try:
        chain = chain_kind(settings.CHAIN).build(chain_settings())
    except ChainMisconfigured as error:
        raise ImproperlyConfigured(str(error)) from error
    return Engine(chain, route_deadline_ms=settings.ROUTE_DEADLINE_MS or None)


def chain_settings() -> ChainSettings:
    """What the operator has set, as chains are built from it."""
    return ChainSettings(
        name=settings.CHAIN,
        read=partial(getattr, settings),
        environment=os.environ,
        chains_file=Path(settings.CHAINS_FILE),
        allow_real_money=settings.ALLOW_REAL_MONEY,
        signer=signer_settings(),
    )


def signer_settings() -> SignerSettings:
    """Which signer the operator wants, and its limits."""
    return SignerSettings(
        is_keystore=settings.SIGNER == KEYSTORE,
        keystore=Path(settings.SIGNER_KEYSTORE),
        passphrase_file=Path(settings.SIGNER_PASSPHRASE_FILE),
        wallets=Path(settings.SIGNER_WALLETS),
        max_amounts=settings.SIGNER_MAX_AMOUNTS,
        max_fee=settings.SIGNER_MAX_FEE,
        max_deadline_s=settings.SIGNER_MAX_DEADLINE_S,
    )


def wallet_folder() -> "WalletFolder":
    """Where wallets with keys of their own are."""
    return signer_settings().wallet_folder()


def needs_consent() -> bool:
    """Whether start-up asks for ALLOW_REAL_MONEY and for private keys."""
    return not chain_kind(settings.CHAIN).is_play_money(settings.CHAIN, False)


def moves_real_money() -> bool:
    """Whether orders may cost money. True where in doubt."""
    return not chain_kind(settings.CHAIN).is_play_money(settings.CHAIN, settings.ALLOW_REAL_MONEY)


# Objects that may be made before the garbage collector looks at them: those of some 300 orders, a few megabytes.
# Python's own 700 are those of ten orders.
GC_YOUNG = 20_000


def freeze_gc() -> None:
    """Once in a process: have the garbage collector leave alone what is loaded by now, since it stays for good.

    Measured: in each batch of a few hundred orders it looked through all of it, which took a sixth of the time. It also
    looks less often for what is new: orders of a batch live until its end, so an earlier look frees none of them.
    """
    _freeze_gc(os.getpid())


@cache
def _freeze_gc(pid: int) -> None:
    # A child has all of this from its parent, and loads more: what speaks to nodes comes with its engine.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_YOUNG)
