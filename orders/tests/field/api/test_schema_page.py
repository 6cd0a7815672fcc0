"""The OpenAPI document, which needs no key: made once, in four variants, for all callers."""

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from orders.api import schema_page
from orders.api.schema_page import Document, takes_gzip

ADDRESS = "/api/v1/schema"
YAML, JSON = "application/vnd.oai.openapi", "application/vnd.oai.openapi+json"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A process that was not asked yet; the threads in which the document was made."""
    threads: list[str] = []
    make: Any = SchemaGenerator.get_schema

    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        threads.append(threading.current_thread().name)
        return make(self, *args, **kwargs)

    monkeypatch.setattr(SchemaGenerator, "get_schema", noted)
    monkeypatch.setattr(schema_page, "document", Document(schema_page._openapi_variants))
    return threads


def test_many_who_ask_at_once_cause_it_once(made: list[str]) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: Client().get(ADDRESS), range(32)))

    assert len(made) == 1
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_hostile_ways_of_asking_make_nothing_new(made: list[str], client: Client) -> None:
    bodies = set()
    for i in range(50):
        answer = client.get(
            f"{ADDRESS}?lang=x{i}&version=v{i}&_={i}",
            headers={
                "accept": f"application/json; indent={i}; q=0.{i}, */*;q=0.1",
                "accept-encoding": f"x{i}, gzip;q=0.{i}",
                "accept-language": f"x-{i}",
            },
        )
        assert answer.status_code == 200
        bodies.add(answer.content)

    assert len(made) == 1
    assert len(bodies) <= 4


def test_a_failure_is_not_kept(made: list[str], client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(schema_page.document, "_make", lambda: 1 / 0)
        assert client.get(ADDRESS).status_code == 500

    assert client.get(ADDRESS).status_code == 200


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        ("", "*/*", YAML),
        ("", "text/html, */*;q=0.8", YAML),
        ("", YAML, YAML),
        ("", "application/yaml", "application/yaml"),
        ("", JSON, JSON),
        ("", "application/json", "application/json"),
        ("?format=json", "*/*", JSON),
        ("?format=yaml", "*/*", YAML),
    ],
)
def test_every_variant_says_the_same(
    client: Client, query: str, accept: str, media_type: str, is_compressed: bool
) -> None:
    encoding = "gzip" if is_compressed else "identity"

    answer = client.get(ADDRESS + query, headers={"accept": accept, "accept-encoding": encoding})

    body = gzip.decompress(answer.content) if is_compressed else answer.content
    read = json.loads(body) if "json" in media_type else yaml.safe_load(body)
    generated = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    assert (answer["Content-Type"], answer.get("Content-Encoding")) == (media_type, "gzip" if is_compressed else None)
    assert read == json.loads(json.dumps(generated))
    assert answer["Vary"] == "Accept, Accept-Encoding"
    assert answer["Cache-Control"] == "public, max-age=300"
    assert len(body) > 2 * len(answer.content) or not is_compressed


def test_it_is_sent_again_only_when_it_has_changed(client: Client) -> None:
    tags = set()
    for accept in (YAML, JSON):
        for encoding in ("gzip", "identity"):
            headers = {"accept": accept, "accept-encoding": encoding}
            tag = client.get(ADDRESS, headers=headers)["ETag"]
            tags.add(tag)

            for sent in (tag, f'"other", {tag}', f"W/{tag}", "*"):
                again = client.get(ADDRESS, headers=headers | {"if-none-match": sent})
                assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
                assert again["Cache-Control"] == "public, max-age=300"
            assert client.get(ADDRESS, headers=headers | {"if-none-match": '"other"'}).status_code == 200

    assert len(tags) == 4
    assert not any(tag.startswith("W/") for tag in tags)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("br", False),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0, *", False),
        ("gzip;q=0.001", True),
        ("notgzip", False),
        ("," * 100_000 + "gzip", False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(header: str, expected: bool) -> None:
    assert takes_gzip(header) is expected


@pytest.mark.parametrize("path", [ADDRESS, "/api/v1/docs", "/api/v1/asyncapi"])
@pytest.mark.parametrize(
    ("method", "accept", "query", "status"),
    [("get", "image/png", "", 406), ("post", "*/*", "", 405), ("get", "*/*", "?format=xml", 404)],
)
def test_what_it_refuses_is_a_problem_in_json(
    client: Client, path: str, method: str, accept: str, query: str, status: int
) -> None:
    answer = getattr(client, method)(path + query, headers={"accept": accept})

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert json.loads(answer.content)["status"] == status
