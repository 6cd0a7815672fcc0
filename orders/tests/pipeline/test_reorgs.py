"""The simulated chain takes blocks back and replaces transactions: state comes back exactly, no atom is lost."""

import time
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dex import (
    CancellationIntent,
    Fees,
    NonceTaken,
    ReorgPastFinality,
    Side,
    SignedTransaction,
    SwapIntent,
    Underpriced,
)
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.models import Balance, Block, ChainAccount, ChainTransaction, PoolState, Undo
from dex.chains.simulated.options import USUAL_FEES
from dex.engine import Engine
from dex.types import SwapRequest

WALLET = "0xwallet"
FAR = int(time.time()) + 3_000  # what a signer's policy still allows


@pytest.fixture
def chain(db: None) -> SimulatedChain:
    """Four confirmations, blocks at once, other traders in every block."""
    chain = SimulatedChain(SimulatedOptions(required_confirmations=4, noise_trades=2))
    chain.next_nonce(WALLET)
    return chain


def swap(chain: SimulatedChain, nonce: int, fees: Fees = USUAL_FEES, scenario: str = "none") -> SignedTransaction:
    [quote] = Engine(chain).route([SwapRequest("SOL", "USDC", Side.EXACT_IN, 10**9, 0)])
    intent = SwapIntent(WALLET, nonce, Side.EXACT_IN, quote.route, 1, 10**12, FAR, scenario, fees)  # type: ignore[union-attr]
    [signed] = chain.sign([intent])
    assert isinstance(signed, SignedTransaction)
    return signed


def cancellation(chain: SimulatedChain, nonce: int, fees: Fees = USUAL_FEES) -> SignedTransaction:
    [signed] = chain.sign([CancellationIntent(WALLET, nonce, fees)])
    assert isinstance(signed, SignedTransaction)
    return signed


def state() -> dict[str, Any]:
    """Everything that a block may change."""
    return {
        "pools": list(PoolState.objects.order_by("pool_id").values_list("pool_id", "state", "version")),
        "balances": list(Balance.objects.order_by("address", "token").values_list("address", "token", "atoms")),
        "nonces": list(ChainAccount.objects.order_by("address").values_list("address", "next_nonce")),
    }


def included(chain: SimulatedChain, signed: SignedTransaction) -> int | None:
    [receipt] = chain.receipts([signed.tx_hash])
    return receipt.block_number if receipt else None


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_reorg_restores_the_state_before_its_blocks_exactly(chain: SimulatedChain, depth: int) -> None:
    states, sent, hashes = [], [], []
    for nonce in range(3):
        states.append(state())
        sent.append(swap(chain, nonce))
        chain.broadcast(sent[-1:])
        assert included(chain, sent[-1]) == nonce + 1
        hashes.append(Block.objects.get(number=nonce + 1).block_hash)
    supply = chain.store.total_supply()

    taken = chain.reorg(depth, forget=None)

    assert sorted(taken) == sorted(item.tx_hash for item in sent[3 - depth :])
    assert state() == states[3 - depth]
    assert chain.store.total_supply() == supply
    assert chain.next_nonce(WALLET) == 3 - depth
    assert chain.advance() == 3
    assert not set(hashes[3 - depth :]) & set(Block.objects.values_list("block_hash", flat=True))
    assert [included(chain, item) for item in sent] == [1, 2, 3][: 3 - depth] + [None] * depth


def test_what_a_reorg_took_back_is_included_again_on_the_other_branch(chain: SimulatedChain) -> None:
    kept, lost = swap(chain, 0), swap(chain, 1)
    chain.broadcast([kept, lost])
    assert included(chain, kept) == included(chain, lost) == 1
    before = Block.objects.get(number=1).block_hash

    chain.reorg(1, forget=[lost.tx_hash])

    assert (included(chain, kept), included(chain, lost)) == (2, None)
    assert chain.broadcast([lost]) == [None]
    assert included(chain, lost) == 3
    assert before not in Block.objects.values_list("block_hash", flat=True)


def test_a_final_block_stays_unless_an_incident_is_asked_for(chain: SimulatedChain) -> None:
    first = swap(chain, 0)
    chain.broadcast([first])
    chain.receipts([first.tx_hash])
    chain.mine(3)
    [receipt] = chain.receipts([first.tx_hash])
    before = state()

    with pytest.raises(ReorgPastFinality), transaction.atomic():
        chain.reorg(4)

    assert receipt is not None
    assert (receipt.confirmations, receipt.is_final) == (4, True)
    assert state() == before
    assert chain.reorg(4, past_finality=True) == [first.tx_hash]


def test_confirmations_count_up_to_finality_and_never_shrink(chain: SimulatedChain) -> None:
    first = swap(chain, 0)
    chain.broadcast([first])
    seen = []
    for _ in range(4):
        [receipt] = chain.receipts([first.tx_hash])
        assert receipt is not None
        seen.append((receipt.confirmations, receipt.is_final))
        chain.mine()
    chain.reorg(3)
    [receipt] = chain.receipts([first.tx_hash])

    assert seen == [(1, False), (2, False), (3, False), (4, True)]
    assert receipt is not None
    assert (receipt.confirmations, receipt.is_final) == (5, True)


def test_what_undoes_a_block_is_forgotten_some_blocks_past_finality(chain: SimulatedChain) -> None:
    for nonce in range(15):
        chain.broadcast([cancellation(chain, nonce)])
        chain.advance()

    assert list(Undo.objects.values_list("number", flat=True)) == list(range(4, 16))
    with pytest.raises(ReorgPastFinality), transaction.atomic():
        chain.reorg(14, past_finality=True)


def test_standing_tells_final_nonces_and_final_time(chain: SimulatedChain) -> None:
    for nonce in range(3):
        chain.broadcast([cancellation(chain, nonce)])
        chain.advance()
    chain.mine(2)

    standing = chain.standing([WALLET, "0xstranger"])

    assert standing.final_block == 2
    assert dict(standing.next_nonces) == {WALLET: 3, "0xstranger": 0}
    assert dict(standing.final_nonces) == {WALLET: 2, "0xstranger": 0}
    assert standing.final_time == int(Block.objects.get(number=2).at.timestamp())


def test_a_replacement_needs_an_eighth_more_of_both_fees(chain: SimulatedChain) -> None:
    stuck = swap(chain, 0, scenario="stuck")
    assert chain.broadcast([stuck]) == [None]
    assert included(chain, stuck) is None
    raised = USUAL_FEES.bumped()
    low = Fees(raised.max_fee, raised.priority_fee - 1)
    [too_low, enough] = chain.reprice([(stuck, low), (stuck, raised)])
    assert isinstance(too_low, SignedTransaction)
    assert isinstance(enough, SignedTransaction)

    [refusal] = chain.broadcast([too_low])
    answer = chain.broadcast([enough])

    assert isinstance(refusal, Underpriced)
    assert answer == [None]
    assert not ChainTransaction.objects.filter(tx_hash=too_low.tx_hash).exists()
    assert (included(chain, stuck), included(chain, enough)) == (None, 1)
    assert isinstance(chain.broadcast([cancellation(chain, 0, raised.bumped())])[0], NonceTaken)
    assert chain.broadcast([stuck, enough]) == [None, None]
    assert included(chain, stuck) is None


def test_in_a_race_the_first_one_may_win(chain: SimulatedChain) -> None:
    first = swap(chain, 0, scenario="race")
    [second] = chain.reprice([(first, USUAL_FEES.bumped())])
    assert isinstance(second, SignedTransaction)

    chain.broadcast([first, second])

    assert (included(chain, first), included(chain, second)) == (1, None)
    chain.broadcast([cancellation(chain, 1)])
    chain.advance()
    assert ChainTransaction.objects.get(tx_hash=second.tx_hash).state == "replaced"


def test_a_nonce_is_included_once_whatever_writes(chain: SimulatedChain) -> None:
    first, second = swap(chain, 0), swap(chain, 0, USUAL_FEES.bumped())
    chain.broadcast([first, second])
    assert included(chain, second) == 1

    with pytest.raises(IntegrityError), transaction.atomic():
        ChainTransaction.objects.filter(tx_hash=first.tx_hash).update(state="included", block_number=1)


def test_an_order_can_ask_for_a_reorg_which_comes_once(chain: SimulatedChain) -> None:
    doomed = swap(chain, 0, scenario="reorg")
    chain.broadcast([doomed])
    assert included(chain, doomed) == 1

    chain.mine()

    assert included(chain, doomed) == 3
    chain.mine(3)
    [receipt] = chain.receipts([doomed.tx_hash])
    assert receipt is not None
    assert receipt.is_final


def test_the_command_takes_blocks_back(chain: SimulatedChain, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr("orders.management.commands.simchain.get_engine", lambda: Engine(chain))
    first = cancellation(chain, 0)
    chain.broadcast([first])
    chain.advance()

    call_command("simchain", "reorg", "--depth", "1", "--forget")

    assert first.tx_hash in capsys.readouterr().out
    assert included(chain, first) is None


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("swap"), st.integers(0, 3)),
        st.tuples(st.just("raise"), st.integers(0, 3)),
        st.tuples(st.just("reorg"), st.integers(1, 3)),
        st.tuples(st.just("forget"), st.integers(1, 3)),
        st.tuples(st.just("mine"), st.integers(1, 2)),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_random_reorgs_and_replacements_keep_every_atom_and_use_a_nonce_once(
    chain: SimulatedChain, acts: list[tuple[str, int]]
) -> None:
    with transaction.atomic():
        supply, sent = chain.store.total_supply(), list[SignedTransaction]()
        for act, number in acts:
            if act == "swap":
                sent.append(swap(chain, chain.next_nonce(WALLET) + number % 2))
                chain.broadcast(sent[-1:])
            elif act == "raise" and sent:
                [other] = chain.reprice([(sent[-1], sent[-1].fees.bumped())])
                assert isinstance(other, SignedTransaction)
                sent.append(other)
                chain.broadcast([other])
            elif act in {"reorg", "forget"} and chain.advance() >= number:
                chain.reorg(number, forget=() if act == "reorg" else None, past_finality=True)
            elif act == "mine":
                chain.mine(number)
            chain.broadcast(sent)  # a sender that never tires
            # The same swap at the same nonce is the same bytes: one transaction, however often it was sent.
            different = {item.tx_hash: item for item in sent}
            receipts = [item for item in chain.receipts(list(different)) if item]
            nonces = [item.nonce for item in different.values() if included(chain, item)]

            assert chain.store.total_supply() == supply
            assert sorted(nonces) == list(range(chain.next_nonce(WALLET)))
            assert len(receipts) == len(nonces)
        transaction.set_rollback(True)
