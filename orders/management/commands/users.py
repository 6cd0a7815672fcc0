"""`manage.py users add|role|remove-role|password|deactivate|activate|reset-two-factor|list`: people who sign in."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from orders.access import people
from orders.access.second_factor import is_enrolled
from orders.cli.operator import operator
from orders.cli.options import text
from orders.cli.secret_input import passphrase_from
from orders.models import Account
from orders.scopes import ROLES


class Command(BaseCommand):
    """Makes users and decides what they may do."""

    help = "Add users, give them roles, reset their two-factor sign-in"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="a new user; the password is asked for, or read from a file")
        add.add_argument("name", type=text)
        add.add_argument("--account", type=text, help="whose orders the user sees; with --role")
        add.add_argument("--role", choices=ROLES, help="what the user may do there")
        add.add_argument("--staff", action="store_true", help="may sign in to the admin")
        role = verbs.add_parser("role", help="give a user this role, in place of the one before")
        role.add_argument("name", type=text)
        role.add_argument("role", choices=ROLES)
        role.add_argument("--account", type=text, help="left out: the account of the role before")
        password = verbs.add_parser("password", help="another password; ends all sessions of the user")
        password.add_argument("name", type=text)
        for each in (add, password):
            each.add_argument("--password-file", type=text, help="a file that only its owner can read")
        for verb, about in (
            ("remove-role", "take a user's role away"),
            ("deactivate", "a user who may not sign in any more; ends all sessions"),
            ("activate", "let the user sign in again"),
            ("reset-two-factor", "forget the user's app and backup codes; the next sign-in enrolls"),
        ):
            verbs.add_parser(verb, help=about).add_argument("name", type=text)
        verbs.add_parser("list", help="all users, and what they may do")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        verb = options["verb"].replace("-", "_")
        try:
            getattr(self, f"_{verb}")(options)
        except people.PeopleProblem as error:
            raise CommandError(str(error)) from None

    def _add(self, options: dict[str, Any]) -> None:
        if bool(options["account"]) != bool(options["role"]):
            raise CommandError("--account and --role belong together")
        if not (options["role"] or options["staff"]):
            raise CommandError("a user needs --account and --role, or --staff")
        password = passphrase_from(options["password_file"], "Password", "--password-file", is_new=True)
        with transaction.atomic():
            user = people.add_user(options["name"], password, operator(), is_staff=options["staff"])
            if options["role"]:
                self._give(user, options)
        self.stdout.write(f"{options['name']} may sign in")

    def _role(self, options: dict[str, Any]) -> None:
        user = people.user_of(options["name"])
        if options["account"] is None:
            before = getattr(user, "membership", None)
            if before is None:
                raise CommandError("the user has no role yet: name the --account")
            options["account"] = before.account.name
        self._give(user, options)
        self.stdout.write(f"{options['name']}: {options['role']} of {options['account']}")

    def _give(self, user: Any, options: dict[str, Any]) -> None:
        account, _ = Account.objects.get_or_create(name=options["account"])
        people.set_role(user, account, options["role"], operator())

    def _remove_role(self, options: dict[str, Any]) -> None:
        if not people.remove_role(people.user_of(options["name"]), operator()):
            raise CommandError("the user has no role")
        self.stdout.write(f"{options['name']} has no role")

    def _password(self, options: dict[str, Any]) -> None:
        user = people.user_of(options["name"])
        password = passphrase_from(options["password_file"], "New password", "--password-file", is_new=True)
        people.set_password(user, password, operator())
        self.stdout.write(f"{options['name']} has another password; sessions of before are over")

    def _deactivate(self, options: dict[str, Any]) -> None:
        self._set_active(options["name"], False)

    def _activate(self, options: dict[str, Any]) -> None:
        self._set_active(options["name"], True)

    def _set_active(self, name: str, is_active: bool) -> None:
        if not people.set_active(people.user_of(name), is_active, operator()):
            raise CommandError(f"{name} is {'active' if is_active else 'not active'} already")
        self.stdout.write(f"{name} {'may sign in' if is_active else 'may not sign in any more'}")

    def _reset_two_factor(self, options: dict[str, Any]) -> None:
        if not people.reset_two_factor(people.user_of(options["name"]), operator()):
            raise CommandError("the user has enrolled no app")
        self.stdout.write(f"{options['name']} enrolls an app at the next sign-in")

    def _list(self, options: dict[str, Any]) -> None:
        users: Any = get_user_model()._default_manager.select_related("membership__account").order_by("username")
        for user in users:
            role = getattr(user, "membership", None)
            parts = [
                "active" if user.is_active else "inactive",
                f"{role.role} of {role.account.name}" if role else "no role",
                "superuser" if user.is_superuser else "staff" if user.is_staff else "",
                "two-factor" if is_enrolled(user) else "no two-factor",
            ]
            self.stdout.write(f"{user.get_username():20}  " + "  ".join(part for part in parts if part))
