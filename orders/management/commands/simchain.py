"""`manage.py simchain reorg`: reorganizes the simulated chain on request."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dex import ReorgPastFinality
from dex.chains.capabilities import TakesBlocksBack
from orders.cli.options import whole
from orders.engine import get_engine


class Command(BaseCommand):
    """Takes blocks of the simulated chain back."""

    help = "Act out what chains do: take the newest blocks back"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        reorg = verbs.add_parser("reorg", help="take the newest blocks back; prints the hashes that were in them")
        reorg.add_argument("--depth", type=whole(1, 1_000_000), default=1, help="how many blocks, empty ones counted")
        reorg.add_argument("--forget", action="store_true", help="the mempool loses their transactions too")
        reorg.add_argument("--past-finality", action="store_true", help="also final blocks: an incident")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        chain = get_engine().chain
        if not isinstance(chain, TakesBlocksBack):
            raise CommandError("this engine's chain takes no blocks back on request")
        try:
            hashes = chain.reorg(
                options["depth"], None if options["forget"] else (), past_finality=options["past_finality"]
            )
        except (ReorgPastFinality, ValueError) as error:
            raise CommandError(str(error)) from error
        for tx_hash in hashes:
            self.stdout.write(tx_hash)
        self.stderr.write(f"{len(hashes)} transactions came out of {options['depth']} blocks")
