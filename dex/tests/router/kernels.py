"""Tests that run the same work with numpy and with the kernels of the extra `fast`."""

import warnings
from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np
import pytest

from dex.pools import Pool
from dex.router.convex.best_path import BestPath, Query, find_best_path, query_of
from dex.router.graph.compiled import CompiledMarket
from dex.router.kernel import kernels_on, use_kernels
from dex.router.split_values import SplitOrder
from dex.testing import NOW, cpmm_pool
from dex.tests.conftest import KERNELS_MISSING
from dex.types import SwapRequest

IS_INSTALLED: Final = use_kernels(True)
if not IS_INSTALLED:
    warnings.warn(KERNELS_MISSING, stacklevel=1)
needs_numba = pytest.mark.skipif(not IS_INSTALLED, reason=KERNELS_MISSING)
T = TypeVar("T")


def both(work: Callable[[], T]) -> tuple[T, T]:
    """The same with numpy, then with kernels."""
    before, results = kernels_on(), []
    try:
        for is_on in (False, True):
            assert use_kernels(is_on) is is_on
            with np.errstate(all="ignore"):
                results.append(work())
    finally:
        use_kernels(before)
    return results[0], results[1]


def asked_of(pools: list[Pool], asked: SwapRequest | SplitOrder) -> tuple[CompiledMarket, Query]:
    """The market with one more pool, which joins the two tokens in any case."""
    joined = cpmm_pool("joined", (asked.token_in, asked.token_out), (10**15, 10**15))
    market = CompiledMarket([*pools, joined], NOW)
    amount, is_exact_in = float(asked.amount), asked.side.value == "exact_in"
    return market, query_of(market, asked.token_in, asked.token_out, amount, is_exact_in)


def path_of(market: CompiledMarket, query: Query) -> BestPath:
    with np.errstate(all="ignore"):
        best_path = find_best_path(market, query)
    assert best_path is not None
    return best_path
