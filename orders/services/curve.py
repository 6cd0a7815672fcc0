"""What several amounts would get on one and the same market: the price as a curve of the order's size."""

from collections.abc import Sequence

from dex import Engine, TerminalError
from orders.access.authentication import Caller
from orders.pauses import Controls
from orders.presentation.curve import Curve, Point
from orders.problems import ProblemError, problem_of
from orders.selectors import decimals_on
from orders.services.quote import OneBlock
from orders.services.quoted_order import quoted_order
from orders.terms import NewOrder


def quoted_curve(caller: Caller, orders: Sequence[NewOrder], engine: Engine, controls: Controls) -> Curve:
    """Quotes of orders that differ in their amounts alone, each as if it were the only one; why there is none of some.

    Raises: ChainUnavailable.
    """
    block, decimals = OneBlock(engine), decimals_on(engine.chain.native)
    points = []
    for new in orders:
        try:
            priced = quoted_order(caller, new, engine, controls, block, decimals)
        except TerminalError as error:
            points.append(Point(new, None, problem_of(error)))
        except ProblemError as error:
            points.append(Point(new, None, error.problem))
        else:
            points.append(Point(new, priced.plan, None))
    return Curve(orders[0], block.market.version, points)
