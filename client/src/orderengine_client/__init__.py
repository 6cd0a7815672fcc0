"""Client of the Order Execution Engine: orders that are placed once, streams that lose nothing.

`Client` and `AsyncClient` have the same calls; docs/client.md of the engine explains them.
"""

from orderengine_client.address import VERSION as __version__
from orderengine_client.async_client import AsyncClient
from orderengine_client.client import Client
from orderengine_client.errors import (
    ClientError,
    ConflictError,
    ForbiddenError,
    GapError,
    GoneError,
    InvalidRequestError,
    NoAnswerError,
    NotFoundError,
    ProblemError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnauthorizedError,
    UnexpectedAnswerError,
    VersionChangedError,
    WaitTimeoutError,
)
from orderengine_client.generated.models import DryRunOrder, Event, Order, Quote
from orderengine_client.retries import Retries
from orderengine_client.terms import Fee, Guards, OrderRequest, Twap, Venues
from orderengine_client.values import new_client_order_id

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "ConflictError",
    "DryRunOrder",
    "Event",
    "Fee",
    "ForbiddenError",
    "GapError",
    "GoneError",
    "Guards",
    "InvalidRequestError",
    "NoAnswerError",
    "NotFoundError",
    "Order",
    "OrderRequest",
    "ProblemError",
    "Quote",
    "RefusedError",
    "Retries",
    "ServiceError",
    "ThrottledError",
    "Twap",
    "UnauthorizedError",
    "UnexpectedAnswerError",
    "Venues",
    "VersionChangedError",
    "WaitTimeoutError",
    "__version__",
    "new_client_order_id",
]
