"""The reduced routing problem by a primal-dual interior point method (Mehrotra's predictor and corrector).

Maximise what reaches the numeraire token, each other token balanced, flows within the capacities of concave pieces.
Source: S. Mehrotra, On the Implementation of a Primal-Dual Interior Point Method, SIAM J. Optim. 2 (1992);
J. Nocedal, S. Wright, Numerical Optimization (2006), ch. 14 and 19.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router.linear import solve_small
from dex.router.pieces import Floats, Ints, Pieces

MAX_ITERATIONS: Final = 80
TOLERANCE: Final = 1e-8  # of complementarity and balance, in units of the order's value
STEP: Final = 0.995  # share of the way to the nearest bound
FIRST_FLOW: Final = 0.1  # of each piece, at most; and its complementarity: both found by trying many markets
FIRST_PRODUCT: Final = 1e-4
WORSE: Final = 3.0  # how much a step may add to the errors, as a factor, before it is cut
CUTS: Final = 6


class Program(NamedTuple):
    """Pieces between tokens 0 .. tokens-1 and the numeraire, which is number `tokens`. Values are near one.

    `supply` is what each of the tokens is given; the numeraire is worth one.
    """

    pieces: Pieces
    tail: Ints
    head: Ints
    tokens: int
    supply: Floats


class Solution(NamedTuple):
    """Flow of each piece, price of each token in the numeraire (its own, one, comes last)."""

    flow: Floats
    prices: Floats
    iterations: int
    is_optimal: bool


def solve(program: Program, prices: Floats, tolerance: float = TOLERANCE) -> Solution:
    """Follow the central path from a guess of the prices. Call it with numpy's float warnings off."""
    path = _CentralPath(program, prices)
    for iteration in range(MAX_ITERATIONS):
        if path.complement < tolerance and path.imbalance < tolerance:
            return Solution(path.flow, path.prices, iteration, True)
        path.linearise()
        if not path.step():
            break
    return Solution(path.flow, path.prices, iteration, False)


class _CentralPath:
    """An iterate and the linear system at it. Twins (what is left of a capacity, flow) lie in one array.

    Arrays of both ends of the pieces hold tails first, then heads.
    """

    def __init__(self, program: Program, prices: Floats) -> None:
        pieces, tail, head, n, self.supply = program
        size, width = pieces.size, n + 1
        self.pieces, self.size, self.n, self.width, self.cells = pieces, size, n, width, width * width
        self.ends = np.concatenate((tail, head))
        self.sides = np.concatenate((tail, head + width))
        rows = tail * width
        self.entries = np.concatenate((rows + tail, head * width + head, rows + head, head * width + tail))
        state = np.empty(3 * size)
        self.primal = state[: 2 * size]  # left, flow
        self.turnover = state[size:]  # flow, value
        self.flow, self.value = state[size : 2 * size], state[2 * size :]
        np.minimum(pieces.capacity / 2, FIRST_FLOW, out=self.flow)
        np.subtract(pieces.capacity, self.flow, out=state[:size])
        self.prices = np.empty(width)
        self.prices[:n], self.prices[n] = prices[:n], 1.0
        self.slope, self.bend = np.empty(size), np.empty(size)
        self.weights = np.empty(4 * size)
        self.inverse = self.weights[:size]
        self.moved, self.direction = np.empty(2 * size), np.empty(2 * size)
        self.price_step = np.zeros(width)
        self._evaluate()
        self.dual = np.concatenate((self.gain, -self.gain))
        np.maximum(self.dual, 0.0, out=self.dual)
        self.dual += FIRST_PRODUCT / self.primal
        self.merit = self._measure()

    def linearise(self) -> None:
        """Eliminate all but the token prices: their matrix, symmetric, one row a token."""
        size, slope, inverse, weights, bend = self.size, self.slope, self.inverse, self.weights, self.bend
        self.ratio = self.dual / self.primal
        bend *= self.price_out
        bend += self.ratio[:size]
        bend += self.ratio[size:]
        np.divide(1.0, bend, out=inverse)
        np.multiply(slope, inverse, out=bend)
        np.multiply(slope, bend, out=weights[size : 2 * size])
        np.negative(bend, out=weights[2 * size : 3 * size])
        weights[3 * size :] = weights[2 * size : 3 * size]
        n, width = self.n, self.width
        self.matrix = np.bincount(self.entries, weights, self.cells).reshape(width, width)[:n, :n]

    def step(self) -> bool:
        """Predict, correct and move; False, and no move, when numbers break down or nothing moves any more."""
        size, primal, dual, direction = self.size, self.primal, self.dual, self.direction
        centre = self._predict()  # what the corrector aims at, per unit of the primal
        self._direct(self.gain + centre[size:] - centre[:size])
        relative = direction / primal
        lowest = float(np.minimum.reduce(relative))
        relative *= dual
        dual_step = centre
        dual_step -= dual
        dual_step -= relative
        np.divide(dual_step, dual, out=relative)
        lowest_dual = float(np.minimum.reduce(relative))
        if lowest != lowest or lowest_dual != lowest_dual:
            return False
        longest, longest_dual = (min(1.0, -STEP / low) if low < 0 else 1.0 for low in (lowest, lowest_dual))
        direction *= longest
        dual_step *= longest_dual
        self.price_step *= longest_dual
        self._move(dual_step)
        return max(longest, longest_dual) > TOLERANCE

    def _predict(self) -> Floats:
        """The centre to aim at, from how far a step straight to the bounds would get; less the error it would make."""
        primal, dual, direction, complement = self.primal, self.dual, self.direction, self.complement
        self._direct(self.gain)
        relative = direction / primal
        lows = float(np.minimum.reduce(relative)), -1.0 - float(np.maximum.reduce(relative))
        longest, longest_dual = (min(1.0, -1.0 / low) if low < 0 else 1.0 for low in lows)
        relative += 1.0
        relative *= dual  # minus the step of the dual
        shift, product = float(dual.dot(direction)), -float(direction.dot(relative))
        after = complement + longest * shift - longest_dual * (complement + shift) + longest * longest_dual * product
        relative *= direction
        relative += complement * (after / complement) ** 3 / (2 * self.size)
        relative /= primal
        return relative

    def _direct(self, gain: Floats) -> None:
        """The step of prices and flows that ends the imbalance and `gain`, to first order."""
        size, moved, direction = self.size, self.moved, self.direction
        right = moved[:size]
        np.multiply(gain, self.inverse, out=right)
        np.multiply(self.slope, right, out=moved[size:])
        sides = np.bincount(self.sides, moved, 2 * self.width)
        rest = (sides[: self.width] - sides[self.width :])[: self.n]
        rest -= self.balance
        self.price_step[: self.n] = solve_small(self.matrix, rest)
        shift = self.price_step.take(self.ends)
        step = direction[size:]
        np.multiply(self.slope, shift[size:], out=step)
        step -= shift[:size]
        step *= self.inverse
        step += right
        np.negative(step, out=direction[:size])

    def _move(self, dual_step: Floats) -> None:
        """Take the step, then half of it back as long as curves bend so much that it made things worse."""
        limit = WORSE * self.merit
        share = 1.0
        for _ in range(CUTS):
            if share == 1.0:
                self.primal += self.direction
                self.dual += dual_step
                self.prices += self.price_step
            else:
                self.primal -= share * self.direction
                self.dual -= share * dual_step
                self.prices -= share * self.price_step
            self._evaluate()
            self.merit = self._measure()
            if self.merit <= limit:
                break
            share /= 2

    def _evaluate(self) -> None:
        self.pieces.evaluate(self.flow, self.value, self.slope, self.bend)
        at = self.prices.take(self.ends)
        self.price_out = at[self.size :]
        self.gain = self.slope * self.price_out
        self.gain -= at[: self.size]

    def _measure(self) -> float:
        """Complementarity, imbalance and the error in what pieces are worth, all in units of value; and their sum."""
        size, width = self.size, self.width
        sides = np.bincount(self.sides, self.turnover, 2 * width)
        self.balance = (sides[width:] - sides[:width])[: self.n]
        self.balance += self.supply
        self.imbalance = float(np.maximum.reduce(np.abs(self.balance)))
        self.complement = float(self.primal.dot(self.dual))
        error = self.gain + self.dual[size:]
        error -= self.dual[:size]
        np.abs(error, out=error)
        return self.complement + self.imbalance + float(error.dot(self.flow))
