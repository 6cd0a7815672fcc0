"""The pages say what the program does: every code of a sentence, and the worked example to its last place."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from orders.presentation import explanation
from orders.presentation.costs import SHORTFALL, Measured
from orders.presentation.explanation.attempts import _SAYINGS
from orders.presentation.explanation.ending import _NEXT
from orders.presentation.explanation.waiting import _WAITS
from orders.tests.pages import rows


def test_every_code_of_a_sentence_has_its_line_and_no_other() -> None:
    source = "".join(path.read_text() for path in Path(explanation.__file__).parent.glob("*.py"))
    named = set(re.findall(r'Sentence\(\s*"(\w+)"', source)) | set(_SAYINGS)
    named |= {f"waits_for_{word}" for word in _WAITS} | {one.code for one in _NEXT.values()}
    # Passed on to a sentence by other names.
    named |= {"quoted", "vs_quote", "vs_arrival"}

    listed = [code for row in rows("explain.md") for code in re.findall(r"`(\w+)`", row[0]) if "`" in row[0]]

    assert sorted(set(listed) - {"route", "waiting", "attempts", "ending", "next"}) == sorted(named)


def test_the_worked_example_is_what_the_program_computes() -> None:
    stated = {row[0]: row[1:] for row in rows("execution-quality.md") if re.fullmatch(r"-?[\d.]+", row[1])}
    benchmarks = [
        [row[0], row[1]] for row in rows("execution-quality.md") if len(row) == 2 and re.fullmatch(r"[\d.]+", row[1])
    ]
    amounts = {name: int(Decimal(units) * 10**6) for name, units in benchmarks}
    m = Measured(
        "exact_in", 6, *(amounts[n] for n in ("arrival", "mid", "marginal", "quoted", "executed", "network_fee"))
    )

    shown = SHORTFALL.render(m)

    assert set(shown) <= set(stated)
    for name, told in shown.items():
        assert [told["amount"], told["bps"]] == stated[name][:2], name


def published() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


def reached(part: Any, components: dict[str, Any], known: dict[str, Any]) -> None:
    """The components that a part of the document leads to, however deep."""
    if isinstance(part, list):
        for one in part:
            reached(one, components, known)
    elif isinstance(part, dict):
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if name and name not in known:
            known[name] = components[name]
            reached(components[name], components, known)
        for one in part.values():
            reached(one, components, known)


def of_answers() -> dict[str, Any]:
    """Every component that some answer is made of."""
    document, known = published(), dict[str, Any]()
    for path in document["paths"].values():
        for operation in path.values():
            reached(operation["responses"], document["components"]["schemas"], known)
    return known


def types(schema: Any) -> set[str]:
    """All types that values of a schema have, those within lists and objects too."""
    if isinstance(schema, list):
        return set().union(*map(types, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    stated = schema.get("type", [])
    found = {stated} if isinstance(stated, str) else set(stated) if isinstance(stated, list) else types(stated)
    return found.union(*(types(part) for name, part in schema.items() if name not in ("type", "enum", "description")))


def test_no_answer_holds_a_floating_point_number_and_basis_points_are_text() -> None:
    """Each shape of the schema, also those that a new answer brings."""
    known, seen = of_answers(), 0

    assert {"OrderShape", "EventShape", "ExplanationShape", "ExecutionShape", "ReportRowShape"} <= set(known)
    for name, schema in known.items():
        assert "number" not in types(schema), name
        for field, part in schema.get("properties", {}).items():
            if field.endswith("bps"):
                seen += 1
                assert "string" in types(part), (name, field)
                assert types(part) <= {"string", "null"}, (name, field)
            if field.endswith("_raw"):
                assert field.removesuffix("_raw") in schema["properties"], (name, field)
    assert seen >= 15
