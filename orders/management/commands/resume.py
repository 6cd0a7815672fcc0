"""`manage.py resume SCOPE [NAME] --reason WHY`: waiting orders go on."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orders.cli.halting import add_target_arguments, target_from
from orders.cli.operator import operator
from orders.models import Wallet
from orders.risk.pause import Target, find_paused, resume


class Command(BaseCommand):
    """Lifts a pause, of a person or of the engine."""

    help = "Resume everything, a chain, a venue, a wallet or an account"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What, and why."""
        add_target_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Resume it."""
        target = target_from(options, find_paused)
        named = f"{target.scope} {target.name}".rstrip()
        if not resume(target, operator(options["reason"])):
            raise CommandError(f"{named} is not paused" + _other_pause(target))
        self.stdout.write(f"{named} goes on")


def _other_pause(target: Target) -> str:
    """A wallet may also be stopped by what maintenance has found."""
    wallets = Wallet.objects.filter(address=target.name).exclude(paused_reason="")
    if target.scope == "wallet" and (wallet := wallets.first()):
        return f" by hand, but by maintenance ({wallet.paused_reason}): manage.py reconcile resume {wallet.address}"
    return ""
