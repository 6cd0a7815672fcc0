"""`manage.py receipt get|verify|rotate-key`: signed receipts, and whether they hold."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.cli.arguments import add_server_arguments, client_from
from orders.cli.client import ServerError
from orders.cli.operator import operator_because
from orders.cli.options import reason, text
from orders.cli.short_ids import ID_HELP, full_id
from orders.cli.verifying import UNCHECKED, Unreadable, as_json, exit_code, findings, lines
from orders.config import receipt_key_file

KEYS_PATH = "/.well-known/jwks.json"
DETAILS = """\
get         writes ID.receipt.json, ID.market.json and keys.json
verify      checks a receipt on any machine, without a database: the signature, by the keys of the engine;
            that the market is the one that it names; that the pools pay what it says; and that the router
            finds the same route again. Without --snapshot only the signature is checked.
rotate-key  has another key sign from now on; receipts that were given stay as they are

exit codes of verify: 0 everything holds, 1 something does not, 2 something could not be checked
"""


class Command(BaseCommand):
    """Gets receipts from a running engine, checks them anywhere, and exchanges the key that signs them."""

    help = "Get and verify signed receipts of orders"
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Add what the verbs do to --help."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.epilog, parser.formatter_class = DETAILS, argparse.RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        get = verbs.add_parser("get", help="write the receipt of an order, its market and the keys to files")
        get.add_argument("order_id", help=ID_HELP)
        get.add_argument("--to", type=Path, default=Path(), metavar="DIR", help="where to (default: here)")
        add_server_arguments(get)
        verify = verbs.add_parser("verify", help="check a receipt")
        verify.add_argument("file", type=Path, metavar="FILE")
        verify.add_argument("--snapshot", type=Path, metavar="FILE", help="the market that it names")
        verify.add_argument("--keys", type=text, metavar="FILE_OR_URL", help=f"of the engine, as at {KEYS_PATH}")
        verify.add_argument("--json", action="store_true", help="for programs")
        rotate = verbs.add_parser("rotate-key", help="have a new key sign receipts from now on")
        rotate.add_argument("--reason", type=reason, required=True, help="kept in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        {"get": self._get, "verify": self._verify, "rotate-key": self._rotate}[options["verb"]](options)

    def _get(self, options: dict[str, Any]) -> None:
        client = client_from(options)
        try:
            order_id = full_id(client, options["order_id"])
            address = f"/api/v1/orders/{order_id}"
            options["to"].mkdir(parents=True, exist_ok=True)
            self._write(options["to"] / f"{order_id}.receipt.json", client.file(f"{address}/receipt"))
            self._write(options["to"] / "keys.json", client.file(KEYS_PATH))
            self._write(options["to"] / f"{order_id}.market.json", client.file(f"{address}/snapshot"))
        except ServerError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}") from error

    def _write(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self.stdout.write(str(path))

    def _verify(self, options: dict[str, Any]) -> None:
        try:
            found = findings(options["file"], options["snapshot"], options["keys"])
        except Unreadable as error:
            raise CommandError(str(error), returncode=UNCHECKED) from error
        code = exit_code(found, options["snapshot"] is not None)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(found)))
        else:
            self.stdout.writelines(f"{line}\n" for line in lines(found))
            if options["snapshot"] is None and code == UNCHECKED:
                self.stdout.write("market     not checked: name its file (--snapshot)")
        if code:
            raise SystemExit(code)

    def _rotate(self, options: dict[str, Any]) -> None:
        from orders.receipts.issue import rotate_key
        from orders.receipts.keys import ReceiptKeyError

        if not (path := receipt_key_file()):
            raise CommandError("set RECEIPT_KEY_FILE first")
        try:
            before, key = rotate_key(Path(path), operator_because(options))
        except ReceiptKeyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{key.key_id} signs from now on" + (f"; {before.key_id} is retired" if before else ""))
        self.stdout.write(f"each machine that serves receipts needs {path}")
