"""HTTP and WebSocket entry, served by daphne or uvicorn."""

import gc
import os

from orderengine.environment.reading import DEFAULTS

# Nothing that is loaded here becomes garbage; to look for it costs a tenth of the start, and pauses later on.
gc.disable()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orderengine.settings")
# Each request runs in a thread of its own; without a pool each would open a connection of its own.
DEFAULTS["DB_POOL_MAX"] = "10"
# A request must not wait for a frozen Redis; a worker may.
DEFAULTS["REDIS_SOCKET_TIMEOUT_S"] = "0.2"

import django  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

django.setup(set_prefix=False)

from orderengine.postgres.pool import reconnect_soon  # noqa: E402
from orderengine.startup import refuse_unsafe  # noqa: E402
from orderengine.web.handler import ThreadedHandler  # noqa: E402
from orderengine.web.health import share_reports  # noqa: E402
from orderengine.web.order_route import OrderRoute  # noqa: E402
from orderengine.web.proxies import Forwarded  # noqa: E402
from orders.engine import GC_YOUNG  # noqa: E402
from orders.quote_stream.routing import websocket_urlpatterns  # noqa: E402
from orders.streams.routing import listening  # noqa: E402

refuse_unsafe()
reconnect_soon()
if settings.WEB_SERVER == "daphne":
    from orderengine.web.backpressure import limit_websockets
    from orderengine.web.request_limits import limit_requests

    limit_websockets()
    limit_requests()
share_reports()
served = ProtocolTypeRouter({"http": OrderRoute(ThreadedHandler()), "websocket": URLRouter(websocket_urlpatterns)})
application = Forwarded(listening(served), settings.TRUSTED_PROXIES)
gc.freeze()
# As the workers look: an answer with a hundred orders is some 30,000 objects, of which a look frees none.
gc.set_threshold(GC_YOUNG)
gc.enable()
