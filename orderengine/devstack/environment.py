"""The environment of the stack: `.env` below the real one, and the few values that only the supervisor knows."""

import os
import re
import socket
from pathlib import Path

from orderengine.devstack import Refusal

SIMULATED = "simulated"
LINE = re.compile(
    r"""(?:export\s+)?([A-Za-z_]\w*)\s*=\s*("(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s#"']\S*(?:\s+[^\s#]\S*)*)?)\s*(?:\s#.*)?"""
)


def load(root: Path) -> dict[str, str]:
    """The environment with the values of `.env` where it has none; empty values count as not set."""
    file = root / ".env"
    below = parse(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {name: value for name, value in {**below, **os.environ}.items() if value}


def parse(text: str) -> dict[str, str]:
    """`KEY=VALUE` lines with optional quotes, `export` and comments. Raises: Refusal naming the line it cannot read."""
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = LINE.fullmatch(stripped)
        if not found:
            raise Refusal(
                f"Line {number} of .env is not KEY=VALUE.", "correct it; a value with spaces or # goes in quotes."
            )
        values[found[1]] = next((v for v in (found["double"], found["single"], found["bare"]) if v is not None), "")
    return values


def state_directory(root: Path, environment: dict[str, str]) -> Path:
    """Where this checkout keeps what outlives a run; orders on another chain have a place of their own."""
    chain = environment.get("CHAIN", SIMULATED)
    name = ".state" if chain == SIMULATED else f".state-{chain}"
    return Path(environment.get("STATE_DIR") or root / name).absolute()


def number(environment: dict[str, str], name: str, default: str, most: int = 65535) -> int:
    """A number from 1 to `most`, as of a port. Raises: Refusal for anything else."""
    value = environment.get(name, default)
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= most:
        raise Refusal(f"{name}={value} is no number from 1 to {most}.", f"unset it, or use a number like {default}.")
    return int(value)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise Refusal(
            f"HOST={host} is no address of this machine.", "unset HOST, or use 127.0.0.1 or 0.0.0.0."
        ) from error
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a connection that was closed a moment ago is no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
