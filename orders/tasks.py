"""One short Celery task per stage. No logic, and no order travels in a message: the rows say what is due."""

from typing import Any, ClassVar

from celery import Task, shared_task
from django.db import InterfaceError, OperationalError

from dex import RetryableError
from orders.config import get_policy, snapshot_retention_days
from orders.database.errors import DATABASE
from orders.engine import freeze_gc, get_engine
from orders.notify.linger import wake_ups
from orders.notify.wake import queue_name
from orders.pipeline import periodic
from orders.pipeline.loop import run_stage
from orders.pipeline.maintenance import run_maintenance, run_maintenance_if_late
from orders.prices.recording import expire_prices, note_market
from orders.reconciliation.ledger_check import check_ledger
from orders.services.idempotency import expire_idempotency_keys
from orders.snapshots.reading import expire_snapshots
from orders.states import Stage
from orders.waiting.trigger_pass import trigger_orders

# Of everything but wake-ups, of which each stage has a queue of its own (orders/notify/wake.py).
QUEUE = "orders"


class EngineTask(Task):  # type: ignore[type-arg]
    """Any task of the engine. A database that is away is said once, and no traceback follows each second."""

    throws = (OperationalError, InterfaceError)


class StageTask(EngineTask):
    """Celery's autoretry drives the clock; each order's own count and back-off stand in its row."""

    autoretry_for = (RetryableError, OperationalError, InterfaceError)
    # In the stage's own queue a message for later would keep out those that are wanted now.
    retry_kwargs: ClassVar[dict[str, Any]] = {"queue": QUEUE}
    retry_backoff = 1
    retry_backoff_max = 30
    retry_jitter = True
    max_retries = 5

    def run_stage(self, stage: Stage) -> None:
        """Run the stage on this process's engine."""
        engine, policy = get_engine(), get_policy()
        freeze_gc()
        with DATABASE.watched():
            if (self.request.delivery_info or {}).get("redelivered"):
                # The worker that had this message before is dead, and may have held orders.
                run_maintenance(engine, policy, at_least_s=0.0)
            else:
                run_maintenance_if_late(engine, policy)
            run_stage(stage, engine=engine, policy=policy)
            for _ in wake_ups(queue_name(stage)) if stage is Stage.ROUTE else ():
                run_maintenance_if_late(engine, policy)
                run_stage(stage, engine=engine, policy=policy)


OPTIONS: dict[str, Any] = {"bind": True, "base": StageTask}


@shared_task(name="orders.children", **OPTIONS)
def children(self: StageTask) -> None:
    """Parents make their children, tell what these have filled, and end with them."""
    self.run_stage(Stage.CHILDREN)


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


@shared_task(name="orders.maintenance", base=EngineTask)
def maintenance() -> None:
    """Each second: wake stages with due orders and send what was stored and not sent. Every worker asks for it."""
    with DATABASE.watched():
        run_maintenance(get_engine(), get_policy())


@shared_task(name="orders.triggers", base=EngineTask)
def triggers() -> None:
    """With each block, while orders wait for prices: have those executed whose price has come."""
    with DATABASE.watched():
        trigger_orders(get_engine(), get_policy())


@shared_task(name="orders.watch_nonces", base=EngineTask)
def watch_nonces() -> None:
    """Every other second: consume the nonces of orders that have ended without theirs, and fill gaps."""
    with DATABASE.watched():
        periodic.watch_nonces(get_engine(), get_policy())


@shared_task(name="orders.watch_wallets", base=EngineTask)
def watch_all_wallets() -> None:
    """Every half minute: compare each wallet's nonce with the chain's, and the blocks that filled orders."""
    with DATABASE.watched():
        periodic.watch(get_engine(), get_policy())


@shared_task(name="orders.guard", base=EngineTask)
def guard() -> None:
    """Each minute: pause what keeps going wrong."""
    with DATABASE.watched():
        periodic.guard(get_engine(), get_policy())


@shared_task(name="orders.check_ledger", base=EngineTask)
def check_ledger_invariants() -> None:
    """Every other minute: replay events against orders, and compare counts with orders."""
    with DATABASE.watched():
        check_ledger()


@shared_task(name="orders.expire_idempotency_keys", base=EngineTask)
def expire_keys() -> None:
    """Each hour: forget answers older than a day."""
    with DATABASE.watched():
        expire_idempotency_keys()


@shared_task(name="orders.expire_snapshots", base=EngineTask)
def expire_markets() -> None:
    """Each hour: forget markets that are older than they are kept."""
    with DATABASE.watched():
        expire_snapshots(snapshot_retention_days())


@shared_task(name="orders.note_prices", base=EngineTask)
def note_prices() -> None:
    """Each quarter of a minute: note the market's prices for charts."""
    with DATABASE.watched():
        note_market(get_engine())


@shared_task(name="orders.expire_prices", base=EngineTask)
def expire_noted_prices() -> None:
    """Each hour: forget prices that are older than they are kept."""
    with DATABASE.watched():
        expire_prices()
