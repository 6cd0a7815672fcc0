"""The body of POST /orders/batch: its orders, its `link`, and repeats of a request that links."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from orders.api.serializers import FlagField, OrderRequestSerializer, WordField
from orders.api.strict import StrictSerializer
from orders.problems import FieldError, Problem, ProblemError
from orders.scalars import ScalarError, read_choice
from orders.services.linking import Link
from orders.services.place import Placed

MAX_BATCH = 500
# In a request a bracket is one word; its orders are linked by `then`.
LINK_WORDS = ("one_cancels_other", "then", "bracket")
# How many orders each word takes at least.
LEAST = {"one_cancels_other": 2, "then": 2, "bracket": 3}


class BatchRequestSerializer(StrictSerializer):
    """POST /orders/batch. The items are read one by one, so that one bad order does not refuse the others."""

    orders = serializers.ListField(child=OrderRequestSerializer(), min_length=1, max_length=MAX_BATCH)
    atomic = FlagField(required=False, default=False, help_text="All orders are accepted, or none.")
    link = WordField(
        choices=LINK_WORDS,
        required=False,
        help_text="How they decide on each other (docs/order-types.md); with it all are accepted, or none.",
    )


def read_link(data: Mapping[str, Any], count: int) -> Link | None:
    """The link that a batch states. Raises: ProblemError."""
    if "link" not in data:
        return None
    try:
        word = read_choice(data["link"], LINK_WORDS)
        if count < LEAST[word]:
            raise ScalarError(f"{word} takes {LEAST[word]} orders or more, not {count}", "fields_conflict")
        if data.get("atomic") is False:
            raise ScalarError("linked orders are accepted all or none: atomic cannot be false", "fields_conflict")
    except ScalarError as error:
        detail = f"link: {error.detail}"
        raise ProblemError(Problem(error.code, detail, errors=[FieldError("/link", error.code, detail)])) from None
    if word == "one_cancels_other":
        return Link(word, [0] * count)
    if word == "then":
        return Link(word, range(count))
    return Link("then", [0, *[1] * (count - 1)])


def judge_linked(results: Sequence[Placed | Problem], link: Link) -> list[Placed | Problem]:
    """The same, but for orders that exist already and not in this link: a repeat must be one of the whole request.

    And for parents, which are linked with nothing.
    """
    placed = [result for result in results if isinstance(result, Placed)]
    groups = {result.order.link_id for result in placed}
    is_whole = len(groups) == 1 and len(placed) == len(results)
    answers: list[Placed | Problem] = []
    for result, rank in zip(results, link.ranks, strict=True):
        if isinstance(result, Problem):
            answers.append(result)
        elif result.order.is_parent:
            detail = f"a {result.order.order_type} order is executed in parts, so it cannot be linked"
            answers.append(Problem("invalid", detail, errors=[FieldError("/link", "invalid", detail)]))
        elif result.is_replay and (not is_whole or (result.order.link, result.order.link_rank) != (link.kind, rank)):
            detail = f"client_order_id {result.order.client_order_id} was used for an order that is not in this link"
            facts = {"order_id": str(result.order.id)}
            answers.append(Problem("client_order_id_reused", detail, facts=facts))
        else:
            answers.append(result)
    return answers
