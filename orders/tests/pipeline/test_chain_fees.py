"""Network fees on the simulated chain: what a block takes, to the atom, from what executes and what does not."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dex import CancellationIntent, Engine, Fees, FeeStrategy, InsufficientFunds, Side, SwapIntent, SwapRequest
from dex import SignedTransaction as Signed
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.fees import COLLECTOR, NATIVE, TRANSACTION_FEE
from dex.chains.simulated.models import Balance, ChainTransaction
from dex.chains.simulated.options import SWAP_FEE, USUAL_FEES
from dex.types import Quote
from orders.tests.native_funds import FEE, UNIT, hold, native

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]


def sign(chain: SimulatedChain, wallet: str, nonce: int, fees: Fees = USUAL_FEES, **changes: object) -> Signed:
    """A sale of one SOL by one swap."""
    request = SwapRequest("SOL", "USDC", Side.EXACT_IN, UNIT, 0, max_swaps=1)
    [quote] = Engine(chain).route([request])
    assert isinstance(quote, Quote)
    intent = SwapIntent(wallet, nonce, Side.EXACT_IN, quote.route, 1, 10**12, chain.snapshot().time + 600, fees=fees)
    [signed] = chain.sign([replace(intent, **changes)])  # type: ignore[arg-type]  # names of its fields
    assert isinstance(signed, Signed)
    return signed


def paid(chain: SimulatedChain, *items: Signed) -> list[int | None]:
    """The fee on each receipt, by a chain that remembers nothing."""
    fresh = SimulatedChain(SimulatedOptions(required_confirmations=4))
    found = [lookup.receipts([item.tx_hash for item in items]) for lookup in (chain, fresh)]
    assert found[0] == found[1]
    return [receipt.fee_paid if receipt else None for receipt in found[0]]


def test_a_receipt_keeps_the_fee_that_the_snapshot_stated_and_a_reorg_gives_it_back(chain: SimulatedChain) -> None:
    wallet = "somebody"
    granted, supply = chain.balances(wallet)[NATIVE], chain.store.total_supply()
    stated, offers = chain.snapshot().costs, chain.prepare()
    items = [sign(chain, wallet, nonce, offers[strategy]) for nonce, strategy in enumerate(FeeStrategy)]
    items.append(sign(chain, wallet, 3, min_amount_out=10**15))
    [cancel] = chain.sign([CancellationIntent(wallet, 4, USUAL_FEES)])
    assert isinstance(cancel, Signed)
    items.append(cancel)

    assert chain.broadcast(items) == [None] * 5

    fees = [stated[strategy].per_transaction + stated[strategy].of_swap("any") for strategy in FeeStrategy]
    assert paid(chain, *items) == [*fees, FEE, TRANSACTION_FEE]
    total = sum(fees) + FEE + TRANSACTION_FEE
    assert (native(wallet), native(COLLECTOR)) == (granted - 3 * UNIT - total, total)
    assert chain.store.total_supply() == supply
    chain.reorg(1, forget=None)
    assert paid(chain, *items) == [None] * 5
    assert (native(wallet), Balance.objects.filter(address=COLLECTOR).exists()) == (granted, False)
    assert set(ChainTransaction.objects.values_list("fee_paid", flat=True)) == {0}
    assert chain.broadcast(items) == [None] * 5
    assert paid(chain, *items) == [*fees, FEE, TRANSACTION_FEE]
    assert chain.store.total_supply() == supply


def test_fees_take_no_statement_per_transaction(chain: SimulatedChain) -> None:
    statements = []
    for number in (1, 20):
        wallets = [f"{number}/{item}" for item in range(number)]
        for wallet in wallets:
            chain.next_nonce(wallet)
        items = [sign(chain, wallet, 0) for wallet in wallets]
        with CaptureQueriesContext(connection) as broadcast:
            chain.broadcast(items)
        with CaptureQueriesContext(connection) as block:
            chain.advance()
        statements.append((len(broadcast), len(block)))
        assert paid(chain, *items) == [FEE] * number

    assert statements[0] == statements[1]


def test_the_price_of_a_swap_is_a_setting_of_who_signs(db: None) -> None:
    """A block takes what the bytes offer, whoever makes it."""
    dear, free = (SimulatedChain(SimulatedOptions(swap_fee=swap_fee)) for swap_fee in (70_000, 0))
    dear.next_nonce("somebody")
    first = sign(dear, "somebody", 0, dear.prepare()[FeeStrategy.NORMAL])
    second = sign(free, "somebody", 1, free.prepare()[FeeStrategy.NORMAL])

    assert dear.broadcast([first, second]) == [None, None]

    assert [receipt and receipt.fee_paid for receipt in free.receipts([first.tx_hash, second.tx_hash])] == [
        TRANSACTION_FEE + 70_000,
        TRANSACTION_FEE,
    ]


def test_the_most_that_a_transaction_costs_is_what_it_costs(chain: SimulatedChain) -> None:
    chain.next_nonce("somebody")
    swap, raised = sign(chain, "somebody", 0), USUAL_FEES.bumped()
    cancel = CancellationIntent("somebody", 1, USUAL_FEES)

    assert chain.most_costs([(swap, USUAL_FEES), (swap, raised), (cancel, raised)]) == [
        FEE,
        TRANSACTION_FEE + SWAP_FEE * 9 // 8,
        TRANSACTION_FEE,
    ]


def test_bytes_that_a_wallet_cannot_pay_for_are_refused_until_it_can(chain: SimulatedChain) -> None:
    chain.next_nonce("somebody")
    hold("somebody", FEE - 1)
    item = sign(chain, "somebody", 0)

    [refusal] = chain.broadcast([item])

    assert isinstance(refusal, InsufficientFunds)
    assert refusal.detail == "the wallet holds 0.000014999 SOL, and the network fee is 0.000015 SOL"
    assert not ChainTransaction.objects.exists()
    hold("somebody", FEE + UNIT)
    assert chain.broadcast([item]) == [None]
    assert paid(chain, item) == [FEE]
    assert native("somebody") == 0
    assert chain.broadcast([item]) == [None], "it is known, and cannot be paid for twice"


def test_a_negative_fee_is_no_fee(chain: SimulatedChain) -> None:
    chain.next_nonce("somebody")
    item = sign(chain, "somebody", 0, Fees(USUAL_FEES.max_fee, -(10**12)))

    [refusal] = chain.broadcast([item])

    assert refusal is not None
    assert refusal.code == "rejected"


def test_what_its_wallet_cannot_pay_for_any_more_leaves_the_mempool_and_executes_when_it_can(
    chain: SimulatedChain,
) -> None:
    chain.next_nonce("somebody")
    hold("somebody", UNIT + 2 * FEE - 1)
    items = [sign(chain, "somebody", nonce) for nonce in range(3)]

    assert chain.broadcast(items) == [None] * 3
    assert paid(chain, *items) == [FEE, None, None]

    states = dict(ChainTransaction.objects.values_list("nonce", "state"))
    assert states == {0: "included", 1: "forgotten", 2: "pending"}
    assert chain.next_nonce("somebody") == 1
    head = chain.store.head()
    assert head is not None
    assert not head.has_pending, "nobody tries for ever what has to wait"
    [again] = chain.broadcast(items[1:2])
    assert isinstance(again, InsufficientFunds)
    assert paid(chain, *items) == [FEE, None, None]
    hold("somebody", 2 * UNIT + 2 * FEE)
    assert chain.broadcast(items[1:2]) == [None]
    assert paid(chain, *items) == [FEE] * 3


def test_no_wallet_keeps_others_out_of_blocks(chain: SimulatedChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by what can never be paid, nor by how many can be."""
    monkeypatch.setattr("dex.chains.simulated.mempool.MAX_BLOCK_TRANSACTIONS", 4)
    sent = {wallet: [sign(chain, wallet, nonce) for nonce in range(6)] for wallet in ("a poor", "b rich", "c last")}
    for wallet in sent:
        chain.next_nonce(wallet)
    hold("a poor", UNIT + FEE)
    for items in sent.values():
        ChainTransaction.objects.bulk_create(
            ChainTransaction(
                tx_hash=one.tx_hash, wallet=one.wallet, nonce=one.nonce, raw=one.raw, state="pending", max_fee=1
            )
            for one in items
        )

    for _ in range(4):
        chain.mine(1)
        included = list(ChainTransaction.objects.filter(state="included").values_list("wallet", flat=True))
        assert included.count("a poor") == 1
        assert abs(included.count("b rich") - included.count("c last")) <= 1

    assert paid(chain, *sent["b rich"], *sent["c last"]) == [FEE] * 12
    assert set(paid(chain, *sent["a poor"][1:])) == {None}


def test_old_bytes_without_fees_pay_the_fixed_part(chain: SimulatedChain) -> None:
    chain.next_nonce("somebody")
    item = sign(chain, "somebody", 0, Fees())

    assert chain.broadcast([item]) == [None]
    assert paid(chain, item) == [TRANSACTION_FEE]
