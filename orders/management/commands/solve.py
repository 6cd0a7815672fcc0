"""`manage.py solve FILE`: the best routes for routing problems, one JSON line per case; needs no server."""

import argparse
import json
import os
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dex.problems.solve import Answer
from orders.cli.options import option, text
from orders.cli.solving import Options, answers, case_ids_of, file_names, read_document
from orders.scalars import ScalarError, read_decimal_text, read_whole_text

# Exit codes.
FAILED = 1
UNREADABLE = 2
INTERRUPTED = 130
# Of cases, processes and milliseconds.
MOST = 1_000_000_000
Number = TypeVar("Number", int, float)

DETAILS = """\
FILE is JSON of the form routing-cases/1: graphs of tokens and pools, and cases, each an order on a graph
(docs/solving.md; docs/examples/two-pools.json is a small one). `-` reads standard input.

Each line of the output is one case, in the order of the file:
  id                       the case
  amount_in, amount_out    what the route takes and pays, in base units, through exact integer arithmetic
  float_out, upper_bound   the output before rounding, and what no route of any shape can exceed
  float_in, lower_bound    the same for exact_out: the input, and what no route can do with less
  gap_bps                  distance between those two in basis points, as text: how far from the best it can be
  swaps                    how many
  cost                     of all swaps (cases with swap_cost): in token_out, for exact_out in token_in
  net_in                   input and cost (exact_out with swap_cost); bound and gap_bps are net of cost too
  net_out                  output less swap_cost for each swap (cases with swap_cost or max_swaps)
  proven                   whether no permitted route nets more (same cases)
  route                    the swaps: pool, token_in, token_out (indexes in the graph), amount_in, amount_out
  ms                       time to solve, without reading the file and compiling the graph
A case without a route has id and error (a sentence), and code where the market refuses it.

exit codes: 0 every case has a route, 1 some have none, 2 the file cannot be read or the options are wrong
"""


@option
def count(given: str) -> int:
    """A whole number above zero."""
    return _above_zero(read_whole_text(given, 0, MOST), given)


@option
def milliseconds(given: str) -> float:
    """A time above zero."""
    return _above_zero(float(read_decimal_text(given, 0, MOST)), given)


def _above_zero(number: Number, given: str) -> Number:
    if not number:
        raise ScalarError(f"{given} is not above 0")
    return number


def folder(given: str) -> Path:
    """A folder; no name is none."""
    return Path(text(given))


class Command(BaseCommand):
    """Solves routing problems of a file."""

    help = "Find certified best routes for the routing problems of a file"
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Add what the output means to --help."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.epilog, parser.formatter_class = DETAILS, argparse.RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Which cases, how, and where pictures go."""
        parser.add_argument("file", metavar="FILE", help="routing problems as JSON; - for standard input")
        parser.add_argument(
            "--case", action="append", type=text, default=[], metavar="ID", help="only this case; repeatable"
        )
        parser.add_argument("--limit", type=count, metavar="N", help="only the first N cases")
        parser.add_argument("--jobs", type=count, default=1, metavar="N", help="processes (default 1)")
        parser.add_argument("--svg", type=folder, metavar="DIR", help="write a picture of each route to DIR/ID.svg")
        parser.add_argument(
            "--deadline-ms", type=milliseconds, metavar="MS", help="stop improving a route after this time"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Solve, print, draw. Raises: CommandError with exit code 1 or 2."""
        directory: Path | None = options["svg"]
        try:
            document = read_document(options["file"])
            case_ids = case_ids_of(document, options["case"], options["limit"])
            if directory:
                directory.mkdir(parents=True, exist_ok=True)
        except ValueError as error:
            raise CommandError(str(error), returncode=UNREADABLE) from error
        except OSError as error:
            raise CommandError(f"{directory} cannot be made: {error.strerror}", returncode=UNREADABLE) from error
        how = Options(options["deadline_ms"], draws=directory is not None)
        try:
            with closing(answers(document, case_ids, how, options["jobs"])) as found:
                failed = self._report(found, file_names(case_ids), directory)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except BrokenPipeError:  # the reader has closed the pipe; nothing may be flushed to it at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        if failed:
            raise CommandError(f"{failed} of {len(case_ids)} cases have no route", returncode=FAILED)

    def _report(self, found: Iterable[Answer], names: dict[str, str], directory: Path | None) -> int:
        """Print every answer as it comes and draw it; how many have failed."""
        failed = 0
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        is_watched = sys.stderr.isatty()
        with Progress(*columns, console=Console(stderr=True), disable=not is_watched, redirect_stdout=False) as bar:
            task = bar.add_task("solving", total=len(names))
            for answer in found:
                line = json.dumps(answer.line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
                if is_watched and sys.stdout.isatty():  # one screen for both: the line has to go above the bar
                    bar.console.print(line, soft_wrap=True, markup=False, highlight=False, emoji=False)
                else:
                    self.stdout.write(line)
                    self.stdout.flush()
                if directory and answer.svg:
                    (directory / f"{names[answer.line['id']]}.svg").write_text(answer.svg, encoding="utf-8")
                failed += answer.has_failed
                bar.advance(task)
        return failed
