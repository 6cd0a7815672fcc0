"""`manage.py orders quote|place|list|show|explain|watch|replace|cancel`: a running server from the command line."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dex import FeeStrategy
from orders.cli.arguments import add_server_arguments, client_from
from orders.cli.cancelling import add_cancel_options, cancel_body, cancel_many, is_many
from orders.cli.client import EngineClient, ServerError
from orders.cli.columns import columns
from orders.cli.explaining import EXPLAINED_HELP, explain_lines, explained_id
from orders.cli.listing import LIST_NUMBERS, list_headings, list_row
from orders.cli.options import bps, text, whole
from orders.cli.quoting import quote_lines
from orders.cli.render import Row, failure_sentence, waiting_line
from orders.cli.replacing import add_replace_options, replace_terms
from orders.cli.short_ids import ID_HELP, full_id, short
from orders.cli.type_options import add_type_options, type_body
from orders.cli.waiting import waiting_words, waits_long
from orders.cli.watch import watch
from orders.presentation.pictures import route_svg

# Of a route; the server says how large one may be.
MOST_PARTS = 999


class Command(BaseCommand):
    """Asks for quotes; places, lists, shows, explains, watches, replaces and cancels orders."""

    help = "Quote, place, list, show, explain, watch, replace and cancel orders of a running engine"
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        quote = verbs.add_parser("quote", help="the best route now, and how good it is")
        place = verbs.add_parser("place", help="place an order and watch it; exit 1 unless it is filled, or waits")
        for parsed in (quote, place):
            for name in ("token_in", "token_out", "amount"):
                parsed.add_argument(name, type=text)
            parsed.add_argument("--side", default="exact_in", choices=("exact_in", "exact_out"))
            parsed.add_argument("--slippage-bps", type=bps)
            parsed.add_argument("--min-amount-out", type=text, metavar="AMOUNT", help="the least to receive; exact_in")
            parsed.add_argument("--max-amount-in", type=text, metavar="AMOUNT", help="the most to give; exact_out")
            for limit in ("legs", "hops", "swaps"):
                parsed.add_argument(f"--max-{limit}", type=whole(1, MOST_PARTS), help=f"most {limit} of the route")
            parsed.add_argument("--fee-strategy", choices=[strategy.value for strategy in FeeStrategy])
            parsed.add_argument(
                "--max-native", type=text, metavar="AMOUNT", help="most network fees, in units of the chain's own token"
            )
        quote.add_argument("--svg", type=text, metavar="FILE", help="draw the route into this file")
        add_type_options(place)
        place.add_argument("--client-order-id", type=text)
        place.add_argument(
            "--quote-id", type=text, help="a quote of a moment ago: executed within its limit, or refused"
        )
        place.add_argument("--scenario", type=text, help="fault for the simulated chain to act out")
        listing = verbs.add_parser("list", help="the newest orders")
        listing.add_argument("--limit", type=whole(1, 500), default=20)
        for verb, words in (
            ("show", "the order as it stands"),
            ("watch", "its events, live; exit 1 unless it is filled"),
        ):
            verbs.add_parser(verb, help=words).add_argument("order_id", help=ID_HELP)
        explain = verbs.add_parser("explain", help="why it is where it is, and what to do next")
        explain.add_argument("order_id", type=text, help=EXPLAINED_HELP)
        add_replace_options(verbs.add_parser("replace", help="change terms of an order that waits"))
        add_cancel_options(verbs.add_parser("cancel", help="cancel one, or those that a filter finds"))
        for verb_parser in verbs.choices.values():
            add_server_arguments(verb_parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand against the server."""
        client = client_from(options)
        run = {
            "quote": self._quote,
            "place": self._place,
            "list": self._list,
            "show": self._show,
            "explain": self._explain,
            "watch": self._watch,
            "cancel": self._cancel,
            "replace": self._replace,
        }[options["verb"]]
        try:
            run(client, options)
        except ServerError as error:
            raise CommandError(str(error)) from error

    def _quote(self, client: EngineClient, options: dict[str, Any]) -> None:
        quote = client.call("POST", "quotes", _swap_body(options))
        if options["json"]:
            self.stdout.write(json.dumps(quote))
        else:
            self.stdout.writelines(f"{line}\n" for line in quote_lines(quote))
        if options["svg"]:
            try:
                Path(options["svg"]).write_text(route_svg(quote["route"], "route"), encoding="utf-8")
            except OSError as error:
                raise CommandError(f"{options['svg']} cannot be written: {error.strerror}") from error

    def _place(self, client: EngineClient, options: dict[str, Any]) -> None:
        body = _swap_body(options) | type_body(options)
        for name in ("client_order_id", "quote_id"):
            if options[name] is not None:
                body[name] = options[name]
        if options["scenario"] is not None:
            body["sim"] = {"scenario": options["scenario"]}
        order = client.call("POST", "orders", body)
        if not waits_long(order):
            self._follow(client, order, options)
        elif options["json"]:
            self.stdout.write(json.dumps(order))
        else:
            self.stdout.write(waiting_line(Row(1, order, waits=waiting_words(client, order))))
            self.stdout.write(f"watch it: manage.py orders watch {short(order['id'])}")

    def _list(self, client: EngineClient, options: dict[str, Any]) -> None:
        orders = client.call("GET", f"orders?limit={options['limit']}")["results"]
        if options["json"]:
            self.stdout.writelines(json.dumps(order) + "\n" for order in orders)
            return
        is_terminal = self.stdout.isatty()
        rows = [list_headings(is_terminal), *(list_row(order, is_terminal) for order in orders)]
        self.stdout.writelines(f"{line}\n" for line in columns(rows, LIST_NUMBERS))

    def _show(self, client: EngineClient, options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(client.call("GET", f"orders/{_id(client, options)}"), indent=2))

    def _explain(self, client: EngineClient, options: dict[str, Any]) -> None:
        explained = client.call("GET", f"orders/{explained_id(client, options['order_id'])}/explain")
        if options["json"]:
            self.stdout.write(json.dumps(explained))
        else:
            self.stdout.writelines(f"{line}\n" for line in explain_lines(explained))

    def _watch(self, client: EngineClient, options: dict[str, Any]) -> None:
        self._follow(client, client.call("GET", f"orders/{_id(client, options)}"), options)

    def _cancel(self, client: EngineClient, options: dict[str, Any]) -> None:
        if is_many(options):
            self.stdout.writelines(f"{line}\n" for line in cancel_many(client, options))
            return
        order = client.call("DELETE", f"orders/{_id(client, options)}", cancel_body(options))
        if order["outcome"] == "cancelled":
            self.stdout.write("cancelled")
        else:
            self.stdout.write(f"too late to promise: the order is {order['status']}; no other swap is signed for it")

    def _replace(self, client: EngineClient, options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(replace_terms(client, options), indent=2))

    def _follow(self, client: EngineClient, order: dict[str, Any], options: dict[str, Any]) -> None:
        """Watch it to its end; exit 1 unless it is filled."""
        row = Row(1, order)
        problems = watch(client, [row], timeout_s=options["timeout"], as_json=options["json"], title=client.url)
        if not problems and row.status == "FAILED":
            problems = [failure_sentence(row)]
        if problems:
            raise CommandError("; ".join(problems))


def _id(client: EngineClient, options: dict[str, Any]) -> str:
    return full_id(client, options["order_id"])


def _swap_body(options: dict[str, Any]) -> dict[str, Any]:
    """What a quote and an order have in common."""
    body: dict[str, Any] = {name: options[name] for name in ("token_in", "token_out", "amount", "side")}
    guards = {"max_slippage_bps": options["slippage_bps"]}
    guards |= {name: options[name] for name in ("min_amount_out", "max_amount_in")}
    if given := {name: value for name, value in guards.items() if value is not None}:
        body["guards"] = given
    limits = {name: options[name] for name in ("max_legs", "max_hops", "max_swaps") if options[name] is not None}
    if limits:
        body["venues"] = limits
    fee = {"strategy": options["fee_strategy"], "max_native": options["max_native"]}
    if stated := {name: value for name, value in fee.items() if value is not None}:
        body["fee"] = stated
    return body
