"""`manage.py prepare`: what an engine needs in an empty database. Run again, it changes nothing."""

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from dex import Chain, RetryableError
from orders.access.authentication import LOCAL_ACCOUNT
from orders.config import receipt_key_file
from orders.engine import KEYSTORE, get_engine
from orders.models import Account, Token
from orders.receipts.issue import ensure_key
from orders.receipts.keys import ReceiptKeyError
from orders.selectors import token_decimals

ADMIN = "admin"


class Command(BaseCommand):
    """Loads the chain's tokens, the local account and the first admin user."""

    help = "Load tokens, the local account and the first admin user; safe to repeat"

    def handle(self, *args: Any, **options: Any) -> None:
        """Insert what is missing; nothing that an operator changed is written over."""
        chain = get_engine().chain
        Token.objects.bulk_create(
            (
                Token(symbol=token.symbol, name=token.name, decimals=token.decimals, value=token.value)
                for token in chain.tokens()
            ),
            ignore_conflicts=True,
        )
        _refuse_other_decimals(chain)
        for token in chain.tokens():  # of an engine that knew no values yet
            Token.objects.filter(symbol=token.symbol, value__isnull=True).update(value=token.value)
        self._ensure_keystore()
        Account.objects.get_or_create(name=LOCAL_ACCOUNT)
        try:
            chain.snapshot()
        except RetryableError as error:
            self.stdout.write(f"the chain cannot be asked now, so orders will wait for it: {error.detail}")
        self._ensure_receipt_key()
        if password_file := os.environ.get("ADMIN_PASSWORD_FILE"):
            self._ensure_admin(Path(password_file))
        self.stdout.write(f"{Token.objects.count()} tokens, account {LOCAL_ACCOUNT!r}, chain {chain.chain_id!r}")

    def _ensure_keystore(self) -> None:
        """A new secret where a keystore is asked for and there is none; an existing one is never touched."""
        if settings.SIGNER == KEYSTORE and not Path(settings.SIGNER_KEYSTORE).exists():
            call_command("keystore", "create", stdout=self.stdout)

    def _ensure_receipt_key(self) -> None:
        """The key that signs receipts, where a file for it is named and there is none. Orders need none."""
        if not (path := receipt_key_file()):
            return
        try:
            if (made := ensure_key(Path(path))) is not None:
                self.stdout.write(f"wrote {path}, which signs receipts (key {made.key_id})")
        except ReceiptKeyError as error:
            self.stdout.write(f"no receipts can be signed: {error}")

    def _ensure_admin(self, password_file: Path) -> None:
        users = get_user_model().objects
        if users.filter(username=ADMIN).exists():
            if not password_file.exists():
                self.stdout.write("to set a new admin password: manage.py changepassword admin")
            return
        password = secrets.token_urlsafe(18)
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password + "\n")
        try:
            users.create_superuser(ADMIN, "", password)
        except IntegrityError:  # another process made the user at this very moment
            password_file.unlink(missing_ok=True)


def _refuse_other_decimals(chain: Chain) -> None:
    """One registry serves every engine on this database, so a symbol must have the same decimals on each chain.

    Raises: CommandError. Amounts would be off by powers of ten.
    """
    known = token_decimals()
    wrong = [token for token in chain.tokens() if known[token.symbol] != token.decimals]
    if wrong:
        told = ", ".join(f"{token.symbol} with {known[token.symbol]}, not {token.decimals}" for token in wrong)
        raise CommandError(
            f"this database has registered tokens with other decimals than {chain.chain_id} has: {told}."
            " Give this chain's engine a database of its own"
        )
