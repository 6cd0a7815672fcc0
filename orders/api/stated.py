"""What an owner stated, in one form for all its spellings: tells a repeat from another order.

It depends on the request alone. Defaults, tokens, limits and the clock may change between two posts of one order.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from orders.order_types import FIELDS, ORDER_TYPES

# A null that says something else than silence: no guard, where silence means the default one.
_MEANT_NULL = "max_price_impact_bps"


def stated_hash(fields: Mapping[str, Any]) -> bytes:
    """SHA-256 over OrderRequestSerializer's fields, all but the client_order_id: the same order, the same bytes."""
    stated = {name: value for name, value in fields.items() if name != "client_order_id"}
    for name in FIELDS.keys() & stated.keys():
        if (value := stated[name]) is not None:
            stated[name] = FIELDS[name].kind.store(value)
    stated["time_in_force"] = time_in_force(fields)
    stated["sim"] = scenario(fields)
    return hashlib.sha256(orjson.dumps(_plain(stated), option=orjson.OPT_SORT_KEYS)).digest()


def time_in_force(fields: Mapping[str, Any]) -> str:
    """As stated, else what the order's type means by having a time limit or none."""
    order_type = ORDER_TYPES[fields["type"]]
    return order_type.time_in_force(fields.get("time_in_force"), has_expiry=bool(fields.get("expires_at")))


def scenario(fields: Mapping[str, Any]) -> str:
    """What the simulated chain acts out."""
    return str(fields.get("sim", {}).get("scenario", "none"))


def _plain(value: Any) -> Any:
    """One spelling for equal values; what is left out, null or empty is left out."""
    if isinstance(value, str):
        return _decimal(value)
    if isinstance(value, Mapping):
        items = {name: item if name == "tags" else _plain(item) for name, item in value.items()}
        return {name: item for name, item in items.items() if name == _MEANT_NULL or item not in (None, [], {})}
    if isinstance(value, (list, tuple)):
        return sorted(set(map(str, value)))
    if isinstance(value, Decimal):
        return _decimal(format(value, "f"))
    return value.isoformat() if isinstance(value, datetime) else value


def _decimal(text: str) -> str:
    """Without the zeros at the end of a fraction: 2.50 and 2.5 are one amount. No name has both digits and a point."""
    if "." not in text:
        return text
    whole, _, fraction = text.partition(".")
    if not (whole + fraction).isdecimal():
        return text
    return f"{whole}.{fraction}".rstrip("0").rstrip(".")
