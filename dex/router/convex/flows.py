"""Flows on edges to a route: cut dead ends, break cycles, order the swaps, carry amounts through them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from dex.router.graph.edge_curves import Traded, buy, sell
from dex.router.graph.edges import CompiledEdges

_CORRECTIONS: Final = 4
_FULL: Final = 0.9999  # share of an edge's capacity from which a plan counts as filling it
_PRECISE: Final = 1e-9
WASTE: Final = 1e-3  # share of a token bought on the way that may be left over where its pools are full


class Flow(NamedTuple):
    """What one edge carries: atoms sold and paid."""

    edge: int
    tail: int
    head: int
    sold: float
    paid: float


Trade = Callable[[CompiledEdges, int, float], Traded]
Plan = list[list[Flow]]  # tokens in topological order: the flows that sell each, largest first


class Carried(NamedTuple):
    """A plan with its true amounts: `value` is what the target gets, or the source gives; inf: cannot be filled."""

    value: float
    flows: list[Flow]
    slopes: list[float]
    missing: float


def plan(flows: Sequence[Flow], source: int, target: int) -> Plan:
    """Flows grouped by the token they sell, each token after all that buy it. Empty: nothing joins the two.

    Flows of nothing are left out, dead ends and what hangs on them are cut; of each cycle the smallest flow goes.
    """
    kept = [flow for flow in flows if 0 < flow.sold < math.inf and 0 < flow.paid < math.inf]
    if len(kept) == 1:  # as of most orders
        return [kept] if kept[0].tail == source and kept[0].head == target else []
    while True:
        kept = _joined(kept, source, target)
        if not kept:
            return []
        order, stuck = _topological(kept)
        if not stuck:
            break
        kept.remove(min(_cycle(stuck), key=lambda flow: flow.sold))
    groups: dict[int, list[Flow]] = {token: [] for token in order}
    for flow in kept:
        groups[flow.tail].append(flow)
    return [sorted(group, key=lambda flow: (-flow.sold, flow.edge)) for group in groups.values() if group]


def cycle(flows: Sequence[Flow], source: int, target: int) -> list[Flow]:
    """Flows that form a cycle, one after another from the last; empty where there are none."""
    stuck = _topological(_joined(list(flows), source, target))[1]
    return _cycle(stuck) if stuck else []


def carry_forward(market: CompiledEdges, plan: Plan, source: int, target: int, amount: float) -> Carried:
    """Sell `amount` of the source, each token's balance split in the plan's proportions.

    What an edge cannot take goes to its siblings. Where the plan fills all edges that sell a token, or they cannot
    take what arrives, more or less of it is bought and the amounts are carried again: there the value of the next
    atom jumps. What is left in the end is missing.
    """
    room = _rooms_to_fill(market, plan, source)
    ways = plan
    for _ in range(_CORRECTIONS):
        carried, wrong = _carry_once(market, ways, room, source, target, amount)
        if not wrong:
            break
        ways = [[flow._replace(sold=flow.sold * wrong.get(flow.head, 1.0)) for flow in group] for group in ways]
    return carried


def _rooms_to_fill(market: CompiledEdges, plan: Plan, source: int) -> dict[int, float]:
    """Tokens of which the plan sells all that their edges can take, and how much that is."""
    rooms = {}
    for group in plan:
        capacity = [float(market.capacity[flow.edge]) for flow in group]
        is_full = all(flow.sold >= most * _FULL for flow, most in zip(group, capacity, strict=True))
        if is_full and group[0].tail != source:
            rooms[group[0].tail] = sum(capacity)
    return rooms


def _carry_once(
    market: CompiledEdges, plan: Plan, rooms: dict[int, float], source: int, target: int, amount: float
) -> tuple[Carried, dict[int, float]]:
    """One pass, and by what factor too much or too little was bought of tokens with a jump in their price."""
    balance: defaultdict[int, float] = defaultdict(float)
    balance[source] = amount
    flows, slopes, missing = [], [], 0.0
    wrong: dict[int, float] = {}
    for group in plan:
        token = group[0].tail
        have = balance[token]
        parts = _divide(market, sell, group, [flow.sold for flow in group], have)
        for flow, traded in zip(group, parts, strict=True):
            balance[flow.head] += traded.paid
            flows.append(Flow(flow.edge, flow.tail, flow.head, traded.sold, traded.paid))
            slopes.append(traded.slope)
        left = parts[-1].missing
        if left and token == source:
            missing = left
        elif left:
            wrong[token] = 1 - left / have
        elif have > 0 and token in rooms and abs(rooms[token] - have) > _PRECISE * have:
            wrong[token] = rooms[token] / have
    return Carried(balance[target], flows, slopes, missing), wrong


def wasted(flows: Sequence[Flow], target: int) -> float:
    """The largest share of a token bought on the way that is not sold on."""
    sold: defaultdict[int, float] = defaultdict(float)
    bought: defaultdict[int, float] = defaultdict(float)
    for flow in flows:
        sold[flow.tail] += flow.sold
        bought[flow.head] += flow.paid
    return max((1 - sold[token] / most for token, most in bought.items() if token != target and most > 0), default=0.0)


def carry_backward(market: CompiledEdges, plan: Plan, source: int, target: int, amount: float) -> Carried:
    """Buy `amount` of the target, each token's need split in the proportions in which the plan buys it."""
    into: defaultdict[int, list[Flow]] = defaultdict(list)
    for group in plan:
        for flow in group:
            into[flow.head].append(flow)
    need: defaultdict[int, float] = defaultdict(float)
    need[target] = amount
    flows, slopes, missing = [], [], 0.0
    for token in [target, *(group[0].tail for group in reversed(plan))]:
        group = sorted(into[token], key=lambda flow: (-flow.paid, flow.edge))
        if token == source or not group:
            continue
        parts = _divide(market, buy, group, [flow.paid for flow in group], need[token])
        for flow, traded in zip(group, parts, strict=True):
            need[flow.tail] += traded.sold
            flows.append(Flow(flow.edge, flow.tail, flow.head, traded.sold, traded.paid))
            slopes.append(traded.slope)
        missing += parts[-1].missing
    return Carried(need[source] if not missing else math.inf, flows[::-1], slopes[::-1], missing)


def _divide(
    market: CompiledEdges, trade: Trade, group: list[Flow], weights: list[float], amount: float
) -> list[Traded]:
    """Trade an amount over siblings by weight. What does not fit goes to those with room, the largest first.

    The last one carries what fits nowhere as its `missing`.
    """
    total = sum(weights)
    if not total > 0:
        weights, total = [1.0] * len(group), float(len(group))
    asked = [amount * weight / total for weight in weights]
    parts = [trade(market, flow.edge, part) for flow, part in zip(group, asked, strict=True)]
    left = sum(part.missing for part in parts)
    if not left:
        return parts
    for number, part in enumerate(parts):
        if left > 0 and not part.missing:
            parts[number] = trade(market, group[number].edge, asked[number] + left)
            left = parts[number].missing
    return [part._replace(missing=left if number == len(parts) - 1 else 0.0) for number, part in enumerate(parts)]


def _joined(flows: list[Flow], source: int, target: int) -> list[Flow]:
    while True:
        sold = {flow.tail for flow in flows} | {target}
        bought = {flow.head for flow in flows} | {source}
        kept = [flow for flow in flows if flow.head in sold and flow.tail in bought]
        if len(kept) == len(flows):
            return kept
        flows = kept


def _topological(flows: list[Flow]) -> tuple[list[int], list[Flow]]:
    """Tokens in order, and the flows that a cycle keeps from being ordered."""
    waiting: defaultdict[int, int] = defaultdict(int)
    leaving: defaultdict[int, list[int]] = defaultdict(list)
    for flow in flows:
        waiting[flow.head] += 1
        leaving[flow.tail].append(flow.head)
    order, ready = [], [token for token in leaving if not waiting[token]]
    while ready:
        token = ready.pop()
        order.append(token)
        for head in leaving[token]:
            waiting[head] -= 1
            if not waiting[head]:
                ready.append(head)
    return order, [flow for flow in flows if waiting[flow.head] and waiting[flow.tail]]


def _cycle(stuck: list[Flow]) -> list[Flow]:
    """One cycle, found by walking back from a token that waits."""
    into = {flow.head: flow for flow in sorted(stuck, key=lambda flow: flow.sold)}
    seen: dict[int, int] = {}
    walk: list[Flow] = []
    token = stuck[0].head
    while token not in seen:
        seen[token] = len(walk)
        walk.append(into[token])
        token = into[token].tail
    return walk[seen[token] :]
