"""Pauses by itself what keeps reverting: a wallet, an account, a venue, the chain. It resumes nothing.

Looks each minute at what the chain executed in the last hour. Where nothing reverts one look reads one empty index.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from django.db import connection

from dex import Engine
from orders.audit.record import Entry
from orders.config import GuardPolicy
from orders.models import Wallet
from orders.models.audit import ACTS_SQL
from orders.models.listed import FAILED_SQL, FILLED_SQL
from orders.plan import SwapPlan
from orders.risk.pause import Target, pause_by_itself

# Of the newest orders of each kind that are read for each execution that is looked at.
ORDERS_PER_EXECUTION = 20
INSUFFICIENT_FUNDS = "insufficient_funds"
# What the chain undid. A price that moved or time that ran out counts neither way; nor does a
# fault that the order itself asked for.
_REVERTED = "outcome IN ('reverted', 'insufficient_funds') AND tx_hash IS NOT NULL"
_COUNTS = (
    f"(status = 'CONFIRMED' OR {_REVERTED}) AND NOT is_parent AND coalesce(terms->>'scenario', 'none') = 'none'"
    " AND updated_at > now() - interval '1 hour'"
)


class Executed(NamedTuple):
    """One final execution: whose, where, and how it ended."""

    account_id: int
    chain_id: str
    outcome: str
    ended_at: datetime
    venues: frozenset[str] = frozenset()

    @property
    def is_reverted(self) -> bool:
        """Whether nothing was swapped."""
        return self.outcome != "filled"


class Suspect(NamedTuple):
    """A scope with its executions, newest first."""

    target: Target
    executions: Sequence[Executed]


class Verdict(NamedTuple):
    """How many of the last executions reverted."""

    reverted: int
    executions: int


def guard_trading(engine: Engine, policy: GuardPolicy) -> list[Target]:
    """Look once; what this call has paused.

    What a person has resumed is judged by what was executed after that.
    """
    chain_id = engine.chain.chain_id
    reverted = _reverted_accounts()
    fewest = policy.at_least * policy.revert_percent // 100 + 1
    if sum(reverted.values()) < fewest:
        return []
    suspects = _narrow(chain_id, [account_id for account_id, count in reverted.items() if count >= fewest], policy)
    if len(reverted) > 1:
        suspects += _wide(chain_id, policy)
    resumed = _resumed_at(suspect.target for suspect in suspects)
    paused = []
    for target, executions in suspects:
        verdict = judge(target.scope, executions, resumed.get(target.subject), policy)
        if verdict is not None and _pause(target, verdict):
            paused.append(target)
    return paused


def judge(
    scope: str, executions: Iterable[Executed], resumed_at: datetime | None, policy: GuardPolicy
) -> Verdict | None:
    """How many reverted, where that is too many. Pure.

    A scope of several wallets (venue, chain) counts only where the reverts are of more than one of them.
    """
    is_shared = scope in {"venue", "chain"}
    counted = [
        item
        for item in executions
        if (resumed_at is None or item.ended_at > resumed_at)
        # A wallet that lacks what it sells says nothing about where it sells.
        and not (is_shared and item.outcome == INSUFFICIENT_FUNDS)
    ][: policy.last]
    reverted = [item for item in counted if item.is_reverted]
    wallets = {(item.account_id, item.chain_id) for item in reverted}
    is_too_many = len(reverted) * 100 > policy.revert_percent * len(counted)
    if len(counted) < policy.at_least or not is_too_many or (scope != "wallet" and len(wallets) < 2):
        return None
    return Verdict(len(reverted), len(counted))


def _pause(target: Target, verdict: Verdict) -> bool:
    reason = f"{verdict.reverted} of its last {verdict.executions} executions reverted"
    return pause_by_itself(target, reason, Entry("incident.reverts", target.subject, after=verdict._asdict()))


def _reverted_accounts() -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT account_id, count(*) FROM orders_order WHERE {_REVERTED} AND {_COUNTS} GROUP BY 1")
        return dict(cursor.fetchall())


def _narrow(chain_id: str, account_ids: Sequence[int], policy: GuardPolicy) -> list[Suspect]:
    """The accounts, by what all chains executed of theirs, and their wallets on this chain."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT v.account_id, o.chain_id, o.outcome, o.updated_at
            FROM unnest(%s::bigint[]) AS v(account_id) CROSS JOIN LATERAL (
                ({_newest(FILLED_SQL)}) UNION ALL ({_newest(FAILED_SQL)})
            ) o
            WHERE {_COUNTS} ORDER BY o.created_at DESC, o.id DESC
            """,
            [list(account_ids), *[policy.last * ORDERS_PER_EXECUTION] * 2],
        )
        rows = [Executed(*row) for row in cursor.fetchall()]
    suspects = []
    names: dict[int, str] = {}
    for wallet in Wallet.objects.filter(account_id__any_of=account_ids).select_related("account"):
        if wallet.chain_id == chain_id:
            target = Target("wallet", wallet.address, chain_id, wallet.account_id)
            here = [row for row in rows if (row.account_id, row.chain_id) == (wallet.account_id, chain_id)]
            suspects.append(Suspect(target, here))
        names[wallet.account_id] = wallet.account.name
    for account_id, name in names.items():
        target = Target("account", name, account_id=account_id)
        suspects.append(Suspect(target, [row for row in rows if row.account_id == account_id]))
    return suspects


def _newest(ended: str) -> str:
    return f"""
        SELECT * FROM orders_order n WHERE n.account_id = v.account_id AND {ended}
        ORDER BY n.created_at DESC, n.id DESC LIMIT %s
    """


def _wide(chain_id: str, policy: GuardPolicy) -> list[Suspect]:
    """The chain and the venues on it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT account_id, chain_id, outcome, updated_at, route
            FROM (SELECT * FROM orders_order WHERE chain_id = %s ORDER BY id DESC LIMIT %s) newest
            WHERE {_COUNTS} ORDER BY id DESC
            """,
            [chain_id, policy.last * ORDERS_PER_EXECUTION],
        )
        rows = [Executed._make((*row, _venues_of(route))) for *row, route in cursor.fetchall()]
    venues = sorted({venue for row in rows for venue in row.venues})
    return [
        Suspect(Target("chain", chain_id, chain_id=chain_id), rows),
        *(Suspect(Target("venue", name, venue=name), [r for r in rows if name in r.venues]) for name in venues),
    ]


def _venues_of(route: str | None) -> frozenset[str]:
    """Of a stored plan; none of one that cannot be read: the guard goes on with all others."""
    try:
        return frozenset() if route is None else SwapPlan.from_json(orjson.loads(route)).venues
    except (ValueError, KeyError, TypeError, IndexError):
        return frozenset()


def _resumed_at(targets: Iterable[Target]) -> dict[str, datetime]:
    """When each was last resumed, by its name in the audit log."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT subject, max(at) FROM orders_auditentry"
            f" WHERE {ACTS_SQL} AND subject = ANY(%s::text[]) AND action = 'halt.lift' GROUP BY subject",
            [[target.subject for target in targets]],
        )
        return dict(cursor.fetchall())
