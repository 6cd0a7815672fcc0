"""The kill switch: orders wait while what they need is paused. Once `pause` returned, no new submission commits."""

import logging
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet

from dex import Engine
from orders.audit.record import Actor, Entry, record
from orders.database.locks import PAUSE
from orders.models import Account, TradingControl, Wallet
from orders.notify.wake import wake
from orders.pauses import Controls
from orders.problems import Problem, ProblemError
from orders.selectors import read_controls
from orders.states import Stage

logger = logging.getLogger(__name__)

SCOPES = ("account", "wallet", "venue", "chain", "global")


@dataclass(frozen=True, slots=True)
class Target:
    """What is paused, as its row says it; `name` is for people."""

    scope: str
    name: str
    chain_id: str = ""
    account_id: int | None = None
    venue: str = ""

    @property
    def subject(self) -> str:
        """As the audit log names it."""
        return f"halt:{self.scope}" + (f":{self.name}" if self.name else "")


def find_target(scope: str, name: str, engine: Engine) -> Target:
    """What a scope and a name mean. Raises: ProblemError for a name that is none of this scope."""
    if scope == "global" and not name:
        return Target(scope, "")
    if scope == "chain" and name in {"", engine.chain.chain_id}:
        return Target(scope, engine.chain.chain_id, chain_id=engine.chain.chain_id)
    if scope == "venue" and name in {venue.name for venue in engine.venues}:
        return Target(scope, name, venue=name)
    if scope == "account" and (account := Account.objects.filter(name=name).first()):
        return Target(scope, name, account_id=account.id)
    if scope == "wallet" and (wallet := _wallet(name, engine.chain.chain_id)):
        return Target(scope, name, chain_id=wallet.chain_id, account_id=wallet.account_id)
    known = {"venue": sorted(venue.name for venue in engine.venues), "chain": [engine.chain.chain_id]}.get(scope)
    there_are = f"; there are {', '.join(known)}" if known else ""
    what = f"there is no {scope} {name[:64]!r} to pause or resume" if name else f"say which {scope}"
    what = "global takes no name" if scope == "global" else what
    raise ProblemError(Problem("invalid", what + there_are))


def _wallet(address: str, chain_id: str) -> Wallet | None:
    """The wallet of the address: one address may be a wallet on several chains, the engine's own comes first."""
    found = Wallet.objects.filter(address=address)
    return found.filter(chain_id=chain_id).first() or found.first()


def find_paused(scope: str, name: str, engine: Engine) -> Target:
    """As `find_target`, and also what is paused although the engine does not know it any more.

    Raises: ProblemError.
    """
    known = {"venue": Target(scope, name, venue=name), "chain": Target(scope, name, chain_id=name)}
    if name and scope in known and _rows(known[scope]).exists():
        return known[scope]
    return find_target(scope, name, engine)


def pause(target: Target, actor: Actor, *, is_by_owner: bool = False) -> TradingControl:
    """Pause what is named; again is harmless. Waits for build transactions that are under way (milliseconds)."""
    with transaction.atomic():
        lock_alone()
        row = _rows(target).filter(is_by_owner=is_by_owner).first()
        if row is None:
            row = TradingControl.objects.create(
                chain_id=target.chain_id,
                account_id=target.account_id,
                venue=target.venue,
                is_by_owner=is_by_owner,
                actor=actor.name,
                reason=actor.reason,
            )
            record(actor, [Entry("halt.set", target.subject, False, True, target.account_id)])
    return row


def pause_by_itself(target: Target, reason: str, incident: Entry) -> bool:
    """Pause for what the engine itself has found, and tell of it; False where it is paused already.

    Nothing but a person resumes it.
    """
    actor = Actor("engine", reason=reason, is_admin=True)
    with transaction.atomic():
        lock_alone()
        if _rows(target).filter(is_by_owner=False).exists():
            return False
        pause(target, actor)
        record(actor, [incident])
    logger.critical("%s %s is paused: %s", target.scope, target.name, reason)
    return True


def resume(target: Target, actor: Actor, *, is_by_owner: bool = False, only: int | None = None) -> bool:
    """Lift the pause; False when there is none.

    An owner lifts only what an owner has set, others lift both, or the one row `only`.
    """
    with transaction.atomic():
        lock_alone()
        rows = _rows(target)
        if is_by_owner:
            rows = rows.filter(is_by_owner=True)
        count, _ = (rows if only is None else rows.filter(pk=only)).delete()
        if count:
            record(actor, [Entry("halt.lift", target.subject, True, False, target.account_id)])
    if count:
        wake(Stage.CHILDREN)
        wake(Stage.ROUTE)
    return bool(count)


def _rows(target: Target) -> QuerySet[TradingControl]:
    rows = TradingControl.objects.filter(chain_id=target.chain_id, venue=target.venue)
    if target.account_id is None:
        return rows.filter(account__isnull=True)
    return rows.filter(account_id=target.account_id)


# Pauses wait for the end of the transaction. What is paused is read in a later statement, which sees all that was
# committed before the lock was granted.
HOLD_OFF_PAUSES = f"pg_advisory_xact_lock_shared({PAUSE})"


def lock_controls() -> Controls:
    """The pauses in force, which stay as they are until this transaction ends. Call it before anything is signed."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {HOLD_OFF_PAUSES}")
    return read_controls()


def lock_alone() -> None:
    """Wait for transactions that sign, and hold up later ones until this one ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PAUSE])
