"""Liveness without any I/O, and readiness with a reason for every part that is missing."""

import logging
import time
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from dex import DexError
from orderengine.web.recent import Recent
from orders.database.errors import drop_connection, is_unavailable, unavailable_reason
from orders.engine import get_engine
from orders.notify.redis_errors import redis_reason
from orders.reconciliation.heartbeat import beat
from orders.selectors import how_to_resume, pauses_of_all, worker_age_s

logger = logging.getLogger(__name__)

READY = "ready"
WORKER_SILENT_S = 10
RETRY_AFTER_S = 2
SHARED_S = 1.0

recent: Recent[dict[str, dict[str, Any]]] = Recent()


def share_reports() -> None:
    """Give one report to all who ask within a second: anybody may, and each costs calls to three servers."""
    recent.age_s = SHARED_S


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether orders would be executed now; 503 with reasons when not.

    A pause of everything is a decision, not a fault: 200 with the status `paused`, so that no load balancer takes away
    the server that is asked for orders and told to resume.
    """
    report = recent.get(_report)
    is_ready = all(part["ok"] for part in report.values())
    status = "not_ready" if not is_ready else "paused" if report["trading"]["paused"] else "ready"
    response = JsonResponse({"status": status, "checks": report}, status=200 if is_ready else 503)
    if not is_ready:
        response["Retry-After"] = str(RETRY_AFTER_S)
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django would write an error per question
    return response


def _report() -> dict[str, dict[str, Any]]:
    checks = {"database": _database, "redis": _redis, "worker": _worker, "chain": _chain, "trading": _trading}
    return {name: _run(check) for name, check in checks.items()}


def _run(check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    started_at = time.perf_counter()
    try:
        facts = check()
    except Exception as error:
        # Hosts and users are in the text of some errors, and anybody may ask whether the engine is ready.
        logger.warning("not ready: %s", error)
        facts = {"ok": False, "reason": f"{type(error).__name__}: the log and `manage.py doctor` say more"}
    return {"ok": True, **facts, "took_ms": round((time.perf_counter() - started_at) * 1000, 1)}


def _database() -> dict[str, Any]:
    """Asked for a write, for the same reason."""
    try:
        beat(READY, at_least_s=1.0)
    except DatabaseError as error:
        drop_connection()
        if not is_unavailable(error):
            raise
        logger.warning("not ready: %s", error)
        return {"ok": False, "reason": unavailable_reason(error)}
    return {}


def _redis() -> dict[str, Any]:
    """Asked for a write, on a connection of its own: a server may answer a PING and refuse what is needed."""
    try:
        with redis.Redis.from_url(settings.REDIS_WAKE_URL, socket_timeout=0.5, socket_connect_timeout=0.5) as client:
            client.set("ready", "", px=1000)
    except redis.RedisError as error:
        logger.warning("not ready: %s", error)
        reason = f"Redis does not take writes ({redis_reason(error)}): orders go on without it, more slowly"
        return {"ok": False, "reason": reason}
    return {}


def _trading() -> dict[str, Any]:
    """Who paused and why is for those who sign in: anybody may ask this."""
    paused = pauses_of_all(get_engine().chain.chain_id)
    if not paused:
        return {"paused": []}
    return {"paused": [row.scope for row in paused], "resume": "; ".join(map(how_to_resume, paused))}


def _worker() -> dict[str, Any]:
    age_s = worker_age_s(get_engine().chain.chain_id)
    if age_s is None:
        return {"ok": False, "reason": "no worker has reported yet; start one"}
    if age_s > WORKER_SILENT_S:
        return {"ok": False, "reason": f"maintenance last ran {age_s:.0f} s ago; start a worker"}
    return {"lag_s": round(age_s, 1)}


def _chain() -> dict[str, Any]:
    try:
        snapshot = get_engine().chain.snapshot()
    except DexError as error:
        return {"ok": False, "reason": error.detail}
    return {"block": snapshot.version, "pools": len(snapshot.pools)}
