"""What options of commands take: the same scalars as the API, and no empty text, which would be an option unstated."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import TypeVar

from orders.scalars import ScalarError, read_bps, read_decimal_text, read_names, read_text, read_whole_text
from orders.values import parse_value

Read = TypeVar("Read")
MAX_TEXT = 4096
MAX_SECONDS = 366 * 24 * 3600


def option(read: Callable[[str], Read]) -> Callable[[str], Read]:
    """A scalar's reader as argparse's `type`: what it refuses is told with the option's name, exit code 2."""

    def checked(given: str) -> Read:
        try:
            return read(given)
        except ScalarError as error:
            raise ArgumentTypeError(error.detail) from None

    return checked


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number in a range."""
    return option(lambda given: read_whole_text(given, least, most))


@option
def text(given: str) -> str:
    """Text that says something."""
    if not given.strip():
        raise ScalarError("is empty: leave the option out, or say what it is")
    return read_text(given, most=MAX_TEXT)


@option
def names(given: str) -> list[str]:
    """A list with commas; an empty one could mean all or none."""
    return read_names(given)


@option
def bps(given: str) -> str:
    """Basis points, as text."""
    read_bps(given)
    return given


@option
def seconds(given: str) -> float:
    """A time to wait."""
    return float(read_decimal_text(given, 0, MAX_SECONDS))


@option
def value(given: str) -> int:
    """A value in reference units, as micro-units."""
    return parse_value(given)


@option
def reason(given: str) -> str:
    """Why, for the audit log."""
    if not given.strip():
        raise ScalarError("must say why")
    return read_text(given, most=MAX_TEXT)
