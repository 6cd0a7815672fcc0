"""The two families of pool curves besides the hyperbola, one at a time and many at once: f, f', -f''.

Parameters of the power family: depth, reserve, exponent (see `PowerCurve`). Of the stable one: start, b, c, turn,
rest, scale_in, scale_out, where turn = c / (start y) and rest = c / start with y the balance before any swap; the
others as in `StableCurve`. Values of stable segments come from the difference of two roots written out, so that
nothing cancels for small amounts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dex.router.kernel import part

Floats = NDArray[np.float64]
Triple = tuple[float, float, float]
Triples = tuple[Floats, Floats, Floats]

_STEPS = 40
_CLOSE = 1e-8  # a step after which the next would change nothing
_TOLERANCE = 1e-15
_LEAST = 1e-3
_LEAST_FALL = 1e-100  # beyond it squares of balances leave the range of floats, and nothing is paid any more


@part
def power_at(parameters: Sequence[float], x: float) -> Triple:
    """The power family at one x."""
    depth, reserve, exponent = parameters
    part = x / depth
    log = math.log1p(part)
    slope = reserve * exponent / depth * math.exp(-(exponent + 1) * log)
    return -reserve * math.expm1(-exponent * log), slope, (exponent + 1) * slope / (depth * (1 + part))


def powers_at(parameters: Floats, x: Floats) -> Triples:
    """The power family at many: one row a parameter."""
    depth, reserve, exponent = parameters
    part = x / depth
    log = np.log1p(part)
    slope = reserve * exponent / depth * np.exp(-(exponent + 1) * log)
    return -reserve * np.expm1(-exponent * log), slope, (exponent + 1) * slope / (depth * (1 + part))


def power_inverses(depth: Floats, exponent: Floats, ratio: Floats) -> Floats:
    """The x at which the slope has fallen by the factor `ratio`."""
    x: Floats = depth * np.expm1(np.log(ratio) / (exponent + 1))
    return x


@part
def stable_at(parameters: Sequence[float], x: float) -> Triple:
    """The stable family at one x."""
    start, b, c, turn, rest, scale_in, scale_out = parameters
    added = x * scale_in
    balance = start + added
    width, product = b + balance, c / balance
    root = math.sqrt(width * width + 4 * product)
    y = (root - width) / 2 if width < 0 else 2 * product / (root + width)
    product /= balance
    fall = (y + product) / root  # -dy/dX
    scale = scale_in * scale_out
    value = added * scale_out * (y + rest / balance) / (y + turn)
    return value, scale * fall, 2 * scale * scale_in * (product / balance + fall * (1 - fall)) / root


def stables_at(parameters: Floats, x: Floats) -> Triples:
    """The stable family at many: one row a parameter."""
    start, b, c, turn, rest, scale_in, scale_out = parameters
    added = x * scale_in
    balance = start + added
    width, product = b + balance, c / balance
    root = np.sqrt(width * width + 4 * product)
    y = np.where(width < 0, (root - width) / 2, 2 * product / (root + width))
    product /= balance
    fall = (y + product) / root
    scale = scale_in * scale_out
    value = added * scale_out * (y + rest / balance) / (y + turn)
    return value, scale * fall, 2 * scale * scale_in * (product / balance + fall * (1 - fall)) / root


def stable_parameters(start: Floats, b: Floats, c: Floats) -> tuple[Floats, Floats]:
    """`turn` and `rest`."""
    width, product = b + start, c / start
    root = np.sqrt(width * width + 4 * product)
    y = np.where(width < 0, (root - width) / 2, 2 * product / (root + width))
    return product / y, product


@part
def stable_inverse(parameters: Sequence[float], slope: float) -> float:
    """The x at which the slope is this: endless for none, negative where it is less from the start."""
    if not slope > 0:
        return math.inf
    start, b, c, _, _, scale_in, scale_out = parameters
    fall = min(max(slope / (scale_in * scale_out), _LEAST_FALL), 1 / _LEAST_FALL)  # -dy/dX
    balance = _scarce(b, c, 1 / fall) if fall >= 1 else other_balance(b, c, _scarce(b, c, fall))
    return (balance - start) / scale_in


@part
def other_balance(b: float, c: float, balance: float) -> float:
    """The other coin's balance: both are alike in x y (x + y + b) = c."""
    width, product = b + balance, c / balance
    root = math.sqrt(width * width + 4 * product)
    return (root - width) / 2 if width < 0 else 2 * product / (root + width)


@part
def _scarce(b: float, c: float, fall: float) -> float:
    """The balance of the coin there is less of, where it falls by `fall` (up to one) as the other grows by one.

    There x y^2 / c + (1 + odds) y / x = odds with odds = fall / (1 - fall); Newton on the logarithms, in which
    the left side is nearly straight, from the root for x = -b.
    """
    odds = fall / max(1 - fall, _TOLERANCE)
    x = max(-b, _LEAST)
    middle = (1 + odds) / x
    y = 2 * odds / (middle + math.sqrt(middle * middle + 4 * x / c * odds))
    for _ in range(_STEPS):
        x = other_balance(b, c, y)
        cubic, linear = x * y * y / c, (1 + odds) * y / x
        turn = -y * (x + 2 * y + b) / (y * (2 * x + y + b))  # of log x by log y
        step = math.log((cubic + linear) / odds) * (cubic + linear) / (cubic * (2 + turn) + linear * (1 - turn))
        y *= math.exp(-step)
        if abs(step) < _CLOSE:
            break
    return y
