"""What a statement costs beside large tables, by the plan that PostgreSQL runs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import connection, transaction

# Tables that grow without end.
LARGE = {f"orders_{name}" for name in ("order", "orderevent", "orderlabel", "fill", "submission", "signedtransaction")}


def run_plan(sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> dict[str, Any]:
    """Run the statement and take back what it did; its plan, with how many rows each step read.

    Rows that were inserted by it before cannot be again: of such a statement only the plan is looked at.
    """
    analyze = "" if "INSERT INTO" in sql else "ANALYZE, TIMING OFF, "
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({analyze}FORMAT JSON) {sql}", values)
        plan = cursor.fetchone()[0]
        transaction.set_rollback(True)
    read: dict[str, Any] = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return read


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The step and those below it."""
    yield plan
    for step in plan.get("Plans", ()):
        yield from steps(step)


def costs(plan: dict[str, Any], most: int) -> list[str]:
    """Each step that reads a large table as a whole, or reads or sorts more rows than the limit."""
    return [words for step in steps(plan) for words in _costs(step, most)]


def _costs(step: dict[str, Any], most: int) -> Iterator[str]:
    kind, table = step["Node Type"], step.get("Relation Name", "")
    times = step.get("Actual Loops", 0)
    rows = step.get("Actual Rows", 0) * times
    removed = (step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Index Recheck", 0)) * times
    if kind == "Seq Scan" and table in LARGE:
        yield f"reads all of {table}"
    if table in LARGE and rows + removed > most:
        yield f"{kind} of {table} by {step.get('Index Name')} reads {rows + removed:.0f} rows, {removed:.0f} in vain"
    if "Sort" in kind and rows > most:
        yield f"sorts {rows:.0f} rows"
    if kind == "Bitmap Index Scan" and rows > most:
        yield f"finds {rows:.0f} rows by {step['Index Name']}"
