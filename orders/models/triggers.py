"""What the database itself refuses, whoever writes."""

import pgtrigger

from orders.states import TRANSITIONS


def status_guard() -> str:
    """Body of the trigger that holds every writer to the transition table and to gapless seq."""
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
        RETURN NEW;
    """


def append_only(name: str) -> pgtrigger.Protect:
    """Refuse UPDATE and DELETE, whoever writes."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)
