"""GET /api/v1/schema and /asyncapi: the OpenAPI and AsyncAPI documents, each made once per process.

They need no key, and to make one takes longer than a hundred orders: no caller may cause that twice.
"""

import gzip
import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.api.asyncapi.document import asyncapi

MAX_AGE_S = 300
_GZIP = re.compile(r"(?:^|,)\s*(?:gzip|x-gzip|\*)\s*(?:;\s*q\s*=\s*(?P<q>[0-9.]+)\s*)?(?=,|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Variant:
    """The document in one format and one encoding."""

    body: bytes
    etag: str
    is_compressed: bool


Variants = dict[tuple[str, bool], Variant]
# The generator is asked by one thread at a time.
_generating = threading.Lock()


class Document:
    """All variants: its formats, each plain and compressed. The first caller makes them, those beside it wait."""

    def __init__(self, make: Callable[[], Variants]) -> None:
        self._make = make
        self._variants: Variants = {}

    def variant(self, format_name: str, is_compressed: bool) -> Variant:
        """One of them."""
        if not self._variants:
            with _generating:
                if not self._variants:
                    self._variants = self._make()
        return self._variants[format_name, is_compressed]


def _openapi() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


def _openapi_variants() -> Variants:
    schema = _openapi()
    renderers = (OpenApiYamlRenderer(), OpenApiJsonRenderer())
    return variants_of({renderer.format: renderer.render(schema, renderer_context={}) for renderer in renderers})


def _asyncapi_variants() -> Variants:
    return variants_of({"json": orjson.dumps(asyncapi(_openapi()), option=orjson.OPT_INDENT_2)})


def variants_of(texts: Mapping[str, bytes]) -> Variants:
    """What is served of a document's texts by format."""
    variants = {}
    for format_name, plain in texts.items():
        for body, is_compressed in ((plain, False), (gzip.compress(plain, mtime=0), True)):
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            variants[format_name, is_compressed] = Variant(body, etag, is_compressed)
    return variants


document = Document(_openapi_variants)
asyncapi_document = Document(_asyncapi_variants)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether the header asks for or allows gzip."""
    found = _GZIP.search(accept_encoding[:1000])
    return found is not None and (found["q"] is None or found["q"].strip("0.") != "")


class OpenView(APIView):
    """Needs no key. Refusals are problem objects in JSON, also where the view offers other formats."""

    authentication_classes: Any = ()
    permission_classes: Any = ()
    throttle_classes: Any = ()

    def handle_exception(self, exc: Exception) -> Response:
        """As everywhere, in JSON."""
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)


class DocsView(OpenView, SpectacularSwaggerView):
    """Swagger UI."""


class SchemaView(OpenView):
    """The document, in YAML or JSON."""

    renderer_classes: Any = (OpenApiYamlRenderer, OpenApiYamlRenderer2, OpenApiJsonRenderer, OpenApiJsonRenderer2)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Any:
        """The format by Accept or `?format=`, compressed where the caller takes that, 304 where it is known."""
        renderer: Any = request.accepted_renderer
        return _served(request, document, renderer, "schema")


class AsyncApiView(OpenView):
    """The AsyncAPI document, in JSON."""

    renderer_classes: Any = (JSONRenderer,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Any:
        """Compressed where the caller takes that, 304 where it is known."""
        return _served(request, asyncapi_document, JSONRenderer(), "asyncapi")


def _served(request: Request, wanted: Document, renderer: Any, name: str) -> Any:
    variant = wanted.variant(renderer.format, takes_gzip(request.META.get("HTTP_ACCEPT_ENCODING", "")))
    response: Any = HttpResponse(variant.body, content_type=renderer.media_type)
    response["Content-Disposition"] = f'inline; filename="{name}.{renderer.format}"'
    if variant.is_compressed:
        response["Content-Encoding"] = "gzip"
    response["ETag"] = variant.etag
    response["Cache-Control"] = f"public, max-age={MAX_AGE_S}"
    response["Vary"] = "Accept, Accept-Encoding"
    return get_conditional_response(request._request, etag=variant.etag, response=response)
