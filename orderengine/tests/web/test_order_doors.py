"""POST /orders has two doors, the view and the short way past it. The caller cannot tell which one answered."""

import json
import re
from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dex.testing.examples import examples
from orderengine.web.order_route import middleware_headers, with_frame
from orders.api.raw_orders import PATH, Alike, answer_posts
from orders.audit.record import Actor
from orders.engine import get_engine
from orders.models import ApiKey, Order, Token
from orders.risk.account_limits import set_limits
from orders.tests.factories import api_key, new_account

OPERATOR = Actor("boss", reason="test", is_admin=True)
MICRO = 10**6
# Of each, what is taken and what is not.
FIELDS: dict[str, list[Any]] = {
    "token_in": ["SOL", "USDC", "ETH", "NOPE", "sol", "", None, 5, "S" * 33, "OFF"],
    "token_out": ["USDC", "SOL", "ETH", "NOPE", ["USDC"], "OFF"],
    "amount": [
        "2.5",
        "1",
        "0.000000001",
        "0.0000000001",
        "1000000",
        "2.50",
        "0",
        "-1",
        "1e5",
        "9" * 80,
        2.5,
        True,
        None,
    ],
    "side": ["exact_in", "exact_out", "both", None],
    "type": ["market", "iceberg", 7],
    "client_order_id": ["a", "b", "c", None, "has space", "", "x" * 65, 7],
    "time_in_force": ["ioc", "fok", "gtd", "never"],
    "expires_at": ["2999-01-01T00:00:00Z", "2999-01-01T00:00:00.123456+02:00", "2001-01-01T00:00:00Z", "soon", None],
    "tags": [
        {},
        {"book": "eu"},
        {"b\u00fcch": "\u2028<&>"},
        {"a": 1},
        {"": "x"},
        {f"t{i}": "v" for i in range(17)},
        [],
    ],
    "guards": [
        {},
        {"max_slippage_bps": 50},
        {"max_slippage_bps": "12.5", "max_price_impact_bps": None},
        {"min_amount_out": "0.5"},
        {"max_amount_in": "500"},
        {"max_quote_age_ms": 1000},
        {"max_deviation_bps": "12.5"},
        {"max_slippage": 1},
        {"max_slippage_bps": 1.234},
        {"min_amount_out": 5},
        [],
    ],
    "venues": [
        {"allow": ["raydium"]},
        {"deny": ["orca"]},
        {"allow": []},
        {"deny": ["nowhere"]},
        {"max_hops": 2},
        {"max_legs": 0},
    ],
    "fee": [{"strategy": "fast"}, {"max_native": "0.01"}, {"max_native": "0.0000000001"}, {"strategy": "huge"}],
    "sim": [{"scenario": "slippage"}, {"scenario": "earthquake"}, {}],
    "quote_id": ["q1.AAAA", "q2." + "A" * 60, "q1.", None, 5],
    "amout": ["1"],
}
NEEDED = ("token_in", "token_out", "amount")
RAW = [
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b'{"token_in":NaN}',
    b'{"token_in":"SOL","token_in":"ETH","token_out":"USDC","amount":"1"}',
    b'{"token_in":"SO\\u0000L","token_out":"USDC","amount":"1"}',
    b'{"token_in":"\\ud800","token_out":"USDC","amount":"1"}',
    b'{"token_in":"SOL","token_out":"USDC","amount":"1","guards":{"max_slippage_bps":0.1000000000000000055}}',
    b'\xef\xbb\xbf{"token_in":"SOL","token_out":"USDC","amount":"1"}',
    b"[" * 100,
    b' {"token_in":"SOL", "token_out":"USDC", "amount":"1"} ',
]
KEYS: list[dict[str, Any]] = [
    {},
    {},
    {"venues": ["raydium", "orca"]},
    {"tokens": ["SOL", "USDC"]},
    {"max_order_value": 300 * MICRO},
    {"max_day_value": 1_000 * MICRO},
    {"max_day_fees": 10 * MICRO},
    {"is_dry_run_only": True},
    {"scopes": ["read"]},
    {"ip_ranges": ["10.0.0.0/8"]},
    {"rate_per_minute": 3},
    {"revoked": True},
]
LIMITS: list[dict[str, Any]] = [
    {},
    {},
    {"max_open_orders": 2},
    {"max_open_value": 1_000 * MICRO},
    {"max_day_fees": 10 * MICRO},
]


def mostly(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Half of the time the first value, which is taken."""
    return st.one_of(st.just(values[0]), st.sampled_from(values))


orders = st.fixed_dictionaries(
    {name: mostly(FIELDS[name]) for name in NEEDED},
    optional={name: st.sampled_from(values) for name, values in FIELDS.items() if name not in NEEDED},
)
usual = st.fixed_dictionaries(
    {name: st.just(FIELDS[name][0]) for name in NEEDED}, optional={"client_order_id": st.sampled_from("abc")}
)
bodies = st.one_of(
    usual.map(json.dumps), orders.map(json.dumps), orders.map(lambda one: json.dumps(one, ensure_ascii=False))
).map(str.encode) | st.sampled_from(RAW)
# Requests that are answered together, under one Idempotency-Key or none.
rounds = st.tuples(st.sampled_from([None, None, "k-1", "k-2", "bad key", ""]), st.lists(bodies, min_size=1, max_size=8))


@cache
def frame() -> list[tuple[str, str]]:
    return middleware_headers("http")


class Side:
    """An account with a key, and how its answers read but for their ids and times."""

    def __init__(self, key: dict[str, Any], limits: dict[str, Any]) -> None:
        account = new_account()
        self.text = api_key(account, **{name: value for name, value in key.items() if name != "revoked"})
        ApiKey.objects.filter(account=account).update(revoked=key.get("revoked", False))
        if limits:
            set_limits(account, **limits, actor=OPERATOR)
        self.account, self.names = account, dict[str, str]()
        self.client = Client(headers={"Authorization": f"Bearer {self.text}"}, raise_request_exception=False)

    def by_the_view(self, body: bytes, key: str | None) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = self.client.post(PATH, body, content_type="application/json", headers=headers)
        return self.plain(answer.status_code, list(answer.items()), answer.content)

    def by_the_route(self, bodies: list[bytes], key: str | None) -> list[Any]:
        """Answers; None where the view is to answer."""
        replies = answer_posts(Alike(f"Bearer {self.text}", "127.0.0.1", key), bodies)
        return [
            reply
            and self.plain(
                reply.status,
                [(name.decode(), value.decode()) for name, value in with_frame(reply, frame())],
                reply.body,
            )
            for reply in replies
        ]

    def plain(self, status: int, headers: list[tuple[str, str]], body: bytes) -> Any:
        return status, [(name, self._plain(value)) for name, value in headers], self._plain(body.decode())

    def _plain(self, text: str) -> str:
        for id_ in re.findall(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", text):
            text = text.replace(id_, self.names.setdefault(id_, f"order {len(self.names)}"))
        text = re.sub(r'"(created_at|updated_at)":"[^"]{24}"', r'"\1":"then"', text)
        return re.sub(r"t=\d+", "t=soon", re.sub(r" at [\d: -]+ UTC", " at some time UTC", text))

    def rows(self) -> list[Any]:
        """What is stored."""
        names = ("client_order_id", "request_hash", "terms", "amount", "held_value", "counted_fee", "seq", "status")
        return list(Order.objects.filter(account=self.account).order_by("id").values_list(*names))


@pytest.fixture(autouse=True)
def market(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    get_engine.cache_clear()
    Token.objects.bulk_create(
        Token(
            symbol=token.symbol,
            name=token.name,
            decimals=token.decimals,
            value=(1 if token.symbol == "USDC" else 100) * 10**12,
        )
        for token in get_engine().chain.tokens()
    )
    Token.objects.create(symbol="OFF", name="Off", decimals=6, is_enabled=False)
    # No minute ends while both are compared.
    monkeypatch.setattr("orders.api.throttles.time", SimpleNamespace(time=lambda: 1_000_000_020.0))
    monkeypatch.setattr("orders.api.raw_orders.begin_waking_placed", lambda *_: lambda: None)
    monkeypatch.setattr("orders.services.idempotency.wake_placed", lambda *_: None)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KEYS), st.sampled_from(LIMITS), st.lists(rounds, min_size=1, max_size=4))
def test_both_doors_answer_the_same(
    key: dict[str, Any], limits: dict[str, Any], asked: list[tuple[str | None, list[bytes]]]
) -> None:
    short, long = Side(key, limits), Side(key, limits)

    for name, bodies in asked:
        answers = short.by_the_route(bodies, name)
        # What the route passes on comes after what it has answered together.
        for i in sorted(range(len(bodies)), key=lambda i: answers[i] is None):
            if answers[i] is None:
                answers[i] = short.by_the_view(bodies[i], name)
                # But for repeats of what would be refused today, the route answers what is accepted.
                assert answers[i][0] >= 400 or ("Idempotent-Replayed", "true") in answers[i][1]
            assert answers[i] == long.by_the_view(bodies[i], name), bodies[i]
    assert short.rows() == long.rows()
