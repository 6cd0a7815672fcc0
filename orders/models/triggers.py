"""What the database itself refuses, for every writer."""

import pgtrigger

from orders.states import AT_ONCE, TRANSITIONS, OrderStatus

# A name and a value of 64 characters each, and what joins them.
MAX_LABEL = 200

# Where an order can only be on its way to a signature.
TO_A_SIGNATURE = (OrderStatus.ROUTING, OrderStatus.BUILDING)


# Edges as `source>target`, in one literal: a list of constants would be parsed again by every statement.
EDGES = ",".join(f"{source}>{target}" for source, targets in TRANSITIONS.items() for target in sorted(targets, key=str))
IS_EDGE = f"OLD.status || '>' || NEW.status = ANY ('{{{EDGES}}}'::text[])"


def status_refused() -> str:
    """What the database refuses of every writer: moves outside the transition table, gaps in seq, and signatures.

    Those are moves towards a signature of an order whose cancel is stored. The claim of a PENDING order is let through:
    the route stage ends one whose cancel is stored. It stands in the trigger's condition, for which PostgreSQL calls no
    function: a call for each row that is as it should be would take a sixth of the database's time. Two edges are one
    move on one way alone, and count twice.
    """
    on_the_way = ",".join(TO_A_SIGNATURE)
    first, _, last = AT_ONCE
    return f"""((OLD.status IS DISTINCT FROM NEW.status OR OLD.seq IS DISTINCT FROM NEW.seq)
        AND (({IS_EDGE} AND NEW.seq = OLD.seq + 1
                OR OLD.status = '{first}' AND NEW.status = '{last}' AND NEW.seq = OLD.seq + 2)
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
    """Refuse UPDATE, for every writer. `leaves_archived` says when a row may be deleted."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update)


def leaves_archived(name: str, order_id: str = "OLD.order_id") -> pgtrigger.Trigger:
    """Refuse DELETE, for every writer, unless the row's order is in an archive file (`orders/models/archive.py`).

    `order_id` is SQL that finds the order of a row.
    """
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Delete,
        func=f"""
            IF EXISTS (SELECT FROM orders_archivedorder a WHERE a.order_id = {order_id}) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'Cannot delete rows from % table: the order is in no archive', TG_TABLE_NAME
                USING ERRCODE = 'check_violation';
        """,
    )


def archive_guard() -> str:
    """Body of the trigger that refuses to note an order as archived that has not ended, or is in no sealed file."""
    return """
        IF NOT EXISTS (
            SELECT FROM orders_order o
            WHERE o.id = NEW.order_id AND o.account_id = NEW.account_id AND o.outcome IS NOT NULL
                AND o.client_order_id IS NOT DISTINCT FROM NEW.client_order_id
        ) OR EXISTS (
            SELECT FROM orders_submission s WHERE s.order_id = NEW.order_id AND s.closed_at IS NULL
        ) OR NOT EXISTS (SELECT FROM orders_archivefile f WHERE f.id = NEW.file_id) THEN
            RAISE EXCEPTION 'order % cannot be archived: it must have ended, hold no nonce and be in a sealed file',
                NEW.order_id USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    """


def nothing_left() -> str:
    """Body of the trigger that, at the commit, refuses an archived order of which a row is left."""
    left = "\n            OR ".join(
        f"EXISTS (SELECT FROM {table} WHERE {column} = NEW.order_id)"
        for table, column in (
            ("orders_order", "id"),
            ("orders_orderevent", "order_id"),
            ("orders_fill", "order_id"),
            ("orders_submission", "order_id"),
            ("orders_orderlabel", "order_id"),
        )
    )
    return f"""
        IF {left} THEN
            RAISE EXCEPTION 'order % is noted as archived, and rows of it are left', NEW.order_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    """


def client_id_guard() -> str:
    """Body of the trigger that keeps the client_order_id of an archived order taken.

    After the insert, which has waited for an archiving transaction that holds the same id.
    """
    return """
        IF EXISTS (
            SELECT FROM orders_archivedorder a
            WHERE a.client_order_id = NEW.client_order_id AND a.account_id = NEW.account_id
        ) THEN
            RAISE EXCEPTION 'client_order_id % belongs to an archived order', NEW.client_order_id
                USING ERRCODE = 'unique_violation';
        END IF;
        RETURN NULL;
    """
