"""Any number of orders that wait for prices, for tests of plans and for the benchmark: rows as services leave them."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import permutations
from typing import NamedTuple

import orjson
from django.db import connection

from dex import Token
from orders.models import Account

CHAIN = "simulated"


class Pair(NamedTuple):
    """Two tokens, and about what one of the first is worth in the second."""

    token_in: Token
    token_out: Token
    price: Decimal


def pairs_of(tokens: Iterable[Token], count: int) -> list[Pair]:
    """The first `count` ordered pairs of a chain's tokens."""
    ordered = list(permutations(sorted(tokens, key=lambda token: token.symbol), 2))[:count]
    return [Pair(a, b, Decimal(a.value or 1) / Decimal(b.value or 1)) for a, b in ordered]


_LOAD = """
    INSERT INTO orders_order (id, account_id, request_hash, chain_id, order_type, side, token_in, token_out,
        decimals_in, decimals_out, amount, terms, status, attempt, seq, claim_count, due_at, waiting_for, waiting_since,
        trigger_kind, trigger_at_price)
    SELECT gen_random_uuid(), %(account)s, sha256(i::text::bytea), %(chain)s, %(order_type)s, 'exact_in', %(token_in)s,
        %(token_out)s, %(decimals_in)s, %(decimals_out)s, %(amount)s, %(terms)s, 'PENDING', 1, 1, 0, '9000-01-01',
        'price', now(), %(kind)s, %(price)s::numeric * (%(nearest)s + i * %(step)s)
    FROM generate_series(0, %(count)s - 1) AS i
"""


def load_waiting(account: Account, pair: Pair, kind: str, count: int, nearest: Decimal, step: Decimal) -> None:
    """Orders of a pair and kind, the first at `nearest` times its price, each next one `step` times it further off."""
    own = {
        "limit": {"limit_price": format(pair.price * nearest, "f")},
        "trails": {"trail_bps": "100", "trigger_source": "reference"},
        "pool": {"min_liquidity": "1", "max_age_s": 60, "liquidity_token": "token_in"},
    }
    stop = {"trigger_price": str(pair.price), "trigger": "below", "trigger_source": "reference"}
    order_type = {"limit": "limit", "trails": "trailing_stop", "pool": "sniper"}.get(kind, "stop")
    terms = {"v": 2, "max_slippage_ppm": 5_000, "time_in_force": "gtc", "type_terms": own.get(kind, stop), "tags": {}}
    with connection.cursor() as cursor:
        cursor.execute(
            _LOAD,
            {
                "account": account.id,
                "chain": CHAIN,
                "order_type": order_type,
                "token_in": pair.token_in.symbol,
                "token_out": pair.token_out.symbol,
                "decimals_in": pair.token_in.decimals,
                "decimals_out": pair.token_out.decimals,
                "amount": max(1, 10**pair.token_in.decimals // 1000),
                "terms": orjson.dumps(terms).decode(),
                "kind": kind,
                "price": pair.price,
                "nearest": nearest,
                "step": step,
                "count": count,
            },
        )


def load_crowd(account: Account, pairs: list[Pair], count: int) -> None:
    """Orders, evenly over the pairs, none of which the market reaches.

    Of each pair eight in ten are limits, and one in ten each is a stop below and a stop above.
    """
    of_pair = count // len(pairs)
    far, step = Decimal("1.2"), Decimal("0.0001")
    for pair in pairs:
        load_waiting(account, pair, "limit", of_pair * 8 // 10, far, step)
        load_waiting(account, pair, "rises", of_pair // 10, far, step)
        load_waiting(account, pair, "falls", of_pair // 10, Decimal("0.8"), -step / 10)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_order")
