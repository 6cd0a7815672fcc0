"""An independent check of routes: the forward rules of routing-cases/1 from scratch, and what a route must keep to.

Works on the objects of the file itself and shares no code with the pools. Everything is exact or has 60 digits, so
what a pool may pay here is never less than what a program pays, which rounds at every step.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal, localcontext
from typing import Any

Pool = Mapping[str, Any]
Rule = Callable[[Pool, int, int, Sequence[int]], int | Decimal]  # pool, side sold, amount, decimals of both tokens

PPM = 1_000_000
PRECISION = Context(prec=60, rounding=ROUND_FLOOR)
# Base units that a stated output may lie above the rule: programs round ticks' prices, the invariant of a stable
# pool settles within a unit, and 60 digits may end just below a whole number.
SLACK = {"concentrated": 3, "bins": 3, "stable": 2, "weighted": 1}
STEPS = 255  # of a stable pool's iterations, which need not settle where balances are far apart
BOUND_ERROR = 1e-9  # relative; the reference's own bounds are floats
BP = 10_000


class RuleBroken(AssertionError):
    """The route breaks a rule of the file; the message says which."""


@dataclass(frozen=True)
class Verdict:
    """What a route that keeps to the rules really does, in base units.

    `amount_out` is what the rules pay for the stated inputs. `net_out` is that less the cost of the swaps.
    `gap_bps` is how much worse than the reference it is, None where the case has none.
    """

    amount_in: int
    amount_out: int
    net_out: Decimal
    swaps: int
    gap_bps: float | None


def check_route(graph: Mapping[str, Any], case: Mapping[str, Any], swaps: Sequence[Mapping[str, Any]]) -> Verdict:
    """Check a route: swaps with `pool` (its id), `token_in`, `token_out` (indexes), `amount_in`, `amount_out` (stated).

    The order of the swaps does not matter. Raises: RuleBroken.
    """
    with localcontext(PRECISION):
        pools = {pool["id"]: pool for pool in graph["pools"]}
        _check_shape(pools, case, swaps)
        paid = [_paid(graph, pools[swap["pool"]], swap) for swap in swaps]
        spent, received = _check_balances(case, swaps)
        surplus = sum(
            true - swap["amount_out"]
            for true, swap in zip(paid, swaps, strict=True)
            if swap["token_out"] == case["token_out"]
        )
        amount_out = received + surplus
        net_out = amount_out - len(swaps) * Decimal(str(case.get("swap_cost") or 0))
        verdict = Verdict(spent, amount_out, net_out, len(swaps), _gap_bps(case, spent, net_out))
        _check_bounds(case, verdict)
        return verdict


def amount_out_of(graph: Mapping[str, Any], pool: Mapping[str, Any], token_in: int, amount_in: int) -> int:
    """What the forward rule pays for `amount_in` of a token, by its index. Raises: RuleBroken past the capacity."""
    decimals = [graph["tokens"][token]["decimals"] for token in pool["tokens"]]
    with localcontext(PRECISION):
        return int(_RULES[pool["kind"]](pool, pool["tokens"].index(token_in), amount_in, decimals))


def _check_shape(pools: Mapping[str, Any], case: Mapping[str, Any], swaps: Sequence[Mapping[str, Any]]) -> None:
    used = [swap["pool"] for swap in swaps]
    if not swaps:
        raise RuleBroken("the route is empty")
    if len(set(used)) < len(used):
        raise RuleBroken("a pool is used more than once")
    if case.get("max_swaps") and len(swaps) > case["max_swaps"]:
        raise RuleBroken(f"{len(swaps)} swaps where {case['max_swaps']} are allowed")
    for swap in swaps:
        if swap["pool"] not in pools:
            raise RuleBroken(f"there is no pool {swap['pool']}")
        if sorted((swap["token_in"], swap["token_out"])) != sorted(pools[swap["pool"]]["tokens"]):
            raise RuleBroken(f"{swap['pool']} does not join tokens {swap['token_in']} and {swap['token_out']}")
        if any(type(swap[amount]) is not int or swap[amount] <= 0 for amount in ("amount_in", "amount_out")):
            raise RuleBroken(f"amounts of {swap['pool']} are not positive integers")
    _check_order(swaps)


def _check_order(swaps: Sequence[Mapping[str, Any]]) -> None:
    """A token that is only sold, or no longer bought once such tokens are taken away, comes next; a cycle has none."""
    left = list(swaps)
    while left:
        bought = {swap["token_out"] for swap in left}
        rest = [swap for swap in left if swap["token_in"] in bought]
        if len(rest) == len(left):
            raise RuleBroken(f"the swaps between tokens {sorted(bought)} form a cycle")
        left = rest


def _paid(graph: Mapping[str, Any], pool: Mapping[str, Any], swap: Mapping[str, Any]) -> int:
    true = amount_out_of(graph, pool, swap["token_in"], swap["amount_in"])
    if swap["amount_out"] > true + SLACK.get(pool["kind"], 0):
        raise RuleBroken(f"{pool['id']} pays {true}, not {swap['amount_out']}")
    return true


def _check_balances(case: Mapping[str, Any], swaps: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """What the route takes of token_in and states to deliver of token_out."""
    balances: defaultdict[int, int] = defaultdict(int)
    for swap in swaps:
        balances[swap["token_in"]] -= swap["amount_in"]
        balances[swap["token_out"]] += swap["amount_out"]
    spent, received = -balances.pop(case["token_in"], 0), balances.pop(case["token_out"], 0)
    for token, balance in balances.items():
        if balance < 0:
            raise RuleBroken(f"{-balance} of token {token} are sold that were never bought")
    amount = int(case["amount"])
    if case["mode"] == "exact_in" and spent != amount:
        raise RuleBroken(f"{spent} are sold, not {amount}")
    if case["mode"] == "exact_out" and received < amount:
        raise RuleBroken(f"{received} are delivered, not {amount}")
    return spent, received


def _gap_bps(case: Mapping[str, Any], amount_in: int, net_out: Decimal) -> float | None:
    reference = case.get("reference") or {}
    if case["mode"] == "exact_out":
        best = reference.get("amount_in")
        return None if best is None else float(BP * (amount_in / Decimal(best) - 1))
    best = reference.get("constrained", {}).get("net_out") or reference.get("amount_out")
    return None if best is None else float(BP * (1 - net_out / Decimal(best)))


def _check_bounds(case: Mapping[str, Any], verdict: Verdict) -> None:
    reference = case.get("reference") or {}
    most, least = reference.get("upper_bound"), reference.get("lower_bound")
    if most is not None and verdict.amount_out > float(most) * (1 + BOUND_ERROR):
        raise RuleBroken(f"{verdict.amount_out} is more than any route pays: {most}")
    if least is not None and verdict.amount_in < float(least) * (1 - BOUND_ERROR):
        raise RuleBroken(f"{verdict.amount_in} is less than any route costs: {least}")


def _constant_product(pool: Pool, i: int, amount_in: int, decimals: Sequence[int]) -> int:
    reserve_in, reserve_out = int(pool["reserves"][i]), int(pool["reserves"][1 - i])
    weighed = amount_in * (PPM - int(pool["fee_ppm"]))
    return weighed * reserve_out // (reserve_in * PPM + weighed)


def _weighted(pool: Pool, i: int, amount_in: int, decimals: Sequence[int]) -> Decimal:
    reserve_in, reserve_out = int(pool["reserves"][i]), int(pool["reserves"][1 - i])
    fee = -(-amount_in * int(pool["fee_ppm"]) // PPM)
    exponent = Decimal(pool["weights"][i]) / Decimal(pool["weights"][1 - i])
    return reserve_out * (1 - (Decimal(reserve_in) / (reserve_in + amount_in - fee)) ** exponent)


def _stable(pool: Pool, i: int, amount_in: int, decimals: Sequence[int]) -> int:
    scales: list[int] = [10 ** (18 - exponent) for exponent in decimals]
    balances = [int(reserve) * scale for reserve, scale in zip(pool["reserves"], scales, strict=True)]
    ann = int(pool["amp"]) * 2
    total, d, before = sum(balances), sum(balances), 0
    for _ in range(STEPS):
        if abs(d - before) <= 1:
            break
        p = d * d // (2 * balances[0]) * d // (2 * balances[1])
        before, d = d, (ann * total + 2 * p) * d // ((ann - 1) * d + 3 * p)
    x = balances[i] + amount_in * scales[i]
    c = d * d // (2 * x) * d // (2 * ann)
    b = x + d // ann - d
    y, before = d, 0
    for _ in range(STEPS):
        if abs(y - before) <= 1:
            break
        before, y = y, (y * y + c) // (2 * y + b)
    dy = balances[1 - i] - y - 1
    return (dy - dy * int(pool["fee_ppm"]) // PPM) // scales[1 - i]


def _concentrated(pool: Pool, i: int, amount_in: int, decimals: Sequence[int]) -> Decimal:
    left = Decimal(amount_in) * (PPM - int(pool["fee_ppm"])) / PPM
    # Selling token 1 is selling token 0 at the inverse price.
    root = Decimal(pool["sqrt_price_x96"]) / 2**96
    liquidity, out = Decimal(pool["liquidity"]), Decimal(0)
    if i == 0:
        ahead = [(tick, -int(net)) for tick, net in reversed(pool["ticks"]) if tick <= pool["tick"]]
    else:
        ahead = [(-tick, int(net)) for tick, net in pool["ticks"] if tick > pool["tick"]]
        root = 1 / root
    for tick, change in ahead:
        end = (Decimal(10_001) / 10_000) ** (Decimal(tick) / 2)
        cost = liquidity * (1 / end - 1 / root)
        if left <= cost:
            return out + liquidity * (root - 1 / (1 / root + left / liquidity)) if left else out
        left -= cost
        out += liquidity * (root - end)
        root = end
        liquidity += change
    raise RuleBroken(f"{pool['id']} has no room for all of {amount_in}")


def _bins(pool: Pool, i: int, amount_in: int, decimals: Sequence[int]) -> Decimal:
    left, out = Decimal(amount_in) * (PPM - int(pool["fee_ppm"])) / PPM, Decimal(0)
    active, ratio = pool["active_id"], 1 + Decimal(int(pool["bin_step"])) / 10_000
    if i == 0:
        ahead = [(number, int(second)) for number, _, second in reversed(pool["bins"]) if number <= active]
    else:
        ahead = [(-number, int(first)) for number, first, _ in pool["bins"] if number >= active]
    for exponent, reserve in ahead:
        price: Decimal = ratio**exponent
        if left * price <= reserve:
            return out + left * price
        left -= reserve / price
        out += reserve
    raise RuleBroken(f"{pool['id']} has no room for all of {amount_in}")


_RULES: dict[str, Rule] = {
    "constant_product": _constant_product,
    "weighted": _weighted,
    "stable": _stable,
    "concentrated": _concentrated,
    "bins": _bins,
}
