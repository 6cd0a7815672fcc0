"""A node that takes long for each request: few requests in a row, one market for all, one limit for the whole."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from dex import ChainUnavailable, Engine, Quote, Side, SwapRequest
from dex.chains.evm.local.world import World
from dex.deadline import left_s, within
from dex.testing.json_rpc import RpcProxy, rpc_proxy
from dex.tests.chains.evm.evm_orders import ETH, Trader, intent_of, refusals

ONE_ETH = SwapRequest("WETH", "USDC", Side.EXACT_IN, ETH, 5_000)


@pytest.fixture
def proxy(world: World) -> Iterator[RpcProxy]:
    with rpc_proxy(world.anvil.url) as made:
        yield made


def test_a_limit_inside_another_is_never_longer() -> None:
    assert left_s() == float("inf")
    with within(5.0):
        with within(60.0):
            assert 4.5 < left_s() <= 5.0
        with within(1.0):
            assert left_s() <= 1.0
        assert left_s() > 4.0
    with within(-1.0):
        assert left_s() == 0.0


@pytest.mark.chain
def test_what_an_order_asks_in_a_row(world: World, proxy: RpcProxy) -> None:
    trader = Trader.on(world)
    chain = world.chain(urls=(proxy.url,))
    engine, wallet = Engine(chain), trader.wallet
    counts: dict[str, int] = {}

    def count(name: str) -> None:
        counts[name] = len(proxy.requests) - sum(counts.values())

    (quote,) = engine.route([ONE_ETH])
    count("first quote")
    engine.route([ONE_ETH])
    count("quote, no new block")
    world.anvil.mine()
    engine.route([ONE_ETH])
    count("quote, new block")
    assert isinstance(quote, Quote)
    engine.prepare()
    count("fees")
    intent = intent_of(trader.engine, quote, wallet, trader.nonce)
    assert refusals(engine, [intent] * 20) == [None] * 20
    count("trial of 20")
    signed = trader.signed(quote)
    assert engine.submit([signed]) == [None]
    count("broadcast")
    world.anvil.mine(3)
    engine.receipts([signed.tx_hash])
    count("receipts")
    engine.standing([wallet])
    count("standing")

    assert counts == {
        "first quote": 12,  # the chain's id, the newest block, which pools, their states (8 at once), their ticks
        "quote, no new block": 1,
        "quote, new block": 2,
        "fees": 1,
        "trial of 20": 1,
        "broadcast": 1,
        "receipts": 1,
        "standing": 2,
    }


@pytest.mark.chain
def test_those_who_want_the_market_at_once_share_one_look(world: World, proxy: RpcProxy) -> None:
    engine = Engine(world.chain(urls=(proxy.url,), snapshot_s=5.0))
    proxy.delay_s = 0.1

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: engine.route([ONE_ETH])[0], range(8)))

    assert all(isinstance(answer, Quote) for answer in answers)
    assert len(proxy.requests) == 12


@pytest.mark.chain
def test_a_market_that_takes_longer_than_a_caller_may_wait_is_there_for_the_next_one(
    world: World, proxy: RpcProxy
) -> None:
    engine = Engine(world.chain(urls=(proxy.url,), deadline_s=0.5, snapshot_s=30.0))
    proxy.delay_s = 0.3
    began = time.monotonic()

    with pytest.raises(ChainUnavailable, match="the look at the market is still under way"):
        engine.route([ONE_ETH])
    waited_s = time.monotonic() - began
    for _ in range(10):
        time.sleep(0.3)
        try:
            (quote,) = engine.route([ONE_ETH])
            break
        except ChainUnavailable:
            continue

    assert waited_s < 1.0
    assert quote == Engine(world.chain()).route([ONE_ETH])[0]
    assert len(proxy.requests) == 12  # nothing was asked twice


@pytest.mark.chain
def test_all_questions_of_a_piece_of_work_share_one_limit(world: World, proxy: RpcProxy) -> None:
    trader = Trader.on(world, urls=(proxy.url, f"{proxy.url}/second"), timeout_s=5.0)
    quote = trader.quote()
    intent = intent_of(trader.engine, quote, trader.wallet, trader.nonce)
    proxy.delay_s = 0.4
    began = time.monotonic()

    def work() -> None:
        with within(1.0):
            for _ in range(50):
                trader.engine.prepare()
                refusals(trader.engine, [intent])

    with pytest.raises(ChainUnavailable):
        work()

    assert time.monotonic() - began < 1.6


@pytest.mark.chain
def test_a_body_that_comes_byte_by_byte_ends_at_the_limit(world: World) -> None:
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        while not ended.wait(0.1):
            try:
                connection.sendall(b" ")
            except OSError:
                break
        connection.close()

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    chain = world.chain(urls=(f"http://127.0.0.1:{listener.getsockname()[1]}",), timeout_s=0.6)
    began = time.monotonic()

    with pytest.raises(ChainUnavailable, match="it took too long"):
        chain.prepare()

    assert time.monotonic() - began < 1.5
    ended.set()
    thread.join(2)
    listener.close()
