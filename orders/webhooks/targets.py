"""Where webhooks may go: what a URL may say, and to which addresses its host may lead.

A URL is read by one strict pattern and kept in its parts, so that no second reader can see another host in it. What a
name leads to is judged when it is resolved for a connection, and the connection goes to the address that was judged
(`orders/webhooks/receiver.py`).
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from orders.config import webhook_networks, webhook_ports
from orders.scalars import ScalarError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL = 2048
MAX_HOST = 253
# What the pattern lets through and no webhook may go to.
NOT_ALLOWED = "url_not_allowed"
DEFAULT_PORTS = {"https": 443, "http": 80}
# A host name or an address, a port, a path with a query: no user, no fragment, nothing that is not ASCII.
_HOST = r"[A-Za-z0-9_.\-]+|\[[0-9A-Fa-f:.]+\]"
_PATH = r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/\-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?\-]*)?"
_URL = re.compile(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?({_PATH})")
# In the words of JSON Schema.
URL_PATTERN = f"^{_URL.pattern}$"
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?")
# What a resolver may take for a number: 2130706433, 0x7f.1.
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_NOT_PUBLIC = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by the customers of a provider
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Of IPv6 only this is given out to hosts; loopback, local, mapped and NAT64 addresses lie outside.
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4, which holds an IPv4 address
        "3fff::/20",
    )
)


class Url(NamedTuple):
    """An endpoint's URL in parts: `host` without brackets, `target` what the request line says."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """Scheme, host and port; for logs, since a path may hold a secret."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{shown}" + ("" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}")


@dataclass(frozen=True, slots=True)
class TargetPolicy:
    """What the operator allows besides public addresses, by TLS, on these ports.

    In `networks` any address, any port and plain HTTP are allowed.
    """

    networks: Sequence[Network] = ()
    ports: Collection[int] = (443, 8443)

    def refusal(self, url: Url, address: Address) -> str | None:
        """Why a connection to an address of the URL's host is refused; None where it is allowed.

        The address is not named: who made the endpoint need not learn what a name means inside.
        """
        judged = _unmapped(address)
        if any(judged in network for network in self.networks if network.version == judged.version):
            return None
        if not is_public(judged):
            return "the host leads to an address that is not public"
        return self._refusal_of_public(url)

    def stated_refusal(self, url: Url) -> str | None:
        """Why a URL is refused before anything is resolved: what no address of its host could make right."""
        address = _literal(url.host)
        if address is not None:
            return self.refusal(url, address)
        if self.networks:
            return None
        if "." not in url.host or url.host.endswith(".localhost"):
            return "the host is a name of a private network"
        return self._refusal_of_public(url)

    def _refusal_of_public(self, url: Url) -> str | None:
        if url.scheme != "https":
            return "must begin with https://"
        if url.port not in self.ports:
            return f"port {url.port} is not one of {', '.join(map(str, sorted(self.ports)))}"
        return None


def is_public(address: Address) -> bool:
    """Whether hosts of the public Internet have such addresses."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def read_url(text: str) -> Url:
    """A URL in its parts. Raises: ScalarError, with `url_not_allowed` for what is of its form and names no host."""
    match = _URL.fullmatch(text) if len(text) <= MAX_URL else None
    if match is None:
        raise ScalarError(
            f"must be https://HOST[:PORT][/PATH][?QUERY] of at most {MAX_URL} ASCII characters, without user, fragment"
            " or blanks; write other letters in their ASCII form (xn--, %)"
        )
    scheme, host, port_text, target = match.groups()
    port = DEFAULT_PORTS[scheme] if port_text is None else int(port_text)
    if not 1 <= port <= 65535:
        raise ScalarError("the port must be 1 to 65535", NOT_ALLOWED)
    return Url(scheme, _read_host(host), port, target if target.startswith("/") else f"/{target}")


def read_target(text: str, policy: TargetPolicy) -> str:
    """A URL that webhooks may go to, as far as it tells by itself. Raises: ScalarError, also `url_not_allowed`."""
    refusal = policy.stated_refusal(read_url(text))
    if refusal is not None:
        raise ScalarError(refusal, NOT_ALLOWED)
    return text


def target_policy() -> TargetPolicy:
    """As the operator set it."""
    return TargetPolicy(webhook_networks(), webhook_ports())


def _read_host(host: str) -> str:
    """A name as the DNS has it, or an address in its one usual form. Raises: ScalarError."""
    if host.startswith("["):
        try:
            return str(IPv6Address(host[1:-1]))
        except ValueError:
            raise ScalarError(f"{host} is no IPv6 address", NOT_ALLOWED) from None
    if _literal(host) is not None:
        return host
    labels = host.lower().split(".")
    is_name = len(host) <= MAX_HOST and all(_LABEL.fullmatch(label) for label in labels)
    if not is_name or _NUMERIC.fullmatch(labels[-1]):
        detail = "the host must be a name, or an address in its usual form, without a dot at the end"
        raise ScalarError(detail, NOT_ALLOWED)
    return host.lower()


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _unmapped(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one is the IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
