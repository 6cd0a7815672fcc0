"""Faults inside the processes: messages lost and doubled, late answers of the chain, orders that bring bugs out.

Installed by chaos/settings.py alone. Each fault is noted as one byte in a file of its name, which survives every kill.
"""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import AppConfig

from dex import DexError
from dex.chains.simulated import SimulatedChain
from dex.errors import BroadcastTimeout, ChainUnavailable
from orderengine.celery import app as celery_app
from orderengine.chaos import outage

VARIABLE = "CHAOS"
# How long a late answer of the chain is waited for before it is given up.
LATE_S = 1.0
TAG, POISON, KILLER = "chaos", "poison", "killer"


class ChaosConfig(AppConfig):
    """Wraps what the faults need once everything is loaded."""

    name = "orderengine.chaos"
    label = "chaos"

    def ready(self) -> None:
        """Install all faults that the environment asks for."""
        from orders.notify import push, wake
        from orders.pipeline.loop import STAGES
        from orders.states import Stage

        chances: dict[str, Any] = json.loads(os.environ[VARIABLE])
        for owner, name, kind in (
            (celery_app, "send_task", "messages"),
            (wake, "_send", "messages"),
            (push, "_send", "pushes"),
        ):
            setattr(owner, name, _unreliable(getattr(owner, name), chances, kind))
        _answer_late(chances["late"])
        outage.install(faults_directory(os.environ))
        stages: Any = STAGES
        stages[Stage.ROUTE] = _poisoned(STAGES[Stage.ROUTE])


@cache
def _dice(pid: int) -> random.Random:
    # Not shared across a fork: every process has its own luck.
    return random.Random(f"{json.loads(os.environ[VARIABLE])['seed']}/{pid}")  # noqa: S311 - luck, no secret


def _strikes(chance: float) -> bool:
    return _dice(os.getpid()).random() < chance


def note(fault: str) -> None:
    """Count a fault where no kill can take the count along."""
    with (faults_directory(os.environ) / fault).open("ab", buffering=0) as file:
        file.write(b".")


def faults_directory(environment: Mapping[str, str]) -> Path:
    """Where the processes note their faults, and learn of those from outside."""
    return Path(json.loads(environment[VARIABLE])["directory"])


def noted(directory: Path) -> dict[str, int]:
    """How often each fault was noted there."""
    files = sorted(directory.iterdir())
    return {file.name: file.stat().st_size for file in files if not file.name.startswith(outage.FILE)}


def _unreliable(send: Callable[..., Any], chances: dict[str, Any], kind: str) -> Callable[..., Any]:
    """The same, but that some of what it sends is lost, and some goes twice."""

    def unreliable(*args: Any, **kwargs: Any) -> Any:
        if _strikes(chances["skipped"]):
            note(f"{kind}_skipped")
            return None
        if _strikes(chances["doubled"]):
            note(f"{kind}_doubled")
            send(*args, **kwargs)
        return send(*args, **kwargs)

    return unreliable


def _answer_late(chance: float) -> None:
    """The chain does what it is asked, and its answer comes too late to be heard."""
    chain: Any = SimulatedChain
    broadcast, receipts, snapshot = chain.broadcast, chain.receipts, chain.snapshot

    def late_broadcast(self: Any, transactions: Sequence[Any]) -> list[DexError | None]:
        answers: list[DexError | None] = broadcast(self, transactions)
        if _is_late(chance):
            return [BroadcastTimeout("the answer came too late") for _ in answers]
        return answers

    def late_read(read: Callable[..., Any]) -> Callable[..., Any]:
        def reading(self: Any, *args: Any) -> Any:
            answer = read(self, *args)
            if _is_late(chance):
                raise ChainUnavailable("the answer came too late")
            return answer

        return reading

    chain.broadcast = late_broadcast
    chain.receipts = late_read(receipts)
    chain.snapshot = late_read(snapshot)


def _is_late(chance: float) -> bool:
    if not _strikes(chance):
        return False
    note("answers_late")
    time.sleep(LATE_S)
    return True


def _poisoned(work: Callable[..., Any]) -> Callable[..., Any]:
    def route(orders: Sequence[Any], **rest: Any) -> Any:
        tags = {order.terms.tags.get(TAG) for order in orders}
        if KILLER in tags:
            note("killer_orders")
            os.kill(os.getpid(), signal.SIGKILL)
        if POISON in tags:
            note("poison_orders")
            raise ZeroDivisionError("an order that brings out a bug")
        return work(orders, **rest)

    return route
