"""Network addresses and URLs: read and built here, by the libraries that use them, for settings, supervisor and tools.

No message shows a password, nor the parts of a URL that may be one.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, unquote, urlsplit

Network = IPv4Network | IPv6Network
LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*\.?")
PORTS = range(1, 65536)
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
QUOTING = "special characters of user and password are written as % and their code: @ is %40, / is %2F"
# What a server bound to every address is reached at from the same machine.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class WrongValue(ValueError):
    """Why a value cannot be used: the end of a sentence that begins with the name of its variable."""


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """What a `postgresql://` URL says: libpq's parameters, the same as a URL without our own, and the schema."""

    url: str = field(repr=False)
    parameters: dict[str, str] = field(repr=False)
    schema: str = ""


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """Where the engine is reached from outside."""

    scheme: str
    host: str
    origin: str


def read_host(text: str) -> str:
    """A host name or an address, without the brackets of a URL. Raises: WrongValue."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ip(bare) is None and (not HOST_NAME.fullmatch(bare) or ":" in bare):
        raise WrongValue(f"={shortened(text)} is no host name and no address.")
    return bare


# Of callers and hosts, which each request is looked at by.
RECENT = 256


@lru_cache(RECENT)
def ip(text: str) -> IPv4Address | IPv6Address | None:
    """The address that the text is, an IPv4 one also where IPv6 wraps it; None for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Whether only processes on this machine can reach a server bound to `host`."""
    address = ip(host.strip("[]"))
    return host.lower() == "localhost" if address is None else address.is_loopback


def url_host(host: str) -> str:
    """The host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host.replace('%', '%25')}]" if ":" in host else host


def authority(host: str, port: int) -> str:
    """`host:port` as it stands in a URL."""
    return f"{url_host(host)}:{port}"


def reachable(host: str) -> str:
    """Where a server bound to `host` is reached from its own machine."""
    return EVERYWHERE.get(host, host)


def http_url(host: str, port: int) -> str:
    """Base URL of a web server bound to `host`, for a caller on its own machine."""
    return f"http://{authority(reachable(host), port)}"


def redis_url(host: str, port: int, password: str, db: int) -> str:
    """`redis://` URL of one logical database."""
    auth = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{auth}{authority(host, port)}/{db}"


def read_database_url(url: str) -> DatabaseAddress:
    """What the URL says, by libpq's own reading. Raises: WrongValue.

    `schema=X` is an option of the system that this one replaces; libpq would refuse it.
    """
    import psycopg  # for those alone who read such a URL: it takes a tenth of a second to load
    from psycopg.conninfo import conninfo_to_dict

    if not re.match(r"postgres(ql)?://", url):
        raise WrongValue(" is no postgresql:// URL.")
    without, schema = _split_schema(url)
    try:
        given = conninfo_to_dict(without)
    except psycopg.Error as error:
        unknown = re.search(r'invalid URI query parameter: "(\w+)"', str(error))
        raise WrongValue(
            f" has the option {unknown[1][:40]}, which PostgreSQL does not know."
            if unknown
            else f" is no valid postgresql:// URL: {QUOTING}."
        ) from None
    parameters = {name: str(value) for name, value in given.items() if value is not None}
    _check(parameters)
    return DatabaseAddress(without, parameters, schema)


def read_public_url(text: str) -> PublicUrl:
    """Scheme, host and origin. Raises: WrongValue."""
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise WrongValue(" is no URL like https://trade.example.com.") from None
    has_more = parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in {"http", "https"} or has_more or not host or port == 0:
        raise WrongValue(" is no URL like https://trade.example.com: scheme and host, and nothing behind them.")
    bare = read_host(host)
    shown = f"[{bare}]" if ":" in bare else bare
    is_default = port in {None, {"http": 80, "https": 443}[parts.scheme]}
    return PublicUrl(parts.scheme, shown, f"{parts.scheme}://{shown}" + ("" if is_default else f":{port}"))


def read_network(text: str) -> Network:
    """An address, or several by their common bits: `10.0.0.0/8`. Raises: WrongValue."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise WrongValue(f": {shortened(text)} is no address and no network like 10.0.0.0/8.") from None
    if network.prefixlen == 0:
        raise WrongValue(f": {text} is every address, so anybody could say who calls.")
    return network


def read_networks(text: str) -> list[Network]:
    """`0`: none, `1`: all addresses, or networks between commas. Raises: WrongValue."""
    if text in {"0", "1"}:
        return [ip_network("0.0.0.0/0"), ip_network("::/0")] if text == "1" else []
    return [read_network(part.strip()) for part in text.split(",")]


def read_port(text: str) -> int:
    """A port. Raises: WrongValue."""
    if not (text.isascii() and text.isdigit() and int(text[:9]) in PORTS):
        raise WrongValue(f": {shortened(text)} is no port from 1 to 65535.")
    return int(text)


def read_allowed_host(text: str) -> str:
    """A host as Django compares it: a name, `.example.com` for all below it, an address, or `*`. Raises: WrongValue."""
    if text == "*":
        return text
    if "/" in text or (ip(text) is None and re.search(r"[^\]]:\d+$|\]:\d+$", text)):
        raise WrongValue(f": {shortened(text)} is written without scheme, port and path.")
    try:
        host = read_host(text.removeprefix("."))
    except WrongValue:
        raise WrongValue(f": {shortened(text)} is no host name and no address.") from None
    bracketed = f"[{host}]" if ":" in host else host.lower().rstrip(".")
    return f".{bracketed}" if text.startswith(".") else bracketed


def shortened(text: str) -> str:
    """A wrong value as a sentence shows it."""
    return text[:40] if text.isprintable() else ascii(text[:40])


def _split_schema(url: str) -> tuple[str, str]:
    """The URL without `schema=X`, and X. Raises: WrongValue where it is named twice."""
    begin = url.index("://") + 3
    slash = url.find("/", begin) if "/" in url[begin:] else len(url)
    # A question mark before the @ belongs to the password.
    question = url.find("?", url.rfind("@", begin, slash) if "@" in url[begin:slash] else begin)
    if question < 0:
        return url, ""
    options = url[question + 1 :].split("&")
    schemas = [option.partition("=")[2] for option in options if option.partition("=")[0] == "schema"]
    others = [option for option in options if option.partition("=")[0] != "schema" and option]
    if len(schemas) > 1:
        raise WrongValue(" names its schema twice.")
    schema = unquote(schemas[0]) if schemas else ""
    if "\0" in schema or len(schema.encode(errors="replace")) > 63:
        raise WrongValue(" names a schema that PostgreSQL cannot have: 63 bytes at most, none of them zero.")
    return url[:question] + ("?" + "&".join(others) if others else ""), schema


def _check(parameters: dict[str, str]) -> None:
    """What libpq looks at only when it connects. Raises: WrongValue."""
    if not parameters.get("dbname") and "service" not in parameters:
        raise WrongValue(" names no database: it stands behind the host, as in postgresql://host/order_db.")
    ports = parameters.get("port", "").split(",")
    # The text of the port is not shown: with a / in the password it is a part of that.
    if any(port and not (port.isascii() and port.isdigit() and int(port[:9]) in PORTS) for port in ports):
        raise WrongValue(f" has a port that is no number from 1 to 65535; {QUOTING}.")
    if len(ports) not in {1, len(parameters.get("host", "").split(","))}:
        raise WrongValue(" has another number of ports than of hosts.")
    if parameters.get("sslmode", "prefer") not in SSL_MODES:
        raise WrongValue(f" has an sslmode that is none of {', '.join(SSL_MODES)}.")
    if not re.fullmatch(r"-?[0-9]{1,6}", parameters.get("connect_timeout", "0")):
        raise WrongValue(" has a connect_timeout that is no number of seconds.")
