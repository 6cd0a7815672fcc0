"""The table of times in force in the documents, cell by cell: all that it does not refuse is accepted."""

import pytest

from orders.order_types import ORDER_TYPES
from orders.problems import Problem
from orders.tests.order_types.requests import body, judged
from orders.tests.pages import rows

WORDS = ("ioc", "fok", "gtc", "gtd")
TIMES = {"ioc": {}, "fok": {}, "gtc": {}, "gtd": {"expires_at": "2999-12-31T00:00:00Z"}}


def table() -> dict[str, dict[str, str]]:
    """By order type and time in force, what the page says."""
    found = [row for row in rows("order-types.md") if len(row) == 1 + len(WORDS) and not row[0].startswith(("`", "-"))]
    return {
        name: dict(zip(WORDS, row[1:], strict=True))
        for row in found
        for name in row[0].split(", ")
        if name in ORDER_TYPES
    }


def test_every_type_has_its_line() -> None:
    assert table().keys() == ORDER_TYPES.keys()


@pytest.mark.parametrize("name", ORDER_TYPES)
@pytest.mark.parametrize("word", WORDS)
def test_a_cell_says_whether_the_combination_is_taken(name: str, word: str) -> None:
    order_type = ORDER_TYPES[name]
    fields = {key: value for key, value in order_type.examples[0].items() if key not in ("expires_at", "time_in_force")}
    result = judged(body(order_type, fields | TIMES[word] | {"time_in_force": word}))

    is_refused = isinstance(result, Problem)
    assert is_refused == (table()[name][word] == "refused")
    if isinstance(result, Problem):
        assert [(error.pointer, error.code) for error in result.errors] == [("/time_in_force", "time_in_force")]
