"""What the market's prices were, and what the caller's orders were filled at: GET /prices."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import scopes, selectors
from orders.api import parameters, schema
from orders.api.base import AccountView, account_of
from orders.api.records.at_once import AtOnce
from orders.engine import get_engine
from orders.inputs.filters import read_known_pair
from orders.presentation.prices import PRICES
from orders.prices.grid import MOST_POINTS, POINTS
from orders.prices.series import Asked, price_series
from orders.problems import FieldError, Problem, ProblemError
from orders.scalars import TIME_SCHEMA, read_time, read_whole_text

RANGE = timedelta(days=1)
OLDEST = timedelta(days=3_660)
AT_ONCE = AtOnce("charts")


class PricesView(AccountView):
    """GET /prices."""

    scopes: ClassVar = {"GET": scopes.READ}
    query_names: ClassVar = {"GET": ("pair", "after", "before", "points")}

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "pair", parameters.PAIR, required=True, description="`SOL/USDC`: prices are USDC for one SOL."
            ),
            OpenApiParameter("after", TIME_SCHEMA, description="RFC 3339; by default a day before `before`."),
            OpenApiParameter("before", TIME_SCHEMA, description="RFC 3339; by default, and at the latest, now."),
            OpenApiParameter(
                "points",
                {"type": "integer", "minimum": 1, "maximum": MOST_POINTS, "default": POINTS},
                description="Buckets of the answer, at most.",
            ),
        ],
        responses=schema.answers(PRICES),
        operation_id="listPrices",
    )
    def get(self, request: Request) -> Response:
        """A pair's mid prices over time in buckets, and the caller's own fills in each."""
        account, now = account_of(request), _database_time()
        asked = self._asked(now)
        with AT_ONCE.one(account):
            series = price_series(account, get_engine().chain.chain_id, asked, now)
        return Response(PRICES.render(series))

    def _asked(self, now: datetime) -> Asked:
        read = self.query.read
        pair = read("pair", read_known_pair)
        if pair is None:
            raise _refusal("pair", "pair must be two tokens: SOL/USDC")
        if pair[0] == pair[1]:
            raise _refusal("pair", "pair must be two different tokens")
        before = min(read("before", read_time) or now, now)
        after = read("after", read_time) or before - RANGE
        if not now - OLDEST <= after < before:
            raise _refusal("after", f"after must be earlier than before, and {OLDEST.days} days ago at most")
        points = read("points", lambda text: read_whole_text(text, 1, MOST_POINTS)) or POINTS
        tokens = selectors.tokens()
        return Asked(tokens[pair[0]], tokens[pair[1]], after, before, points)


def _refusal(name: str, detail: str) -> ProblemError:
    return ProblemError(Problem("invalid", detail, errors=[FieldError(f"/{name}", "invalid", detail)]))


def _database_time() -> datetime:
    return datetime.fromtimestamp(selectors.database_time_ms() / 1000, UTC)
