"""What `pause` and `resume` have in common: the same words name the same thing."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError

from dex import Engine
from orders.cli.options import reason, text
from orders.engine import get_engine
from orders.problems import ProblemError
from orders.risk.pause import SCOPES, Target, find_target

Find = Callable[[str, str, Engine], Target]


def add_target_arguments(parser: ArgumentParser) -> None:
    """Scope, name, reason."""
    parser.add_argument("scope", choices=SCOPES)
    parser.add_argument("name", nargs="?", type=text, help="account, wallet address, venue or chain")
    parser.add_argument("--reason", type=reason, required=True, help="kept in the audit log")


def target_from(options: dict[str, Any], find: Find = find_target) -> Target:
    """What the arguments name. Raises: CommandError."""
    try:
        return find(options["scope"], options["name"] or "", get_engine())
    except ProblemError as error:
        raise CommandError(error.problem.detail) from error
