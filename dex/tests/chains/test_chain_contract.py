"""What every chain must do, over the registry: a new kind of chain is tested here without a line of test code."""

import time
from dataclasses import replace
from fractions import Fraction

import pytest

from dex import (
    CancellationIntent,
    DexError,
    Quote,
    SignedTransaction,
)
from dex.chains import CHAINS, chain_kind
from dex.chains.capabilities import (
    ChargesGas,
    CrossChecksNodes,
    DatesPools,
    DelegatesWallets,
    NeedsAllowances,
    ReplacesTransactions,
    SimulatesSwaps,
)
from dex.errors import RetryableError, TerminalError, UnknownOutcome
from dex.tests.chains.desk import OTHER_OWNER, OWNER, Desk, one


def test_the_record_has_the_name_of_its_line() -> None:
    assert {name: chain_kind(name).name for name in CHAINS} == {name: name for name in CHAINS}


def test_it_tells_what_it_is(desk: Desk) -> None:
    chain = desk.chain
    known, snapshot = {token.symbol for token in chain.tokens()}, chain.snapshot()

    assert chain.chain_id
    assert chain.timing.confirmations >= 1
    assert chain.timing.block_s >= 0 < chain.timing.answer_s
    assert known >= {token for pool in snapshot.pools for token in pool.tokens}
    assert len({pool.pool_id for pool in snapshot.pools}) == len(snapshot.pools) > 0
    assert all(token.decimals >= 0 for token in chain.tokens())
    assert chain.snapshot().version >= snapshot.version


def test_what_it_dates_are_its_pools_and_none_is_of_the_future(desk: Desk) -> None:
    if not isinstance(desk.chain, DatesPools):
        pytest.skip("it does not date its pools")
    desk.chain.seek_pools()
    snapshot = desk.chain.snapshot()
    pool_ids = [pool.pool_id for pool in snapshot.pools]
    born = desk.chain.births([*pool_ids, "no pool"], 0)

    assert born.keys() <= set(pool_ids)
    assert all(0 < at <= desk.chain.snapshot().time for at in born.values())
    assert desk.chain.births(pool_ids, snapshot.time + 3_600) == {}
    assert desk.chain.births([], 0) == {}


def test_an_owner_has_one_wallet_and_another_owner_another(desk: Desk) -> None:
    assert desk.chain.address_of(OWNER) == desk.wallet != desk.chain.address_of(OTHER_OWNER)


def test_a_swap_goes_from_quote_to_final_and_moves_exactly_what_its_receipt_says(desk: Desk) -> None:
    before, quote, signed = desk.pair(), desk.quote(), desk.signed()

    assert desk.receipt(signed) is None
    assert desk.send(signed) == [None]
    receipt = desk.included(signed)

    assert (receipt.tx_hash, receipt.is_success, receipt.code) == (signed.tx_hash, True, None)
    assert receipt.confirmations >= 1
    assert receipt.route is not None
    assert (receipt.route.amount_in, receipt.route.amount_out) == (receipt.amount_in, receipt.amount_out)
    assert receipt.amount_in == desk.amount
    assert receipt.amount_out >= quote.min_amount_out > 0
    assert desk.pair() == (before[0] - receipt.amount_in, before[1] + receipt.amount_out)
    final = desk.final(signed)
    assert (final.block_number, final.block_hash) == (receipt.block_number, receipt.block_hash)
    assert final.confirmations >= desk.chain.timing.confirmations
    assert desk.chain.standing([desk.wallet]).final_block >= final.block_number


def test_what_the_wallet_got_is_what_the_pools_gave(desk: Desk) -> None:
    def in_pools(token: str) -> int:
        return sum(pool.balances().get(token, 0) for pool in desk.chain.snapshot().pools)

    signed, before = desk.signed(), in_pools(desk.token_out)
    desk.send(signed)
    receipt = desk.included(signed)

    assert receipt.amount_out == before - in_pools(desk.token_out)


def test_the_part_of_an_order_that_is_worth_its_limit_executes_within_it(desk: Desk) -> None:
    """The limit is a little worse than what a fifth of the order nets: that much at least is filled."""
    part = desk.quote()
    assert part.net_amount is not None
    limit = Fraction(part.net_amount, part.amount_in) * Fraction(9_999, 10_000)
    asked = replace(desk.request(), amount=5 * desk.amount, limit_price=limit, allow_partial=True)
    (quote,) = desk.engine.route([asked])
    assert isinstance(quote, Quote), quote
    assert quote.amount_in + quote.unfilled == asked.amount
    assert quote.min_amount_out >= quote.amount_in * limit

    signed = desk.signed(route=quote.route, min_amount_out=quote.min_amount_out, max_amount_in=quote.max_amount_in)
    assert desk.send(signed) == [None]
    receipt = desk.included(signed)

    assert receipt.is_success
    assert (receipt.amount_in, receipt.amount_out >= quote.min_amount_out) == (quote.amount_in, True)


def test_the_same_bytes_twice_execute_once(desk: Desk) -> None:
    before, signed = desk.pair(), desk.signed()

    first, *again = desk.send(signed), desk.send(signed), desk.send(signed, signed)
    receipt = desk.final(signed)
    late = desk.send(signed)

    assert first == [None]
    for answer in [item for answers in (*again, late) for item in answers]:
        assert answer is None or isinstance(answer, UnknownOutcome), "a second copy may not look refused or unsent"
    desk.bench.next_block()
    assert desk.final(signed) == replace(receipt, confirmations=desk.final(signed).confirmations)
    assert desk.pair() == (before[0] - receipt.amount_in, before[1] + receipt.amount_out)


def test_two_transactions_at_one_key_never_both_execute(desk: Desk) -> None:
    before, key = desk.pair(), desk.next_key()
    small = desk.intent(key)
    first, second = one(desk.engine.build([small])), desk.signed(key, deadline=small.deadline + 1)
    assert first.tx_hash != second.tx_hash

    answers = desk.send(first) + desk.send(second)
    desk.final(first)
    late = desk.send(second)
    desk.bench.next_block()

    assert answers[0] is None
    assert all(answer is None or isinstance(answer, DexError) for answer in (*answers, *late))
    receipts = [receipt for receipt in desk.engine.receipts([first.tx_hash, second.tx_hash]) if receipt is not None]
    assert len(receipts) == 1
    assert desk.pair() == (before[0] - receipts[0].amount_in, before[1] + receipts[0].amount_out)


def test_what_was_never_sent_has_no_receipt_and_leaves_its_key_free(desk: Desk) -> None:
    """Unconfirmed is no end: the key is free, and the bytes execute when they come after all."""
    signed = desk.signed()
    desk.bench.next_block()
    standing = desk.chain.standing([desk.wallet])

    assert desk.receipt(signed) is None
    assert standing.next_nonces[desk.wallet] == signed.nonce
    assert standing.final_nonces[desk.wallet] <= signed.nonce
    if isinstance(desk.chain, CrossChecksNodes):
        assert desk.chain.are_absent([signed.tx_hash], standing.final_block) == [True]
    assert desk.send(signed) == [None]
    assert desk.final(signed).is_success
    spent = desk.chain.standing([desk.wallet])
    assert spent.next_nonces[desk.wallet] == spent.final_nonces[desk.wallet] == signed.nonce + 1
    assert desk.next_key() == signed.nonce + 1


def test_past_its_deadline_a_swap_moves_nothing(desk: Desk) -> None:
    before = desk.pair()
    signed = desk.signed(deadline=desk.chain.snapshot().time - 100)

    (answer,) = desk.send(signed)
    for _ in range(3):
        desk.bench.next_block()

    receipt = desk.receipt(signed)
    assert (receipt.is_success, receipt.code) == (False, "expired") if receipt else isinstance(answer, DexError)
    assert desk.pair() == before


def test_below_its_limit_a_swap_moves_nothing(desk: Desk) -> None:
    before, quote = desk.pair(), desk.quote()
    signed = desk.signed(min_amount_out=quote.amount_out * 2)

    desk.send(signed)
    receipt = desk.final(signed)

    assert (receipt.is_success, receipt.code, receipt.route) == (False, "slippage", None)
    assert desk.pair() == before
    assert desk.next_key() == signed.nonce + 1, "what was undone has spent its key"


def test_a_wallet_gives_no_more_than_it_holds(desk: Desk) -> None:
    before = desk.pair()
    intent = desk.intent()
    much = replace(intent.route, hops=tuple(replace(hop, amount_in=before[0] * 2) for hop in intent.route.hops))
    signed = one(desk.engine.build([replace(intent, route=much, max_amount_in=much.amount_in, min_amount_out=1)]))

    (answer,) = desk.send(signed)
    for _ in range(3):
        desk.bench.next_block()

    receipt = desk.receipt(signed)
    assert not receipt.is_success if receipt else isinstance(answer, TerminalError)
    assert desk.pair() == before


def test_spoilt_bytes_are_refused_for_good(desk: Desk) -> None:
    before, signed = desk.pair(), desk.signed()
    spoilt = replace(signed, raw=signed.raw[:-3], tx_hash="0x" + "ab" * 32)

    (answer,) = desk.send(spoilt)
    desk.bench.next_block()

    assert isinstance(answer, TerminalError)
    assert not isinstance(answer, RetryableError)
    assert desk.receipt(spoilt) is None
    assert desk.pair() == before


def test_a_transaction_of_another_wallet_moves_nothing_of_ours(desk: Desk) -> None:
    before, other = desk.pair(), Desk.on(desk.bench, OTHER_OWNER)
    (answer,) = desk.engine.build([desk.intent(wallet="0x" + "00" * 19 + "77", nonce=0)])
    theirs = other.signed()

    if isinstance(answer, SignedTransaction):
        desk.send(answer)
    assert desk.send(theirs) == [None]
    assert other.final(theirs).is_success
    assert desk.pair() == before


def test_a_scenario_that_it_does_not_act_out_is_refused(desk: Desk) -> None:
    intent = desk.intent(scenario="no such fault")

    assert [type(answer).__base__ for answer in desk.engine.build([intent])] == [TerminalError]


def test_check_says_what_sign_would(desk: Desk) -> None:
    good, bad = desk.intent(), desk.intent(deadline=int(time.time()) + 10**7)

    refusals = [answer if isinstance(answer, DexError) else None for answer in desk.engine.build([good, bad])]
    checked = desk.engine.check([good, bad])

    assert [answer and answer.code for answer in checked] == [answer and answer.code for answer in refusals]
    assert [answer and answer.code for answer in checked] == [None, "signing_refused"]


def test_keys_in_a_row_execute_in_their_order_whatever_arrives_first(desk: Desk) -> None:
    key = desk.next_key()
    intents = [desk.intent(key + number) for number in range(3)]
    signed = [item for item in desk.engine.build(intents) if isinstance(item, SignedTransaction)]

    desk.send(*reversed(signed))
    receipts = [desk.final(item) for item in signed]

    assert [item.nonce for item in signed] == [key, key + 1, key + 2]
    assert all(receipt.is_success for receipt in receipts)
    assert [receipt.block_number for receipt in receipts] == sorted(receipt.block_number for receipt in receipts)
    assert len({item.tx_hash for item in signed}) == 3


def test_answers_come_in_the_order_of_the_questions(desk: Desk) -> None:
    signed, unknown = desk.signed(), "0x" + "cd" * 32
    desk.send(signed)
    desk.included(signed)

    receipts = desk.engine.receipts([unknown, signed.tx_hash, unknown])

    assert [receipt and receipt.tx_hash for receipt in receipts] == [None, signed.tx_hash, None]
    assert desk.engine.receipts([]) == []
    assert desk.send() == []


def test_equal_intents_sign_to_equal_bytes(desk: Desk) -> None:
    intent = desk.intent()

    assert desk.engine.build([intent]) == desk.engine.build([intent])


def replaces(desk: Desk) -> ReplacesTransactions:
    if not isinstance(desk.chain, ReplacesTransactions):
        pytest.skip(f"{desk.chain.chain_id} takes no replacements: nothing of this applies")
    return desk.chain


def test_a_higher_fee_replaces_a_transaction_at_its_key(desk: Desk) -> None:
    chain, before, first = replaces(desk), desk.pair(), desk.signed()
    assert desk.send(first) == [None]

    (raised,) = chain.reprice([(first, first.fees.bumped())])
    assert isinstance(raised, SignedTransaction)
    assert desk.send(raised) == [None]
    receipt = desk.final(raised)

    assert (raised.nonce, raised.wallet, raised.deadline) == (first.nonce, first.wallet, first.deadline)
    assert raised.tx_hash != first.tx_hash
    assert desk.receipt(first) is None
    assert desk.pair() == (before[0] - receipt.amount_in, before[1] + receipt.amount_out)


def test_a_replacement_that_bids_no_more_does_not_look_refused(desk: Desk) -> None:
    replaces(desk)
    first = desk.intent()
    signed, rival = desk.engine.build([first, replace(first, deadline=first.deadline + 1)])
    assert isinstance(signed, SignedTransaction)
    assert isinstance(rival, SignedTransaction)
    desk.send(signed)

    (answer,) = desk.send(rival)

    assert isinstance(answer, UnknownOutcome), "one of the two is included: receipts tell"
    assert desk.final(signed).is_success


def test_a_cancellation_transaction_spends_the_key_and_moves_nothing(desk: Desk) -> None:
    replaces(desk)
    before, first = desk.pair(), desk.signed()
    desk.send(first)

    cancel = one(desk.engine.build([CancellationIntent(desk.wallet, first.nonce, first.fees.bumped())]))
    assert desk.send(cancel) == [None]
    receipt = desk.final(cancel)

    assert (receipt.is_success, receipt.amount_in, receipt.route) == (True, 0, None)
    assert desk.receipt(first) is None
    assert desk.pair() == before
    assert desk.chain.standing([desk.wallet]).final_nonces[desk.wallet] == first.nonce + 1


def test_what_a_reorg_took_can_be_sent_again_and_executes_once(desk: Desk) -> None:
    if desk.bench.reorg is None:
        pytest.skip(f"{desk.chain.chain_id} has no reorgs: nothing of this applies")
    before, signed = desk.pair(), desk.signed()
    desk.send(signed)
    assert desk.included(signed).is_success

    desk.bench.reorg(1)

    assert desk.receipt(signed) is None
    assert desk.pair() == before
    assert desk.chain.standing([desk.wallet]).next_nonces[desk.wallet] == signed.nonce
    assert desk.send(signed) == [None]
    again = desk.final(signed)
    assert desk.pair() == (before[0] - again.amount_in, before[1] + again.amount_out)


def test_capabilities_answer_for_this_wallet(desk: Desk) -> None:
    chain = desk.chain

    if isinstance(chain, ChargesGas):
        assert chain.low_on_gas([desk.wallet]) == {}
    if isinstance(chain, NeedsAllowances):
        assert chain.allowances(desk.wallet)[desk.token_in] >= desk.amount
    if isinstance(chain, DelegatesWallets):
        assert chain.acting_in_batches([desk.wallet]) <= {desk.wallet}
    if isinstance(chain, CrossChecksNodes):
        assert chain.contradictions() == []


def test_a_simulation_says_what_execution_will(desk: Desk) -> None:
    good, bad = desk.intent(), desk.intent(min_amount_out=desk.quote().amount_out * 2)

    answers = desk.engine.simulate([good, bad])

    assert not isinstance(answers[0], DexError)
    assert isinstance(answers[1], DexError) is isinstance(desk.chain, SimulatesSwaps)
    assert desk.pair() == desk.pair()
