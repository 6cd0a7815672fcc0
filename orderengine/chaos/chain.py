"""The harness's own hand on the simulated chain: what all of it holds, and reorgs. Needs a running database."""

import os
from collections.abc import Iterable
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

    def open_pools(self, pairs: Iterable[tuple[str, ...]]) -> None:
        """Small pools that are new, in final blocks: no reorg of the run takes them back."""
        for pair in pairs:
            self._chain.open_pool(f"new {'/'.join(pair)}", "uniswap_v2", pair, "10000", 3_000)
        self._chain.mine(self._chain.timing.confirmations)

    def total_supply(self) -> dict[str, int]:
        """Atoms of each token over all addresses and pools."""
        from django.db import connection

        connection.close()  # the server may have been another one when it was opened
        supply: dict[str, int] = self._chain.store.total_supply()
        return supply

    def reorg(self, depth: int, has_amnesia: bool) -> bool:
        """Take back the newest blocks, and their transactions too; False where that cannot be at the moment."""
        from django.db import Error, connection

        from dex import DexError

        try:
            connection.close_if_unusable_or_obsolete()
            self._chain.reorg(depth, None if has_amnesia else ())
        except DexError:
            return False
        except Error:
            connection.close()
            return False
        return True
