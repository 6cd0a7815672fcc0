"""How lists find orders, newest first: each is open, filled or failed, and each of the three has indexes of its own.

The three are told by the outcome, which changes once in an order's life. An index that looked at the status would be
written with every change of it.
"""

from collections.abc import Mapping

from django.db import models
from django.db.models import Q

# For statements, in a form that PostgreSQL matches with the partial indexes.
OPEN_SQL, FILLED_SQL, FAILED_SQL = "outcome IS NULL", "outcome = 'filled'", "outcome <> 'filled'"
FAILED = ~Q(outcome="filled") & Q(outcome__isnull=False)
PAIR = ("token_in", "token_out")


def list_indexes(prefix: str, scope: tuple[str, ...], order_id: str) -> tuple[models.Index, ...]:
    """One index for each combination of filters on orders that have ended: outcome and pair, within a scope.

    An order that was filled is in two of them, one that failed in four.
    """
    keys: Mapping[str, tuple[str, ...]] = {
        "filled": (),
        "filled_by_pair": PAIR,
        "failed": (),
        "failed_by_pair": PAIR,
        "failed_by_outcome": ("outcome",),
        "failed_by_both": ("outcome", *PAIR),
    }
    return tuple(
        models.Index(
            fields=(*scope, *key, "created_at", order_id),
            condition=Q(outcome="filled") if name.startswith("filled") else FAILED,
            name=f"{prefix}_{name}",
        )
        for name, key in keys.items()
    )
