"""`manage.py pause SCOPE [NAME] --reason WHY`: nothing new is sent from the moment this ends."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from orders.cli.halting import add_target_arguments, target_from
from orders.cli.operator import operator
from orders.risk.pause import pause


class Command(BaseCommand):
    """Pauses trading of what is named; what is on its way is still tracked."""

    help = "Pause everything, a chain, a venue, a wallet or an account"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What, and why."""
        add_target_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Pause it."""
        target = target_from(options)
        pause(target, operator(options["reason"]))
        self.stdout.write(f"{target.scope} {target.name}".rstrip() + " is paused: orders wait, nothing new is sent")
