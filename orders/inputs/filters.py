"""What lists and streams of orders can be narrowed by; a value that names nothing is refused, not answered by nothing.

REST and the account stream read the same words by the same functions.
"""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from orders.inputs.query import Query
from orders.models import Order, Token
from orders.order_types import read_type
from orders.problems import OUTCOMES
from orders.scalars import CLIENT_ORDER_ID, ScalarError, read_choice, read_text, read_time, shown
from orders.states import OrderStatus

MAX_SYMBOL = 32
# A name of 1 to 64 characters, and a value of as many.
MAX_TAG = 64
TAG_LENGTH = 2 * MAX_TAG + 1
LIST_NAMES = frozenset(
    {"status", "outcome", "type", "pair", "tag", "client_order_id", "created_after", "created_before"}
)
PAGE_NAMES = frozenset({"limit", "cursor"})
REPEATABLE = frozenset({"status"})


def narrowed(orders: QuerySet[Order], query: Query) -> QuerySet[Order]:
    """The orders that fit all parameters. Raises: ProblemError."""
    if statuses := query.read_all("status", read_status):
        orders = orders.filter(status__in=statuses)
    for name, column, read in (
        ("outcome", "outcome", read_outcome),
        ("type", "order_type", read_type),
        ("client_order_id", "client_order_id", read_client_order_id),
    ):
        if (word := query.read(name, read)) is not None:
            orders = orders.filter(**{column: word})
    if (pair := query.read("pair", read_known_pair)) is not None:
        orders = orders.filter(token_in=pair[0], token_out=pair[1])
    if (tag := query.read("tag", read_tag)) is not None:
        orders = _tagged(orders, *tag)
    for name, lookup in (("created_after", "created_at__gte"), ("created_before", "created_at__lt")):
        at: datetime | None = query.read(name, read_time)
        if at is not None:
            orders = orders.filter(**{lookup: at})
    return orders


def read_status(text: str) -> str:
    """A status. Raises: ScalarError."""
    return read_choice(text, [status.value for status in OrderStatus])


def read_outcome(text: str) -> str:
    """How an order can end. Raises: ScalarError."""
    if text not in OUTCOMES:
        raise ScalarError(f"there is no outcome {shown(text)}; docs/errors.md lists all")
    return text


def read_client_order_id(text: str) -> str:
    """The caller's own id. Raises: ScalarError."""
    return read_text(text, most=64, pattern=CLIENT_ORDER_ID)


def read_tag(text: str) -> tuple[str, str | None]:
    """`book:eu`, or `book` for any value. Raises: ScalarError."""
    read_text(text, most=TAG_LENGTH)
    name, colon, value = text.partition(":")
    if not name or (colon and not value):
        raise ScalarError("a tag is its name, or name:value")
    return name, value if colon else None


def read_pair(text: str) -> tuple[str, str]:
    """`SOL/USDC`: what is given, what is got. Raises: ScalarError."""
    token_in, *more = read_text(text, most=2 * MAX_SYMBOL + 1).split("/")
    if len(more) != 1 or not token_in or not more[0]:
        raise ScalarError("a pair is two tokens: SOL/USDC")
    return token_in, more[0]


def read_known_pair(text: str) -> tuple[str, str]:
    """A pair of registered tokens. Raises: ScalarError, with `unknown_token` for others."""
    pair = read_pair(text)
    check_tokens(pair)
    return pair


def check_tokens(names: Collection[str]) -> None:
    """Raises: ScalarError `unknown_token`. Disabled tokens count: old orders name them."""
    known = set(Token.objects.filter(symbol__any_of=names).values_list("symbol", flat=True))
    if unknown := sorted(set(names) - known):
        raise ScalarError(f"there is no token {shown(unknown[0])}", "unknown_token")


def _tagged(orders: QuerySet[Order], name: str, value: str | None) -> QuerySet[Order]:
    # The tag is a value here, never part of a lookup's name.
    if value is None:
        return orders.filter(terms__tags__has_key=name)
    return orders.filter(terms__contains={"tags": {name: value}})
