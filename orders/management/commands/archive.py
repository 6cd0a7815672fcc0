"""`manage.py archive run|list|show|verify`: moves ended orders of past months into files, and reads them there."""

import json
from argparse import ArgumentParser
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from orders.archive.files import ArchiveError, find_line, require_folder
from orders.archive.months import first_of
from orders.archive.run import archive
from orders.archive.verify import contradictions
from orders.cli.operator import operator_because
from orders.cli.options import option, reason, text
from orders.models import ArchivedOrder, ArchiveFile, Order
from orders.scalars import ScalarError


@option
def month(given: str) -> date:
    """A month, as its first day."""
    try:
        return datetime.strptime(given, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise ScalarError("must be a month, such as 2026-05") from None


class Command(BaseCommand):
    """Exits with 1 when a file is not what the database says."""

    help = "Move ended orders of past months out of the tables into files, and read them there"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        run = verbs.add_parser("run", help="move what ended before a month; run again, it goes on where it was ended")
        run.add_argument("--before", type=month, required=True, metavar="YYYY-MM", help="the first month that stays")
        run.add_argument("--reason", type=reason, required=True, help="kept in the audit log")
        verbs.add_parser("list", help="the files, and what is in them")
        show = verbs.add_parser("show", help="an archived order with all its rows, as JSON")
        show.add_argument("order", type=UUID)
        verify = verbs.add_parser("verify", help="compare the files with their checksums and with the database")
        for parsed in (run, show, verify):
            parsed.add_argument("--dir", type=text, required=True, metavar="FOLDER", help="where the files are")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except (ArchiveError, OSError) as error:
            raise CommandError(str(error)) from error

    def _run(self, options: dict[str, Any]) -> None:
        if options["before"] > first_of(datetime.now(UTC).date()):
            raise CommandError("--before must not be later than this month: only what is past is moved")
        moved = 0
        for done in archive(options["before"], Path(options["dir"]), operator_because(options)):
            moved += done.moved
            self.stdout.write(f"{done.file.name}  {done.file.order_count} orders, {done.moved} moved now")
        self.stdout.write(f"{moved} orders moved")

    def _list(self, options: dict[str, Any]) -> None:
        for file in ArchiveFile.objects.all():
            state = "" if file.emptied_at else "  not finished: run again"
            counts = f"{file.order_count} orders  {file.event_count} events  {file.size} bytes"
            self.stdout.write(f"{file.month:%Y-%m}  {file.name}  {counts}  {file.sealed_at:%Y-%m-%d}{state}")

    def _show(self, options: dict[str, Any]) -> None:
        order_id = options["order"]
        noted = ArchivedOrder.objects.select_related("file").filter(pk=order_id).first()
        if noted is None:
            is_live = Order.objects.filter(pk=order_id).exists()
            where = "is in the tables: see manage.py orders show" if is_live else "is not known"
            raise CommandError(f"{order_id} {where}")
        folder = Path(options["dir"])
        require_folder(folder)
        line = find_line(folder / noted.file.name, order_id)
        if line is None:
            raise CommandError(f"{noted.file.name} does not hold {order_id}: see manage.py archive verify")
        # Whole numbers of any size, as they are stored.
        self.stdout.write(json.dumps(json.loads(line), indent=1))

    def _verify(self, options: dict[str, Any]) -> None:
        folder = Path(options["dir"])
        require_folder(folder)
        found = 0
        for words in contradictions(folder):
            found += 1
            self.stdout.write(words)
        if found:
            raise CommandError(f"{found} contradictions")
        self.stdout.write("every file is as it was sealed, and no order is missing")
