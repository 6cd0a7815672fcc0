"""What the database itself refuses, for every writer."""

import pgtrigger

from orders.states import TRANSITIONS, OrderStatus

# Where an order can only be on its way to a signature.
TO_A_SIGNATURE = (OrderStatus.ROUTING, OrderStatus.BUILDING)


def status_guard() -> str:
    """Body of the trigger that holds every writer to the transition table, to gapless seq and to a stored cancel.

    The claim of a PENDING order is let through: the route stage ends one whose cancel is stored.
    """
    on_the_way = ", ".join(f"'{status}'" for status in TO_A_SIGNATURE)
    edges = " OR ".join(
        f"(OLD.status = '{source}' AND NEW.status = '{target}')"
        for source, targets in TRANSITIONS.items()
        for target in sorted(targets)
    )
    return f"""
        IF NOT ({edges}) THEN
            RAISE EXCEPTION 'illegal transition % -> % of order %', OLD.status, NEW.status, OLD.id
                USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.seq <> OLD.seq + 1 THEN
            RAISE EXCEPTION 'seq must go from % to % with the status, not to %', OLD.seq, OLD.seq + 1, NEW.seq
                USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.cancel_requested_at IS NOT NULL AND NEW.status <> OLD.status AND NEW.status IN ({on_the_way})
                AND OLD.status <> '{OrderStatus.PENDING}' THEN
            RAISE EXCEPTION 'order % is to be cancelled, it cannot go from % to %', OLD.id, OLD.status, NEW.status
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    """


def cancel_guard() -> str:
    """Body of the trigger that refuses to store a swap signed for an order whose cancel is stored."""
    return """
        IF EXISTS (
            SELECT FROM stored t JOIN orders_submission s ON s.id = t.submission_id
            JOIN orders_order o ON o.id = s.order_id
            WHERE NOT t.is_noop AND o.cancel_requested_at IS NOT NULL
        ) THEN
            RAISE EXCEPTION 'an order is to be cancelled: no swap may be signed for it'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    """


def append_only(name: str) -> pgtrigger.Protect:
    """Refuse UPDATE and DELETE, for every writer."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)
