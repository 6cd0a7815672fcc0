"""Options that every command towards a running server has."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import httpx
from django.core.management.base import CommandError

from orders.cli.client import EngineClient
from orders.cli.options import option, seconds, text
from orders.config import engine_url
from orders.scalars import ScalarError, shown

KEY_VARIABLE = "ORDER_ENGINE_API_KEY"


@option
def address(given: str) -> str:
    """Where a server is."""
    try:
        url = httpx.URL(given)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise ScalarError(f"must be the address of an engine, such as http://127.0.0.1:3000, not {shown(given)}")
    return given


def add_server_arguments(parser: ArgumentParser) -> None:
    """Where the server is, and the key by file or environment, never as an argument."""
    parser.add_argument("--url", type=address, default=engine_url(), help="a running engine")
    parser.add_argument(
        "--api-key-file", type=text, help=f"file with the API key; else the environment's {KEY_VARIABLE}"
    )
    parser.add_argument("--timeout", type=seconds, default=30.0, help="seconds until an order must have ended")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def client_from(options: dict[str, Any]) -> EngineClient:
    """The client that the options describe. Raises: CommandError for a key file that cannot be read or holds no key."""
    if options["api_key_file"] is not None:
        return EngineClient(options["url"], _checked(_key_in(options["api_key_file"]), options["api_key_file"]))
    key = os.environ.get(KEY_VARIABLE, "")
    return EngineClient(options["url"], key and _checked(key.strip(), KEY_VARIABLE))


def _key_in(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"the key file cannot be read: {error}") from error


def _checked(key: str, source: str) -> str:
    """The key. Without one an engine that is open to this machine would take the command as its own account's."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise CommandError(f"{source} holds no API key: one is a line of ASCII without blanks")
    return key
