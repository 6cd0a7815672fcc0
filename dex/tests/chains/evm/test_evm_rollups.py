"""What rollups charge for bytes, by contracts that stand in for theirs: right, wrong, late or not there."""

import time
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from dex import ChainUnavailable, Engine, FeeStrategy, Receipt, SignedTransaction
from dex.chains.evm.chain import EvmChain
from dex.chains.evm.local.world import World
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.swaps.expected_gas import PACKED_PER_SWAP, PACKED_PER_TRANSACTION
from dex.chains.evm.transactions.data_fees import ROLLUPS, SIZES, DataFee, DataFees
from dex.chains.evm.transactions.transaction import read_envelope
from dex.testing.json_rpc import HttpReply, RawCall, RawReply, error_reply, rpc_proxy
from dex.testing.known_market import knowing_chain
from dex.testing.usdt_like import assemble
from dex.tests.chains.evm.evm_orders import Trader, intent_of, refusals

OP, ARBITRUM = ROLLUPS["op_stack"], ROLLUPS["arbitrum"]
FIXED, PER_BYTE = 4_000_000, 3_000_000_000
# What the stand-ins run: a fee that is linear in the size asked for, and what goes wrong.
LINEAR = f"4 CALLDATALOAD {PER_BYTE} MUL {FIXED} ADD 0 MSTORE 32 0 RETURN"
BY_THE_BYTE = f"{PER_BYTE} 32 MSTORE 192 0 RETURN"
WRONG = {
    "missing": "",
    "reverting": "0 0 REVERT",
    "too short": "31 0 RETURN",
    "beyond reason": "32 0 SHA3 0 MSTORE 32 0 RETURN",
    "without end": "again: @again JUMP",
}


def rollup(world: World, kind: str = "op_stack", **options: Any) -> EvmChain:
    deployment = replace(world.deployment, data_fee=kind)
    if "urls" in options:
        return world.chain(deployment=deployment, **options)
    return knowing_chain(world, deployment=deployment, **options)


def put(world: World, code: str, at: str = OP.contract) -> None:
    world.anvil.ask("anvil_setCode", at, "0x" + assemble(code).hex())


def data_part(chain: EvmChain, world: World, strategy: FeeStrategy = FeeStrategy.NORMAL) -> tuple[int, int, int]:
    """What of the costs is for bytes: of a transaction, of a swap, of a wrapping."""
    costs, plain = chain.snapshot().costs[strategy], knowing_chain(world).snapshot().costs[strategy]
    return (
        costs.per_transaction - plain.per_transaction,
        costs.of_swap("uniswap_v2") - plain.of_swap("uniswap_v2"),
        costs.of_swap("bins") - plain.of_swap("bins"),
    )


@pytest.mark.chain
@pytest.mark.parametrize("strategy", FeeStrategy)
def test_an_op_stack_chain_adds_what_its_oracle_says(world: World, strategy: FeeStrategy) -> None:
    put(world, LINEAR)

    found = data_part(rollup(world), world, strategy)

    # Its contract counts 85 bytes more than it is asked about.
    of_transaction = FIXED + (PACKED_PER_TRANSACTION - 85) * PER_BYTE
    assert found == (of_transaction, PACKED_PER_SWAP * PER_BYTE, 0)


@pytest.mark.chain
def test_arbitrum_adds_its_price_of_a_byte_and_takes_nothing_beside_the_gas(world: World) -> None:
    put(world, BY_THE_BYTE, ARBITRUM.contract)
    chain, plain = rollup(world, "arbitrum"), knowing_chain(world)

    assert data_part(chain, world) == (PACKED_PER_TRANSACTION * PER_BYTE, PACKED_PER_SWAP * PER_BYTE, 0)
    signed = Trader.on(world).signed()
    plain.snapshot()
    assert chain.most_costs([(signed, signed.fees)]) == plain.most_costs([(signed, signed.fees)])


@pytest.mark.chain
@pytest.mark.parametrize("code", WRONG.values(), ids=list(WRONG))
def test_an_oracle_that_is_wrong_stops_no_quote_and_is_named_once(
    world: World, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(world, code)
    chain = rollup(world)

    for _ in range(3):
        assert data_part(chain, world) == (0, 0, 0)
        world.anvil.mine()
    assert _said(caplog) == ["nothing is counted for data"]
    put(world, LINEAR)
    world.anvil.mine()
    right = data_part(chain, world)
    put(world, code)
    world.anvil.mine()

    assert data_part(chain, world) == right > (0, 0, 0)
    assert _said(caplog) == ["nothing is counted for data", "what was last known counts on"]


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message.partition("; ")[2] for record in caplog.records if "is not known:" in record.message]


@pytest.mark.chain
def test_an_oracle_that_is_late_is_left_alone_for_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(world, LINEAR)
    now_s = [0.0]
    monkeypatch.setattr("dex.chains.evm.transactions.data_fees.time.monotonic", lambda: time.perf_counter() + now_s[0])
    with rpc_proxy(world.anvil.url) as proxy:
        chain = rollup(world, urls=(proxy.url,), timeout_s=0.5)
        chain.snapshot()
        known = data_part(chain, world)
        proxy.refuses = _late
        world.anvil.mine()

        assert data_part(chain, world) == known > (0, 0, 0)
        asked = len(proxy.requests)
        world.anvil.mine()
        assert data_part(chain, world) == known
        assert len(proxy.requests) == asked + 2  # it is not asked meanwhile
        proxy.refuses = lambda calls: None
        now_s[0] = 61.0
        put(world, LINEAR.replace(str(FIXED), str(2 * FIXED)))
        world.anvil.mine()
        assert data_part(chain, world)[0] == known[0] + FIXED
    assert _said(caplog) == ["what was last known counts on"]


@pytest.mark.chain
def test_a_node_that_is_away_is_no_fault_of_the_oracle(world: World, caplog: pytest.LogCaptureFixture) -> None:
    put(world, LINEAR)
    with rpc_proxy(world.anvil.url) as proxy:
        chain = rollup(world, urls=(proxy.url,), timeout_s=0.5)
        known = data_part(chain, world)
        proxy.refuses = lambda calls: error_reply("away", status=503)
        world.anvil.mine()
        with pytest.raises(ChainUnavailable):
            chain.snapshot()
        proxy.refuses = lambda calls: None
        put(world, LINEAR.replace(str(FIXED), str(2 * FIXED)))

        assert data_part(chain, world)[0] == known[0] + FIXED
    assert _said(caplog) == []


def _late(calls: list[RawCall]) -> HttpReply | None:
    if any(call["method"] == "eth_call" and call["params"][0].get("to") == OP.contract for call in calls):
        time.sleep(1.0)
    return None


@pytest.mark.chain
def test_the_oracle_is_asked_in_the_same_request_as_the_newest_block(world: World) -> None:
    put(world, LINEAR)
    with rpc_proxy(world.anvil.url) as proxy:
        chain = rollup(world, urls=(proxy.url,))
        chain.snapshot()
        asked = len(proxy.requests)
        chain.snapshot()
        world.anvil.mine()
        chain.snapshot()

        newest = ["eth_getBlockByNumber", "eth_feeHistory", "eth_call", "eth_call"]
        assert proxy.requests[asked:][:2] == [newest, newest]
        assert len(proxy.requests) == asked + 3


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10_000))
def test_a_linear_fee_is_found_exactly(fixed: int, per_byte: int, size: int) -> None:
    fees = DataFees("op_stack")

    fees.take([encode(["uint256"], [fixed + per_byte * asked]) for asked in SIZES])

    assert fees.known.at(size) == fixed + per_byte * size
    assert fees.beside_gas == fees.known
    assert DataFees("").known == DataFees("").beside_gas == DataFee()


@given(st.lists(st.one_of(st.binary(max_size=200), st.builds(RpcError, st.integers(), st.text()), st.none())))
def test_no_answer_is_more_than_a_fee_that_can_be(answers: list[Any]) -> None:
    for kind in ROLLUPS:
        fees = DataFees(kind)

        fees.take(answers[: len(ROLLUPS[kind].calls)])

        assert 0 <= fees.known.at(5_000) <= 10**19


def test_a_fee_that_is_below_nothing_is_none() -> None:
    assert DataFee(-100, 1_000).at(50) == 0
    assert DataFee(-100, 1_000).at(101) == 1


@pytest.mark.chain
def test_what_a_receipt_cost_holds_the_fee_for_its_data(world: World, caplog: pytest.LogCaptureFixture) -> None:
    trader = Trader.on(world)
    signed = trader.signed()
    trader.send(signed)
    world.anvil.mine(3)
    plain = trader.receipt(signed)
    assert plain is not None
    silent = rollup(world)
    assert silent.receipts([signed.tx_hash]) == silent.receipts([signed.tx_hash]) == [plain]
    assert [record.message for record in caplog.records if "no l1Fee" in record.message] == [
        "receipts of this chain's nodes name no l1Fee: what was paid for data is not reported"
    ]
    with rpc_proxy(world.anvil.url) as proxy:
        proxy.alters = _with_data_fee
        (receipt,) = rollup(world, urls=(proxy.url,)).receipts([signed.tx_hash])
        # Nodes that name it and nodes that do not agree on all that ends an order.
        quorum = rollup(world, urls=(proxy.url, proxy.url, world.anvil.url))
        (agreed,) = quorum.receipts([signed.tx_hash])

        assert receipt == replace(plain, fee_paid=plain.fee_paid + 12_345)
        assert agreed == replace(receipt, is_fee_agreed=True)
        engine = Engine(quorum)  # which knows no fee for data
        assert engine.fee_paid(signed, agreed) == plain.fee_paid + 12_345
        assert agreed is not None
        assert agreed.is_final
        assert quorum.contradictions() == []
        assert world.chain(urls=(proxy.url,)).receipts([signed.tx_hash]) == [plain]  # which takes no such fee
    assert 'CHAINS_FILE has no "data_fee"' in caplog.text


@pytest.mark.chain
def test_no_node_makes_a_transaction_dearer_than_its_bytes_allow(world: World) -> None:
    put(world, LINEAR)
    trader = Trader.on(world)
    signed = trader.signed()
    trader.send(signed)
    world.anvil.mine(3)
    honest = trader.receipt(signed)
    assert honest is not None
    with rpc_proxy(world.anvil.url) as proxy:
        proxy.alters = _dear
        plain, charging = Engine(world.chain(urls=(proxy.url,))), Engine(rollup(world, urls=(proxy.url,)))

        counted = [engine.fee_paid(signed, _receipt(engine, signed)) for engine in (plain, charging)]

    assert trader.engine.fee_paid(signed, honest) == honest.fee_paid
    (most,), (with_data,) = (engine.most_costs([(signed, signed.fees)]) for engine in (plain, charging))
    assert counted == [most, most + 10 * (with_data - most)]


def _receipt(engine: Engine, signed: SignedTransaction) -> Receipt:
    (receipt,) = engine.receipts([signed.tx_hash])
    assert receipt is not None
    return receipt


def _dear(calls: list[RawCall], replies: list[RawReply]) -> None:
    for call, reply in zip(calls, replies, strict=True):
        if call["method"] == "eth_getTransactionReceipt":
            reply["result"] |= {"gasUsed": hex(2**60), "effectiveGasPrice": hex(2**60), "l1Fee": hex(2**90)}


@pytest.mark.chain
def test_what_is_signed_is_judged_by_what_data_costs_then(world: World) -> None:
    put(world, LINEAR)
    with rpc_proxy(world.anvil.url) as proxy:
        chain = rollup(world, urls=(proxy.url,))
        signed = Trader.on(world).signed()
        chain.snapshot()
        (before,) = chain.most_costs([(signed, signed.fees)])
        put(world, LINEAR.replace(str(FIXED), str(2 * FIXED)))
        asked = len(proxy.requests)

        chain.prepare()

        assert len(proxy.requests) == asked + 1
        assert chain.most_costs([(signed, signed.fees)]) == [before + FIXED]


def _with_data_fee(calls: list[RawCall], replies: list[RawReply]) -> None:
    methods = {call["id"]: call["method"] for call in calls}
    for reply in replies:
        if methods[reply["id"]] == "eth_getTransactionReceipt" and reply["result"]:
            reply["result"]["l1Fee"] = hex(12_345)


@pytest.mark.chain
def test_a_wallet_must_hold_the_fee_for_its_data_too(world: World) -> None:
    put(world, LINEAR)
    deployment = replace(world.deployment, data_fee="op_stack")
    trader, plain = Trader.on(world, deployment=deployment), knowing_chain(world)
    intent = intent_of(trader.engine, trader.quote(), trader.wallet, trader.nonce)
    signed = trader.signed(trader.quote())
    (most,), (without,) = (chain.most_costs([(intent, intent.fees)]) for chain in (trader.chain, _seen(plain)))
    data_fee = FIXED + (len(read_envelope(signed.raw).data) + 120) * PER_BYTE

    assert most - without == data_fee
    assert trader.chain.most_costs([(signed, intent.fees)]) == [most]
    world.anvil.ask("anvil_setBalance", trader.wallet, hex(most - 1))
    (refusal,) = refusals(trader.engine, [intent])
    assert refusal is not None
    assert refusal.facts == {"token": "ETH", "held": str(most - 1), "needed": str(most)}
    world.anvil.ask("anvil_setBalance", trader.wallet, hex(most))
    assert refusals(trader.engine, [intent]) == [None]


def _seen(chain: EvmChain) -> EvmChain:
    chain.snapshot()
    return chain
