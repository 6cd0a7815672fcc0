"""Addresses of nodes: read in one place, and refused in words that show nothing of the secrets they may hold.

Keys stand in the path, the query or before the host. Only host and port are ever shown.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

SCHEMES = ("http", "https")
_HOST_NAME = re.compile(r"[\w-]+(\.[\w-]+)*\.?")
_BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]")
ESCAPES = "in a user name, password or key write # as %23, / as %2F, ? as %3F, @ as %40, : as %3A and % as %25"


class NodeAddressError(ValueError):
    """The text is no address of a node; the message holds nothing of it but a scheme."""


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where a node is asked. `host` is for people, with the port where one is named; `hostname` is without it.

    `url` holds the path and the query, `credentials` the user name and password, decoded; neither is ever shown.
    """

    host: str
    hostname: str
    url: str = field(repr=False)
    credentials: tuple[str, str] | None = field(repr=False)


def read_node_address(text: object) -> NodeAddress:
    """Raises: NodeAddressError."""
    if not isinstance(text, str) or not text.strip():
        raise NodeAddressError("is empty or no text: it must be an address like https://node.example")
    stripped = text.strip()
    if _BLANK_OR_CONTROL.search(stripped):
        raise NodeAddressError("holds a blank or a control character")
    # From None throughout: the library's own messages quote the address.
    try:
        parts = urlsplit(stripped)
    except ValueError:
        raise NodeAddressError(f"has no host that can be read: {ESCAPES}, and an IPv6 host in brackets") from None
    _check_scheme(parts)
    if "#" in stripped:
        raise NodeAddressError(f"holds a '#': {ESCAPES}")
    hostname, port = _host_of(parts)
    shown = f"[{hostname}]" if ":" in hostname else hostname
    host = shown if port is None else f"{shown}:{port}"
    url = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    return NodeAddress(host, hostname, url, _credentials(parts))


def _check_scheme(parts: SplitResult) -> None:
    if parts.scheme in {"ws", "wss"}:
        raise NodeAddressError("is a WebSocket address (ws://, wss://): nodes are asked over http:// or https:// here")
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise NodeAddressError("must begin with http:// or https:// and a host")


def _host_of(parts: SplitResult) -> tuple[str, int | None]:
    """Host name and port. The name is in lower case, and an IPv6 address without its brackets."""
    place = parts.netloc.rpartition("@")[2]
    if place.count(":") > 1 and not place.startswith("["):
        raise NodeAddressError(f"has several ':' in its host: an IPv6 host stands in brackets, and {ESCAPES}")
    try:
        hostname, port = parts.hostname or "", parts.port
    except ValueError:
        raise NodeAddressError(f"has a port that is no number up to 65535: {ESCAPES}") from None
    if port == 0 or place.endswith(":"):
        raise NodeAddressError("names no port behind the ':' of its host, or 0")
    if place.startswith("["):
        try:
            return str(ipaddress.IPv6Address(hostname)), port
        except ValueError:
            raise NodeAddressError("has something in brackets that is no IPv6 address") from None
    if not _HOST_NAME.fullmatch(hostname):
        raise NodeAddressError(f"has no host name that can be used: {ESCAPES}")
    return hostname, port


def _credentials(parts: SplitResult) -> tuple[str, str] | None:
    given, at, _ = parts.netloc.rpartition("@")
    if not at:
        return None
    user, _, password = given.partition(":")
    return unquote(user), unquote(password)
