"""Validators of the published schema: numbers are exact, and times are days that exist."""

import json
from datetime import datetime
from fractions import Fraction
from functools import cache

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker


def _is_a_day(value: object) -> bool:
    """What the pattern of times leaves open: the day exists, in UTC too."""
    if not isinstance(value, str):
        return True
    try:
        return bool(datetime.fromisoformat(value.upper()).utctimetuple().tm_year < 10_000)
    except (ValueError, OverflowError):
        return False


def exactly(text: str) -> Fraction | int:
    """A JSON number without loss; for a validator a whole one is an integer however it is written."""
    number = Fraction(text)
    return number.numerator if number.denominator == 1 else number


@cache
def published(component: str) -> Draft202012Validator:
    """The validator of a published shape; numbers are exact, and `$` is the end as in ECMAScript."""
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    text = json.dumps({"$ref": f"#/components/schemas/{component}", "components": document["components"]})
    checker = FormatChecker([])
    checker.checks("date-time")(_is_a_day)
    return Draft202012Validator(json.loads(text.replace('$"', '\\\\Z"'), parse_float=exactly), format_checker=checker)
