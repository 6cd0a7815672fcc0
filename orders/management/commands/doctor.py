"""`manage.py doctor`: one line per need, with the fix for what is missing."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from dex import RetryableError
from dex.chains import CHAINS, chain_kind
from dex.chains.capabilities import ChargesGas
from orders import selectors
from orders.config import receipt_key_file
from orders.database.pooling import pooling_fault
from orders.engine import chain_settings, get_engine
from orders.models import ReceiptKey, TradingControl
from orders.receipts.keys import ReceiptKeyError, read_private_key
from orders.selectors import how_to_resume
from orders.webhooks.backlog import summary

WORKER_SILENT_S = 10
# How far back nodes are remembered that contradicted others.
NODES_LOOK_H = 24
# Of one chain, those that were made last.
MOST_WALLETS = 50
# That are named one by one.
MOST_PAUSES = MOST_NAMED = 3
CHAIN_AWAY = "start the chain's node (`make chain` for the local one), or correct its address in CHAINS_FILE"


@dataclass(frozen=True, slots=True)
class Finding:
    """One need: whether it is met, what was seen, and the fix."""

    need: str
    ok: bool
    seen: str
    fix: str


class Command(BaseCommand):
    """Checks everything that orders need."""

    help = "Check everything that orders need; exit 1 when something is missing"
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Output form."""
        parser.add_argument("--json", action="store_true", help="one JSON line per need")
        parser.add_argument("--live", action="store_true", help="also ask every node of every chain in CHAINS_FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print every finding; exit 1 if one is bad."""
        findings = [_look(need, check, fix) for need, check, fix in NEEDS]
        if options["live"]:
            findings += live_findings()
        for finding in findings:
            if options["json"]:
                self.stdout.write(json.dumps(asdict(finding)))
            else:
                mark = "ok  " if finding.ok else "FAIL"
                self.stdout.write(f"{mark}  {finding.need:10}  {finding.seen}")
                if not finding.ok:
                    self.stdout.write(f"                  fix: {finding.fix}")
        if not all(finding.ok for finding in findings):
            sys.exit(1)


def _look(need: str, check: Callable[[], str], fix: str) -> Finding:
    try:
        return Finding(need, True, check(), fix)
    except Exception as error:
        text = str(error).strip().splitlines()
        seen = f"{type(error).__name__}: {text[0] if text else 'no detail'}"
        return Finding(need, False, seen, getattr(error, "fix", "") or fix)


class Missing(Exception):
    """A need that answers, but not as it must; with a fix of its own where the need has several."""

    def __init__(self, seen: str, fix: str = "") -> None:
        super().__init__(seen)
        self.fix = fix


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _settings() -> str:
    access = "open on loopback" if settings.API_IS_OPEN else "API keys required"
    return f"DEBUG {'on' if settings.DEBUG else 'off'}, {access}"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = str(cursor.fetchone()[0])
    if int(version.split(".")[0]) < 15:
        raise Missing(f"PostgreSQL {version} is older than 15")
    for error in connection.validation.check():
        raise Missing(error.msg, str(error.hint))
    if fault := pooling_fault(connection):
        raise Missing(fault)
    return f"PostgreSQL {version}"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise Missing(f"{len(missing)} migrations are not applied")
    return "all applied"


def _tokens() -> str:
    count = len(selectors.tokens())
    if not count:
        raise Missing("no token is registered")
    return f"{count} registered"


def _redis() -> str:
    with redis.Redis.from_url(settings.REDIS_BROKER_URL, socket_timeout=1, socket_connect_timeout=1) as client:
        # A server may answer a PING and refuse every write.
        client.set("doctor", "", px=1000)
        policy = str(client.info("memory").get("maxmemory_policy", "unknown"))
    if policy != "noeviction":
        raise Missing(f"maxmemory-policy is {policy}: wake-ups could be evicted")
    return "answers, noeviction"


def _chain() -> str:
    try:
        snapshot = get_engine().chain.snapshot()
    except RetryableError as error:
        raise Missing(error.detail, error.hint or CHAIN_AWAY) from error
    except ImproperlyConfigured as error:
        raise Missing(str(error), "correct CHAIN or CHAINS_FILE: see docs/chains.md") from error
    return f"{get_engine().chain.chain_id}, block {snapshot.version}, {len(snapshot.pools)} pools"


def _nodes() -> str:
    told = selectors.contradicting_nodes(get_engine().chain.chain_id, NODES_LOOK_H)
    if told:
        raise Missing(", ".join(f"{node} contradicted the others in {hours} hours" for node, hours in told.items()))
    return f"none contradicted the others in {NODES_LOOK_H} hours"


def _wallets() -> str:
    """Raises: Missing where a wallet in use cannot pay for many more transactions."""
    chain = get_engine().chain
    addresses = list(selectors.next_nonces(chain.chain_id, MOST_WALLETS))
    if not isinstance(chain, ChargesGas) or not addresses:
        return "none in use yet" if not addresses else "transactions cost nothing here"
    try:
        low = chain.low_on_gas(addresses)
    except RetryableError as error:
        raise Missing(error.detail, error.hint or CHAIN_AWAY) from error
    if low:
        named = [f"{wallet}: {detail}" for wallet, detail in list(low.items())[:MOST_NAMED]]
        more = [f"{len(low) - MOST_NAMED} more: admin, Wallets"] if len(low) > MOST_NAMED else []
        fix = f"send {chain.native.symbol} to {', '.join(list(low)[:MOST_NAMED])}"
        raise Missing("; ".join([*named, *more]), fix)
    return f"{len(addresses)} of those made last can pay for transactions"


def _trading() -> str:
    """Raises: Missing where every order waits; smaller pauses are named."""
    chain_id = get_engine().chain.chain_id
    if found := selectors.pauses_of_all(chain_id):
        told = (f"{row.scope} paused since {row.at:%Y-%m-%d %H:%M} UTC by {row.actor}: {row.reason}" for row in found)
        raise Missing("; ".join(told), "; ".join(how_to_resume(row) for row in found))
    smaller = list(TradingControl.objects.select_related("account").order_by("id"))
    if not smaller:
        return "nothing is paused"
    more = f"; {len(smaller) - MOST_PAUSES} more: admin, Pauses" if len(smaller) > MOST_PAUSES else ""
    return "goes on, but for what this ends: " + "; ".join(map(how_to_resume, smaller[:MOST_PAUSES])) + more


def _worker() -> str:
    age_s = selectors.worker_age_s(get_engine().chain.chain_id)
    if age_s is None or age_s > WORKER_SILENT_S:
        raise Missing("never reported" if age_s is None else f"silent for {age_s:.0f} s")
    return f"maintenance ran {age_s:.1f} s ago"


def _webhooks() -> str:
    seen = summary()
    if seen.overdue:
        raise Missing(f"{seen.overdue} of {seen.enabled} are served by no process")
    return f"{seen.enabled} enabled, {seen.failing} of them failing, {seen.disabled} disabled"


def _receipts() -> str:
    """Raises: Missing where the key that is named signs nothing. Without one receipts are answered 501."""
    path = receipt_key_file()
    if not path:
        return "no key is named (RECEIPT_KEY_FILE): none are given"
    try:
        key_id = read_private_key(Path(path)).public.key_id
    except ReceiptKeyError as error:
        raise Missing(str(error)) from error
    if ReceiptKey.objects.filter(pk=key_id, retired_at__isnull=False).exists():
        raise Missing(f"the key {key_id} is retired: it signs no more", "put the new key file in place of the old one")
    return f"signed by {key_id}"


def _web() -> str:
    url = f"{settings.ENGINE_URL}/health"
    answer = httpx.get(url, timeout=2)
    if answer.json() != {"status": "ok"}:
        raise Missing(f"{url} is answered by something else")
    return url


def live_findings() -> list[Finding]:
    """What every chain that is configured says of itself."""
    # Only where it is asked for: what speaks to nodes takes a while to load.
    chosen, found = chain_settings(), []
    for kind in map(chain_kind, CHAINS):
        if kind.check_up is not None:
            is_in_use = kind.name == chain_kind(chosen.name).name
            found += [
                Finding(one.subject, not one.fix, one.seen, one.fix) for one in kind.check_up(chosen, _known, is_in_use)
            ]
    return found or [Finding("chains", True, f"the {settings.CHAIN} one only: no node to ask", "")]


def _known(chain_id: str) -> tuple[int, Mapping[str, int]] | str:
    try:
        return selectors.database_time_s(), selectors.next_nonces(chain_id, MOST_WALLETS)
    except DatabaseError as error:
        return type(error).__name__


NEEDS: tuple[tuple[str, Callable[[], str], str], ...] = (
    ("python", _python, "install Python 3.11 or newer"),
    ("settings", _settings, "see docs/settings.md"),
    ("database", _database, "start PostgreSQL, or unset DATABASE_URL and use `make run`"),
    ("migrations", _migrations, "manage.py migrate"),
    ("tokens", _tokens, "manage.py prepare"),
    ("redis", _redis, "start Redis with maxmemory-policy noeviction, or unset REDIS_HOST and use `make run`"),
    ("chain", _chain, "manage.py migrate && manage.py prepare"),
    ("nodes", _nodes, "find out which node lies: manage.py doctor --live; take it out of CHAINS_FILE"),
    ("wallets", _wallets, "send the chain's own token to them"),
    ("trading", _trading, "see: manage.py resume --help"),
    ("worker", _worker, "start a worker: `make run`"),
    ("webhooks", _webhooks, "start what delivers them: `make run`, or manage.py deliver"),
    ("receipts", _receipts, "manage.py prepare makes the key, or unset RECEIPT_KEY_FILE: docs/receipts.md"),
    ("web", _web, "start the web server: `make run`; another port: PORT=3001"),
)
