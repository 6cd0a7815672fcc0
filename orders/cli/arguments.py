"""Options that every command towards a running server has."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from orders.cli.client import EngineClient
from orders.cli.options import seconds, text
from orders.config import engine_url

KEY_VARIABLE = "ORDER_ENGINE_API_KEY"


def add_server_arguments(parser: ArgumentParser) -> None:
    """Where the server is, and the key by file or environment, never as an argument."""
    parser.add_argument("--url", type=text, default=engine_url(), help="a running engine")
    parser.add_argument(
        "--api-key-file", type=text, help=f"file with the API key; else the environment's {KEY_VARIABLE}"
    )
    parser.add_argument("--timeout", type=seconds, default=30.0, help="seconds until an order must have ended")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def client_from(options: dict[str, Any]) -> EngineClient:
    """The client that the options describe. Raises: CommandError for an unreadable key file."""
    key = os.environ.get(KEY_VARIABLE, "")
    if options["api_key_file"] is not None:
        try:
            key = Path(options["api_key_file"]).read_text().strip()
        except OSError as error:
            raise CommandError(f"the key file cannot be read: {error}") from error
    return EngineClient(options["url"], key)
