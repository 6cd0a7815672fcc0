"""Reads request bodies: JSON only, as it stands, at most 1 MiB, nothing that PostgreSQL could not store."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import JSONParser

from orders.inputs.strict_json import JsonError, read_json
from orders.problems import Problem, ProblemError

MAX_BODY_BYTES = 1024 * 1024


class StrictJSONParser(JSONParser):
    """JSON as `read_json` takes it, without a content coding."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises: ProblemError `body_too_large`, `unsupported_media_type`, `malformed_json` or `duplicate_key`."""
        coding = _content_coding(parser_context)
        if coding not in {"", "identity"}:
            raise ProblemError(
                Problem("unsupported_media_type", f"a body with Content-Encoding {coding!r} is not read")
            )
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise ProblemError(Problem("body_too_large", "the body has more than 1 MiB"))
        try:
            return read_json(body)
        except JsonError as error:
            raise ProblemError(Problem(error.code, f"the body {error.detail}")) from None


def _content_coding(parser_context: Mapping[str, Any] | None) -> str:
    request = (parser_context or {}).get("request")
    return "" if request is None else str(request.META.get("HTTP_CONTENT_ENCODING", ""))[:40].strip().lower()
