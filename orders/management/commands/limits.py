"""`manage.py limits set|show|check`: what an account may have open at a time, and the network fees of its days."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orders.cli.operator import operator
from orders.cli.options import reason, value, whole
from orders.models import Account
from orders.risk.account_limits import miscounted, set_limits
from orders.values import of_most

LIMITS = ("max_open_value", "max_open_orders", "max_day_fees")
NONE = "none"
# Of a 32-bit column.
MOST_ORDERS = 999_999_999


def _or_none(read: Callable[[str], int]) -> Callable[[str], int | str]:
    """A number, or the word that lifts the limit. An empty text is neither."""
    return lambda text: NONE if text == NONE else read(text)


class Command(BaseCommand):
    """Sets, shows and checks the limits of accounts."""

    help = "Limit what an account may have open; what is not named stays as it is"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        setting = verbs.add_parser("set", help="set the limits that are named; the others stay as they are")
        setting.add_argument("account")
        setting.add_argument(
            "--max-open-value", type=_or_none(value), metavar="VALUE", help="in reference units, e.g. 250000; none: any"
        )
        setting.add_argument(
            "--max-open-orders", type=_or_none(whole(0, MOST_ORDERS)), metavar="COUNT", help="none: any"
        )
        setting.add_argument(
            "--max-day-fees",
            type=_or_none(value),
            metavar="VALUE",
            help="network fees of a UTC day's orders, in reference units; 0: no order; none: any",
        )
        setting.add_argument("--none", action="store_true", help="lift every limit of the account")
        setting.add_argument("--reason", type=reason, required=True, help="kept in the audit log")
        verbs.add_parser("show", help="accounts with limits, and what they have open")
        verbs.add_parser("check", help="compare what is counted with the open orders; exit 1 where they differ")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        {"set": self._set, "show": self._show, "check": self._check}[options["verb"]](options)

    def _set(self, options: dict[str, Any]) -> None:
        account = Account.objects.filter(name=options["account"]).first()
        if account is None:
            raise CommandError(f"there is no account {options['account']}")
        asked = {name: options[name] for name in LIMITS if options[name] is not None}
        if bool(asked) is options["none"]:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in LIMITS)
            raise CommandError(f"name the limits to set ({names}), or --none to lift them all")
        limits = {name: None if number == NONE else number for name, number in asked.items()}
        set_limits(account, **(limits or dict.fromkeys(LIMITS)), actor=operator(options["reason"]))
        self._show(options)

    def _show(self, options: dict[str, Any]) -> None:
        for account in Account.objects.filter(is_counted=True):
            count = "any" if account.max_open_orders is None else account.max_open_orders
            self.stdout.write(
                f"{account.name:20}  value {of_most(account.open_value, account.max_open_value)}  "
                f"orders {account.open_orders} of {count}  fees {_fees(account)}"
            )

    def _check(self, options: dict[str, Any]) -> None:
        if wrong := miscounted():
            raise CommandError("; ".join(map(str, wrong)))
        self.stdout.write("every account counts what its open orders say")


def _fees(account: Account) -> str:
    """Of the last day that orders count fees for, and the most."""
    return of_most(account.day_fees, account.max_day_fees) + (f" on {account.fee_day}" if account.fee_day else "")
