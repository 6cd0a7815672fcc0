"""Who calls, through proxies: believes what TRUSTED_PROXIES say of a caller, and no other sender.

Django, the API and the sockets read the ASGI scope, so the scope is corrected once, before any of them. What a
stranger claims never reaches them: the forwarding headers end here.
"""

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from orderengine.environment.addresses import Network, ip

Scope = dict[str, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]
FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST = b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"
FORWARDING = {FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, b"x-forwarded-port", b"forwarded", b"x-real-ip"}
SECURE = {"http": "https", "ws": "wss"}
# Proxies in a row that are looked through.
MOST_HOPS = 32


class Forwarded:
    """An application whose scopes say who really calls."""

    def __init__(self, application: Application, trusted: Sequence[Network]) -> None:
        self._application = application
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope = self._corrected(scope)
        await self._application(scope, receive, send)

    def _corrected(self, scope: Scope) -> Scope:
        headers = scope["headers"]
        kept = [(name, value) for name, value in headers if name not in FORWARDING]
        client = scope.get("client")
        peer = ip(client[0]) if client else None
        if client and peer is not None:
            # An IPv4 caller of a socket for both kinds comes with an address that wraps his own.
            scope = {**scope, "client": (str(peer), client[1])}
        if not self._is_trusted(peer):
            return {**scope, "headers": kept}
        if hops := _last_values(headers, FORWARDED_FOR):
            scope = {**scope, "client": self._caller(hops)}
        proto = _last_values(headers, FORWARDED_PROTO)[-1:]
        if proto == ["https"]:
            scope = {**scope, "scheme": SECURE.get(scope.get("scheme", "http"), "https")}
        if hosts := _last_values(headers, FORWARDED_HOST):
            kept = [(name, value) for name, value in kept if name != b"host"] + [(b"host", hosts[-1].encode("latin-1"))]
        return {**scope, "headers": kept}

    def _caller(self, hops: list[str]) -> tuple[str, int] | None:
        """The nearest hop that is no proxy of ours; None where it is no address: then the caller is unknown."""
        for hop in reversed(hops):
            address = ip(_without_port(hop))
            if address is None:
                return None
            if not self._is_trusted(address):
                return str(address), 0
        return str(ip(_without_port(hops[0]))), 0

    def _is_trusted(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _last_values(headers: Sequence[tuple[bytes, bytes]], wanted: bytes) -> list[str]:
    """The values of a header that may come several times, each a list: all are one list."""
    text = ",".join(value.decode("latin-1") for name, value in headers if name == wanted)
    return [part.strip() for part in text.split(",") if part.strip()][-MOST_HOPS:]


def _without_port(hop: str) -> str:
    """An address as some proxies write it: `192.0.2.1:4711`, `[2001:db8::1]:4711`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
