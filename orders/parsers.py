"""Reads request bodies: JSON only, at most 1 MiB, nothing that PostgreSQL could not store."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework.parsers import JSONParser

from orders.problems import Problem, ProblemError

MAX_BODY_BYTES = 1024 * 1024
# No request of ours has more than six levels; whoever reads deeper ones one by one runs out of stack.
MAX_DEPTH = 16


class StrictJSONParser(JSONParser):
    """JSON without NaN, lone surrogates or NUL characters, of few levels."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises: ProblemError `body_too_large` or `malformed_json`."""
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise ProblemError(Problem("body_too_large", "the body has more than 1 MiB"))
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ProblemError(Problem("malformed_json", f"the body cannot be read as JSON: {error}")) from None
        if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deeper(parsed, MAX_DEPTH):
            raise ProblemError(Problem("malformed_json", f"the body has more than {MAX_DEPTH} levels"))
        if b"\\u0000" in body and _has_nul(parsed):
            raise ProblemError(Problem("malformed_json", "text must not hold NUL characters"))
        return parsed


def _is_deeper(value: Any, most: int) -> bool:
    """Whether lists and objects lie in each other more than `most` times. Level by level, so that no depth hurts."""
    level = [value]
    for _ in range(most + 1):
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            return False
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return True


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)
