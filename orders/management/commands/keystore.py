"""`manage.py keystore create|address`: the encrypted secret that signs, and the wallets that follow from it."""

import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from orders.engine import KEYSTORE, get_engine
from orders.models import Account
from orders.signing.wallets import wallet_address


class Command(BaseCommand):
    """Makes a keystore, and tells which wallet is whose."""

    help = "Make the keystore that SIGNER_KEYSTORE names, or tell an account's wallet"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("create", help="a new secret and its passphrase, both readable by this user alone")
        address = verbs.add_parser("address", help="the wallet that signs for an account")
        address.add_argument("account")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        if settings.SIGNER != KEYSTORE:
            raise CommandError("set SIGNER=keystore, SIGNER_KEYSTORE and SIGNER_PASSPHRASE_FILE first")
        {"create": self._create, "address": self._address}[options["verb"]](options)

    def _create(self, options: dict[str, Any]) -> None:
        # Only where it is used: what writes keystores takes a second to load.
        from dex.signers.keystore import create_keystore

        keystore, passphrase_file = Path(settings.SIGNER_KEYSTORE), Path(settings.SIGNER_PASSPHRASE_FILE)
        try:
            create_keystore(keystore, passphrase_file, passphrase=secrets.token_urlsafe(32))
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}; nothing that exists is written over") from None
        self.stdout.write(f"wrote {keystore} and {passphrase_file}: keep a copy of both, apart from each other")

    def _address(self, options: dict[str, Any]) -> None:
        account = Account.objects.filter(name=options["account"]).first()
        if account is None:
            raise CommandError(f"there is no account {options['account']}")
        self.stdout.write(wallet_address(account, get_engine()))
