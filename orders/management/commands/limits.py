"""`manage.py limits set|show|check`: what an account may have open at a time."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orders.cli.operator import operator
from orders.management.commands.keys import value
from orders.models import Account
from orders.services.limits import miscounted, set_limits
from orders.values import shown


class Command(BaseCommand):
    """Sets, shows and checks the limits of accounts."""

    help = "Limit what an account may have open; without a number the limit is lifted"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        setting = verbs.add_parser("set", help="set both limits; what is not named is lifted")
        setting.add_argument("account")
        setting.add_argument("--max-open-value", type=value, metavar="VALUE", help="in reference units, e.g. 250000")
        setting.add_argument("--max-open-orders", type=int, metavar="COUNT")
        setting.add_argument("--reason", required=True, help="kept in the audit log")
        verbs.add_parser("show", help="accounts with limits, and what they have open")
        verbs.add_parser("check", help="compare what is counted with the open orders; exit 1 where they differ")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        {"set": self._set, "show": self._show, "check": self._check}[options["verb"]](options)

    def _set(self, options: dict[str, Any]) -> None:
        account = Account.objects.filter(name=options["account"]).first()
        if account is None:
            raise CommandError(f"there is no account {options['account']}")
        count = options["max_open_orders"]
        if count is not None and count < 0:
            raise CommandError("--max-open-orders must be 0 or more")
        actor = operator(options["reason"])
        set_limits(account, max_open_value=options["max_open_value"], max_open_orders=count, actor=actor)
        self._show(options)

    def _show(self, options: dict[str, Any]) -> None:
        for account in Account.objects.filter(is_counted=True):
            most = "any" if account.max_open_value is None else shown(account.max_open_value)
            count = "any" if account.max_open_orders is None else account.max_open_orders
            self.stdout.write(
                f"{account.name:20}  value {shown(account.open_value)} of {most}  "
                f"orders {account.open_orders} of {count}"
            )

    def _check(self, options: dict[str, Any]) -> None:
        if wrong := miscounted():
            raise CommandError("; ".join(map(str, wrong)))
        self.stdout.write("every account counts what its open orders say")
