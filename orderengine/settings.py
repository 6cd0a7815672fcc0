"""Every setting, read once from the environment or `.env`, safe by default; docs/settings.md lists them (tested)."""

import sys
from pathlib import Path
from typing import Any

from orderengine.api_settings import REST_FRAMEWORK as REST_FRAMEWORK
from orderengine.api_settings import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS
from orderengine.environment.addresses import (
    Network,
    PublicUrl,
    http_url,
    is_loopback,
    reachable,
    read_allowed_host,
    read_host,
    read_network,
    read_networks,
    read_port,
    read_public_url,
    redis_url,
    url_host,
)
from orderengine.environment.reading import SIMULATED, read_chain_name, state_directory
from orderengine.environment.typed import Env, postgres_config, read_pooler, session_limits
from orderengine.log_filter import logging_config
from orderengine.people_settings import *  # noqa: F403
from orders.states import Stage

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()

# --- Who may reach us -------------------------------------------------------------------------------------
IS_DEVELOPMENT: bool = env.bool("DEBUG", False)
# Django's own switch: its pages on errors, and templates that are read at each use.
DEBUG: bool = IS_DEVELOPMENT and env.bool("DEBUG_PAGES", True)
# On either, what clients may cost is the same (`orderengine/web/bounds.py`).
WEB_SERVER: str = env.str("WEB_SERVER", "daphne", one_of=("daphne", "uvicorn"))
HOST: str = env.read("HOST", read_host, "127.0.0.1")
PORT: int = env.int("PORT", 3000, 1, 65535)
# Where programs of this machine reach the web server: tools ask there.
ENGINE_URL: str = http_url(HOST, PORT)
# A default secret exists only for development: outside DEBUG the start fails without one.
SECRET_KEY: str = env.secret("SECRET_KEY", "development-only-secret-key" if IS_DEVELOPMENT else None)
# Those that it was before: what they have signed or encrypted still counts.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
# Where everybody else reaches it, through a proxy that speaks TLS.
PUBLIC_URL: PublicUrl | None = env.read("PUBLIC_URL", read_public_url, None)
# From these alone is believed what they say of the caller: address, scheme and host.
TRUSTED_PROXIES: list[Network] = env.list("TRUSTED_PROXIES", [], read_network)
OWN_NAMES: list[str] = ["localhost", "127.0.0.1", "[::1]"]
# Whose pages may open WebSockets. Programs of this machine are answered by its own names besides.
ORIGIN_HOSTS: list[str] = env.list("ALLOWED_HOSTS", [] if PUBLIC_URL else OWN_NAMES, read_allowed_host)
ALLOWED_HOSTS: list[str] = [*ORIGIN_HOSTS, *OWN_NAMES, url_host(reachable(HOST))]
CSRF_TRUSTED_ORIGINS: list[str] = []
if PUBLIC_URL:
    ALLOWED_HOSTS.append(PUBLIC_URL.host)
    CSRF_TRUSTED_ORIGINS.append(PUBLIC_URL.origin)
# Without a key the API is open only to this machine, only while developing, never behind a proxy; the banner says so.
REQUIRE_API_KEY: bool | None = env.bool("REQUIRE_API_KEY", None)
API_IS_OPEN: bool = IS_DEVELOPMENT and is_loopback(HOST) and not (REQUIRE_API_KEY or PUBLIC_URL or TRUSTED_PROXIES)
# Of a key that has no number of its own; 0: any. Best effort, in Redis.
RATE_PER_MINUTE: int = env.int("RATE_PER_MINUTE", 6_000)

# --- Time limits, each below the next ---------------------------------------------------------------------
# lock < statement < request < stage time < task soft < task hard
DB_LOCK_TIMEOUT_MS: int = env.int("DB_LOCK_TIMEOUT_MS", 2_000, 1)
DB_STATEMENT_TIMEOUT_MS: int = env.int("DB_STATEMENT_TIMEOUT_MS", 5_000, 1)
TASK_SOFT_TIME_LIMIT_S: int = 20
TASK_TIME_LIMIT_S: int = 30

# --- PostgreSQL: the only truth ---------------------------------------------------------------------------
# Whether each transaction may have another session of the server, and whether statements can be prepared then.
DB_POOLER: str = read_pooler(env)
_limits = session_limits(DB_LOCK_TIMEOUT_MS, DB_STATEMENT_TIMEOUT_MS)
DATABASES: dict[str, dict[str, Any]] = {"default": postgres_config(env, "DATABASE_URL", _limits, DB_POOLER)}
# A pool for the web process, which runs each request in a thread of its own; workers keep one connection.
DB_POOL_MAX: int = env.int("DB_POOL_MAX", 0, 0, 1_000)
if DB_POOL_MAX:
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": DB_POOL_MAX, "timeout": 3}
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 3)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: hints only, on databases apart ----------------------------------------------------------------
REDIS_HOST: str = env.read("REDIS_HOST", read_host, "localhost")
REDIS_PORT: int = env.int("REDIS_PORT", 6379, 1, 65535)
REDIS_PASSWORD: str = env.secret("REDIS_PASSWORD", "")
REDIS_BROKER_URL = redis_url(REDIS_HOST, REDIS_PORT, REDIS_PASSWORD, 0)
REDIS_CHANNELS_URL = redis_url(REDIS_HOST, REDIS_PORT, REDIS_PASSWORD, 1)
REDIS_WAKE_URL = redis_url(REDIS_HOST, REDIS_PORT, REDIS_PASSWORD, 2)

CHANNEL_LAYERS = {
    "default": {
        # The list-based layer drops messages over 100 per process without a word; this one does not.
        "BACKEND": "orders.notify.layer.Layer",
        "CONFIG": {"hosts": [{"address": REDIS_CHANNELS_URL, "socket_connect_timeout": 1}]},
    }
}

# --- Celery: wake-ups, no order ever travels in a message ---------------------------------------------------
CELERY_BROKER_URL = REDIS_BROKER_URL
CELERY_BEAT_SCHEDULER = "orderengine.jobs.beat:Scheduler"
CELERY_BROKER_TRANSPORT = "orderengine.jobs.broker:Transport"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "orders"
# The wake-ups of each stage, at most one of which waits, have a queue of their own.
_QUEUES = ("orders", "orders.triggers", *(f"orders.{stage}" for stage in Stage))
CELERY_TASK_QUEUES = {name: {"exchange": name, "routing_key": name} for name in _QUEUES}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = TASK_SOFT_TIME_LIMIT_S
CELERY_TASK_TIME_LIMIT = TASK_TIME_LIMIT_S
# Prefetched messages kill a worker when Redis restarts.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A process that starts while the broker is away says so once the event loop runs again, and is not killed for it.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 3600
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # No copy in Redis of what is under way, which cost more than all the rest of a message: no order hangs on one.
    "ack_emulation": False,
    "priority_steps": [0],  # one key for each queue, not four
    "socket_timeout": env.float("REDIS_SOCKET_TIMEOUT_S", 5.0, 0.01, 60),
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    # Of who sends: a wake-up that cannot leave is left to maintenance, and no sender sleeps two seconds for it.
    "max_retries": 0,
}
# Celery closes the database connection round every task unless told how often it may be used again.
CELERY_DB_REUSE_MAX = 1000
# Each with the seconds between two runs, and those after which one that no worker has taken is no longer wanted.
CELERY_BEAT_SCHEDULE = {
    task.replace("_", "-"): {
        "task": f"orders.{task}",
        "schedule": every_s,
        "options": {"expires": expires_s, "queue": "orders"},
    }
    for task, every_s, expires_s in (
        ("watch_nonces", 2.0, 4),
        ("watch_wallets", 30.0, 30),
        ("guard", 60.0, 60),
        ("note_prices", 15.0, 10),
        ("check_ledger", 120.0, 60),
        ("expire_idempotency_keys", 3600.0, 600),
        ("expire_snapshots", 3600.0, 600),
        ("expire_prices", 3600.0, 600),
    )
}

# --- The pipeline -----------------------------------------------------------------------------------------
PIPELINE_BATCH_SIZE: int = env.int("PIPELINE_BATCH_SIZE", 200, 1, 1_000)
PIPELINE_LEASE_S: int = env.int("PIPELINE_LEASE_S", 10, 1)
# Of one order's search; a batch of them must not outlast its lease.
ROUTE_DEADLINE_MS: int = env.int("ROUTE_DEADLINE_MS", 40)
ORDER_MAX_ATTEMPTS: int = env.int("ORDER_MAX_ATTEMPTS", 3, 1, 1_000)
ORDER_RETRY_BASE_MS: int = env.int("ORDER_RETRY_BASE_MS", 200, 0, 60_000)
# How long an order without expires_at waits for a chain that cannot be asked, or for fees to fall, before it is signed.
ORDER_PATIENCE_S: float = env.float("ORDER_PATIENCE_S", 300.0, 0, 604_800)
TRIGGER_WINDOW_S: float = env.float("TRIGGER_WINDOW_S", 30.0, 1, 3_600)
ORDER_DEFAULT_SLIPPAGE_BPS: str = env.bps("ORDER_DEFAULT_SLIPPAGE_BPS", "50")
# An order without a guard of its own must not sell into an empty book; an explicit null switches it off.
ORDER_DEFAULT_PRICE_IMPACT_BPS: str = env.bps("ORDER_DEFAULT_PRICE_IMPACT_BPS", "1000")
ORDER_DEADLINE_S: int = env.int("ORDER_DEADLINE_S", 120, 1)
# A transaction that no block takes is replaced after this time (or five blocks, where that is longer), so often.
ORDER_STUCK_S: float = env.float("ORDER_STUCK_S", 5.0, 0.1, 86_400)
ORDER_MAX_REPLACEMENTS: int = env.int("ORDER_MAX_REPLACEMENTS", 5, 0, 1_000)
# What pauses by itself: more than this percentage of a scope's last executions reverted. 100: nothing does.
GUARD_REVERT_PERCENT: int = env.int("GUARD_REVERT_PERCENT", 50, 1, 100)
GUARD_LAST_EXECUTIONS: int = env.int("GUARD_LAST_EXECUTIONS", 50, 1, 500)
GUARD_MIN_EXECUTIONS: int = env.int("GUARD_MIN_EXECUTIONS", 10, 1, 500)
SNAPSHOT_RETENTION_DAYS: int = env.int("SNAPSHOT_RETENTION_DAYS", 30, 0, 3_650)  # of markets; 0: none are kept
RECEIPT_KEY_FILE: str = env.str("RECEIPT_KEY_FILE", "")  # empty: no receipt is signed
WS_LINGER_S: float = env.float("WS_LINGER_S", 5.0, 0, 3_600)
# Where webhooks may go besides public addresses by TLS: in these networks to any address and port, also without TLS.
WEBHOOK_ALLOW_PRIVATE: list[Network] = env.read("WEBHOOK_ALLOW_PRIVATE", read_networks, [])
WEBHOOK_PORTS: list[int] = env.list("WEBHOOK_PORTS", [443, 8443], read_port)

# --- Which chain: `simulated`, or one of those that the file describes, see docs/chains.md -------------------
CHAIN: str = env.read("CHAIN", read_chain_name, SIMULATED)
CHAINS_FILE: str = env.str("CHAINS_FILE", str(BASE_DIR / ".chain" / "chains.toml"))
# Orders on a chain that is not on this machine move real money: a wrong name alone does not lead there.
ALLOW_REAL_MONEY: bool = env.bool("ALLOW_REAL_MONEY", False)
# What an engine keeps beside its database; orders on another chain have a place of their own.
STATE_DIR: Path = state_directory(BASE_DIR, env.str("STATE_DIR", ""), CHAIN)

# --- Who signs: policy and key are the signer's own, see docs/security.md ----------------------------------
SIGNER: str = env.str("SIGNER", "development", one_of=("development", "keystore"))
SIGNER_KEYSTORE: str = env.str("SIGNER_KEYSTORE", "")
SIGNER_PASSPHRASE_FILE: str = env.str("SIGNER_PASSPHRASE_FILE", "")
# Wallets with keys of their own, each a keystore; made by `manage.py wallet create` and `import`.
SIGNER_WALLETS: str = env.str("SIGNER_WALLETS", "") or str(
    (Path(SIGNER_KEYSTORE).parent if SIGNER_KEYSTORE else STATE_DIR) / "wallets"
)
# Most atoms of each token that one signature may give, `SOL=1000000000,USDC=5000000000`; empty: any amount of any.
SIGNER_MAX_AMOUNTS: dict[str, int] | None = env.amounts("SIGNER_MAX_AMOUNTS")
SIGNER_MAX_FEE: int | None = env.int("SIGNER_MAX_FEE", None, 0, 2**256)
SIGNER_MAX_DEADLINE_S: int = env.int("SIGNER_MAX_DEADLINE_S", 3_600, 1)

# --- The simulated chain ----------------------------------------------------------------------------------
SIM_BLOCK_TIME_MS: int = env.int("SIM_BLOCK_TIME_MS", 100, 0, 3_600_000)
SIM_QUOTE_DELAY_MS: int = env.int("SIM_QUOTE_DELAY_MS", 40, 0, 60_000)
SIM_BUILD_DELAY_MS: int = env.int("SIM_BUILD_DELAY_MS", 15, 0, 60_000)
SIM_SUBMIT_DELAY_MS: int = env.int("SIM_SUBMIT_DELAY_MS", 25, 0, 60_000)
SIM_NOISE_TRADES: int = env.int("SIM_NOISE_TRADES", 2, 0, 1_000)
SIM_CONFIRMATIONS: int = env.int("SIM_CONFIRMATIONS", 1, 1, 1_000)
SIM_SEED: int = env.int("SIM_SEED", 7, -(2**31))
# Atoms of SOL that each swap costs at normal fees, beside 5,000 for its transaction.
SIM_SWAP_FEE: int = env.int("SIM_SWAP_FEE", 10_000, 0, 1_000_000_000)

# --- Django -----------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    # Makes `runserver` daphne's. Nothing else needs the app, which loads all of Twisted wherever it is listed.
    *(["daphne"] if "runserver" in sys.argv[1:] else []),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "rest_framework",
    "rest_framework_api_key",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "dex.chains.simulated.apps.SimulatedChainConfig",
    "orders",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "orderengine.web.probes.answer_probes",
    "orders.api.front_door.FrontDoor",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "orders.api.exceptions.ProblemMiddleware",
]
# While developing a saved template shows at once; else each is read once.
TEMPLATE_LOADERS = ["django.template.loaders.app_directories.Loader"]
ROOT_URLCONF = "orderengine.urls"
ASGI_APPLICATION = "orderengine.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": TEMPLATE_LOADERS if DEBUG else [("django.template.loaders.cached.Loader", TEMPLATE_LOADERS)],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
# Times in the admin: to the second, with their zone.
FORMAT_MODULE_PATH = "orderengine.formats"
STATIC_URL = "/static/"
# Serves the packages' own static files without a collect step, in development and behind daphne alike.
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
APPEND_SLASH = False
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not IS_DEVELOPMENT or bool(PUBLIC_URL and PUBLIC_URL.scheme == "https")
# Tells browsers to come by TLS alone from now on, which cannot be taken back: off unless set.
SECURE_HSTS_SECONDS: int = env.int("HSTS_SECONDS", 0, 0, 63_072_000)
if SECURE_HSTS_SECONDS and not (PUBLIC_URL and PUBLIC_URL.scheme == "https"):
    env.refuse("HSTS_SECONDS", " needs a PUBLIC_URL that begins with https://.")
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO", one_of=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOGGING = logging_config(LOG_LEVEL)

# --- Of `make run` alone ----------------------------------------------------------------------------------
WEB_PROCESSES: int = env.int("WEB_PROCESSES", 1, 1, 64)
WORKER_CONCURRENCY: int = env.int("WORKER_CONCURRENCY", 2, 1, 256)
# Where `prepare` puts the password of the first admin user; it makes none without a place for it.
ADMIN_PASSWORD_FILE: str = env.str("ADMIN_PASSWORD_FILE", "")

env.seal()
