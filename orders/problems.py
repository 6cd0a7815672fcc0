"""The one error shape (RFC 9457), the same for a refused request and for a failed order, and its table of codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dex import DexError
from orders.shapes import ABSENT, Shape, anything, integer, listed, text


class UnreadableRow(ValueError):
    """A stored value that this version of the program does not know; its text says what to do."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What every problem with one code shares: HTTP status, title, and what to do next by default."""

    status: int
    title: str
    hint: str = ""


# docs/errors.md explains each code; a test compares the two.
_REQUESTS = {
    # The request itself
    "malformed_json": Kind(400, "Body is not valid JSON"),
    "invalid": Kind(400, "Request not valid", "Correct the fields listed in errors; docs: /api/v1/docs"),
    "duplicate_key": Kind(400, "Member stated twice", "State each member of an object once"),
    "unknown_field": Kind(400, "Unknown field", "Remove the field or correct its name"),
    "amount_must_be_string": Kind(400, "Amount must be a string", 'Send the amount in quotes: "250.5"'),
    "amount_malformed": Kind(400, "Amount malformed", 'Send a plain decimal string: "250.5"'),
    "amount_not_positive": Kind(400, "Amount not positive", "Send an amount greater than zero"),
    "amount_too_fine": Kind(422, "Amount finer than the token", "Round to the token's decimals; see /api/v1/tokens"),
    "amount_too_large": Kind(422, "Amount too large"),
    "batch_size": Kind(400, "Batch size out of range", "Send 1 to 500 orders per request"),
    "host_not_allowed": Kind(400, "Host not served here", "Call the engine by a name in its ALLOWED_HOSTS"),
    "request_timeout": Kind(408, "Request came too slowly", "Send the request again, on a new connection"),
    "body_too_large": Kind(413, "Body too large", "Send at most 1 MiB; split the batch"),
    "unsupported_media_type": Kind(415, "Unsupported media type", "Send Content-Type: application/json"),
    "not_acceptable": Kind(406, "No such representation", "Accept application/json"),
    "unauthorized": Kind(401, "API key missing or not valid", "Send Authorization: Bearer KEY; see manage.py keys"),
    "forbidden": Kind(403, "Not allowed"),
    "csrf": Kind(403, "Page is out of date", "Send csrf_token of GET /api/v1/me as X-CSRFToken"),
    "scope": Kind(403, "Key may not do this", "Use a key that may; see manage.py keys list"),
    "limit_exceeded": Kind(403, "Limit reached", "See which limit in facts, and ask the operator for another one"),
    "not_found": Kind(404, "Not found"),
    "method_not_allowed": Kind(405, "Method not allowed"),
    "archived": Kind(410, "Order is archived", "Ask the operator for it: manage.py archive show"),
    "cursor_unknown": Kind(410, "Cursor not in this log", "Read your orders, then go on from facts.cursor"),
    "throttled": Kind(429, "Too many requests", "Wait for the seconds in Retry-After"),
    # Orders that cannot be taken
    "unknown_token": Kind(422, "Unknown token", "See /api/v1/tokens for the tokens that can be traded"),
    "same_token": Kind(422, "Token swapped for itself", "Name two different tokens"),
    "unknown_venue": Kind(422, "Unknown venue", "See /api/v1/venues for the venues there are"),
    "unknown_order_type": Kind(422, "Order type not offered", "Send one of the types that detail names"),
    "fields_conflict": Kind(422, "Fields do not go together", "Correct the fields listed in errors"),
    "type_field": Kind(422, "Field does not fit the order type", "Send the fields of the type: docs/order-types.md"),
    "time_in_force": Kind(422, "Time in force does not fit", "Use ioc or fok, or gtd with expires_at"),
    "slice_too_small": Kind(422, "Slices too small", "Send fewer slices; facts.most_slices says how many work"),
    "already_expired": Kind(422, "Already expired", "Send an expires_at in the future"),
    "quote_expired": Kind(422, "Quote has expired", "Ask for another quote, and name that: POST /api/v1/quotes"),
    "quote_mismatch": Kind(
        422, "Quote is for something else", "Name a quote of your own for the same pair, side and amount"
    ),
    "guard_side": Kind(422, "Guard does not fit the side", "min_amount_out needs exact_in, max_amount_in exact_out"),
    "guard_required": Kind(422, "Guard is needed", "State the guard that errors names"),
    "client_order_id_reused": Kind(422, "client_order_id already used", "Use a new client_order_id for other terms"),
    "idempotency_key_reused": Kind(422, "Idempotency key already used", "Use a new key for another body"),
    "request_in_progress": Kind(409, "Same request still running", "Repeat it in a second"),
    "batch_refused": Kind(422, "Batch refused", "Correct the items with an error and send the whole batch again"),
}
# Orders that ended, or quotes that cannot be given
_ENDINGS = {
    "no_route": Kind(422, "No route", "Allow more venues, or choose a pair that the pools in /api/v1/venues join"),
    "insufficient_liquidity": Kind(422, "Not enough liquidity", "Send a smaller amount, or allow more venues"),
    "amount_too_small": Kind(422, "Amount too small", "Send a larger amount"),
    "price_impact": Kind(422, "Price impact above your guard", "Send less at once, or raise max_price_impact_bps"),
    "slippage": Kind(422, "Price moved beyond your limit", "Raise max_slippage_bps or place the order again"),
    "limit_price": Kind(422, "Limit price not reached", "Wait for a better price, or change limit_price"),
    "price_deviation": Kind(
        422, "Price too far from the reference", "Wait until the pools agree again, or raise max_deviation_bps"
    ),
    "insufficient_funds": Kind(422, "Wallet holds too little", "Fund the wallet or send a smaller amount"),
    "not_filled": Kind(422, "Not filled", "Place it with another limit, or with gtc or gtd, so that it waits"),
    "expired": Kind(422, "Expired before execution", "Place the order again with a later expires_at"),
    "cancelled": Kind(422, "Cancelled"),
    "network": Kind(422, "Chain could not be reached", "Place the order again; nothing was executed"),
    "fees_too_high": Kind(
        422, "Network fees above the most allowed", "Place the order again when fees have fallen; nothing was executed"
    ),
    "signing_refused": Kind(422, "Refused by the signer", "Stay within the signer's policy, or ask its operator"),
    "rejected": Kind(422, "Refused by the chain"),
    "reverted": Kind(422, "Undone by the chain", "Nothing was swapped; see the detail"),
    "not_included": Kind(422, "No block took it", "Place the order again; nothing was swapped"),
    "nonce_taken": Kind(
        422, "Its nonce was used by another", "Nothing was swapped; see who else uses the wallet's key"
    ),
    "poison": Kind(422, "Order stopped the workers repeatedly", "Report this order's id to the operator"),
    "internal_error": Kind(422, "Internal error", "Report this order's id to the operator"),
    "error": Kind(422, "Error"),
}
_SERVICE = {
    # Acts on an order
    "order_terminal": Kind(409, "Order has ended", "Nothing is left to cancel"),
    "webhook_disabled": Kind(409, "Webhook is disabled", "Correct the receiver, then PATCH is_enabled to true"),
    "order_not_waiting": Kind(409, "Order does not wait", "Cancel it, or let it go on"),
    "version_changed": Kind(412, "Order has changed", "Read the order, then send its version in If-Match"),
    "precondition_required": Kind(428, "If-Match is needed", 'Send If-Match: "VERSION", the version of the order'),
    "report_too_large": Kind(422, "Report too large", "Narrow created_after and created_before, or state a pair"),
    # Receipts, and the markets that they name
    "receipt_not_ready": Kind(409, "Receipt not ready", "Ask again when the order has ended and is settled"),
    "market_not_kept": Kind(410, "Market not kept", "Ask within the days that docs/settings.md states"),
    "url_not_allowed": Kind(422, "URL is not allowed", "Send an https URL of a public host; see docs/webhooks.md"),
    "webhook_failing": Kind(422, "Webhook is not answered by 2xx", "See its deliveries for what the receiver said"),
    # The service
    "no_receipt_key": Kind(
        501, "No key for receipts", "Set RECEIPT_KEY_FILE and run manage.py prepare; orders go on without it"
    ),
    "not_ready": Kind(503, "Not ready", "Repeat after the seconds in Retry-After"),
    "chain_unavailable": Kind(503, "Chain unavailable", "Repeat after the seconds in Retry-After"),
    "outcome_unknown": Kind(
        503, "Outcome unknown", "Look up what was asked for before you repeat it; facts say by which names"
    ),
    "server_error": Kind(500, "Server error", "Report the request to the operator"),
}

KINDS: dict[str, Kind] = {**_REQUESTS, **_ENDINGS, **_SERVICE}

# Codes whose outcome word differs from the code itself.
_OUTCOMES = {"insufficient_liquidity": "no_route", "amount_too_small": "no_route"}
# How an order can end: filled, as far as a parent's children were; or by the outcome of a failure.
OUTCOMES = frozenset({"filled", "partially_filled"} | {_OUTCOMES.get(code, code) for code in _ENDINGS})


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is wrong: JSON pointer, stable code, words."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One error a person or program can act on."""

    code: str
    detail: str
    hint: str = ""
    errors: Sequence[FieldError] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """Path of the page that explains the code; also the object's `type`."""
        return f"/problems/{self.code.replace('_', '-')}"

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return KINDS[self.code].status

    def to_json(self) -> dict[str, Any]:
        """RFC 9457 object."""
        return PROBLEM.render(self)


FIELD_ERROR = Shape[FieldError](
    "FieldErrorShape",
    "One wrong field.",
    {
        "pointer": text(about="JSON pointer into the body; empty: all of it.", blank=True),
        "code": text(),
        "detail": text(),
    },
)
PROBLEM = Shape[Problem](
    "ProblemShape",
    "RFC 9457 problem object; `try` (where present) is the next step.",
    {
        "type": text(lambda problem: problem.page),
        "title": text(lambda problem: KINDS[problem.code].title),
        "status": integer(),
        "code": text(about="Stable; docs/errors.md lists all."),
        "detail": text(),
        "instance": text(lambda _: ABSENT, optional=True),  # the edge that answers a request adds its path
        "errors": listed(
            FIELD_ERROR,
            lambda problem: [FIELD_ERROR.render(error) for error in problem.errors] or ABSENT,
            optional=True,
        ),
        "facts": anything(lambda problem: dict(problem.facts) or ABSENT, optional=True),
        "try": text(lambda problem: problem.hint or KINDS[problem.code].hint or ABSENT, optional=True),
    },
)


class ProblemError(Exception):
    """Carries a problem to the edge that answers with it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def outcome_of(code: str) -> str:
    """The order outcome that a failure code leads to."""
    return _OUTCOMES.get(code, code)


def problem_of(error: DexError) -> Problem:
    """The public form of a domain error."""
    code = error.code if error.code in KINDS else "error"
    return Problem(code, error.detail, error.hint, facts=error.facts)
