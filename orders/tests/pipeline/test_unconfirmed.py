"""What the silence of a chain about an order means, and what ends an order past its deadline."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from dex import ChainUnavailable, Engine, Standing
from dex import SignedTransaction as Signed
from dex.chains.simulated import SimulatedChain
from dex.chains.simulated.models import ChainTransaction
from orders.config import Policy
from orders.models import Account, Submission
from orders.pipeline.unconfirmed import Act, judge
from orders.reconciliation.orders import audit_orders
from orders.signing.nonces import clear_nonces
from orders.signing.submissions import OpenSubmission, Stored
from orders.states import Stage
from orders.tests.factories import place, terms
from orders.tests.pipeline.chain_faults import (
    CONFIRMATIONS,
    Run,
    ended,
    executed,
    settle,
    signatures_recorded,
    signatures_stored,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]


def test_past_its_deadline_two_looks_a_block_apart_free_the_order_and_a_cancellation_its_nonce(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    late = replace(policy, deadline_s=-10)
    [order] = place(account, terms(scenario="stuck"))
    run(policy=late)
    assert Submission.objects.get().absent_block == 0

    chain.mine(CONFIRMATIONS - 1)
    run(Stage.CONFIRM, policy=late)
    assert ended(order) == ("SUBMITTED", None)
    chain.mine()
    run(Stage.CONFIRM, policy=late)

    assert ended(order) == ("FAILED", "expired")
    assert Submission.objects.get().closed_at is None
    [later] = place(account)
    run()
    assert clear_nonces(engine, policy) == 1
    settle(chain, run, policy)
    assert clear_nonces(engine, policy) == 0
    assert Submission.objects.filter(closed_at__isnull=True).count() == 0
    assert ended(later) == ("CONFIRMED", "filled")
    assert executed() == [later.tx_hash]
    assert list(audit_orders()) == []
    assert signatures_recorded() == signatures_stored()


def test_a_receipt_between_the_two_looks_decides(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    late = replace(policy, deadline_s=-10, max_attempts=1)
    [order] = place(account, terms(scenario="stuck"))
    run(policy=late)
    assert Submission.objects.get().absent_block == 0

    ChainTransaction.objects.update(state="pending")
    settle(chain, run, late)

    assert ended(order) == ("FAILED", "expired")
    assert order.failure is not None
    assert "past the deadline" in order.failure["detail"]
    assert Submission.objects.get().closed_at is not None


STANDING = Standing(100, 1_000, {"w": 7}, {"w": 7})


def submission(
    *, nonce: int = 7, deadline: int = 2_000, age_s: float = 0.0, absent: int | None = None, replacements: int = 0
) -> OpenSubmission:
    signed = [Signed("c", "w", nonce, b"", f"0x{i}", deadline) for i in range(1 + replacements)]
    return OpenSubmission(
        uuid4(), None, 1, 1, absent, tuple(Stored(item, False, None, age_s, None, None) for item in signed)
    )


@pytest.mark.parametrize(
    ("held", "standing", "is_cancel_requested", "act"),
    [
        (submission(), STANDING, False, Act.WAIT),
        (submission(age_s=9), STANDING, False, Act.REPLACE),
        (submission(age_s=9, replacements=1), STANDING, False, Act.REPLACE),
        (submission(age_s=9, replacements=2), STANDING, False, Act.CANCEL),
        (submission(age_s=9, nonce=8), STANDING, False, Act.WAIT),
        (submission(age_s=9), replace(STANDING, next_nonces={"w": 8}), False, Act.WAIT),
        (submission(), STANDING, True, Act.CANCEL),
        (submission(deadline=999), STANDING, False, Act.NOTE),
        (submission(deadline=1_000), STANDING, False, Act.WAIT),
        (submission(deadline=999, absent=100), STANDING, False, Act.WAIT),
        (submission(deadline=999, absent=99), STANDING, False, Act.EXPIRE),
        (submission(nonce=6), STANDING, False, Act.NOTE),
        (submission(nonce=6, absent=100), STANDING, False, Act.WAIT),
        (submission(nonce=6, absent=99), STANDING, False, Act.GIVE_UP),
        (submission(nonce=6, absent=99, deadline=999), STANDING, False, Act.GIVE_UP),
        (submission(absent=99), STANDING, False, Act.FORGET),
    ],
)
def test_silence_means(held: OpenSubmission, standing: Standing, is_cancel_requested: bool, act: Act) -> None:
    class Asked:
        """All that the judgement reads of an order."""

    asked: Any = Asked()
    asked.is_cancel_requested = is_cancel_requested

    assert judge(asked, held, standing, 5.0, 2) is act


def test_what_the_chain_refuses_for_good_is_not_waited_for() -> None:
    asked: Any = SimpleNamespace(is_cancel_requested=False)
    with_cancellation = replace(
        submission(), transactions=(*submission().transactions, submission().newest._replace(is_cancellation=True))
    )

    assert judge(asked, submission(), STANDING, 5.0, 2, is_refused=True) is Act.CANCEL
    assert judge(asked, with_cancellation, STANDING, 5.0, 2, is_refused=True) is Act.WAIT
    assert judge(asked, submission(nonce=6), STANDING, 5.0, 2, is_refused=True) is Act.NOTE


def test_a_chain_that_does_not_answer_fails_nobody(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = replace(policy, deadline_s=-10)
    [order] = place(account, terms(scenario="stuck"))
    run(policy=late)
    chain.mine(CONFIRMATIONS)

    def unavailable(*_: Any) -> Any:
        raise ChainUnavailable("the chain does not answer")

    monkeypatch.setattr(chain, "standing", unavailable)
    settle(chain, run, late)

    assert ended(order) == ("SUBMITTED", None)
