"""Where the engine is, and who calls: read once, and never shown with the key."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from orderengine_client.flows import Open, Send

URL_VARIABLE, KEY_VARIABLE = "ORDER_ENGINE_URL", "ORDER_ENGINE_API_KEY"
DEFAULT_URL = "http://localhost:3000"
VERSION = "0.1.0"


@dataclass(frozen=True, slots=True)
class Address:
    """The engine's address and the caller's key."""

    url: str
    key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str | None, key: str | None) -> "Address":
        """From arguments, or else the environment. Raises: ValueError."""
        stated = (url or os.environ.get(URL_VARIABLE) or DEFAULT_URL).rstrip("/")
        parts = urlsplit(stated)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"the engine's address must be like {DEFAULT_URL}")
        if parts.username or parts.password:
            raise ValueError("the engine's address holds no user or password: state api_key")
        key = key or os.environ.get(KEY_VARIABLE) or None
        if key is not None and not re.fullmatch(r"[!-~]+", key):
            # Without its text, which would end in a log.
            raise ValueError(f"api_key or {KEY_VARIABLE} holds no API key: printable ASCII without blanks")
        return cls(stated, key)

    @property
    def headers(self) -> dict[str, str]:
        """Of every request and handshake."""
        agent = {"User-Agent": f"orderengine-client/{VERSION}"}
        return agent | ({"Authorization": f"Bearer {self.key}"} if self.key else {})

    def http(self, request: Send) -> dict[str, Any]:
        """The request in httpx's words."""
        return {
            "method": request.method,
            "url": self.url + request.path,
            "params": request.params,
            "json": request.body,
            "headers": {**request.headers},
            "timeout": request.timeout_s,
        }

    def websocket(self, address: Open) -> str:
        """The address of a stream."""
        query = urlencode(_texts(address.params), doseq=True)
        return f"ws{self.url.removeprefix('http')}{address.path}" + (f"?{query}" if query else "")


def _texts(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, list) else str(value) for name, value in params.items()}
