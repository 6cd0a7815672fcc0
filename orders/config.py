"""The settings of the pipeline and the API as typed values; engine.py reads those of the chain."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from orders.states import Stage

# Of addresses that name none.
DEFAULT_PORTS = {"http": 80, "https": 443}
# What a stage needs to settle its batch once the chain has answered.
SETTLE_S = 2


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of the pipeline.

    `batch_size` orders are claimed under a lease of `lease_s`, or `look_lease_s` where a stage only looks: one dead
    worker holds up everything that is SUBMITTED, while two that look at once do no harm. A run of one stage hands over
    after `run_s`.
    An order is tried `max_attempts` times; the n-th retry waits a random time up to
    `retry_base_s * 2**n`, at most `retry_cap_s` (full jitter). A signed swap reverts `deadline_s` after
    signing. Bytes without a receipt are sent again after `resend_s`. Bytes that no block takes for `stuck_s` are
    replaced at the same nonce with bumped fees, at most `max_replacements` times; then a cancellation transaction
    consumes the nonce. A parked order is looked at each `park_s`. An order without `expires_at` waits `patience_s` for
    a chain that cannot be asked before it is signed.
    A batch is carried on to its next stage by the same worker until `carry_s` after it was claimed: then another task
    takes it, since a task may not last for long. The reference price of a pair is the median over `trigger_window_s`.
    """

    batch_size: int = 200
    lease_s: int = 10
    look_lease_s: int = 3
    run_s: float = 2.0
    max_attempts: int = 3
    max_claims: int = 8
    retry_base_s: float = 0.2
    retry_cap_s: float = 30.0
    deadline_s: int = 120
    resend_s: float = 0.5
    stuck_s: float = 5.0
    max_replacements: int = 5
    park_s: float = 60.0
    patience_s: float = 300.0
    carry_s: float = 4.0
    trigger_window_s: float = 30.0

    def on_a_chain(self, answers_within_s: float) -> "Policy":
        """The same, with leases that outlast all that one stage asks of a silent chain, and the write that follows.

        Else those who wait for it would take the orders from each other, and each claim count as a crash.
        """
        longest_s = math.ceil(answers_within_s) + SETTLE_S
        return self if longest_s <= self.lease_s else replace(self, lease_s=longest_s)

    def lease_of(self, stage: Stage, answers_within_s: float) -> int:
        """Seconds for which a claim of the stage holds.

        A look must outlast a slow chain, asked twice: else workers would take the orders from each other without end.
        """
        if stage is not Stage.CONFIRM:
            return self.lease_s
        return min(self.lease_s, max(self.look_lease_s, math.ceil(2 * answers_within_s)))


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """What pauses a scope automatically: more than `revert_percent` of its `last` executions reverted.

    Fewer than `at_least` executions say nothing. With 100 % nothing is ever paused for its reverts.
    """

    revert_percent: int = 50
    last: int = 50
    at_least: int = 10


@cache
def get_guard_policy() -> GuardPolicy:
    """What pauses by itself, as the operator set it."""
    return GuardPolicy(settings.GUARD_REVERT_PERCENT, settings.GUARD_LAST_EXECUTIONS, settings.GUARD_MIN_EXECUTIONS)


@cache
def get_policy() -> Policy:
    """The pipeline's limits as the operator set them."""
    return Policy(
        batch_size=settings.PIPELINE_BATCH_SIZE,
        lease_s=settings.PIPELINE_LEASE_S,
        max_attempts=settings.ORDER_MAX_ATTEMPTS,
        retry_base_s=settings.ORDER_RETRY_BASE_MS / 1000,
        deadline_s=settings.ORDER_DEADLINE_S,
        stuck_s=settings.ORDER_STUCK_S,
        max_replacements=settings.ORDER_MAX_REPLACEMENTS,
        patience_s=settings.ORDER_PATIENCE_S,
        trigger_window_s=settings.TRIGGER_WINDOW_S,
    )


def default_slippage_bps() -> str:
    """Slippage allowed when an order names none, as the decimal string of the settings."""
    return settings.ORDER_DEFAULT_SLIPPAGE_BPS


def default_price_impact_bps() -> str:
    """Price impact allowed when an order says nothing about it, as the decimal string of the settings."""
    return settings.ORDER_DEFAULT_PRICE_IMPACT_BPS


def broker_redis_url() -> str:
    """Where Celery's queues live."""
    return settings.REDIS_BROKER_URL


def channels_redis_url() -> str:
    """Where the channel layer sends its messages."""
    return settings.REDIS_CHANNELS_URL


def hints_redis_url() -> str:
    """Where wake-up flags live."""
    return settings.REDIS_WAKE_URL


def secret_key() -> str:
    """What keys of the engine's own are derived from."""
    return settings.SECRET_KEY


def secret_keys() -> list[str]:
    """The same, and those that were it before: what they have signed or encrypted still counts."""
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def rate_per_minute() -> int:
    """Requests a key may send in a minute when it has no number of its own; 0: any."""
    return settings.RATE_PER_MINUTE


def api_is_open() -> bool:
    """Whether callers on this machine need no key (DEBUG and bound to loopback)."""
    return settings.API_IS_OPEN


def webhook_networks() -> Sequence[IPv4Network | IPv6Network]:
    """Networks that webhooks may go to although they are not public, by any port and without TLS."""
    return settings.WEBHOOK_ALLOW_PRIVATE


def webhook_ports() -> Sequence[int]:
    """Ports that URLs of webhooks may name."""
    return settings.WEBHOOK_PORTS


def ws_linger_s() -> float:
    """Seconds between a terminal event and the close of its socket."""
    return settings.WS_LINGER_S


def snapshot_retention_days() -> int:
    """For how many days the markets that orders were routed on are kept; 0: they are not."""
    return settings.SNAPSHOT_RETENTION_DAYS


def route_deadline_ms() -> float | None:
    """The time of one search for a route; None: no limit."""
    return settings.ROUTE_DEADLINE_MS or None


def receipt_key_file() -> str:
    """Where the private key is that signs receipts; empty: nowhere."""
    return settings.RECEIPT_KEY_FILE


def engine_url() -> str:
    """Where programs of this machine reach the web server."""
    return settings.ENGINE_URL


def public_url() -> str:
    """Where clients reach it: the public URL, else as on this machine."""
    public = settings.PUBLIC_URL
    return settings.ENGINE_URL if public is None else public.origin


def is_allowed_origin(origin: str, asked_host: str) -> bool:
    """Whether a browser page of this origin may open sockets: of the public URL, or of the hosts that are named.

    It must come from the port that it asks, by its `Host` header: other ports of the machine serve pages of others.
    """
    public = settings.PUBLIC_URL
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return False
    if public and validate_host(f"[{host}]" if ":" in host else host, [public.host]):
        # A page of the same host that came without TLS may be forged.
        return origin.lower() == public.origin
    asked_port = split_domain_port(asked_host)[1] or str(DEFAULT_PORTS.get(parts.scheme))
    return str(port) == asked_port and validate_host(f"[{host}]" if ":" in host else host, settings.ORIGIN_HOSTS)
