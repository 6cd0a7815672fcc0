"""`manage.py audit verify`: proves the audit log; exit 1 when a row was changed, added, taken out or put elsewhere."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orders.audit.chain import verify
from orders.cli.options import option
from orders.scalars import read_text


@option
def head(given: str) -> str:
    """The hash of a row. An empty one would prove less without a word."""
    return read_text(given, most=64, pattern="[0-9A-Fa-f]{64}", demand="must be a hash: 64 hexadecimal digits").lower()


class Command(BaseCommand):
    """Proves the audit log."""

    help = "Prove that the audit log is unchanged; exit 1 and the first broken row otherwise"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        proof = verbs.add_parser("verify", help="recompute the chain of hashes")
        proof.add_argument("--head", type=head, help="a hash that an earlier run printed: it must still be there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many rows hold and the hash of the last; raise for the first that does not."""
        verdict = verify(options["head"] or "")
        if verdict.broken_id is not None:
            raise CommandError(f"{verdict.detail}; the {verdict.count} rows before it hold")
        if not verdict.has_known_head:
            raise CommandError(f"no row has the hash {options['head']}: the newest rows were cut off or all rewritten")
        self.stdout.write(f"{verdict.count} rows hold; head {verdict.head or 'none'}")
