"""A route without swaps that earn less than they cost, as far as the others can take their amounts."""

from __future__ import annotations

from dex.router.convex.flows import Flow, Plan, plan
from dex.router.convex.optimum import carry
from dex.router.net.problem import NetRoute, Problem


def thinned(problem: Problem, route: NetRoute) -> NetRoute:
    """The route without one swap after another, the amount of each left to the others.

    For what hardly matters to the whole order this is as good as solving it again, and takes next to no time.
    """
    while (thinner := _without_one(problem, route)) is not None:
        route = thinner
    return route


def _without_one(problem: Problem, route: NetRoute) -> NetRoute | None:
    """A better route without one of the swaps, and what falls away with it; None where there is none.

    What swaps earn at the route's prices is the least that their loss can cost.
    """
    query, prices, flows = problem.query, route.prices, route.carried.flows
    earned = {flow.edge: prices[flow.head] * flow.paid - prices[flow.tail] * flow.sold for flow in flows}
    gains = {edge: earned[edge] - problem.costs.swap.item(edge) for edge in earned}
    total = sum(gains.values())
    for edge in sorted((edge for edge, gain in gains.items() if gain < 0), key=gains.__getitem__):
        ways = plan([flow for flow in flows if flow.edge != edge], query.source, query.target)
        if not ways or total > sum(gains[flow.edge] for group in ways for flow in group):
            continue
        carried = carry(problem.plain, query, _refilled(route, ways, earned, query.is_exact_in), prices[query.target])
        if carried.missing:
            continue
        tokens = {query.target, *(flow.tail for flow in carried.flows)}
        thinner = problem.route(carried, {token: prices[token] for token in tokens})
        if thinner.net > route.net:
            return thinner
    return None


def _refilled(route: NetRoute, ways: Plan, earned: dict[int, float], is_exact_in: bool) -> Plan:
    """The plan with what the route's other flows sold (exact_out: paid) of its tokens, each left to one flow.

    To that which loses least by it: by its price, which may jump where it stands, and by how that falls.
    """
    kept, prices = {flow.edge: flow for group in ways for flow in group}, route.prices
    slopes = {flow.edge: slope for flow, slope in zip(route.carried.flows, route.carried.slopes, strict=True)}

    def lost(flow: Flow, gone: Flow) -> float:
        share = gone.sold / flow.sold if is_exact_in else gone.paid / flow.paid
        off = abs(slopes[flow.edge] * prices[flow.head] / prices[flow.tail] - 1)
        return share * (off * prices[flow.tail] * flow.sold + max(share * earned[flow.edge], 0.0))

    for gone in route.carried.flows:
        if gone.edge in kept:
            continue
        siblings = [
            flow for flow in kept.values() if (flow.tail == gone.tail if is_exact_in else flow.head == gone.head)
        ]
        if siblings:
            flow = min(siblings, key=lambda flow: lost(flow, gone))
            kept[flow.edge] = flow._replace(sold=flow.sold + gone.sold, paid=flow.paid + gone.paid)
    return [[kept[flow.edge] for flow in group] for group in ways]
