"""What the database itself refuses, for every writer."""

import pgtrigger

from orders.states import TRANSITIONS, OrderStatus

# A name and a value of 64 characters each, and what joins them.
MAX_LABEL = 200

# Where an order can only be on its way to a signature.
TO_A_SIGNATURE = (OrderStatus.ROUTING, OrderStatus.BUILDING)


# Edges as `source>target`, in one literal: a list of constants would be read anew by every statement.
EDGES = ",".join(f"{source}>{target}" for source, targets in TRANSITIONS.items() for target in sorted(targets, key=str))
IS_EDGE = f"OLD.status || '>' || NEW.status = ANY ('{{{EDGES}}}'::text[])"


def status_refused() -> str:
    """What the database refuses of every writer: moves outside the transition table, gaps in seq, and signatures.

    Those are moves towards a signature of an order whose cancel is stored. The claim of a PENDING order is let through:
    the route stage ends one whose cancel is stored. It stands in the trigger's condition, for which PostgreSQL calls no
    function: a call for each row that is as it should be would take a sixth of the database's time.
    """
    on_the_way = ",".join(TO_A_SIGNATURE)
    return f"""((OLD.status IS DISTINCT FROM NEW.status OR OLD.seq IS DISTINCT FROM NEW.seq)
        AND ({IS_EDGE} AND NEW.seq = OLD.seq + 1
            AND NOT (NEW.cancel_requested_at IS NOT NULL AND NEW.status <> OLD.status
                     AND NEW.status = ANY ('{{{on_the_way}}}'::text[]) AND OLD.status <> '{OrderStatus.PENDING}')
        ) IS NOT TRUE)"""


def status_guard() -> str:
    """Body of the trigger that is called for what is refused: it says why, and lets nothing through."""
    return f"""
        IF ({IS_EDGE}) IS NOT TRUE THEN
            RAISE EXCEPTION 'illegal transition % -> % of order %', OLD.status, NEW.status, OLD.id
                USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.seq IS DISTINCT FROM OLD.seq + 1 THEN
            RAISE EXCEPTION 'seq must go from % to % with the status, not to %', OLD.seq, OLD.seq + 1, NEW.seq
                USING ERRCODE = 'check_violation';
        END IF;
        RAISE EXCEPTION 'order % is to be cancelled, it cannot go from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
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
