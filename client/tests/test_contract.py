"""The client and the published schema say the same."""

import inspect
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from drf_spectacular.generators import SchemaGenerator

from orderengine_client import AsyncClient, Client, __version__, terms
from orderengine_client.flows import Send
from orderengine_client.generated import models
from orderengine_client.retries import Retries
from orderengine_client.wire import Operations
from tests.stored import event, order, quote

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "src/orderengine_client/generated"
# A browser's alone.
NOT_CALLED = {("post", "/api/v1/ws-tickets")}
ONE = "019ae000-0000-7000-8000-000000000001"
# What a call is tried with, by the name of its argument.
ARGUMENTS: dict[str, Any] = {
    "token_in": "SOL",
    "token_out": "USDC",
    "amount": "1",
    "amounts": ["1"],
    "pair": "SOL/USDC",
    "order_id": ONE,
    "webhook_id": ONE,
    "version": 1,
    "orders": [],
    "client_order_id": "a",
    "reason": "why",
    "timeout_s": 30,
    "group_by": "venue",
    "url": "https://example.com",
    "delivery_id": 1,
    "cursor": "0",
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.py")}


def public(kind: type) -> dict[str, Any]:
    return {name: value for name, value in inspect.getmembers(kind, callable) if not name.startswith("_")}


def test_the_models_are_what_the_schema_makes_now(schema: dict[str, Any], tmp_path: Path) -> None:
    """If this fails: make client-models."""
    command = [sys.executable, str(ROOT / "generate_models.py"), "-", str(tmp_path / "made")]
    subprocess.run(command, input=json.dumps(schema), text=True, check=True, capture_output=True)

    made, kept = files(tmp_path / "made"), files(GENERATED)
    assert made.keys() == kept.keys()
    assert [name for name in made if made[name] != kept[name]] == []


@pytest.mark.parametrize(
    ("component", "stated", "ours"),
    [
        ("OrderRequest", terms.OrderRequest, {"quote_id"}),
        ("QuoteRequest", terms.SwapTerms, {"token_in", "token_out", "amount"}),
        ("PatchedReplaceRequest", terms.NewTerms, set()),
        ("CancelMany", terms.CancelFilters, set()),
        ("Guards", terms.Guards, set()),
        ("Venues", terms.Venues, set()),
        ("Fee", terms.Fee, set()),
    ],
)
def test_every_field_of_a_request_is_a_keyword(
    schema: dict[str, Any], component: str, stated: type, ours: set[str]
) -> None:
    published = schema["components"]["schemas"][component]["properties"]
    names = {name.rstrip("_") for name in get_type_hints(stated)}

    assert names ^ set(published) <= ours


def test_every_filter_of_a_list_is_a_keyword(schema: dict[str, Any]) -> None:
    parameters = {parameter["name"] for parameter in schema["paths"]["/api/v1/orders"]["get"]["parameters"]}

    assert parameters - {"limit", "cursor"} == set(get_type_hints(terms.ListFilters))


def test_both_clients_have_every_call_with_the_same_arguments() -> None:
    calls, waits, awaited = public(Operations), public(Client), public(AsyncClient)

    assert waits.keys() - calls.keys() == awaited.keys() - calls.keys() == {"close"}
    assert calls.keys() <= waits.keys()
    for name, call in calls.items():
        stated = list(inspect.signature(call).parameters.values())[1:]
        for kind in (waits, awaited):
            assert list(inspect.signature(kind[name]).parameters.values())[1:] == stated
            assert kind[name].__doc__ == call.__doc__


def test_every_operation_of_the_schema_has_a_call(schema: dict[str, Any]) -> None:
    called = {first_request(name, call) for name, call in public(Operations).items()}
    published = {(method, re.sub(r"{\w+}", "ID", path)) for path, ways in schema["paths"].items() for method in ways}

    assert published - called == NOT_CALLED


def first_request(name: str, call: Any) -> tuple[str, str]:
    """What the call begins with: method and path."""
    parameters = list(inspect.signature(call).parameters.values())[1:]
    required = {
        one.name: ARGUMENTS[one.name]
        for one in parameters
        if one.default is one.empty and one.kind is not one.VAR_KEYWORD
    }
    effect = next(getattr(Operations(Retries()), name)(**required))
    if not isinstance(effect, Send):
        return "websocket", effect.path
    path = effect.path.removesuffix("/a") + "/ID" if effect.path.endswith("by-client-id/a") else effect.path
    return effect.method.lower(), path.replace(ONE, "ID")


def test_the_version_is_stated_once_more_where_the_wheel_is_built() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__


def test_an_answer_is_read_and_written_without_loss() -> None:
    for stored, model in ((order(), models.Order), (event(), models.Event), (quote(), models.Quote)):
        grown = stored | {"new_field": {"of": ["a", "newer"]}, "status": "A_NEWER_STATUS"}

        def as_json(value: Any) -> Any:
            return json.loads(json.dumps(value).replace("+00:00", "Z").replace(".000000", "").replace(".000", ""))

        assert as_json(model.from_dict(grown).to_dict()) == as_json(grown)
