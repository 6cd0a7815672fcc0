"""`manage.py keys create|list|rotate|revoke`: API keys of accounts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orders import selectors
from orders.access.keys import (
    DEFAULT_OVERLAP_H,
    MOST_OVERLAP_H,
    KeyProblem,
    KeyTerms,
    create_key,
    newest_first,
    revoke_key,
    rotate_key,
)
from orders.cli.operator import operator
from orders.cli.options import names, text, value, whole
from orders.engine import get_engine
from orders.models import Account, ApiKey, Webhook
from orders.scopes import DEFAULT_SCOPES, SCOPES
from orders.values import shown

MOST_DAYS = 36_500
MOST_REQUESTS = 1_000_000_000


class Command(BaseCommand):
    """Makes, lists, rotates and revokes API keys."""

    help = "Make, list, rotate and revoke API keys"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key; it is shown once")
        create.add_argument("account", type=text)
        create.add_argument("--name", default="", help="what it is for")
        create.add_argument("--scopes", type=names, default=DEFAULT_SCOPES, help=f"some of {','.join(SCOPES)}")
        create.add_argument("--expires-days", type=whole(1, MOST_DAYS))
        create.add_argument("--max-order-value", type=value, metavar="VALUE", help="most an order may be worth")
        create.add_argument("--max-day-value", type=value, metavar="VALUE", help="most a UTC day's orders may be worth")
        create.add_argument(
            "--max-day-fees", type=value, metavar="VALUE", help="most network fees of a UTC day's orders; 0: no order"
        )
        create.add_argument("--venues", type=names, default=[], help="the only ones its orders may trade on")
        create.add_argument("--tokens", type=names, default=[], help="the only ones its orders may name")
        create.add_argument("--ip-ranges", type=names, default=[], help="networks it may be used from: 192.0.2.0/24")
        create.add_argument("--dry-run-only", action="store_true", help="may make dry runs of orders, not place them")
        create.add_argument("--rate-per-minute", type=whole(0, MOST_REQUESTS), help="requests; 0: any")
        verbs.add_parser("list", help="all keys, without their secrets")
        rotate = verbs.add_parser("rotate", help="make a key that may do the same, shown once; the old one ends later")
        rotate.add_argument("prefix")
        rotate.add_argument(
            "--overlap-hours", type=whole(0, MOST_OVERLAP_H), default=DEFAULT_OVERLAP_H, help="for how long both count"
        )
        revoke = verbs.add_parser("revoke", help="make a key useless at once")
        revoke.add_argument("prefix")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        verbs = {"create": self._create, "list": self._list, "rotate": self._rotate, "revoke": self._revoke}
        verbs[options["verb"]](options)

    def _create(self, options: dict[str, Any]) -> None:
        engine = get_engine()
        _refuse_unknown("venue", options["venues"], {venue.name for venue in engine.venues})
        _refuse_unknown("token", options["tokens"], set(selectors.tokens()))
        taken = ("scopes", "name", "expires_days", "max_order_value", "max_day_value", "max_day_fees", "venues",
                 "tokens", "ip_ranges", "rate_per_minute")  # fmt: skip
        terms = KeyTerms(**{name: options[name] for name in taken}, is_dry_run_only=options["dry_run_only"])
        account, _ = Account.objects.get_or_create(name=options["account"])
        try:
            _, key = create_key(account, terms, chain_id=engine.chain.chain_id, actor=operator())
        except KeyProblem as error:
            raise CommandError(str(error)) from error
        self.stdout.write(key)
        self.stderr.write("Keep it: it is not shown again. Use it as: Authorization: Bearer KEY")

    def _list(self, options: dict[str, Any]) -> None:
        for key in newest_first():
            state = "revoked" if key.revoked else "expired" if key.has_expired else "valid"
            used = f"used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
            self.stdout.write(
                f"{key.prefix}  {key.account.name:20}  {state:8}  {used:21}  {key.name}  {','.join(key.scopes)}"
                f"{_limits(key)}"
            )

    def _rotate(self, options: dict[str, Any]) -> None:
        chain_id = get_engine().chain.chain_id
        hours: int = options["overlap_hours"]
        made = rotate_key(options["prefix"], overlap_h=hours, chain_id=chain_id, actor=operator())
        if made is None:
            raise CommandError(f"there is no valid key {options['prefix']}; see: manage.py keys list")
        self.stdout.write(made[1])
        ends = f"ends in {hours} h at the latest" if hours else "is revoked"
        self.stderr.write(f"Keep it: it is not shown again. {options['prefix']} {ends}")

    def _revoke(self, options: dict[str, Any]) -> None:
        if not revoke_key(options["prefix"], actor=operator()):
            raise CommandError(f"there is no valid key {options['prefix']}; see: manage.py keys list")
        self.stdout.write(f"{options['prefix']} is revoked")
        accounts = ApiKey.objects.filter(prefix=options["prefix"]).values("account")
        if count := Webhook.objects.filter(account__in=accounts, disabled_at__isnull=True).count():
            # One who had stolen the key may have made one, to be told of all that comes.
            self.stderr.write(f"webhooks of its account go on ({count}), also those that it made: look at them")


def _refuse_unknown(kind: str, stated: list[str], known: set[str]) -> None:
    if unknown := set(stated) - known:
        raise CommandError(f"there is no {kind} {min(unknown)}; there are {', '.join(sorted(known))}")


def _limits(key: ApiKey) -> str:
    parts = [
        key.is_dry_run_only and "dry run only",
        key.max_order_value is not None and f"order <= {shown(key.max_order_value)}",
        key.max_day_value is not None and f"day <= {shown(key.max_day_value)}",
        key.max_day_fees is not None and f"fees of a day <= {shown(key.max_day_fees)}",
        key.venues and f"venues {','.join(key.venues)}",
        key.tokens and f"tokens {','.join(key.tokens)}",
        key.ip_ranges and f"from {','.join(key.ip_ranges)}",
    ]
    return "".join(f"  {part}" for part in parts if part)
