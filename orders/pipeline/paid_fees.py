"""What the network has charged for an order: stated with the change that its final receipt brings, in one statement."""

from collections.abc import Mapping
from typing import Any

from dex import Token
from orders.pipeline.claim import ClaimedOrder
from orders.pipeline.transition import Change
from orders.presentation.fees import paid_json


def with_paid_fee(change: Change, order: ClaimedOrder, fee: int, native: Token) -> Change:
    """The change that a final receipt brings, with its fee added to those of the order's earlier transactions.

    Whoever moves the order since its claim wins against this change: nothing is added twice, or to an older sum.
    """
    paid = (order.network_fee_paid or 0) + fee
    columns: Mapping[str, Any] = {"network_fee_paid": paid}
    if order.native_token is None:  # placed before orders knew it
        columns = {**columns, "native_token": native.symbol, "native_decimals": native.decimals}
    told = {"network_fee_paid": paid_json(paid, native)}
    return change._replace(fields={**change.fields, **columns}, data={**change.data, **told})
