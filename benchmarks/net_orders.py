"""Random orders executed on the local chain net of costs, by the best single path, and as if swaps were free.

`make bench ARGS="net_orders --orders 200"`. Needs npm. A swap costs 0.1 to 30 basis points of the order. All three
routes of an order are executed from the same state, and what was paid by their receipts is valued at one price.
The single path is the best of all that there are by expected net value; the router's search has no part in it.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any, Final

TIE_BP: Final = 0.001  # of the order: less is rounding
SHOWN: Final = 10


def main() -> None:
    """Run on a node of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--seed", type=int, default=16)
    arguments = parser.parse_args()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "orderengine.settings", "DEBUG_PAGES": "0"}

    from dex.chains.evm.local.world import local_world
    from dex.tests.chains.evm.net_orders import compare, net_trader, random_orders

    with tempfile.TemporaryDirectory() as folder, local_world(Path(folder) / "anvil.log") as world:
        world.anvil.ask("evm_setAutomine", False)
        world.anvil.ask("anvil_setBlockTimestampInterval", 1)  # as on a real chain: see the test of costs
        trader = net_trader(world)
        found = [compare(trader, order) for order in random_orders(arguments.seed, arguments.orders)]
    for name in ("single", "gross"):
        describe(found, name)
    for name in ("net", "single", "gross"):
        describe_fees([getattr(compared, name) for compared in found], name)


def describe(found: Sequence[Any], name: str) -> None:
    """How much more the net routes left than others, and the orders where it was less."""
    gains = [compared.above(getattr(compared, name)) for compared in found]
    below = sorted((gain, place) for place, gain in enumerate(gains) if gain < -TIE_BP)
    above = sum(gain > TIE_BP for gain in gains)
    print(
        f"above {name}: mean {mean(gains):+.3f} bp, median {median(gains):+.3f}, "
        f"more in {above}, less in {len(below)} of {len(gains)}, worst {min(gains):+.3f}"
    )
    for gain, place in below[:SHOWN]:
        compared, other = found[place], getattr(found[place], name)
        print(f"  {gain:+.3f} bp (expected {compared.expected_above(other):+.3f}): {compared.order}")
        for kind, done in (("net", compared.net), (name, other)):
            hops = ", ".join(f"{hop.token_in} > {hop.token_out} {hop.venue}" for hop in done.route.hops)
            print(f"    {kind:6} expected fee {100 * done.fee_error:+.1f} % off: {hops}")


def describe_fees(routes: Sequence[Any], name: str) -> None:
    """The estimates of fees against the receipts."""
    off = [100 * route.fee_error for route in routes]
    errors = [abs(percent) for percent in off]
    swaps = [route.swaps for route in routes]
    print(
        f"{name:6}: {mean(swaps):.2f} swaps on average, {max(swaps)} at most; fee expected against receipt: "
        f"median error {median(errors):.1f} %, p95 {quantiles(errors, n=20)[-1]:.1f} %, "
        f"from {min(off):+.1f} to {max(off):+.1f} %"
    )


if __name__ == "__main__":
    main()
