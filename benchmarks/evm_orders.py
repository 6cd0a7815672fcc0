"""How long 300 orders through one wallet take on the local chain, beside mining the same transactions pre-signed.

`make bench ARGS="evm_orders --orders 300 --runs 11"`. Needs npm. Both sides have blocks made as fast as they are asked
for, and take turns on one node, so that what else the machine does meets both.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

ETH = 10**18


def main() -> None:
    """Run inside throw-away servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="as many as make run starts; here they are threads")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.inside:
        command = [sys.executable, "-m", "orderengine.devstack", "with-servers", "--", sys.executable, "-m"]
        os.execv(sys.executable, [*command, "benchmarks.evm_orders", "--inside", *sys.argv[1:]])
    os.environ |= {"DJANGO_SETTINGS_MODULE": "orderengine.settings", "DEBUG_PAGES": "0"}  # as a worker runs
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    measure(arguments.orders, arguments.runs, arguments.workers)


def measure(count: int, runs: int, workers: int) -> None:
    """Each time pre-signed first, then orders of the same size through the pipeline."""
    from dex.chains.evm.local.world import local_world
    from orders.models import Token

    ratios = []
    with tempfile.TemporaryDirectory() as folder, local_world(Path(folder) / "anvil.log") as world:
        world.anvil.ask("evm_setAutomine", False)
        tokens = world.chain().tokens()
        Token.objects.bulk_create(Token(symbol=item.symbol, name=item.name, decimals=item.decimals) for item in tokens)
        print(f"{count} pre-signed, mined   {count} orders to CONFIRMED by {workers} workers (CPU; routing alone)")
        for _ in range(runs):
            alone = pre_signed(world, count)
            whole, cpu, routing = through_orders(world, count, workers)
            ratios.append(whole / alone)
            print(f"{alone:8.2f} s {whole:18.2f} s = {ratios[-1]:.2f} x   ({cpu:.2f} s; {routing:.2f} s)", flush=True)
    print(f"least {min(ratios):.2f} x, median {median(ratios):.2f} x of {runs} runs")


def pre_signed(world: Any, count: int) -> float:
    """Seconds from the first byte to the last receipt."""
    from dex.tests.chains.evm.evm_orders import Trader

    trader = Trader.on(world, "account/bench")
    quote = trader.quote(ETH // 100)
    signed = [trader.signed(quote) for _ in range(count)]
    start = time.perf_counter()
    assert trader.send(*signed) == [None] * count
    receipts: list[Any] = [None]
    while None in receipts:
        world.anvil.mine()
        receipts = trader.engine.receipts([item.tx_hash for item in signed])
    return time.perf_counter() - start


def through_orders(world: Any, count: int, workers: int) -> tuple[float, float, float]:
    """Seconds from the first order placed to the last one confirmed, of CPU, and of routing the same orders once."""
    from dex import Engine, SwapRequest
    from orders.engine import freeze_gc
    from orders.models import Order
    from orders.signing.wallets import ensure_wallets
    from orders.tests.factories import new_account, place, terms

    engines = [Engine(_mined_at_once(world), route_deadline_ms=40) for _ in range(workers)]
    account = new_account()
    for engine in engines:
        ensure_wallets({account.id}, engine)
        engine.chain.snapshot()
    freeze_gc()
    fields = {"chain_id": engine.chain.chain_id, "token_in": "WETH", "decimals_in": 18, "amount": ETH // 100}
    fields |= {"max_hops": 1}
    start, cpu = time.perf_counter(), time.process_time()
    place(account, *(terms(**fields) for _ in range(count)))
    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(lambda engine: _work(world, engine), engines))
    whole, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert Order.objects.filter(account=account, status="CONFIRMED").count() == count
    request = SwapRequest("WETH", "USDC", terms().side, ETH // 100, 5_000, max_hops=1)
    start = time.perf_counter()
    engine.route([request] * count)
    return whole, cpu, time.perf_counter() - start


def _work(world: Any, engine: Any) -> None:
    """What a worker does while there are orders."""
    from django.db import connection

    from dex import RetryableError
    from orders.config import Policy
    from orders.models import Order
    from orders.pipeline.loop import run_stage
    from orders.states import TERMINAL, Stage

    while Order.objects.exclude(status__in=TERMINAL).exists():
        for stage in Stage:
            with contextlib.suppress(RetryableError):
                run_stage(stage, engine=engine, policy=Policy(retry_base_s=0.001))
        world.anvil.mine()  # what did not fit into the blocks before
    connection.close()


def _mined_at_once(world: Any) -> Any:
    """A chain on which a block follows what is sent, as on the other side: send, mine, ask for receipts."""
    chain = world.chain(confirmations=1)
    broadcast = chain.broadcast

    def broadcast_and_mine(transactions: Any) -> Any:
        answers = broadcast(transactions)
        world.anvil.mine()
        return answers

    chain.broadcast = broadcast_and_mine
    return chain


if __name__ == "__main__":
    main()
