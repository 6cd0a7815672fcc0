"""What the transactions of a wallet may take together of the chain's own token: no swap is signed that goes beyond it.

Nodes count like that before they take a transaction, by the most that each may cost. What a block has taken is gone
from what the wallet holds. Workers that sign for one wallet at the same moment do not see each other here: then a node
refuses the later transaction, and it is sent again.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from dex import DexError, Engine, FundsInUse, PreparedSwap, SignedTransaction
from orders.amounts import format_units
from orders.models import Order
from orders.pipeline.claim import ClaimedOrder
from orders.signing.submissions import load_open_submissions

HINT = "Send more to the wallet, or wait until its other orders have ended"
# That no block is known to have.
_ON_THEIR_WAY = """w.chain_id = %s AND w.address = ANY(%s::text[]) AND NOT EXISTS (
    SELECT FROM orders_signedtransaction m WHERE m.submission_id = s.id AND m.mined_block IS NOT NULL)"""


def beyond_funds(
    orders: Sequence[ClaimedOrder], swaps: Mapping[UUID, PreparedSwap], busy: Collection[str], engine: Engine
) -> dict[UUID, DexError]:
    """Orders that have to wait for what others of their wallet may take: those before them, and what is on its way.

    Each of them could be paid for alone, as its simulation has found. What has waited for that comes first, and keeps
    its room while it waits on: no smaller order behind it takes that. Those that waited for something else are routed
    again first, and take none. `busy` are the wallets of which something is on its way.
    """
    looked_at = [order for order in orders if order.waiting_for in (None, FundsInUse.waiting_for)]
    looked_at.sort(key=lambda order: order.waiting_for is None)
    known = [(order, swap, swap.held) for order in looked_at if (swap := swaps[order.id]).held is not None]
    if not known:
        return {}
    native = engine.chain.native
    taken = _on_their_way({swap.intent.wallet for _, swap, _ in known}.intersection(busy), engine)
    found: dict[UUID, DexError] = {}
    for order, swap, held in known:
        wallet, sold = swap.intent.wallet, order.token_in == native.symbol
        needed = _most(swap, engine) + (swap.intent.max_amount_in if sold else 0)
        before, left = taken[wallet], held - taken[wallet]
        taken[wallet] += needed
        if not before or needed <= left:
            continue
        shown, rest = (format_units(atoms, native.decimals) for atoms in (needed, max(0, left)))
        detail = f"it may take {shown} {native.symbol} of wallet {wallet}, of which its other transactions leave {rest}"
        found[order.id] = FundsInUse(
            detail, hint=HINT, token=native.symbol, wallet=wallet, needed=str(needed), left=str(max(0, left))
        )
    return found


def _on_their_way(wallets: Collection[str], engine: Engine) -> Counter[str]:
    """What the open transactions of each wallet may still take."""
    if not wallets:
        return Counter()
    chain = engine.chain
    open_ones = load_open_submissions(_ON_THEIR_WAY, chain.chain_id, "{" + ",".join(wallets) + "}")
    rows = Order.objects.filter(pk__any_of=[one.order_id for one in open_ones if one.order_id])
    sold = dict(rows.filter(token_in=chain.native.symbol).values_list("id", "max_amount_in")) if open_ones else {}
    taken: Counter[str] = Counter()
    for one in open_ones:
        may_give = sold.get(one.order_id) if one.order_id and one.deadline else None
        # Any of its transactions may be the one that a block takes: a cancellation costs less than its swap.
        taken[one.address] += max(_most(item.signed, engine) for item in one.transactions) + int(may_give or 0)
    return taken


def _most(item: PreparedSwap | SignedTransaction, engine: Engine) -> int:
    """The most that it may cost; 0 where that cannot be said: then it is refused when it is to be signed."""
    fees = item.fees if isinstance(item, SignedTransaction) else item.intent.fees
    try:
        (most,) = engine.most_costs([(item, fees)])
    except DexError:
        return 0
    return most
