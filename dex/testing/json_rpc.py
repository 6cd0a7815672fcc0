"""A proxy before a JSON-RPC node that acts faults out: it holds replies back, delays, refuses, or alters them."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TIMEOUT_S = 20

RawCall = dict[str, Any]
RawReply = dict[str, Any]


class HttpReply(NamedTuple):
    """What the proxy answers over HTTP."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {"Content-Type": "application/json"}


def error_reply(message: str, code: int = -32600, status: int = 200) -> HttpReply:
    """One error for everything that was asked."""
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return HttpReply(json.dumps(error).encode(), status)


class RpcProxy:
    """Passes requests on to a node. `requests` keeps the methods of each; the hooks may be set at any time.

    `holds` says of which methods the node is asked but its reply never given; `answers` replaces single results.
    `refuses` answers instead of the node where it gives a reply; `alters` gets the calls and the node's replies, and
    may give another answer to all of them. Each reply is given after `delay_s`. Without `takes_arrays` every array is
    refused.
    """

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.requests: list[list[str]] = []
        self.holds: Callable[[str], bool] = lambda method: False
        self.answers: dict[str, Any] = {}
        self.refuses: Callable[[list[RawCall]], HttpReply | None] = lambda calls: None
        self.alters: Callable[[list[RawCall], list[RawReply]], HttpReply | None] = lambda calls, replies: None
        self.delay_s = 0.0
        self.takes_arrays = True
        self.url = ""

    def handle(self, body: bytes) -> HttpReply | None:
        """The reply to one request; None: never."""
        asked = json.loads(body)
        calls = asked if isinstance(asked, list) else [asked]
        methods = [call["method"] for call in calls]
        self.requests.append(methods)
        time.sleep(self.delay_s)
        if isinstance(asked, list) and not self.takes_arrays:
            return error_reply("no batches here")
        if (refusal := self.refuses(calls)) is not None:
            return refusal
        replies = self._passed_on(json.dumps(calls).encode())
        if any(self.holds(method) for method in methods):
            return None
        names = {call["id"]: call["method"] for call in calls}
        altered = [self._altered(names[reply["id"]], reply) for reply in replies]
        if (other := self.alters(calls, altered)) is not None:
            return other
        return HttpReply(json.dumps(altered if isinstance(asked, list) else altered[0]).encode())

    def _passed_on(self, body: bytes) -> list[RawReply]:
        connection = http.client.HTTPConnection(self.target.hostname or "", self.target.port, timeout=TIMEOUT_S)
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        replies: list[RawReply] = json.loads(connection.getresponse().read())
        connection.close()
        return replies

    def _altered(self, method: str, reply: RawReply) -> RawReply:
        if method not in self.answers:
            return reply
        return {"jsonrpc": "2.0", "id": reply["id"], "result": self.answers[method]}


@contextmanager
def rpc_proxy(target: str) -> Iterator[RpcProxy]:
    """A proxy on a port of its own while the block lasts."""
    proxy = RpcProxy(target)
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def do_POST(self) -> None:
            reply = proxy.handle(self.rfile.read(int(self.headers["Content-Length"])))
            if reply is None:
                ended.wait(TIMEOUT_S)
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Callers that go away are no news here."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
