"""Settings: what must not drift, what is listed, and what is refused at start."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import redis
from django.conf import settings

from orderengine.celery import Clock, app
from orderengine.tests.warm import run_warm

ROOT = Path(__file__).resolve().parents[3]


def test_the_reliability_of_the_queue_rests_on_these() -> None:
    expected = {
        "CELERY_WORKER_PREFETCH_MULTIPLIER": 1,
        "CELERY_TASK_ACKS_LATE": True,
        "CELERY_TASK_REJECT_ON_WORKER_LOST": True,
        "CELERY_TASK_IGNORE_RESULT": True,
        "CELERY_RESULT_BACKEND": None,
        "CELERY_TASK_SOFT_TIME_LIMIT": 20,
        "CELERY_TASK_TIME_LIMIT": 30,
        "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP": True,
        "CELERY_BROKER_CONNECTION_MAX_RETRIES": None,
        "CELERY_DB_REUSE_MAX": 1000,
        "CELERY_ACCEPT_CONTENT": ["json"],
        "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT": 10,
    }
    assert {name: getattr(settings, name) for name in expected} == expected

    transport = {
        "ack_emulation": False,
        "priority_steps": [0],
        "socket_connect_timeout": 1,
        "socket_keepalive": True,
    }
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS.items() >= transport.items()
    assert len({settings.REDIS_BROKER_URL, settings.REDIS_CHANNELS_URL, settings.REDIS_WAKE_URL}) == 3


def test_stage_tasks_leave_the_clock_to_celery() -> None:
    from orders import tasks
    from orders.notify.wake import queue_name, task_name
    from orders.states import Stage

    for stage in Stage:
        task = getattr(tasks, stage)
        assert (task.name, task.retry_backoff, task.retry_backoff_max, task.retry_jitter) == (
            task_name(stage), 1, 30, True,
        )  # fmt: skip
        # Of its own queue a wake-up for now would be kept away by one for later.
        assert task.retry_kwargs == {"queue": settings.CELERY_TASK_DEFAULT_QUEUE}
        assert queue_name(stage) in settings.CELERY_TASK_QUEUES


def test_every_session_has_its_time_limits(db: None) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        limits = []
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit"):
            cursor.execute(f"SHOW {name}")
            limits.append(cursor.fetchone()[0])

    assert limits == ["5s", "2s", "5s", "on"]


def read_variables() -> set[str]:
    source = (ROOT / "orderengine" / "settings.py").read_text()
    return set(re.findall(r'env\.\w+\("(\w+)"', source)) | {"DATABASE_URL"}


@pytest.mark.parametrize("page", ["docs/settings.md", ".env.example"])
def test_every_variable_is_listed(page: str) -> None:
    text = (ROOT / page).read_text()

    assert {name for name in read_variables() if not re.search(rf"\b{name}\b", text)} == set()


def load(**environment: str) -> subprocess.CompletedProcess[str]:
    """Load the settings and run the checks in a process of its own."""
    code = (
        "import django; django.setup(); from django.core.management import call_command; call_command('check');"
        "from django.conf import settings; print(settings.DATABASES['default']['OPTIONS']['session'])"
    )
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return run_warm(
        "-c", code, cwd=ROOT, environment=clean | {"DJANGO_SETTINGS_MODULE": "orderengine.settings"} | environment
    )


URL = "postgresql://user:password@localhost:5432/order_db"


def test_an_engine_on_the_simulated_chain_loads_nothing_of_other_chains() -> None:
    code = (
        "import sys, django; django.setup(); from orders.engine import get_engine; get_engine(); import orders.tasks;"
        "print(sorted({'httpx', 'eth_account', 'eth_abi', 'dex.chains.evm'} & set(sys.modules)))"
    )
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env=clean | {"DJANGO_SETTINGS_MODULE": "orderengine.settings", "DATABASE_URL": URL, "DEBUG": "1"},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert (loaded.stdout, loaded.returncode) == ("[]\n", 0), loaded.stderr


def test_the_schema_option_becomes_the_search_path() -> None:
    loaded = load(DATABASE_URL=f"{URL}?schema=public", DEBUG="1")

    assert loaded.returncode == 0, loaded.stderr
    assert "'search_path': '\"public\"'" in loaded.stdout


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DATABASE_URL": URL, "DEBUG": "0"}, "SECRET_KEY"),
        ({"DATABASE_URL": URL, "DEBUG": "0", "SECRET_KEY": "short"}, "SECRET_KEY must be random"),
        ({"DATABASE_URL": "mysql://x", "DEBUG": "1"}, "postgresql"),
        ({"DEBUG": "1"}, "DATABASE_URL"),
        ({"DATABASE_URL": URL, "DEBUG": "1", "PORT": "many"}, "PORT"),
        ({"DATABASE_URL": URL, "DEBUG": "1", "PIPELINE_LEASE_S": "25"}, "must stay below"),
        ({"DATABASE_URL": URL, "DEBUG": "1", "PIPELINE_BATCH_SIZE": "0"}, "PIPELINE_BATCH_SIZE"),
        ({"DATABASE_URL": URL, "DEBUG": "1", "SIGNER": "nobody"}, "SIGNER must be one of"),
        ({"DATABASE_URL": URL, "DEBUG": "1", "CHAIN": "base"}, "CHAIN=base moves real money"),
        ({"DATABASE_URL": URL, "DEBUG": "1", "CHAIN": "base", "ALLOW_REAL_MONEY": "1"}, "signs with public keys"),
        ({"DATABASE_URL": URL, "DEBUG": "1", "SIGNER": "keystore"}, "SIGNER_KEYSTORE must name"),
        ({"DATABASE_URL": URL, "DEBUG": "1", "SIGNER_MAX_DEADLINE_S": "60"}, "SIGNER_MAX_DEADLINE_S"),
    ],
)
def test_a_setting_that_makes_no_sense_stops_the_start(environment: dict[str, Any], said: str) -> None:
    loaded = load(**environment)

    assert loaded.returncode != 0
    assert said in loaded.stderr


SECRET = "s" * 40
PRODUCTION = {"DATABASE_URL": URL, "DEBUG": "0", "SECRET_KEY": SECRET, "SIGNER": "keystore"}
FILES = {"SIGNER_KEYSTORE": "/nowhere/keystore.json", "SIGNER_PASSPHRASE_FILE": "/nowhere/passphrase"}


def test_production_settings_that_are_whole_are_accepted() -> None:
    assert load(**PRODUCTION, **FILES, SECRET_KEY_FALLBACKS=f"{'t' * 40}, {'u' * 40}").returncode == 0


STARTS = {
    "web": ["-c", "import orderengine.asgi"],
    "worker": ["-m", "celery", "-A", "orderengine", "worker", "--pool", "solo"],
    "beat": ["-m", "celery", "-A", "orderengine", "beat", "-s", "SCHEDULE", "--pidfile="],
    "deliver": ["manage.py", "deliver"],
}
UNSAFE = [
    ({"SIGNER": "development"}, "development signer"),
    ({"SECRET_KEY": "development-only-secret-key-long-enough"}, "SECRET_KEY must be random"),
    ({"SECRET_KEY_FALLBACKS": f"{SECRET}, too-short"}, "each of SECRET_KEY_FALLBACKS must be random"),
    ({"REQUIRE_API_KEY": "0"}, "the API may be open only in DEBUG"),
    ({"SIGNER_PASSPHRASE_FILE": __file__}, "can be read by others"),
]


@pytest.mark.parametrize(
    ("start", "change", "said"),
    [(start, *UNSAFE[0]) for start in STARTS] + [("web", *unsafe) for unsafe in UNSAFE[1:]],
)
def test_outside_debug_nothing_starts_on_unsafe_settings(
    tmp_path: Path, start: str, change: dict[str, str], said: str
) -> None:
    """Each process of the engine asks for itself, before it reaches for any server."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    argv = [part.replace("SCHEDULE", str(tmp_path / "schedule")) for part in STARTS[start]]
    environment = clean | PRODUCTION | FILES | change
    if change == UNSAFE[0][0]:
        refused = subprocess.run(
            [sys.executable, *argv], env=environment, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120
        )
    else:
        refused = run_warm(*argv, cwd=ROOT, environment=environment)

    assert refused.returncode != 0
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_development_without_debug_pages_stays_development() -> None:
    """As the workers of `make run` are started: no statements kept, and the development signer still allowed."""
    code = (
        "import django; django.setup(); from django.conf import settings;"
        "from orderengine.startup import refuse_unsafe; refuse_unsafe(); print(settings.DEBUG, settings.API_IS_OPEN)"
    )
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {"DJANGO_SETTINGS_MODULE": "orderengine.settings", "DATABASE_URL": URL}
    ran = run_warm("-c", code, cwd=ROOT, environment=clean | environment | {"DEBUG": "1", "DEBUG_PAGES": "0"})

    assert (ran.stdout.split(), ran.returncode) == (["False", "True"], 0), ran.stderr


def test_beat_sends_only_tasks_that_there_are_and_that_expire() -> None:
    app.loader.import_default_modules()

    schedule: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE
    for name, entry in schedule.items():
        assert entry["task"] in app.tasks, name
        assert entry["options"]["expires"] <= max(2, 2 * entry["schedule"]), name


def test_a_worker_requests_maintenance_by_itself_until_its_connection_ends() -> None:
    app.loader.import_default_modules()
    consumer = MagicMock()
    broker: Any = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    broker.delete("orders")

    clock = Clock(consumer)
    clock.start(consumer)
    assert broker.llen("orders") == 1  # at once: a broker that started again has lost what was asked before
    [seconds, ask] = consumer.timer.call_repeatedly.call_args.args
    ask()
    message = json.loads(broker.lindex("orders", 0))
    clock.stop(consumer)

    assert Clock in app.steps["consumer"]
    assert (seconds, broker.llen("orders")) == (1.0, 2)
    assert message["headers"]["task"] in app.tasks
    assert message["headers"]["expires"] is not None
    consumer.timer.call_repeatedly.return_value.cancel.assert_called_once_with()


def test_a_worker_loads_no_more_than_it_needs() -> None:
    start = """
import sys
import celery.apps.worker
from orderengine.celery import app
app.loader.init_worker()
assert "orders.confirm" in app.tasks
print(sorted({"twisted", "daphne", "autobahn", "orders.api.orders", "drf_spectacular.views"} & set(sys.modules)))
"""
    answer = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"


def test_runserver_is_that_of_daphne() -> None:
    answer = run_warm("manage.py", "runserver", "--help", cwd=ROOT, environment=os.environ)

    assert "--http_timeout" in answer.stdout
