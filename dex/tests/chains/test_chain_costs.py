"""What every chain must say of what transactions cost, over the registry."""

from itertools import pairwise

from dex import (
    CancellationIntent,
    Fees,
    FeeStrategy,
    PreparedSwap,
)
from dex.chains.capabilities import (
    ChargesGas,
)
from dex.tests.chains.desk import Desk, one


def test_bumped_fees_can_replace_what_was_offered(desk: Desk) -> None:
    for fees in desk.engine.prepare().values():
        assert isinstance(fees, Fees)
        assert fees.bumped().can_replace(fees)


def test_a_faster_strategy_offers_no_less(desk: Desk) -> None:
    offers = desk.engine.prepare()

    slow, normal, fast = (offers[strategy] for strategy in FeeStrategy)
    assert slow == slow.at_least(Fees())
    assert normal == normal.at_least(slow)
    assert fast == fast.at_least(normal)


def test_a_faster_strategy_costs_no_less(desk: Desk) -> None:
    costs = desk.chain.snapshot().costs

    assert list(costs) in ([], list(FeeStrategy))
    for slower, faster in pairwise(costs.values()):
        assert slower.token == faster.token == desk.chain.native.symbol
        assert 0 <= slower.per_transaction <= faster.per_transaction
        for pool in desk.chain.snapshot().pools:
            assert 0 <= slower.of_swap(pool.kind) <= faster.of_swap(pool.kind)
            assert 0 <= slower.of_tick(pool.kind) <= faster.of_tick(pool.kind)


def test_no_transaction_costs_more_than_was_said_of_it(desk: Desk) -> None:
    chain, intent = desk.chain, desk.intent()
    (swap,) = desk.engine.simulate([intent])
    assert isinstance(swap, PreparedSwap)
    cancel = CancellationIntent(desk.wallet, intent.nonce + 1, intent.fees)
    signed, cancelling = one(desk.engine.build([swap])), one(desk.engine.build([cancel]))
    raised = intent.fees.bumped()

    most = chain.most_costs([(item, intent.fees) for item in (swap, signed, cancel)])
    most_raised = chain.most_costs([(item, raised) for item in (swap, signed, cancel)])

    desk.send(signed, cancelling)
    paid = [desk.final(item).fee_paid for item in (signed, cancelling)]
    assert most[0] == most[1]
    assert 0 <= paid[0] <= most[0]
    assert 0 <= paid[1] <= most[2]
    assert all(before <= after for before, after in zip(most, most_raised, strict=True))
    assert isinstance(chain, ChargesGas) is any(most)
    assert chain.native.symbol


def test_the_native_token_pays_exactly_what_receipts_state(desk: Desk) -> None:
    """Of what succeeds, of what is undone, and of a cancellation; beside what a swap gives or gets of it."""
    symbol = desk.chain.native.symbol
    before, key = desk.chain.balances(desk.wallet).get(symbol, 0), desk.next_key()
    undone = desk.intent(key + 1, min_amount_out=desk.quote().amount_out * 2)
    cancel = CancellationIntent(desk.wallet, key + 2, undone.fees)
    items = [desk.signed(key), *(one([answer]) for answer in desk.engine.build([undone, cancel]))]

    desk.send(*items)
    receipts = [desk.final(item) for item in items]

    assert [receipt.is_success for receipt in receipts] == [True, False, True]
    given = receipts[0].amount_in if desk.token_in == symbol else 0
    given -= receipts[0].amount_out if desk.token_out == symbol else 0
    lost = before - desk.chain.balances(desk.wallet).get(symbol, 0) - given
    assert lost == sum(receipt.fee_paid for receipt in receipts)
    assert [receipt.fee_paid > 0 for receipt in receipts] == [isinstance(desk.chain, ChargesGas)] * 3
