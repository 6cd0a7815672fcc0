"""`orders cancel`: one order, or all open ones that a filter finds, a thousand at a time."""

import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from orders.cli.client import EngineClient
from orders.cli.options import option, reason
from orders.cli.short_ids import ID_HELP
from orders.scalars import ScalarError

# As POST /orders/cancel takes them.
FILTERS = ("status", "type", "pair", "tag", "client_order_id", "created_after", "created_before")


@option
def filter_of(given: str) -> tuple[str, str]:
    """One filter as name and value."""
    name, equals, value = given.partition("=")
    if name not in FILTERS or not equals or not value:
        raise ScalarError(f"must be NAME=VALUE, where NAME is one of {', '.join(FILTERS)}")
    return name, value


def add_cancel_options(parser: ArgumentParser) -> None:
    """Which orders, and why."""
    parser.add_argument("order_id", nargs="?", help=ID_HELP)
    parser.add_argument(
        "--filter",
        type=filter_of,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"open orders that fit, such as status=PENDING or pair=SOL/USDC; may be repeated: {', '.join(FILTERS)}",
    )
    parser.add_argument("--all", action="store_true", help="all open orders of the account")
    parser.add_argument("--reason", type=reason, help="kept in the audit log")


def is_many(options: dict[str, Any]) -> bool:
    """Whether a filter says which. Raises: CommandError where that is not said, or in two ways."""
    ways = [options["order_id"] is not None, bool(options["filter"]), options["all"]]
    if sum(ways) != 1:
        raise CommandError("name one order, or orders by --filter, or --all of them")
    return not ways[0]


def cancel_body(options: dict[str, Any]) -> dict[str, Any] | None:
    """The reason, where there is one."""
    return None if options["reason"] is None else {"reason": options["reason"]}


def cancel_many(client: EngineClient, options: dict[str, Any]) -> Iterator[str]:
    """Cancel until no more fit; each order as a line of JSON, or how many ended how. Raises: ServerError."""
    body = _filter_body(options) | (cancel_body(options) or {})
    counts: Counter[str] = Counter()
    has_more = True
    while has_more:
        answer = client.call("POST", "orders/cancel", body)
        has_more = answer["has_more"]
        counts.update(one["result"] for one in answer["results"])
        if options["json"]:
            yield from (json.dumps(one) for one in answer["results"])
    if not options["json"]:
        words = {"cancelled": "cancelled", "too_late": "too late to promise", "already_ended": "had ended already"}
        yield " · ".join(f"{counts[result]} {said}" for result, said in words.items() if counts[result]) or "none found"


def _filter_body(options: dict[str, Any]) -> dict[str, Any]:
    """The filters as a request states them. Raises: CommandError for one stated twice, of which one would be lost."""
    if options["all"]:
        return {"all": True}
    body: dict[str, Any] = {}
    for name, value in options["filter"]:
        if name == "status":
            body.setdefault("status", []).append(value)
        elif name in body:
            raise CommandError(f"--filter {name} is stated twice: an order would have to fit both")
        else:
            body[name] = value
    return body
