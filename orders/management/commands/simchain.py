"""`manage.py simchain`: reorganizes the simulated chain on request, and opens pools on it."""

from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dex import ReorgPastFinality
from dex.chains.base import Chain
from dex.chains.capabilities import OpensPools, TakesBlocksBack
from orders.amounts import bps_to_ppm
from orders.cli.options import bps, option, text, whole
from orders.engine import get_engine
from orders.scalars import read_amount


class Command(BaseCommand):
    """Acts on the simulated chain as no order can."""

    help = "Act out what chains do: take the newest blocks back, or open a pool"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        reorg = verbs.add_parser("reorg", help="take the newest blocks back; prints the hashes that were in them")
        reorg.add_argument("--depth", type=whole(1, 1_000_000), default=1, help="how many blocks, empty ones counted")
        reorg.add_argument("--forget", action="store_true", help="the mempool loses their transactions too")
        reorg.add_argument("--past-finality", action="store_true", help="also final blocks: an incident")
        opening = verbs.add_parser("open-pool", help="open a pool in a block of its own, at the reference prices")
        opening.add_argument("tokens", type=text, help="its tokens, such as BONK/JUP")
        opening.add_argument(
            "--usd", type=option(read_amount), default="1000000", help="what it holds in all; default: %(default)s"
        )
        opening.add_argument("--venue", type=text, default="raydium", help="default: %(default)s")
        opening.add_argument("--fee-bps", type=bps, default="25", help="default: %(default)s")
        opening.add_argument("--name", type=text, help="default: venue and tokens, such as raydium-bonk-jup")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        chain = get_engine().chain
        if options["verb"] == "reorg":
            self._reorg(chain, options)
        else:
            self._open_pool(chain, options)

    def _reorg(self, chain: Chain, options: dict[str, Any]) -> None:
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

    def _open_pool(self, chain: Chain, options: dict[str, Any]) -> None:
        if not isinstance(chain, OpensPools):
            raise CommandError("this engine's chain opens no pools on request")
        venue, tokens = options["venue"], options["tokens"].split("/")
        name = options["name"] or "-".join((venue, *tokens)).lower()
        try:
            chain.open_pool(name, venue, tokens, options["usd"], bps_to_ppm(Decimal(options["fee_bps"])))
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(name)
