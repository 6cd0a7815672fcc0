"""The reduced routing problem by a primal-dual interior point method (Mehrotra's predictor and corrector).

Maximise what reaches the numeraire token, each other token balanced, flows within the capacities of concave segments.
Source: S. Mehrotra, On the Implementation of a Primal-Dual Interior Point Method, SIAM J. Optim. 2 (1992);
J. Nocedal, S. Wright, Numerical Optimization (2006), ch. 14 and 19.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dex.router.convex.linear import solve_small, sums
from dex.router.fast.central_path import (
    CUTS,
    FIRST_FLOW,
    FIRST_PRODUCT,
    MAX_ITERATIONS,
    STEP,
    TOLERANCE,
    WORSE,
    follow,
)
from dex.router.graph.segments import Floats, Ints, SegmentTable
from dex.router.kernel import kernels_on


class Program(NamedTuple):
    """Segments between tokens 0 .. tokens-1 and the numeraire, which is number `tokens`. Values are near one.

    `supply` is what each of the tokens is given; the price of the numeraire is one. Where no segment leads from one run
    of `block` tokens to another, `block` may say so: blocks are solved faster than all tokens together.
    """

    segments: SegmentTable
    tail: Ints
    head: Ints
    tokens: int
    supply: Floats
    block: int = 0


class Solution(NamedTuple):
    """Flow of each segment, price of each token in the numeraire (its own, one, comes last)."""

    flow: Floats
    prices: Floats
    iterations: int
    is_optimal: bool


def solve(program: Program, prices: Floats, tolerance: float = TOLERANCE) -> Solution:
    """Follow the central path from estimated prices. Call it with numpy's float warnings off."""
    if kernels_on():
        segments, tail, head, tokens, supply, block = program
        table, hyperbolas, powers = segments.table, segments.hyperbolas, segments.powers
        return Solution(*follow(table, hyperbolas, powers, tail, head, supply, prices, tolerance, block or tokens))
    path = _CentralPath(program, prices)
    for iteration in range(MAX_ITERATIONS):
        if path.complement < tolerance and path.imbalance < tolerance:
            return Solution(path.flow, path.prices, iteration, True)
        path.linearise()
        if not path.step():
            break
    return Solution(path.flow, path.prices, iteration, False)


class _CentralPath:
    """An iterate and the linear system at it.

    Twins lie in one array: what is left of a capacity, then the flow; and the multipliers of both. Arrays of both
    ends of the segments hold tails first, then heads. Segments are costs here, what they pay counted negative, so that
    one signed sum over the ends does for every balance. Buffers and views of them are made once: at this size a
    call costs more than what it computes.
    """

    def __init__(self, program: Program, prices: Floats) -> None:
        segments, tail, head, n, self.supply, block = program
        size, width = segments.size, n + 1
        self.costs = segments.negated()
        self.size, self.n, self.width = size, n, width
        self.ends = np.concatenate((tail, head))
        self.blocks, self.block = (n // block, block) if 0 < block < n else (1, n)
        self.entries, self.idle = self._entries(tail, head)
        state = np.empty(3 * size)
        self.primal, self.turnover = state[: 2 * size], state[size:]
        self.left, self.flow, self.value = state[:size], state[size : 2 * size], state[2 * size :]
        np.minimum(segments.capacity / 2, FIRST_FLOW, out=self.flow)
        np.subtract(segments.capacity, self.flow, out=self.left)
        self.prices, self.price_step = np.empty(width), np.zeros(width)
        self.prices[:n], self.prices[n] = prices[:n], 1.0
        self.free_step = self.price_step[:n]
        self.slope, self.bend, self.loss, self.pull = np.empty((4, size))
        self.weights = np.empty(4 * size)
        self.inverse, self.head_weight, self.cross, self.cross_twin = self.weights.reshape(4, size)
        twins = np.empty((7, 2 * size))
        self.dual, self.ratio, self.at, self.moved, self.direction, self.relative, self.centre = twins
        self.dual_left, self.dual_flow = self.dual.reshape(2, size)
        self.ratio_left, self.ratio_flow = self.ratio.reshape(2, size)
        self.price_in, self.price_out = self.at.reshape(2, size)
        self.moved_in, self.moved_out = self.moved.reshape(2, size)
        self.step_left, self.step_flow = self.direction.reshape(2, size)
        self.centre_left, self.centre_flow = self.centre.reshape(2, size)
        self._evaluate()
        np.maximum(self.loss, 0.0, out=self.dual_flow)
        np.subtract(self.dual_flow, self.loss, out=self.dual_left)
        np.divide(FIRST_PRODUCT, self.primal, out=self.relative)
        self.dual += self.relative
        self.merit = self._measure()

    def _entries(self, tail: Ints, head: Ints) -> tuple[Ints, Ints]:
        """Where in the matrices of all blocks the weights of each segment are added; the diagonal of idle tokens."""
        size, width = self.block, self.block + 1
        owner = np.minimum(tail, head) // size
        first, row, column = owner * width * width, tail - owner * size, head - owner * size
        row[tail == self.n] = column[head == self.n] = size
        rows, columns = first + row * width, first + column * width
        entries = np.concatenate((rows + row, columns + column, rows + column, columns + row))
        is_idle = np.ones(self.n, bool)
        is_idle[self.ends[self.ends < self.n]] = False
        idle = np.flatnonzero(is_idle)
        return entries, idle // size * width * width + idle % size * (width + 1)

    def linearise(self) -> None:
        """Eliminate all but the token prices: their matrix, symmetric, one row a token."""
        inverse, bend, cross = self.inverse, self.bend, self.cross
        np.divide(self.dual, self.primal, out=self.ratio)
        bend *= self.price_out
        np.subtract(self.ratio_flow, bend, out=bend)
        bend += self.ratio_left
        np.divide(1.0, bend, out=inverse)
        np.multiply(self.slope, inverse, out=cross)
        np.multiply(self.slope, cross, out=self.head_weight)
        self.cross_twin[:] = cross
        width = self.block + 1
        cells = sums(self.entries, self.weights, self.blocks * width * width)
        cells[self.idle] = 1.0
        self.matrix = cells.reshape(-1, width, width)[:, :-1, :-1]

    def step(self) -> bool:
        """Predict, correct and move; False, and no move, when numbers break down or nothing moves any more."""
        direction, dual, relative, centre = self.direction, self.dual, self.relative, self.centre
        self._predict()
        np.subtract(self.loss, self.centre_flow, out=self.pull)
        self.pull += self.centre_left
        self._direct(self.pull)
        np.divide(direction, self.primal, out=relative)
        lowest: float = relative.item(relative.argmin())
        relative *= dual
        centre -= dual
        centre -= relative  # now the step of the multipliers
        np.divide(centre, dual, out=relative)
        lowest_dual: float = relative.item(relative.argmin())
        if lowest != lowest or lowest_dual != lowest_dual:
            return False
        longest = -STEP / lowest if lowest < -STEP else 1.0
        longest_dual = -STEP / lowest_dual if lowest_dual < -STEP else 1.0
        direction *= longest
        centre *= longest_dual
        self.price_step *= longest_dual
        self._move()
        return longest > TOLERANCE or longest_dual > TOLERANCE

    def _predict(self) -> None:
        """The centre to aim at, from how far a step straight to the bounds would get; less the error it would make."""
        dual, direction, centre, complement = self.dual, self.direction, self.centre, self.complement
        self._direct(self.loss)
        np.divide(direction, self.primal, out=centre)
        lowest, highest = centre.item(centre.argmin()), centre.item(centre.argmax())
        longest = -1.0 / lowest if lowest < -1.0 else 1.0
        longest_dual = 1.0 / (1.0 + highest) if highest > 0.0 else 1.0
        centre += 1.0
        centre *= dual  # minus the step of the multipliers
        shift, product = float(dual.dot(direction)), -float(direction.dot(centre))
        after = complement + longest * shift - longest_dual * (complement + shift) + longest * longest_dual * product
        centre *= direction
        centre += complement * (after / complement) ** 3 / (2 * self.size)
        centre /= self.primal

    def _direct(self, pull: Floats) -> None:
        """The step of prices and flows that ends the imbalance and `pull`, to first order."""
        slope, inverse, moved_in, step = self.slope, self.inverse, self.moved_in, self.step_left
        np.multiply(pull, inverse, out=moved_in)
        np.multiply(slope, moved_in, out=self.moved_out)
        rest = self.excess - sums(self.ends, self.moved, self.width)[: self.n]
        self.free_step[:] = solve_small(self.matrix, rest.reshape(self.blocks, -1)).ravel()
        self.price_step.take(self.ends, out=self.at, mode="clip")
        np.multiply(slope, self.price_out, out=step)
        step += self.price_in
        step *= inverse
        step += moved_in
        np.negative(step, out=self.step_flow)

    def _move(self) -> None:
        """Take the step, then half of it back as long as the bend of the curves made the errors larger."""
        limit = WORSE * self.merit
        self.primal += self.direction
        self.dual += self.centre
        self.prices += self.price_step
        self._evaluate()
        self.merit = self._measure()
        cuts = 0
        while self.merit > limit and cuts < CUTS:
            cuts += 1
            for state, step in (
                (self.primal, self.direction),
                (self.dual, self.centre),
                (self.prices, self.price_step),
            ):
                step *= 0.5
                state -= step
            self._evaluate()
            self.merit = self._measure()

    def _evaluate(self) -> None:
        self.costs.evaluate(self.flow, self.value, self.slope, self.bend)
        self.prices.take(self.ends, out=self.at, mode="clip")
        np.multiply(self.slope, self.price_out, out=self.loss)
        self.loss += self.price_in

    def _measure(self) -> float:
        """Complementarity, imbalance and the error in the value of segments, all in units of value; and their sum."""
        self.excess = sums(self.ends, self.turnover, self.width)[: self.n] - self.supply
        size = np.abs(self.excess)
        self.imbalance: float = size.item(size.argmax())
        self.complement: float = float(self.primal.dot(self.dual))
        error = self.pull
        np.subtract(self.loss, self.dual_flow, out=error)
        error += self.dual_left
        np.abs(error, out=error)
        mistaken: float = float(error.dot(self.flow)) + self.complement + self.imbalance
        return mistaken
