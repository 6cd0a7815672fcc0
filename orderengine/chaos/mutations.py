"""The engine broken on purpose, in ways that would cost money, each as small edits of its source."""

from dataclasses import dataclass

L0_STATEMENTS = ("pytest", "orderengine/chaos/tests/test_crashes.py", "-k", "at_any_statement and route")
RACES = ("pytest", "orders/tests/pipeline/test_races.py", "-k", "slow_worker_does_not_settle")
# Fewer orders than a commit's run, and no more patience than a broken promise needs.
L1 = ("chaos", "--level", "1", "--orders", "300", "--seed", "1", "--settle", "45")


@dataclass(frozen=True, slots=True)
class Edit:
    """One text of a file that is there exactly once, and what takes its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken engine and the check that must notice."""

    name: str
    edits: tuple[Edit, ...]
    caught_by: tuple[str, ...]


BUILD, SUBMIT, TRANSITION = "orders/pipeline/build.py", "orders/pipeline/submit.py", "orders/pipeline/transition.py"
CANCEL_TRIGGERS = "orders/migrations/0017_stop_signing_after_a_cancel.py"
STATUS_TRIGGER = "orders/migrations/0041_confirm_at_once.py"
_NOT_SENT = """        if isinstance(answer, RetryableError):
            unasked.append((order, answer))
"""

MUTANTS = (
    Mutant(
        "broadcast before record",
        (
            Edit(BUILD, "    with transaction.atomic():\n        if any", "    if transaction:\n        if any"),
            Edit(
                BUILD,
                "        stored = store(submissions, policy)\n",
                "        engine.submit([submission.signed for submission in submissions])\n"
                "        stored = store(submissions, policy)\n",
            ),
        ),
        L0_STATEMENTS,
    ),
    Mutant(
        "nonce from the chain's count",
        (Edit(BUILD, "nonces[wallet.id], means", "means.engine.chain.next_nonce(wallet.address), means"),),
        ("pytest", "orderengine/chaos/tests/test_crashes.py", "-k", "nonces_come_from"),
    ),
    Mutant(
        "compare-and-set without lease and seq",
        (
            Edit(TRANSITION, " AND (v.seq IS NULL OR o.seq = v.seq)", ""),
            Edit(
                TRANSITION,
                " AND (%(lease_token)s::uuid IS NULL OR o.lease_token = %(lease_token)s::uuid)",
                "",
            ),
        ),
        RACES,
    ),
    Mutant(
        "retry signs a new nonce",
        (
            Edit(
                SUBMIT,
                "import OpenSubmission, load_submissions",
                "import OpenSubmission, close_ended, load_submissions",
            ),
            Edit(SUBMIT, "import Settled, move", "import Settled, move, retry\nfrom orders.problems import problem_of"),
            Edit(
                SUBMIT,
                _NOT_SENT,
                """        if isinstance(answer, (RetryableError, UnknownOutcome)):
            close_ended({submissions[order.id].submission_id: None}, engine.chain.native)
            problem = problem_of(answer)
            transition([retry(order, OrderStatus.BUILDING, problem, policy, fields={"tx_hash": None})])
""",
            ),
        ),
        L0_STATEMENTS,
    ),
    Mutant(
        "event written after the update",
        (
            Edit(
                TRANSITION,
                "from orders.event_log.event import Event\n",
                "from orders.event_log.event import EVENT_COLUMNS, Event\n",
            ),
            Edit(
                TRANSITION,
                "    return lambda: _events(answer.rows(), group)\n",
                """    written = []
    for row in answer.rows():
        written += session.rows(
            "INSERT INTO orders_orderevent (order_id, account_id, seq, status, attempt, outcome, at, took_ms,"
            " data) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb) RETURNING " + EVENT_COLUMNS,
            row,
        )
    return lambda: _events(written, group)
""",
            ),
            Edit(
                TRANSITION,
                'return f"{_moved(columns, passes)}{ctes} {BOTH_WRITTEN if passes else WRITTEN}"',
                'return _moved(columns, passes) + ctes + " SELECT"'
                ' + (BOTH_WRITTEN if passes else WRITTEN).partition("SELECT")[2].partition("RETURN")[0]',
            ),
        ),
        L0_STATEMENTS,
    ),
    Mutant(
        "cursor on the id alone",
        (
            Edit(
                "orders/event_log/log.py",
                """(e.xid, e.id) > (%s::text::xid8, %s::bigint) AND e.xid < edge.xmin
        ORDER BY e.xid, e.id LIMIT %s
""",
                """%s::text IS NOT NULL AND e.id > %s::bigint
        ORDER BY e.id LIMIT %s
""",
            ),
        ),
        ("pytest", "orders/tests/event_log/test_event_log.py", "orders/tests/streams/test_stream.py"),
    ),
    Mutant(
        "FAILED on a timeout of the chain",
        (
            Edit(SUBMIT, "import Settled, move", "import Settled, fail, move\nfrom orders.problems import problem_of"),
            Edit(
                SUBMIT,
                _NOT_SENT,
                _NOT_SENT
                + """        elif isinstance(answer, UnknownOutcome):
            transition([fail(order, problem_of(answer))])
""",
            ),
        ),
        L0_STATEMENTS,
    ),
    Mutant(
        "maintenance off",
        (
            Edit("orders/pipeline/maintenance.py", "items():\n        wake(", "items() & set():\n        wake("),
            Edit("orders/pipeline/drain.py", "while hints.is_open and", "while 0 and"),
            Edit("orders/pipeline/drain.py", "if run_maintenance(engine, policy, LATE_S):", "if 0:"),
            Edit(
                "orders/pipeline/maintenance.py",
                "events = send_unsent(engine)\n",
                "events = send_unsent(engine) if 0 else []\n",
            ),
        ),
        L1,
    ),
    Mutant(
        "a lost wake-up fails the POST",
        (
            Edit(
                "orders/notify/wake.py",
                "    hints.attempt(lambda: begun.append(kept(broker_redis_url()).begin(_commands(stage))))\n",
                "    begun.append(kept(broker_redis_url()).begin(_commands(stage)))\n",
            ),
        ),
        ("pytest", "orders/tests/pipeline/test_pipeline.py", "-k", "wake_up_that_cannot_be_sent"),
    ),
    Mutant(
        "cancels forgotten on the way to a signature",
        (
            Edit(
                "orders/services/cancel.py",
                "transition([*changes, *(requested(order) for order in late if order in new)])",
                "transition(changes)",
            ),
            Edit(TRANSITION, "THEN NOT {_IS_CALLED_BACK} END", "THEN true END"),
            Edit(
                "orders/pipeline/route.py",
                "return not (order.is_expired or order.is_cancel_requested)",
                "return not order.is_expired",
            ),
            Edit(BUILD, "               o.cancel_requested_at IS NOT NULL\n", "               false\n"),
            Edit(STATUS_TRIGGER, "AND NOT (NEW.cancel_requested_at IS NOT NULL AND", "AND NOT (false AND"),
            Edit(CANCEL_TRIGGERS, "WHERE NOT t.is_noop AND o.cancel_requested_at IS NOT NULL", "WHERE false"),
        ),
        ("pytest", "orders/tests/field/outages/test_cancels.py", "-k", "whatever_was_read_before or judged_before"),
    ),
    Mutant(
        "pause without its lock",
        (
            Edit(
                "orders/risk/pause.py",
                'HOLD_OFF_PAUSES = f"pg_advisory_xact_lock_shared({PAUSE})"',
                'HOLD_OFF_PAUSES = f"{PAUSE}::bigint"',
            ),
        ),
        ("pytest", "orders/tests/risk/test_pause.py"),
    ),
)
