"""What the database itself refuses, for every writer."""

import pgtrigger

from orders.states import TRANSITIONS, OrderStatus

# A name and a value of 64 characters each, and what joins them.
MAX_LABEL = 200

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


# Of the new row. What is no object would stop the order's end, so it is left alone.
HAS_TAGS = "jsonb_typeof(NEW.terms -> 'tags') = 'object' AND NEW.terms -> 'tags' <> '{}'::jsonb"


def label_ended() -> str:
    """Body of the trigger that notes the tags of an order that has ended, where lists find it by them.

    Two rows for each tag, one for its name and one for name and value. The name's length stands in front, so that no
    name with a colon is taken for another name and its value. Longer ones than any that was ever accepted are left out,
    since no index can hold them.
    """
    return f"""
        INSERT INTO orders_orderlabel (order_id, label, account_id, created_at, token_in, token_out, outcome)
        SELECT NEW.id, v.label, NEW.account_id, NEW.created_at, NEW.token_in, NEW.token_out, NEW.outcome
        FROM jsonb_each_text(NEW.terms -> 'tags') AS t(name, value)
        CROSS JOIN LATERAL (VALUES
            (length(t.name) || ':' || t.name), (length(t.name) || ':' || t.name || ':' || t.value)
        ) AS v(label)
        WHERE length(v.label) <= {MAX_LABEL}
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    """


def append_only(name: str) -> pgtrigger.Protect:
    """Refuse UPDATE and DELETE, for every writer."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)
