"""Each combination of the published filters reads a page of an index, however many orders there are."""

from collections.abc import Iterator
from functools import reduce
from itertools import product
from operator import or_
from uuid import UUID

import pytest

from dex.testing.examples import is_deep
from orders.api import parameters
from orders.inputs.filters import LIST_NAMES, PAGE_NAMES, REPEATABLE, read_wanted
from orders.inputs.query import Query
from orders.models import Order
from orders.order_list.pages import Place, page_statement, read_page
from orders.tests.history import RARE_OUTCOME, RARE_PAIR, History
from orders.tests.order_list.conftest import OPEN
from orders.tests.plans import costs, run_plan

PAGE = 50
# A page of each part, and all that is open.
MOST_ROWS = 3 * (PAGE + 1) + OPEN
# Of the filters, of which there must be four in each half.
HALF = 5


def choices(history: History) -> dict[str, list[tuple[str, ...]]]:
    """What each filter is tried with, common words and rare ones; a filter that is missing here fails the tests."""
    early, late = (f"{history.at(i):%Y-%m-%dT%H:%M:%SZ}" for i in (history.count // 20, history.count - 50))
    return {
        "status": [("CONFIRMED",), ("FAILED",), ("PENDING",), ("FAILED", "PENDING"), ("CONFIRMED", "FAILED")],
        "outcome": [("filled",), ("expired",), (RARE_OUTCOME,)],
        # No index has it: a word more only narrows what the others have found.
        "type": [("market",)],
        "pair": [("SOL/USDC",), ("/".join(RARE_PAIR),)],
        "tag": [("book:eu",), ("book",), ("campaign:first",), ("nowhere",)],
        "client_order_id": [("own-3",)],
        "parent": [(str(history.order_id(0)),)],
        "created_after": [(late,)],
        "created_before": [(early,)],
    }


def filters() -> list[str]:
    """The published ones."""
    return [parameter.name for parameter in parameters.LIST_PARAMETERS if parameter.name not in PAGE_NAMES]


def combined(history: History) -> Iterator[dict[str, tuple[str, ...]]]:
    """One filter or two with every word of each, and so any three among others; a deep run combines all in every way.

    Of the two filters that find few rows, at most one at a time.
    """
    known = choices(history)
    for numbers in product(*(range(len(known[name]) + 1) for name in filters())):
        # Number 0 is no word. Both halves have another filter that makes up the sum, whichever three are looked at.
        is_drawn = sum(numbers[:HALF]) % 2 == sum(numbers[HALF:]) % 2 == 0
        stated = {name: known[name][number - 1] for name, number in zip(filters(), numbers, strict=True) if number}
        is_wanted = is_deep() or is_drawn or len(stated) <= 2
        if is_wanted and not {"client_order_id", "parent"} <= stated.keys():
            yield stated


def test_every_published_filter_is_tried(history: History) -> None:
    assert set(filters()) == LIST_NAMES == set(choices(history))
    assert min(HALF, len(filters()) - HALF) >= 4


@pytest.mark.slow
@pytest.mark.wide
def test_every_combination_reads_a_page_of_an_index(history: History) -> None:
    somewhere = Place(history.at(history.count // 2), history.order_id(history.count // 2))
    wrong: dict[str, list[str]] = {}
    for i, words in enumerate(combined(history)):
        wanted = read_wanted(Query(words.items(), LIST_NAMES | PAGE_NAMES, REPEATABLE))
        # The first page, one in the middle, and one on the way back.
        place, is_newer = ((None, False), (somewhere, False), (somewhere, True))[i % 3]
        statement = page_statement(history.account.pk, wanted, PAGE + 1, place, is_newer=is_newer)
        if statement is not None and (found := costs(run_plan(*statement), MOST_ROWS)):
            wrong[f"{words} {'' if place is None else 'before' if is_newer else 'after'}"] = found
    assert wrong == {}


# --- What they find -------------------------------------------------------------------------------------------------


def fits(order: Order, name: str, word: str) -> bool:
    """Whether an order is wanted by one word of one filter, as the documentation says."""
    tag, _, value = word.partition(":")
    return {
        "status": lambda: order.status == word,
        "outcome": lambda: order.outcome == word,
        "type": lambda: order.order_type == word,
        "pair": lambda: f"{order.token_in}/{order.token_out}" == word,
        "tag": lambda: tag in order.terms.tags and value in {"", order.terms.tags[tag]},
        "client_order_id": lambda: order.client_order_id == word,
        "parent": lambda: str(order.parent_id) == word,
        "created_after": lambda: f"{order.created_at:%Y-%m-%dT%H:%M:%SZ}" >= word,
        "created_before": lambda: f"{order.created_at:%Y-%m-%dT%H:%M:%SZ}" < word,
    }[name]()


@pytest.mark.slow
@pytest.mark.wide
def test_every_combination_finds_what_a_look_at_every_row_finds(history: History) -> None:
    rows = list(Order.objects.filter(account=history.account).order_by("-created_at", "-id"))
    bits = {
        (name, word): sum(1 << i for i, order in enumerate(rows) if fits(order, name, word))
        for name, tried in choices(history).items()
        for word in {word for words in tried for word in words}
    }
    for words in combined(history):
        found = (1 << len(rows)) - 1
        for name, alternatives in words.items():
            found &= reduce(or_, (bits[name, word] for word in alternatives))
        expected: list[UUID] = []
        while found and len(expected) < 5:
            lowest = (found & -found).bit_length() - 1
            expected.append(rows[lowest].id)
            found &= found - 1
        wanted = read_wanted(Query(words.items(), LIST_NAMES, REPEATABLE))

        assert [order.id for order in read_page(history.account.pk, wanted, 5)] == expected, words


def test_pages_go_both_ways(history: History) -> None:
    wanted = read_wanted(Query([("tag", ["book:eu"]), ("status", ["FAILED", "PENDING"])], LIST_NAMES, REPEATABLE))
    every = read_page(history.account.pk, wanted, 500)
    here = Place(every[100].created_at, every[100].id)

    assert read_page(history.account.pk, wanted, 20, here) == every[101:121]
    assert read_page(history.account.pk, wanted, 20, here, is_newer=True) == every[80:100]
    assert read_page(history.account.pk, wanted, 200, here, is_newer=True) == every[:100]
