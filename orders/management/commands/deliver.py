"""`manage.py deliver`: the process that sends webhooks."""

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand

from orders.checks import STARTUP
from orders.webhooks.deliverer import Deliverer


class Command(BaseCommand):
    """Sends events to the webhooks of all accounts, until it is stopped."""

    help = "Deliver events to webhooks; any number of these may run side by side"
    requires_system_checks = [STARTUP]  # noqa: RUF012 - the type of the base class

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        asyncio.run(_deliver())


async def _deliver() -> None:
    deliverer = Deliverer()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, deliverer.stop)
    await deliverer.run()
