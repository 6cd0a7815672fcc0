"""`manage.py keys create|list|revoke`: API keys of accounts."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orders.models import Account, ApiKey


class Command(BaseCommand):
    """Makes, lists and revokes API keys."""

    help = "Make, list and revoke API keys"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key; it is shown once")
        create.add_argument("account")
        create.add_argument("--name", default="", help="what it is for")
        create.add_argument("--expires-days", type=int)
        verbs.add_parser("list", help="all keys, without their secrets")
        revoke = verbs.add_parser("revoke", help="make a key useless at once")
        revoke.add_argument("prefix")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        {"create": self._create, "list": self._list, "revoke": self._revoke}[options["verb"]](options)

    def _create(self, options: dict[str, Any]) -> None:
        days = options["expires_days"]
        if days is not None and days < 1:
            raise CommandError("--expires-days must be at least 1")
        account, _ = Account.objects.get_or_create(name=options["account"])
        _, key = ApiKey.objects.create_key(
            name=options["name"] or account.name,
            account=account,
            expiry_date=timezone.now() + timedelta(days=days) if days else None,
        )
        self.stdout.write(key)
        self.stderr.write("Keep it: it is not shown again. Use it as: Authorization: Bearer KEY")

    def _list(self, options: dict[str, Any]) -> None:
        for key in ApiKey.objects.select_related("account").order_by("created"):
            state = "revoked" if key.revoked else "expired" if key.has_expired else "valid"
            self.stdout.write(f"{key.prefix}  {key.account.name:20}  {state:8}  {key.name}  {key.created:%Y-%m-%d}")

    def _revoke(self, options: dict[str, Any]) -> None:
        if not ApiKey.objects.filter(prefix=options["prefix"]).update(revoked=True):
            raise CommandError(f"there is no key {options['prefix']}; see: manage.py keys list")
        self.stdout.write(f"{options['prefix']} is revoked")
