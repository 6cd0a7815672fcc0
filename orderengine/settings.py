"""Every setting, read once from the environment (and `.env`), with a safe default or a refusal to start.

docs/settings.md and .env.example list the variables; a test compares.
"""

import sys
from pathlib import Path
from typing import Any

from environs import Env

from orderengine.env import is_loopback, postgres_config, redis_url, session_limits

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
env.read_env(str(BASE_DIR / ".env"), recurse=False)

# --- Who may reach us -------------------------------------------------------------------------------------
IS_DEVELOPMENT: bool = env.bool("DEBUG", False)
# Django's own switch also keeps the text of every statement, which in workers are statements of hundreds of rows.
DEBUG: bool = IS_DEVELOPMENT and env.bool("DEBUG_PAGES", True)
HOST: str = env.str("HOST", "127.0.0.1")
PORT: int = env.int("PORT", 3000)
# A default secret exists only for development: outside DEBUG the start fails without one.
SECRET_KEY: str = env.str("SECRET_KEY", "development-only-secret-key") if IS_DEVELOPMENT else env.str("SECRET_KEY")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
# Without a key the API is open only to this machine, and only while developing; the banner says so.
REQUIRE_API_KEY: bool | None = env.bool("REQUIRE_API_KEY", None)
API_IS_OPEN: bool = IS_DEVELOPMENT and is_loopback(HOST) and not REQUIRE_API_KEY
# Of a key that has no number of its own; 0: any. Best effort, in Redis.
RATE_PER_MINUTE: int = env.int("RATE_PER_MINUTE", 6_000)

# --- Time limits, each below the next ---------------------------------------------------------------------
# lock < statement < request < stage time < task soft < task hard < visibility timeout
DB_LOCK_TIMEOUT_MS: int = env.int("DB_LOCK_TIMEOUT_MS", 2_000)
DB_STATEMENT_TIMEOUT_MS: int = env.int("DB_STATEMENT_TIMEOUT_MS", 5_000)
REQUEST_TIMEOUT_S: int = 10
TASK_SOFT_TIME_LIMIT_S: int = 20
TASK_TIME_LIMIT_S: int = 30
BROKER_VISIBILITY_TIMEOUT_S: int = 60

# --- PostgreSQL: the only truth ---------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": postgres_config(env, "DATABASE_URL", session_limits(DB_LOCK_TIMEOUT_MS, DB_STATEMENT_TIMEOUT_MS))
}
# A pool for the web process, which runs each request in a thread of its own; workers keep one connection.
DB_POOL_MAX: int = env.int("DB_POOL_MAX", 0)
if DB_POOL_MAX:
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": DB_POOL_MAX, "timeout": 3}
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 3)
# Values travel beside the statement, not quoted into it: a batch is one parameter of hundreds of rows.
DATABASES["default"]["OPTIONS"]["server_side_binding"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: hints only, on databases apart ----------------------------------------------------------------
REDIS_HOST: str = env.str("REDIS_HOST", "localhost")
REDIS_PORT: int = env.int("REDIS_PORT", 6379)
REDIS_PASSWORD: str = env.str("REDIS_PASSWORD", "")
REDIS_BROKER_URL = redis_url(REDIS_HOST, REDIS_PORT, REDIS_PASSWORD, 0)
REDIS_CHANNELS_URL = redis_url(REDIS_HOST, REDIS_PORT, REDIS_PASSWORD, 1)
REDIS_WAKE_URL = redis_url(REDIS_HOST, REDIS_PORT, REDIS_PASSWORD, 2)

CHANNEL_LAYERS = {
    "default": {
        # The list-based layer drops messages over 100 per process without a word; this one does not.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_CHANNELS_URL, "socket_connect_timeout": 1}]},
    }
}

# --- Celery: wake-ups, no order ever travels in a message ---------------------------------------------------
CELERY_BROKER_URL = REDIS_BROKER_URL
CELERY_BEAT_SCHEDULER = "orderengine.beat:Scheduler"
CELERY_BROKER_TRANSPORT = "orderengine.broker:Transport"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "orders"
CELERY_TASK_ROUTES = {"orders.*": {"queue": "orders"}}
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
    "visibility_timeout": BROKER_VISIBILITY_TIMEOUT_S,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": env.float("REDIS_SOCKET_TIMEOUT_S", 5.0),
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    # Of who sends: a wake-up that cannot leave is left to the upkeep, and nobody sleeps two seconds for it.
    "max_retries": 0,
}
# Celery closes the database connection round every task unless told how often it may be used again.
CELERY_DB_REUSE_MAX = 1000
CELERY_BEAT_SCHEDULE = {
    "watch-nonces": {
        "task": "orders.watch_nonces",
        "schedule": 2.0,
        "options": {"expires": 4, "queue": "orders"},
    },
    "watch-wallets": {
        "task": "orders.watch_wallets",
        "schedule": 30.0,
        "options": {"expires": 30, "queue": "orders"},
    },
    "guard": {
        "task": "orders.guard",
        "schedule": 60.0,
        "options": {"expires": 60, "queue": "orders"},
    },
    "examine": {
        "task": "orders.examine",
        "schedule": 120.0,
        "options": {"expires": 60, "queue": "orders"},
    },
    "expire-idempotency-keys": {
        "task": "orders.expire_idempotency_keys",
        "schedule": 3600.0,
        "options": {"expires": 600, "queue": "orders"},
    },
}

# --- The pipeline -----------------------------------------------------------------------------------------
PIPELINE_BATCH_SIZE: int = env.int("PIPELINE_BATCH_SIZE", 200)
PIPELINE_LEASE_S: int = env.int("PIPELINE_LEASE_S", 10)
# Of one order's search; a batch of them must not outlast its lease.
ROUTE_DEADLINE_MS: int = env.int("ROUTE_DEADLINE_MS", 40)
ORDER_MAX_ATTEMPTS: int = env.int("ORDER_MAX_ATTEMPTS", 3)
ORDER_RETRY_BASE_MS: int = env.int("ORDER_RETRY_BASE_MS", 200)
# How long an order without expires_at waits for a chain that cannot be asked, or for fees to fall, before it is signed.
ORDER_PATIENCE_S: float = env.float("ORDER_PATIENCE_S", 300.0)
ORDER_DEFAULT_SLIPPAGE_BPS: str = env.str("ORDER_DEFAULT_SLIPPAGE_BPS", "50")
# An order without a guard of its own must not sell into an empty book; an explicit null switches it off.
ORDER_DEFAULT_PRICE_IMPACT_BPS: str = env.str("ORDER_DEFAULT_PRICE_IMPACT_BPS", "1000")
ORDER_DEADLINE_S: int = env.int("ORDER_DEADLINE_S", 120)
# A transaction that no block takes is outbid after this time (or five blocks, where that is longer), so often.
ORDER_STUCK_S: float = env.float("ORDER_STUCK_S", 5.0)
ORDER_MAX_REPLACEMENTS: int = env.int("ORDER_MAX_REPLACEMENTS", 5)
# What pauses by itself: more than so many percent of a scope's last executions reverted. 100: nothing does.
GUARD_REVERT_PERCENT: int = env.int("GUARD_REVERT_PERCENT", 50)
GUARD_LAST_EXECUTIONS: int = env.int("GUARD_LAST_EXECUTIONS", 50)
GUARD_MIN_EXECUTIONS: int = env.int("GUARD_MIN_EXECUTIONS", 10)
WS_LINGER_S: float = env.float("WS_LINGER_S", 5.0)

# --- Who signs: policy and key are the signer's own, see docs/security.md ----------------------------------
SIGNER: str = env.str("SIGNER", "development")
SIGNER_KEYSTORE: str = env.str("SIGNER_KEYSTORE", "")
SIGNER_PASSPHRASE_FILE: str = env.str("SIGNER_PASSPHRASE_FILE", "")
# Wallets with keys of their own, each a keystore; made by `manage.py wallet create` and `import`.
SIGNER_WALLETS: str = env.str("SIGNER_WALLETS", "") or str(
    Path(SIGNER_KEYSTORE or BASE_DIR / ".state").parent / "wallets"
)
# Most atoms of each token that one signature may give, `SOL=1000000000,USDC=5000000000`; empty: any amount of any.
SIGNER_MAX_AMOUNTS: dict[str, int] = env.dict("SIGNER_MAX_AMOUNTS", {}, subcast_values=int)
SIGNER_MAX_FEE: int | None = env.int("SIGNER_MAX_FEE", None)
SIGNER_MAX_DEADLINE_S: int = env.int("SIGNER_MAX_DEADLINE_S", 3_600)

# --- Which chain: `simulated`, or one of those that the file describes, see docs/chains.md -------------------
CHAIN: str = env.str("CHAIN", "simulated")
CHAINS_FILE: str = env.str("CHAINS_FILE", str(BASE_DIR / ".chain" / "chains.toml"))
# Orders on a chain that is not on this machine move real money: nobody gets there by a wrong name alone.
ALLOW_REAL_MONEY: bool = env.bool("ALLOW_REAL_MONEY", False)

# --- The simulated chain ----------------------------------------------------------------------------------
SIM_BLOCK_TIME_MS: int = env.int("SIM_BLOCK_TIME_MS", 100)
SIM_QUOTE_DELAY_MS: int = env.int("SIM_QUOTE_DELAY_MS", 40)
SIM_BUILD_DELAY_MS: int = env.int("SIM_BUILD_DELAY_MS", 15)
SIM_SUBMIT_DELAY_MS: int = env.int("SIM_SUBMIT_DELAY_MS", 25)
SIM_NOISE_TRADES: int = env.int("SIM_NOISE_TRADES", 2)
SIM_CONFIRMATIONS: int = env.int("SIM_CONFIRMATIONS", 1)
SIM_SEED: int = env.int("SIM_SEED", 7)

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
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "rest_framework",
    "rest_framework_api_key",
    "dex.chains.simulated.apps.SimulatedChainConfig",
    "orders",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "orders.exceptions.ProblemMiddleware",
]
ROOT_URLCONF = "orderengine.urls"
ASGI_APPLICATION = "orderengine.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
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
STATIC_URL = "/static/"
# Serves the packages' own static files without a collect step, in development and behind daphne alike.
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
APPEND_SLASH = False
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not IS_DEVELOPMENT
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["orders.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "orders.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["orders.throttles.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["orders.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "orders.openapi.Schema",
    "EXCEPTION_HANDLER": "orders.exceptions.problem_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Order Execution Engine",
    "VERSION": "1",
    "DESCRIPTION": (
        "Swaps that are routed at the best price, executed at most once and watched until they are final. "
        "Amounts are decimal strings in token units, each with its integer twin in atoms (`*_raw`). "
        "Where a key is asked for, send `Authorization: Bearer KEY`. "
        "Errors are problem objects (RFC 9457) with a stable `code`. "
        "Live events: `ws://HOST:PORT/orders/{order_id}` for one order, `ws://HOST:PORT/ws/v1/stream` for all of them."
    ),
    "OAS_VERSION": "3.1.0",
    "ENFORCE_NON_BLANK_FIELDS": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "orders.openapi.link_orders",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {"OrderStatusEnum": "orders.states.OrderStatus"},
}

LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "orders": {"level": LOG_LEVEL},
        "dex": {"level": LOG_LEVEL},
        # Django's own handler would print every line a second time, and a refused request is the caller's news.
        "django": {"handlers": []},
        "django.request": {"level": "ERROR"},
    },
}

env.seal()
