"""`manage.py seed`: five orders on a running server, watched live; exit 1 when one does not end as intended."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dex.chains.kind import WAITS
from orders.cli.arguments import add_server_arguments, client_from
from orders.cli.client import EngineClient, ServerError
from orders.cli.explaining import hint
from orders.cli.options import text, whole
from orders.cli.render import Row
from orders.cli.seeding import COUNT, kind_of, orders_for
from orders.cli.waiting import waiting_words, waits_long
from orders.cli.watch import watch


class Command(BaseCommand):
    """Shows what the engine does with five orders."""

    help = "Post five orders to a running engine and watch them over WebSocket"
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which server, how many, and how to show them."""
        add_server_arguments(parser)
        parser.add_argument(
            "--count", type=whole(1, 500), default=COUNT, help="how many orders, repeating the first ones"
        )
        parser.add_argument("--scenario", type=text, help="act out this fault for every order, on a chain that does")
        parser.add_argument(
            "--spend", type=text, metavar="TOKEN=AMOUNT", help="what each order gives; needed for real money"
        )
        parser.add_argument("--no-watch", action="store_true", help="post and leave")

    def handle(self, *args: Any, **options: Any) -> None:
        """Post, watch, judge."""
        if not 1 <= options["count"] <= 500:
            raise CommandError("--count must be 1 to 500")
        client = client_from(options)
        try:
            offer, tokens = client.call("GET", "venues"), client.call("GET", "tokens")["results"]
        except ServerError as error:
            raise CommandError(str(error)) from error
        kind = kind_of(offer)
        if options["scenario"] and not (kind is not None and kind.acts_out_faults):
            raise CommandError(f"the chain {offer['chain']} acts out no faults")
        known = orders_for(offer, tokens, options["spend"])
        wanted = [known[i % len(known)] for i in range(options["count"])]
        bodies = [
            body | ({"sim": {"scenario": options["scenario"]}} if options["scenario"] else {}) for body, _ in wanted
        ]
        try:
            rows = [Row(i, client.call("POST", "orders", body)) for i, body in enumerate(bodies, start=1)]
        except ServerError as error:
            raise CommandError(str(error)) from error
        if options["no_watch"]:
            self.stdout.write("\n".join(row.order["id"] for row in rows))
            return
        title = f"Order Execution Engine · {offer['chain']} chain · {client.url} · {len(rows)} orders"
        _note_waits(client, rows, [outcome for _, outcome in wanted])
        problems = watch(client, rows, timeout_s=options["timeout"], as_json=options["json"], title=title)
        self.stdout.write(hint(rows, as_json=options["json"]), ending="")
        if not options["scenario"]:
            problems += _surprises(rows, [outcome for _, outcome in wanted])
        if problems:
            raise CommandError("; ".join(problems))


def _note_waits(client: EngineClient, rows: list[Row], intended: list[str]) -> None:
    """Those that are meant to wait, and do, are not followed."""
    for row, outcome in zip(rows, intended, strict=True):
        if outcome == WAITS and waits_long(row.order):
            row.waits = waiting_words(client, row.order)


def _surprises(rows: list[Row], intended: list[str]) -> list[str]:
    return [
        f"order {row.order['id']} ended as {row.outcome}, not as {outcome}"
        for row, outcome in zip(rows, intended, strict=True)
        if row.outcome is not None and row.outcome != outcome and (outcome, row.outcome) != (WAITS, "filled")
    ]
