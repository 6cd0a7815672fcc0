"""For migrations that change tables beside writers: a session that waits for a table's lock holds up all later ones."""

TRIES = 8
WAIT_MS, PAUSE_S = 250, 0.25


def in_short_waits(statement: str) -> str:
    """A statement that waits for its locks for a quarter of a second at a time, and lets others through in between.

    After a few tries it fails as it would have at once, within the session's limit on statements.
    """
    return f"""
        DO $tries$ BEGIN
            FOR try IN 1..{TRIES} LOOP
                BEGIN
                    PERFORM set_config('lock_timeout', '{WAIT_MS}ms', true);
                    EXECUTE $statement${statement}$statement$;
                    RETURN;
                EXCEPTION WHEN lock_not_available THEN
                    IF try = {TRIES} THEN RAISE; END IF;
                END;
                PERFORM pg_sleep({PAUSE_S});
            END LOOP;
        END $tries$
    """
