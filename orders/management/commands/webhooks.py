"""`manage.py webhooks list|add|rotate|test|deliveries|redeliver|disable|enable`: webhooks of accounts."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from orders.cli.operator import operator
from orders.cli.options import names, option, reason, text, whole
from orders.event_log.cursor import read_cursor
from orders.inputs.filters import read_known_pair, read_status, read_tag
from orders.models import Account, Webhook
from orders.problems import ProblemError
from orders.scalars import ScalarError, read_text
from orders.states import OrderStatus
from orders.webhooks import endpoints
from orders.webhooks.backlog import events_behind
from orders.webhooks.deliveries import newest_deliveries
from orders.webhooks.targets import read_target, target_policy

MOST_SHOWN, DEFAULT_SHOWN = 1_000, 20
MOST_ID = 10**18 - 1
MOST_DESCRIPTION = 200


@option
def webhook_id(given: str) -> UUID:
    """The id of a webhook."""
    try:
        return UUID(given)
    except ValueError:
        raise ScalarError("must be the id of a webhook; see: manage.py webhooks list") from None


@option
def url(given: str) -> str:
    """An address that messages may be sent to."""
    return read_target(given, target_policy())


@option
def description(given: str) -> str:
    """What a webhook is for."""
    return read_text(given, most=MOST_DESCRIPTION)


@option
def pair(given: str) -> str:
    """Two registered tokens."""
    read_known_pair(given)
    return given


@option
def tag(given: str) -> str:
    """A tag, with its value or without."""
    read_tag(given)
    return given


@option
def statuses(given: str) -> list[str]:
    """Some of the six, in their order."""
    stated = {read_status(word) for word in names(given)}
    return [status.value for status in OrderStatus if status in stated]


class Command(BaseCommand):
    """Does for accounts what they do under /webhooks, and what the operator alone may."""

    help = "List, add, test and repair webhooks; what is sent is said by docs/webhooks.md"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="all webhooks, or those of an account, and where each stands")
        listing.add_argument("account", nargs="?", type=text)
        add = verbs.add_parser("add", help="have events sent to an address from now on; the secret is shown once")
        add.add_argument("account", type=text)
        add.add_argument("url", type=url)
        add.add_argument("--description", type=description, help="for people")
        add.add_argument("--statuses", type=statuses, default=[], help="only events with these: CONFIRMED,FAILED")
        add.add_argument("--pair", type=pair, help="only events of orders of it: SOL/USDC")
        add.add_argument("--tag", type=tag, help="only events of orders with it: book:eu, or book")
        rotate = verbs.add_parser("rotate", help="make a new secret, shown once; both sign for a while")
        rotate.add_argument(
            "--overlap-hours", type=whole(0, endpoints.MOST_OVERLAP_H), default=endpoints.DEFAULT_OVERLAP_H
        )
        verbs.add_parser("test", help="have a test message sent, once")
        deliveries = verbs.add_parser("deliveries", help="the newest attempts, and what was answered")
        deliveries.add_argument("--limit", type=whole(1, MOST_SHOWN), default=DEFAULT_SHOWN)
        again = verbs.add_parser("redeliver", help="send the event of one attempt again, once, or all after a cursor")
        what = again.add_mutually_exclusive_group(required=True)
        what.add_argument("--delivery", type=whole(1, MOST_ID), help="its number: see deliveries")
        what.add_argument("--after", type=option(_after), help="go on from there, back or forward; 0: all there is")
        for verb, words in (("disable", "send nothing more; only an operator enables it again"),
                            ("enable", "go on where it stands, with all attempts")):  # fmt: skip
            verbs.add_parser(verb, help=words).add_argument("--reason", type=reason, required=True)
        for verb in ("rotate", "test", "deliveries", "redeliver", "disable", "enable"):
            verbs.choices[verb].add_argument("webhook", type=webhook_id)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        verb = options["verb"]
        if verb == "list":
            self._list(options["account"])
        elif verb == "add":
            self._add(options)
        else:
            webhook = Webhook.objects.select_related("account").filter(pk=options["webhook"]).first()
            if webhook is None:
                raise CommandError(f"there is no webhook {options['webhook']}; see: manage.py webhooks list")
            try:
                getattr(self, f"_{verb}")(webhook, options)
            except ProblemError as error:
                raise CommandError(error.problem.detail) from error

    def _list(self, name: str | None) -> None:
        rows = Webhook.objects.select_related("account").order_by("account__name", "pk")
        found = list(rows if name is None else rows.filter(account=_account(name)))
        behind = events_behind(found)
        for row in found:
            state = f"disabled by {row.disabled_by}" if row.disabled_by else "failing" if row.attempt else "enabled"
            failure = f"  {row.failure}" if row.failure else ""
            self.stdout.write(
                f"{row.pk}  {row.account.name:20}  {state:20}  {behind.get(row.pk, 0):4} behind  {row.url}{failure}"
            )

    def _add(self, options: dict[str, Any]) -> None:
        account = _account(options["account"])
        stated = {name: options[name] for name in endpoints.STATED} | {"description": options["description"] or ""}
        try:
            made = endpoints.create(account, stated, operator())
        except ProblemError as error:
            raise CommandError(error.problem.detail) from error
        self._secret(made)

    def _rotate(self, webhook: Webhook, options: dict[str, Any]) -> None:
        self._secret(endpoints.rotate_secret(webhook.account, webhook.pk, options["overlap_hours"], operator()))

    def _secret(self, made: endpoints.Made) -> None:
        self.stdout.write(made.secret)
        self.stderr.write(f"The secret of webhook {made.webhook.pk}. Keep it: it is not shown again")

    def _test(self, webhook: Webhook, options: dict[str, Any]) -> None:
        message = endpoints.ask_for_test(webhook.account, webhook.pk, operator())
        self.stdout.write(f"{message} is sent; see: manage.py webhooks deliveries {webhook.pk}")

    def _deliveries(self, webhook: Webhook, options: dict[str, Any]) -> None:
        for row in newest_deliveries(webhook.pk, None, options["limit"]):
            answer = row.status or row.error or "no answer"
            self.stdout.write(
                f"{row.pk:>10}  {row.at:%Y-%m-%d %H:%M:%S}  {row.kind:8}  attempt {row.attempt:2}  {row.took_ms:6} ms"
                f"  {row.message_id}  {answer}"
            )

    def _redeliver(self, webhook: Webhook, options: dict[str, Any]) -> None:
        if options["delivery"] is not None:
            message = endpoints.ask_for_delivery(webhook.account, webhook.pk, options["delivery"], operator())
            self.stdout.write(f"{message} is sent again")
            return
        moved = endpoints.move_to(webhook.account, webhook.pk, options["after"][0], operator())
        self.stdout.write(f"{moved.pk} goes on after {endpoints.cursor_of(moved)}")

    def _disable(self, webhook: Webhook, options: dict[str, Any]) -> None:
        self._switch(webhook, options, is_enabled=False)

    def _enable(self, webhook: Webhook, options: dict[str, Any]) -> None:
        self._switch(webhook, options, is_enabled=True)

    def _switch(self, webhook: Webhook, options: dict[str, Any], *, is_enabled: bool) -> None:
        changed = endpoints.switch_by_operator(webhook.pk, operator(options["reason"]), is_enabled=is_enabled)
        word = "enabled" if is_enabled else "disabled"
        self.stdout.write(f"{webhook.pk} is {word}" if changed else f"{webhook.pk} was {word} already")


def _after(given: str) -> tuple[Any]:
    """A cursor in a tuple: None alone is an option that was left out."""
    return (read_cursor(given),)


def _account(name: str) -> Account:
    account = Account.objects.filter(name=name).first()
    if account is None:
        raise CommandError(f"there is no account {name}")
    return account
