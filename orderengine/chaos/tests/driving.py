"""Orders placed and driven to their end by the stages alone."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import connection

from dex import RetryableError
from orderengine.chaos.tests.workers import new_engine
from orders.config import Policy
from orders.models import Order, Submission
from orders.pipeline.loop import run_stage
from orders.services.idempotency import Answer, answer_once
from orders.services.place import place_orders
from orders.signing.nonces import clear_nonces
from orders.states import Stage
from orders.tests.factories import terms

# No crash counts as a poisoned order here, and no order waits.
POLICY = Policy(max_claims=10_000, retry_base_s=0.001, retry_cap_s=0.001, resend_s=0.0)
DRAIN_LIMIT_S = 20.0


def let_time_pass() -> None:
    """Leases run out, back-offs end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_order SET due_at = least(due_at, now()), lease_until = now() - interval '1 second'"
            " WHERE lease_until IS NOT NULL OR due_at > now()"
        )


def run(stage: Stage) -> Any:
    return lambda engine: run_stage(stage, engine=engine, policy=POLICY)


def swap(**changes: Any) -> Any:
    """An order over few pools: what is tested is not the search."""
    return terms(allow=["uniswap_v2"], **changes)


def post(account: Any, items: list[Any]) -> list[UUID]:
    """A POST as views.py does it; the ids that it answers."""
    placed: list[Any] = []

    def work() -> Answer:
        placed.extend(place_orders(account, items))
        return Answer(201, None)

    answer_once(account, None, work)
    return [answer.order.id for answer in placed]


def drain(pass_time: Callable[[], None] = let_time_pass) -> None:
    """One worker that lives works off what is left; before each round of its stages some time passes, and a block."""
    engine = new_engine()
    ends_at = time.monotonic() + DRAIN_LIMIT_S
    chain: Any = engine.chain
    while Order.objects.filter(outcome=None).exists() or Submission.objects.filter(closed_at=None).exists():
        assert time.monotonic() < ends_at, list(Order.objects.filter(outcome=None).values())
        pass_time()
        chain.mine()
        for stage in Stage:
            with suppress(RetryableError):
                run_stage(stage, engine=engine, policy=POLICY)
        clear_nonces(engine, POLICY)
