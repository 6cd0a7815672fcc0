"""What lists and streams of orders can be narrowed by; a value that names nothing is refused, not answered by nothing.

REST and the account stream read the same words by the same functions.
"""

import re
from collections.abc import Collection
from uuid import UUID

from orders.inputs.query import Query
from orders.models import Token
from orders.order_list.wanted import Wanted
from orders.order_types import read_type
from orders.problems import OUTCOMES
from orders.scalars import CLIENT_ORDER_ID, ScalarError, read_choice, read_text, read_time, shown
from orders.states import OrderStatus

MAX_SYMBOL = 32
ID_PATTERN = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
# A name of 1 to 64 characters, and a value of as many.
MAX_TAG = 64
TAG_LENGTH = 2 * MAX_TAG + 1
LIST_NAMES = frozenset(
    {"status", "outcome", "type", "pair", "tag", "client_order_id", "parent", "created_after", "created_before"}
)
PAGE_NAMES = frozenset({"limit", "cursor"})
REPEATABLE = frozenset({"status"})


def read_wanted(query: Query) -> Wanted:
    """What a list is narrowed to. Raises: ProblemError."""
    return Wanted(
        statuses=frozenset(query.read_all("status", read_status)),
        outcome=query.read("outcome", read_outcome),
        order_type=query.read("type", read_type),
        client_order_id=query.read("client_order_id", read_client_order_id),
        parent=query.read("parent", read_id),
        pair=query.read("pair", read_known_pair),
        tag=query.read("tag", read_tag),
        created_after=query.read("created_after", read_time),
        created_before=query.read("created_before", read_time),
    )


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


def read_id(text: str) -> UUID:
    """The id of an order. Raises: ScalarError."""
    if re.fullmatch(ID_PATTERN, text) is None:
        raise ScalarError(f"{shown(text)} is no id of an order")
    return UUID(text)


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
