"""What becomes of a parent by the sums over its children: its progress, or its end. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from orders.models.waiting import trigger_columns
from orders.pipeline.parents.family import Family
from orders.pipeline.transition import Change
from orders.presentation.progress import progress_json
from orders.problems import Problem
from orders.states import OrderStatus

CHILDREN = "children"
NO_TRIGGER = trigger_columns(None)


class Claimed(NamedTuple):
    """What a change of a parent is bound to: its claim where it is made under one, and its last event."""

    id: UUID
    since: datetime | str | None
    seq: int
    lease_token: UUID | None = None


def progressed(
    claimed: Claimed,
    family: Family,
    data: Mapping[str, Any],
    *,
    slices_done: int,
    waiting_for: str,
    delay_s: float,
    trigger: Mapping[str, Any] = NO_TRIGGER,
) -> Change:
    """The event that tells how far a parent is, when it is looked at again, and which price makes it due before."""
    return Change(
        claimed.id,
        OrderStatus.PENDING,
        OrderStatus.PENDING,
        claimed.since,
        claimed.lease_token,
        seq=claimed.seq,
        delay_s=delay_s,
        waiting_for=waiting_for,
        fields={**_columns(family, slices_done), **trigger},
        data={**data, **progress_json(family, slices_done)},
    )


def ended(claimed: Claimed, family: Family, why: Problem) -> Change:
    """The end of a parent whose children have all ended: filled, in part or whole; else `why` it was not."""
    fields = _columns(family, family.slices_done)
    data = progress_json(family, family.slices_done)
    target = OrderStatus.FAILED
    if family.filled:
        target = OrderStatus.CONFIRMED
        is_whole = family.filled == family.amount
        fields["outcome"] = "filled" if is_whole else "partially_filled"
        fields |= {"amount_in": family.filled_in, "amount_out": family.filled_out}
        data |= {"amount_in_raw": str(family.filled_in), "amount_out_raw": str(family.filled_out)}
        if not is_whole:
            data["unfilled"] = {
                "code": why.code,
                "detail": why.detail,
                "amount_raw": str(family.amount - family.filled),
            }
    else:
        failure = why.to_json()
        fields |= {"outcome": why.code, "failure": failure}
        data["failure"] = failure
    return Change(
        claimed.id,
        OrderStatus.PENDING,
        target,
        claimed.since,
        claimed.lease_token,
        seq=claimed.seq,
        fields=fields,
        data=data,
        keeps_nonce=family.has_open_key,
    )


def why_it_ends(family: Family, code: str = "not_filled", now: str = "") -> Problem:
    """Why a parent has no more children to come; `now` is what the market or the chain says, where it was asked."""
    if family.is_cancel_requested:
        return Problem("cancelled", "cancelled; what its children had not filled by then is not traded")
    if family.is_expired:
        at = f"{family.expires_at:%Y-%m-%d %H:%M:%S}" if family.expires_at else ""
        return Problem("expired", f"the order expired at {at} UTC before its children had filled all of it")
    why = now or (f"the last one that failed: {family.last_failure}" if family.last_failure else "")
    detail = _ENDS.get(code, "a part of it failed as the next one would") + (f"; {why}" if why else "")
    return Problem(code, detail, "See the failures of its children: GET /api/v1/orders?parent=ID")


_ENDS = {
    "not_filled": "its slices have had their turns, and were not all filled",
    "expired": "what the market did not give at once is not filled",
}


def _columns(family: Family, slices_done: int) -> dict[str, Any]:
    return {
        "allotted": family.allotted,
        "slices_done": slices_done,
        "filled_amount_in": family.filled_in,
        "filled_amount_out": family.filled_out,
        "network_fee_paid": family.fees_paid if family.has_fees else None,
    }
