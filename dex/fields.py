"""Strict reading of JSON fields: whole numbers are no floats and no booleans, and every refusal says where."""

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

MAX_WHOLE = 2**256 - 1  # no chain holds larger amounts
INT32_MAX = 2**31 - 1  # of ticks and bins

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,79}")
# As JSON writes numbers.
_DECIMAL = re.compile(r"(?!-[0.]*\Z)-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_MOST_CHARACTERS = 100
_SHOWN = 40  # characters of a refused value


class ProblemError(ValueError):
    """A problem that cannot be read; the message names the case or graph, and the field."""


def refusal(where: str, field: str, demand: str, value: object) -> ProblemError:
    """An error in the form "case v001: amount must be ..., not ..."."""
    shown = repr(value)
    return ProblemError(f"{where}: {field} must be {demand}, not {shown[:_SHOWN]}{'...' * (len(shown) > _SHOWN)}")


class Fields:
    """One object of a file. `where` names it in every error, as "case v001" or "graph g1, pool p0".

    Every reader raises ProblemError where the field is missing or is of another type or range.
    """

    def __init__(self, where: str, value: object) -> None:
        if not isinstance(value, Mapping):
            raise refusal(where, "it", "an object", value)
        self.where = where
        self._value: Mapping[str, Any] = value

    def has(self, field: str) -> bool:
        """Whether the field is there and not null."""
        return self._value.get(field) is not None

    def raw(self, field: str) -> Any:
        """The value as it stands."""
        if field not in self._value:
            raise ProblemError(f"{self.where}: {field} is missing")
        return self._value[field]

    def text(self, field: str) -> str:
        """A string that is not empty."""
        value = self.raw(field)
        if not isinstance(value, str) or not value:
            raise refusal(self.where, field, "a text", value)
        return value

    def whole(self, field: str, least: int = 0, most: int = MAX_WHOLE) -> int:
        """An integer, or a decimal string of one, from `least` to `most`."""
        number = _whole(value := self.raw(field), least, most)
        if number is None:
            raise refusal(self.where, field, _range(least, most), value)
        return number

    def decimal(self, field: str) -> Decimal:
        """A number that is finite as a float too, or a decimal string of one."""
        return self._checked_decimal(field, self.raw(field))

    def items(self, field: str, count: int | None = None) -> list[Any]:
        """A list, of `count` items unless that is None."""
        value = self.raw(field)
        if not isinstance(value, list) or (count is not None and len(value) != count):
            raise refusal(self.where, field, "a list" if count is None else f"a list of {count}", value)
        return value

    def wholes(self, field: str, count: int, least: int = 0, most: int = MAX_WHOLE) -> list[int]:
        """A list of `count` integers."""
        return self._row(field, self.items(field, count), least, most)

    def decimals(self, field: str, count: int) -> list[Decimal]:
        """A list of `count` numbers."""
        return [self._checked_decimal(f"{field}[{k}]", item) for k, item in enumerate(self.items(field, count))]

    def rows(self, field: str, count: int, least: int) -> list[list[int]]:
        """A list of lists of `count` integers each."""
        rows = []
        for k, row in enumerate(self.items(field)):
            if not isinstance(row, list) or len(row) != count:
                raise refusal(self.where, f"{field}[{k}]", f"a list of {count}", row)
            rows.append(self._row(f"{field}[{k}]", row, least, MAX_WHOLE))
        return rows

    def choice(self, field: str, options: Mapping[str, Any]) -> Any:
        """The option that the value names."""
        value = self.raw(field)
        if not isinstance(value, str) or value not in options:
            raise refusal(self.where, field, "one of " + ", ".join(options), value)
        return options[value]

    def built(self, build: Callable[[], Any]) -> Any:
        """The result of `build`; its ValueErrors become errors of this object."""
        try:
            return build()
        except ProblemError:
            raise
        except ValueError as error:
            raise ProblemError(f"{self.where}: {error}") from error

    def _row(self, field: str, items: list[Any], least: int, most: int) -> list[int]:
        row = []
        for k, item in enumerate(items):
            number = _whole(item, least, most)
            if number is None:
                raise refusal(self.where, f"{field}[{k}]", _range(least, most), item)
            row.append(number)
        return row

    def _checked_decimal(self, field: str, value: object) -> Decimal:
        is_decimal = isinstance(value, str) and len(value) <= _MOST_CHARACTERS and _DECIMAL.fullmatch(value)
        if is_decimal or type(value) in (int, float):
            try:
                number = Decimal(str(value))
            except (InvalidOperation, ValueError):
                number = Decimal("nan")
            if number.is_finite() and math.isfinite(float(number)):
                return number
        raise refusal(self.where, field, "a number", value)


def _whole(value: object, least: int, most: int) -> int | None:
    number = int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value
    return number if type(number) is int and least <= number <= most else None


def _range(least: int, most: int) -> str:
    demand = "a whole number"
    if least > -MAX_WHOLE:
        demand += f" from {least}"
    return demand if most == MAX_WHOLE else f"{demand} to {most}"
