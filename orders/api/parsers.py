"""Reads request bodies, JSON only, at most 1 MiB, nothing that PostgreSQL could not store; and writes answers."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer

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


class FloatFree(dict[str, Any]):
    """An answer that holds no float: of floats alone the two encoders write different texts."""


class ReadyJSON(bytes):
    """An answer that is JSON text already, of which every byte counts."""


class QuickJSONRenderer(JSONRenderer):
    """The REST framework's renderer, which takes a fifth of the time of a batch of orders."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """The text."""
        if isinstance(data, ReadyJSON):
            return bytes(data)
        if isinstance(data, FloatFree) and self.get_indent(accepted_media_type or "", renderer_context or {}) is None:
            try:
                return quick_json(data)
            except TypeError:  # an integer above 64 bits, or half a character
                pass
        text: bytes = super().render(data, accepted_media_type, renderer_context)
        return text


def quick_json(data: FloatFree) -> bytes:
    """As the REST framework writes it. Raises: TypeError for what orjson cannot write."""
    return orjson.dumps(data).replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
