"""Refuses settings that contradict each other, before anything runs on them."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from orders.engine import DEVELOPMENT, SIGNERS, needs_consent


@register("startup")
def pipeline_limits(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Each time limit must stay below the next one, and counts must make sense."""
    errors: list[CheckMessage] = []
    ordered = (
        ("DB_LOCK_TIMEOUT_MS", settings.DB_LOCK_TIMEOUT_MS / 1000),
        ("DB_STATEMENT_TIMEOUT_MS", settings.DB_STATEMENT_TIMEOUT_MS / 1000),
        ("PIPELINE_LEASE_S", settings.PIPELINE_LEASE_S),
        ("TASK_SOFT_TIME_LIMIT_S", settings.TASK_SOFT_TIME_LIMIT_S),
        ("TASK_TIME_LIMIT_S", settings.TASK_TIME_LIMIT_S),
    )
    for (name, value), (next_name, next_value) in pairwise(ordered):
        if value >= next_value:
            errors.append(
                Error(f"{name} ({value:g} s) must stay below {next_name} ({next_value:g} s)", id="orders.E001")
            )
    if not 1 <= settings.PIPELINE_BATCH_SIZE <= 1000:
        errors.append(Error("PIPELINE_BATCH_SIZE must be 1 to 1000", id="orders.E002"))
    if settings.ROUTE_DEADLINE_MS < 0:
        errors.append(Error("ROUTE_DEADLINE_MS must be 0 (none) or more", id="orders.E005"))
    if settings.PIPELINE_BATCH_SIZE * settings.ROUTE_DEADLINE_MS >= settings.PIPELINE_LEASE_S * 1000:
        detail = "a batch must be routed within its lease: PIPELINE_BATCH_SIZE times ROUTE_DEADLINE_MS is too much"
        errors.append(Error(detail, hint="Lower one of them or raise PIPELINE_LEASE_S", id="orders.E006"))
    if settings.SIM_CONFIRMATIONS < 1 or (settings.SIM_CONFIRMATIONS > 1 and not settings.SIM_BLOCK_TIME_MS):
        detail = "SIM_CONFIRMATIONS must be at least 1, and more than 1 needs a SIM_BLOCK_TIME_MS to count blocks by"
        errors.append(Error(detail, id="orders.E007"))
    if settings.ORDER_MAX_ATTEMPTS < 1:
        errors.append(Error("ORDER_MAX_ATTEMPTS must be at least 1", id="orders.E003"))
    return errors


@register("startup")
def order_patience(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """A wait has a length."""
    if not 0 <= settings.ORDER_PATIENCE_S < math.inf:
        return [Error("ORDER_PATIENCE_S must be a number of seconds from 0", id="orders.E021")]
    return []


@register("startup")
def guard_limits(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """What pauses by itself must be able to happen, and cheap to find."""
    errors: list[CheckMessage] = []
    if not 1 <= settings.GUARD_REVERT_PERCENT <= 100:
        errors.append(Error("GUARD_REVERT_PERCENT must be 1 to 100", id="orders.E015"))
    if not 1 <= settings.GUARD_MIN_EXECUTIONS <= settings.GUARD_LAST_EXECUTIONS <= 500:
        detail = "GUARD_MIN_EXECUTIONS must be 1 or more, GUARD_LAST_EXECUTIONS no fewer than that and at most 500"
        errors.append(Error(detail, id="orders.E016"))
    return errors


STARTUP = "startup"


@register(STARTUP)
def production_secret(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Outside DEBUG a guessable secret would let an attacker forge admin sessions, also one that was it before."""
    if settings.IS_DEVELOPMENT:
        return []
    stated = {"SECRET_KEY": [settings.SECRET_KEY], "each of SECRET_KEY_FALLBACKS": settings.SECRET_KEY_FALLBACKS}
    return [
        Error(f"{name} must be random and at least 32 characters long outside DEBUG", id="orders.E004")
        for name, secrets in stated.items()
        if any(len(secret) < 32 or secret.startswith("development") for secret in secrets)
    ]


@register(STARTUP)
def production_access(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Outside DEBUG no order is placed without a key."""
    if not settings.IS_DEVELOPMENT and (settings.API_IS_OPEN or settings.REQUIRE_API_KEY is False):
        return [Error("the API may be open only in DEBUG", hint="Unset REQUIRE_API_KEY", id="orders.E007")]
    return []


@register(STARTUP)
def signer(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """The development signer's keys are public, and a keystore needs its two files, the passphrase's for us alone."""
    if settings.SIGNER not in SIGNERS:
        return [Error(f"SIGNER must be one of {', '.join(SIGNERS)}", id="orders.E008")]
    if settings.SIGNER == DEVELOPMENT:
        if settings.IS_DEVELOPMENT:
            return []
        hint = "Set SIGNER=keystore, SIGNER_KEYSTORE and SIGNER_PASSPHRASE_FILE, then: manage.py keystore create"
        return [Error("the development signer signs with public keys: only in DEBUG", hint=hint, id="orders.E009")]
    return [
        Error(f"{name} must name the file of the keystore signer", id="orders.E010")
        for name in ("SIGNER_KEYSTORE", "SIGNER_PASSPHRASE_FILE")
        if not getattr(settings, name)
    ] + _readable_by_others(Path(settings.SIGNER_PASSPHRASE_FILE))


@register(STARTUP)
def real_money(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """A real chain needs the operator's consent and private signing keys, in DEBUG too."""
    if not needs_consent():
        return []
    errors: list[CheckMessage] = []
    if not settings.ALLOW_REAL_MONEY:
        hint = "Set ALLOW_REAL_MONEY=1 once docs/chains.md is read to its end"
        errors.append(Error(f"CHAIN={settings.CHAIN} moves real money", hint=hint, id="orders.E013"))
    if settings.SIGNER == DEVELOPMENT:
        hint = "Set SIGNER=keystore, SIGNER_KEYSTORE and SIGNER_PASSPHRASE_FILE, then: manage.py keystore create"
        errors.append(Error("the development signer signs with public keys", hint=hint, id="orders.E014"))
    return errors


def _readable_by_others(passphrase_file: Path) -> list[CheckMessage]:
    """Of files that are there; `manage.py prepare` makes them, and the signer says when they are missing."""
    if passphrase_file.is_file() and passphrase_file.stat().st_mode & 0o077:
        return [Error(f"{passphrase_file} can be read by others", hint="chmod 600", id="orders.E011")]
    return []


@register(STARTUP)
def signer_limits(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """The signer must not refuse every order by its deadline."""
    if settings.SIGNER_MAX_DEADLINE_S <= settings.ORDER_DEADLINE_S:
        return [Error("SIGNER_MAX_DEADLINE_S must stay above ORDER_DEADLINE_S", id="orders.E012")]
    return []
