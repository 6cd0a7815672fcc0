"""A constant product without the limits of a program: the pools of problem files.

It takes its fee and rounds as Uniswap V2 does, whatever its reserves are.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from dex.pools.uniswap_v2 import UniswapV2Pool


@dataclass(slots=True)
class ConstantProductPool(UniswapV2Pool):
    """A Uniswap V2 pair whose reserves have no end."""

    kind: ClassVar[str] = "constant_product"
    max_reserve: ClassVar[float] = math.inf
