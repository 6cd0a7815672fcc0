"""Refuses settings that contradict each other, before anything runs on them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def pipeline_limits(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Each time limit must stay below the next one, and counts must make sense."""
    errors: list[CheckMessage] = []
    ordered = (
        ("DB_LOCK_TIMEOUT_MS", settings.DB_LOCK_TIMEOUT_MS / 1000),
        ("DB_STATEMENT_TIMEOUT_MS", settings.DB_STATEMENT_TIMEOUT_MS / 1000),
        ("PIPELINE_LEASE_S", settings.PIPELINE_LEASE_S),
        ("TASK_SOFT_TIME_LIMIT_S", settings.TASK_SOFT_TIME_LIMIT_S),
        ("TASK_TIME_LIMIT_S", settings.TASK_TIME_LIMIT_S),
        ("BROKER_VISIBILITY_TIMEOUT_S", settings.BROKER_VISIBILITY_TIMEOUT_S),
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


@register(deploy=False)
def production_secret(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Outside DEBUG a guessable secret would let anybody forge admin sessions."""
    if not settings.DEBUG and (len(settings.SECRET_KEY) < 32 or settings.SECRET_KEY.startswith("development")):
        return [Error("SECRET_KEY must be random and at least 32 characters long outside DEBUG", id="orders.E004")]
    return []
