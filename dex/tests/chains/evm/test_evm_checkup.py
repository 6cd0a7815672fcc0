"""What `doctor --live` finds on a node that is as described, and on ones that are not."""

from dataclasses import replace
from typing import Any

import pytest

from dex.chains.evm.checkup import check_up
from dex.chains.evm.local.world import World
from dex.chains.kind import Finding
from dex.testing.json_rpc import rpc_proxy
from dex.tests.chains.evm.evm_orders import Trader

pytestmark = pytest.mark.chain


def newest(world: World) -> int:
    return int(world.anvil.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


def look(world: World, *, age_s: int = 0, wallets: dict[str, int] | None = None, **changes: Any) -> dict[str, Finding]:
    found = check_up(replace(world.options(), **changes), newest(world) + age_s, wallets or {})
    return {one.subject.partition(": ")[2].split()[0]: one for one in found}


def test_a_chain_as_described_has_nothing_to_mend(world: World) -> None:
    trader = Trader.on(world)

    found = look(world, wallets={trader.wallet: trader.engine.chain.next_nonce(trader.wallet)})

    assert list(found) == ["chain", "clock", "contracts", "tokens", "wallet"]
    assert [one.fix for one in found.values()] == [""] * 5
    assert found["chain"].seen.startswith("31338, block ")


@pytest.mark.parametrize("age_s", [61, -61])
def test_a_clock_or_a_node_that_is_off_is_named(world: World, age_s: int) -> None:
    found = look(world, age_s=age_s, block_s=1.0)

    assert found["clock"].fix.startswith("wait until the node")
    assert found["clock"].seen == f"newest block {age_s} s old, 60 s are usual"


def test_an_address_without_code_and_a_token_with_other_decimals_are_named(world: World) -> None:
    nowhere = "0x" + "12" * 20
    options = world.options()
    first, second, *rest = options.tokens
    tokens = (replace(first, address=nowhere), replace(second, decimals=second.decimals + 1), *rest)

    found = look(world, deployment=replace(options.deployment, router=nowhere), tokens=tokens)

    assert found["contracts"].seen == f"no code at router {nowhere}"
    assert found["tokens"].seen == (
        f"{first.symbol} is no token, {second.symbol} has {second.decimals} decimals, not {second.decimals + 1}"
    )
    assert found["contracts"].fix
    assert found["tokens"].fix
    rollup = look(world, deployment=replace(options.deployment, data_fee="op_stack"))
    assert rollup["contracts"].seen == "no code at op_stack's data fees 0x420000000000000000000000000000000000000f"


def test_a_wallet_without_money_or_used_elsewhere_is_named(world: World) -> None:
    trader = Trader.on(world)
    count = trader.engine.chain.next_nonce(trader.wallet)
    assert count > 0

    assert "send ETH" in look(world, wallets={"0x" + "34" * 20: 0})["wallet"].fix
    assert "another program" in look(world, wallets={trader.wallet: count - 1})["wallet"].fix


def test_a_wrong_chain_and_a_dead_node_are_findings_and_no_errors(world: World) -> None:
    options = world.options()
    wrong = look(world, deployment=replace(options.deployment, chain_id=1))
    dead = look(world, urls=("http://127.0.0.1:9",))

    assert "of chain 31338, not of 1" in wrong["node"].seen
    assert "127.0.0.1:9 does not answer" in dead["node"].seen
    assert [one.fix != "" for one in (*wrong.values(), *dead.values())] == [True, True]


def test_whose_code_a_wallet_runs_is_told_and_strange_code_is_named(world: World) -> None:
    wallet = Trader.on(world).wallet
    nonces = {wallet: world.chain().next_nonce(wallet)}
    assert look(world, wallets=nonces)["wallet"].seen.endswith(", acts in batches")
    other = world.deployed.universal_router
    assert look(world, wallets=nonces, universal_router=other)["wallet"].seen.endswith("'s code to no use")

    world.anvil.ask("anvil_setCode", wallet, "0xef0100" + "66" * 20)

    assert f"runs the code of 0x{'66' * 20}" in look(world, wallets=nonces)["wallet"].fix


def test_a_node_that_has_other_blocks_is_named(world: World) -> None:
    world.anvil.mine(3)
    other = world.anvil.ask("eth_getBlockByNumber", "0x1", False)

    with rpc_proxy(world.anvil.url) as proxy:
        urls = (proxy.url, world.anvil.url, world.anvil.url)
        fine = look(world, urls=urls)["nodes"]
        proxy.answers["eth_getBlockByNumber"] = world.anvil.ask("eth_getBlockByNumber", "latest", False) | {
            "hash": other["hash"]
        }
        found = look(world, urls=urls)["nodes"]
        alone = look(world, urls=(world.anvil.url, "http://127.0.0.1:9"))["nodes"]

    assert (fine.seen.startswith("3 agree on block "), fine.fix) == (True, "")
    assert found.seen.startswith(f"{proxy.url.removeprefix('http://')} on block ")
    assert found.fix
    assert alone.seen == "1 of 2 answer"
    assert alone.fix
