"""The interior point method of `interior.py` in plain loops, in which segments earn: what they pay counts positive."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router.fast.curves import curve_at, family_of
from dex.router.fast.elimination import factorise, substitute
from dex.router.graph.segments import CAPACITY
from dex.router.kernel import Floats, Ints, Table, kernel, part

MAX_ITERATIONS: Final = 80
TOLERANCE: Final = 1e-8  # of complementarity and balance, in units of the order's value
STEP: Final = 0.995  # share of the way to the nearest bound
FIRST_FLOW: Final = 0.3  # of each segment, at most; and its complementarity: both found by trying many markets
FIRST_PRODUCT: Final = 1e-4
WORSE: Final = 3.0  # how much a step may add to the errors, as a factor, before it is cut
CUTS: Final = 6


class _Network(NamedTuple):
    """Segments from token `tail` to token `head`; what each token is given; how many tokens a block has."""

    table: Floats
    hyperbolas: int
    powers: int
    tail: Ints
    head: Ints
    supply: Floats
    block: int


class _State(NamedTuple):
    """By segment: `flow` and what is `left` of its capacity, their multipliers, and the curve at the flow.

    `loss` is what a segment loses on the next atom. By token: `prices`, and what it sells beyond what it gets.
    """

    flow: Floats
    left: Floats
    dual_flow: Floats
    dual_left: Floats
    value: Floats
    slope: Floats
    bend: Floats
    loss: Floats
    prices: Floats
    excess: Floats


class _Step(NamedTuple):
    """A step of the state (what is left falls as the flow rises), and the system that it solves."""

    flow: Floats
    dual_flow: Floats
    dual_left: Floats
    prices: Floats
    inverse: Floats
    pull: Floats
    matrix: Floats


@part
def _begin(network: _Network, prices: Floats) -> tuple[_State, _Step]:
    """A state well within all bounds."""
    size, n = len(network.tail), len(network.supply)
    by_segment, by_token = np.empty((13, size)), np.empty((3, n + 1))
    state = _State(
        flow=by_segment[0],
        left=by_segment[1],
        dual_flow=by_segment[2],
        dual_left=by_segment[3],
        value=by_segment[4],
        slope=by_segment[5],
        bend=by_segment[6],
        loss=by_segment[7],
        prices=by_token[0],
        excess=by_token[1],
    )
    step = _Step(
        flow=by_segment[8],
        dual_flow=by_segment[9],
        dual_left=by_segment[10],
        prices=by_token[2],
        inverse=by_segment[11],
        pull=by_segment[12],
        matrix=np.empty((n, network.block)),
    )
    state.prices[:n] = prices[:n]
    state.prices[n] = 1.0
    for i in range(size):
        capacity = network.table[CAPACITY, i]
        state.flow[i] = min(capacity / 2, FIRST_FLOW)
        state.left[i] = capacity - state.flow[i]
    _evaluate(network, state)
    for i in range(size):
        loss = state.loss[i]
        state.dual_flow[i] = max(loss, 0.0) + FIRST_PRODUCT / state.flow[i]
        state.dual_left[i] = max(loss, 0.0) - loss + FIRST_PRODUCT / state.left[i]
    return state, step


@part
def _evaluate(network: _Network, state: _State) -> None:
    for i in range(len(state.flow)):
        family = family_of(i, network.hyperbolas, network.powers)
        value, slope, bend = curve_at(network.table, i, family, state.flow[i])
        state.value[i], state.slope[i], state.bend[i] = value, slope, bend
        state.loss[i] = state.prices[network.tail[i]] - slope * state.prices[network.head[i]]


@part
def _measure(network: _Network, state: _State) -> tuple[float, float, float]:
    """Complementarity, imbalance, and both with the error in the value of segments: all in units of value."""
    excess = state.excess
    n = len(excess) - 1
    excess[:] = 0.0
    complement = mistaken = 0.0
    for i in range(len(state.flow)):
        flow, dual_flow, dual_left = state.flow[i], state.dual_flow[i], state.dual_left[i]
        excess[network.tail[i]] += flow
        excess[network.head[i]] -= state.value[i]
        complement += state.left[i] * dual_left + flow * dual_flow
        mistaken += abs(state.loss[i] - dual_flow + dual_left) * flow
    imbalance = 0.0
    for token in range(n):
        excess[token] -= network.supply[token]
        imbalance = max(imbalance, abs(excess[token]))
    return complement, imbalance, mistaken + complement + imbalance


@part
def _linearise(network: _Network, state: _State, step: _Step) -> None:
    """Eliminate all but the token prices, and factorise their matrices: symmetric, one row a token."""
    matrix, n, block = step.matrix, len(network.supply), network.block
    matrix[:] = 0.0
    for i in range(len(state.flow)):
        tail, head, slope = network.tail[i], network.head[i], state.slope[i]
        inverse = 1.0 / (
            state.dual_flow[i] / state.flow[i] + state.bend[i] * state.prices[head] + state.dual_left[i] / state.left[i]
        )
        step.inverse[i] = inverse
        if tail < n:
            matrix[tail, tail % block] += inverse
        if head < n:
            matrix[head, head % block] += slope * slope * inverse
        if tail < n and head < n:
            matrix[min(tail, head), max(tail, head) % block] -= slope * inverse
    for token in range(n):
        if matrix[token, token % block] == 0.0:  # nothing is traded for it
            matrix[token, token % block] = 1.0
    factorise(matrix, n, block)


@part
def _direct(network: _Network, state: _State, step: _Step) -> None:
    """The step of prices and flows that ends the imbalance and `pull`, to first order."""
    n, prices = len(network.supply), step.prices
    prices[:] = state.excess
    for i in range(len(state.flow)):
        moved = step.pull[i] * step.inverse[i]
        prices[network.tail[i]] -= moved
        prices[network.head[i]] += state.slope[i] * moved
    substitute(step.matrix, prices, n, network.block)
    prices[n] = 0.0
    for i in range(len(state.flow)):
        gained = state.slope[i] * prices[network.head[i]] - prices[network.tail[i]]
        step.flow[i] = (gained - step.pull[i]) * step.inverse[i]


@part
def _predict(network: _Network, state: _State, step: _Step, complement: float) -> None:
    """The centre to aim at, from how far a step straight to the bounds would get; less the error it would make.

    Left in the steps of the multipliers.
    """
    step.pull[:] = state.loss
    _direct(network, state, step)
    size = len(state.flow)
    lowest = highest = shift = product = 0.0
    for i in range(size):
        moved = step.flow[i]
        of_flow, of_left = moved / state.flow[i], -moved / state.left[i]
        lowest = min(lowest, of_flow, of_left)
        highest = max(highest, of_flow, of_left)
        step.dual_flow[i] = (of_flow + 1) * state.dual_flow[i]  # minus the step of the multipliers
        step.dual_left[i] = (of_left + 1) * state.dual_left[i]
        shift += moved * (state.dual_flow[i] - state.dual_left[i])
        product -= moved * (step.dual_flow[i] - step.dual_left[i])
    longest = -1.0 / lowest if lowest < -1.0 else 1.0
    longest_dual = 1.0 / (1.0 + highest)
    after = complement + longest * shift - longest_dual * (complement + shift) + longest * longest_dual * product
    centre = complement * (after / complement) ** 3 / (2 * size)
    for i in range(size):
        step.dual_flow[i] = (step.dual_flow[i] * step.flow[i] + centre) / state.flow[i]
        step.dual_left[i] = (centre - step.dual_left[i] * step.flow[i]) / state.left[i]


@part
def _correct(network: _Network, state: _State, step: _Step) -> tuple[float, float]:
    """The step to the centre, as long as the bounds allow; how long that is, of flows and of multipliers."""
    size = len(state.flow)
    for i in range(size):
        step.pull[i] = state.loss[i] - step.dual_flow[i] + step.dual_left[i]
    _direct(network, state, step)
    lowest = lowest_dual = broken = 0.0
    for i in range(size):
        dual_flow, dual_left = state.dual_flow[i], state.dual_left[i]
        of_flow, of_left = step.flow[i] / state.flow[i], -step.flow[i] / state.left[i]
        step.dual_flow[i] -= dual_flow + of_flow * dual_flow
        step.dual_left[i] -= dual_left + of_left * dual_left
        lowest = min(lowest, of_flow, of_left)
        lowest_dual = min(lowest_dual, step.dual_flow[i] / dual_flow, step.dual_left[i] / dual_left)
        broken += 0.0 * (step.dual_flow[i] + step.dual_left[i])  # not a number, if any of them is not
    longest = (-STEP / lowest if lowest < -STEP else 1.0) + broken
    longest_dual = (-STEP / lowest_dual if lowest_dual < -STEP else 1.0) + broken
    step.flow[:] *= longest
    step.dual_flow[:] *= longest_dual
    step.dual_left[:] *= longest_dual
    step.prices[:] *= longest_dual
    return longest, longest_dual


@part
def _move(network: _Network, state: _State, step: _Step, limit: float) -> tuple[float, float, float]:
    """Take the step, then half of it back as long as the bend of the curves made the errors larger."""
    _add(state, step, 1.0)
    _evaluate(network, state)
    measured = _measure(network, state)
    share = 1.0
    for _ in range(CUTS):
        if not measured[2] > limit:
            break
        share *= 0.5
        _add(state, step, -share)
        _evaluate(network, state)
        measured = _measure(network, state)
    return measured


@part
def _add(state: _State, step: _Step, share: float) -> None:
    for i in range(len(state.flow)):
        state.flow[i] += share * step.flow[i]
        state.left[i] -= share * step.flow[i]
        state.dual_flow[i] += share * step.dual_flow[i]
        state.dual_left[i] += share * step.dual_left[i]
    for token in range(len(state.prices)):
        state.prices[token] += share * step.prices[token]


@kernel
def follow(
    table: Table,
    hyperbolas: int,
    powers: int,
    tail: Ints,
    head: Ints,
    supply: Floats,
    prices: Floats,
    tolerance: float,
    block: int,
) -> tuple[Floats, Floats, int, bool]:
    """Flows, prices, iterations, and whether they are the optimum. Nothing joins one `block` of tokens to another."""
    network = _Network(table, hyperbolas, powers, tail, head, supply, block)
    state, step = _begin(network, prices)
    complement, imbalance, error = _measure(network, state)
    iteration = 0
    for iteration in range(MAX_ITERATIONS):
        if complement < tolerance and imbalance < tolerance:
            return state.flow, state.prices, iteration, True
        _linearise(network, state, step)
        _predict(network, state, step, complement)
        longest, longest_dual = _correct(network, state, step)
        if longest != longest or longest_dual != longest_dual:
            break
        complement, imbalance, error = _move(network, state, step, WORSE * error)
        if longest <= TOLERANCE and longest_dual <= TOLERANCE:
            break
    return state.flow, state.prices, iteration, False
