"""The harness's own hand on the simulated chain: what all of it holds, and reorgs. Needs a running database."""

import os
from typing import Any


class ChainHand:
    """Uses the engine's code for the chain in this process, with the environment of the run."""

    def __init__(self, environment: dict[str, str]) -> None:
        os.environ.update(environment)
        # The faults inside processes are not for this one.
        os.environ["DJANGO_SETTINGS_MODULE"] = "orderengine.settings"
        import django

        django.setup()
        from orders.engine import get_engine

        self._chain: Any = get_engine().chain

    def total_supply(self) -> dict[str, int]:
        """Atoms of each token over all addresses and pools."""
        from django.db import connection

        connection.close()  # the server may have been another one when it was opened
        supply: dict[str, int] = self._chain.store.total_supply()
        return supply

    @property
    def can_reorg(self) -> bool:
        """Whether this engine's chain knows reorgs."""
        return hasattr(self._chain, "reorg")

    def reorg(self, depth: int) -> bool:
        """Take back the newest blocks; False where the database is away at the moment."""
        from django.db import Error, connection

        try:
            connection.close_if_unusable_or_obsolete()
            self._chain.reorg(depth)
        except Error:
            connection.close()
            return False
        return True
