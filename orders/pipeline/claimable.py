"""Which of the orders that are due in a stage may be claimed by this program, as SQL."""

from orders.models.due import DUE
from orders.order_types import ORDER_TYPES
from orders.plan import VERSION as PLAN_VERSION
from orders.states import Stage
from orders.terms import VERSION as TERMS_VERSION

# What is paused is not even claimed, unless its time is up; build.py makes sure under a lock, before it signs.
NOT_PAUSED = """(expires_at <= now() OR NOT EXISTS (
    SELECT FROM orders_tradingcontrol c WHERE c.venue = '' AND c.chain_id IN ('', orders_order.chain_id)
        AND (c.account_id IS NULL OR c.account_id = orders_order.account_id)))"""

# Orders of a type that only a later version of the program knows, or whose terms or plan it stored, are left to it.
_TYPES = ", ".join(f"'{name}'" for name in ORDER_TYPES)
READABLE = (
    f"order_type IN ({_TYPES}) AND coalesce((terms ->> 'v')::int, 1) <= {TERMS_VERSION}"
    f" AND coalesce((route ->> 'v')::int, 1) <= {PLAN_VERSION}"
)
# Of linked orders one leaves PENDING, by life/links.py, which looks at all of them.
NOT_LINKED = "(link_id IS NULL OR status <> 'PENDING')"

# By stage, besides that the order is due. From a signature on neither terms nor plan are read.
_CONDITIONS = {
    # A parent that is to be cancelled makes no child any more, and ends.
    Stage.CHILDREN: (READABLE, f"(cancel_requested_at IS NOT NULL OR {NOT_PAUSED})"),
    Stage.ROUTE: (NOT_LINKED, READABLE, NOT_PAUSED),
    Stage.BUILD: (READABLE,),
    Stage.SUBMIT: (),
    Stage.CONFIRM: (),
}


def claimable(stage: Stage) -> str:
    """The condition on rows of the order table, independent of lease and due time."""
    return " AND ".join((DUE[stage].sql, *_CONDITIONS[stage]))
