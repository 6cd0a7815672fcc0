"""One short Celery task per stage. No logic, and no order travels in a message: the rows say what is due."""

import time
from typing import Any

from celery import Task, shared_task
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection

from dex import Engine, RetryableError
from orders.breaker import hints
from orders.config import get_guard_policy, get_policy
from orders.engine import get_engine, keep_loaded
from orders.pipeline import run_stage, send_what_is_unsent, wake_due_stages
from orders.selectors import UPKEEP
from orders.services.blocks import watch_blocks
from orders.services.claim import due_stages
from orders.services.examine import examine_books
from orders.services.gas import guard_gas
from orders.services.guard import guard_trading
from orders.services.heartbeat import beat
from orders.services.nonces import clear_nonces
from orders.services.place import expire_idempotency_keys
from orders.services.watch import watch_wallets
from orders.states import Stage

# One that comes sooner after another has nothing to do.
UPKEEP_PAUSE_S = 0.5
# Where all processes of all workers are busy with stages, one of them does it on the way.
UPKEEP_LATE_S = 1.5
# Well below the time that a task may take; a broker that is away for longer stops the engine.
ALONE_S = 10.0
ALONE_PAUSE_S = 0.05


class _Clock:
    """When this process last asked whether the upkeep is late."""

    asked_at = 0.0


class StageTask(Task):  # type: ignore[type-arg]
    """Celery's autoretry drives the clock; each order's own count and back-off stand in its row."""

    autoretry_for = (RetryableError, OperationalError, InterfaceError)
    retry_backoff = 1
    retry_backoff_max = 30
    retry_jitter = True
    max_retries = 5

    def run_stage(self, stage: Stage) -> None:
        """Run the stage on this process's engine; a broken database connection is dropped, the retry opens another."""
        engine = get_engine()
        keep_loaded()
        try:
            _keep_up_if_late()
            run_stage(stage, engine=engine, policy=get_policy())
            _go_on_alone(engine)
        except DatabaseError:
            connection.close()
            raise


OPTIONS: dict[str, Any] = {"bind": True, "base": StageTask}


@shared_task(name="orders.route", **OPTIONS)
def route(self: StageTask) -> None:
    """PENDING -> ROUTING -> BUILDING."""
    self.run_stage(Stage.ROUTE)


@shared_task(name="orders.build", **OPTIONS)
def build(self: StageTask) -> None:
    """BUILDING gets its signed transaction."""
    self.run_stage(Stage.BUILD)


@shared_task(name="orders.submit", **OPTIONS)
def submit(self: StageTask) -> None:
    """BUILDING -> SUBMITTED."""
    self.run_stage(Stage.SUBMIT)


@shared_task(name="orders.confirm", **OPTIONS)
def confirm(self: StageTask) -> None:
    """SUBMITTED -> CONFIRMED or FAILED."""
    self.run_stage(Stage.CONFIRM)


@shared_task(name="orders.upkeep")
def upkeep() -> None:
    """Each second: wake whatever is due, and send what is signed and was not sent.

    Every worker asks for it each second, so that none is needed; one that comes right after another does nothing.
    """
    _keep_up(UPKEEP_PAUSE_S)


def _keep_up_if_late() -> None:
    now = time.monotonic()
    if now - _Clock.asked_at >= UPKEEP_LATE_S:
        _Clock.asked_at = now
        _keep_up(UPKEEP_LATE_S)


def _go_on_alone(engine: Engine) -> None:
    """Without a broker no message comes any more: whoever works at that moment looks for what is due by itself."""
    ends_at = time.monotonic() + ALONE_S
    while hints.is_open and time.monotonic() < ends_at:
        for stage, delay_s in due_stages().items():
            if not delay_s:
                run_stage(stage, engine=engine, policy=get_policy())
        _keep_up_if_late()
        time.sleep(ALONE_PAUSE_S)


def _keep_up(at_least_s: float) -> None:
    if beat(UPKEEP, at_least_s=at_least_s):
        wake_due_stages(get_policy())
        send_what_is_unsent(get_engine())


@shared_task(name="orders.watch_nonces")
def watch_nonces() -> None:
    """Every other second: use up the nonces of orders that have ended without theirs, and fill gaps."""
    clear_nonces(get_engine(), get_policy())


@shared_task(name="orders.watch_wallets")
def watch_all_wallets() -> None:
    """Every half minute: compare each wallet's nonce with the chain's, and the blocks that filled orders."""
    watch_wallets(get_engine())
    watch_blocks(get_engine())


@shared_task(name="orders.guard")
def guard() -> None:
    """Each minute: pause what keeps going wrong."""
    guard_gas(get_engine())
    guard_trading(get_engine(), get_guard_policy())


@shared_task(name="orders.examine")
def examine() -> None:
    """Every other minute: replay events against orders, and compare counts with orders."""
    examine_books()


@shared_task(name="orders.expire_idempotency_keys")
def expire_keys() -> None:
    """Each hour: forget answers older than a day."""
    expire_idempotency_keys()
