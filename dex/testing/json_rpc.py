"""A proxy before a JSON-RPC node that acts faults out: it holds replies back, refuses, or answers for others."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 20


class RpcProxy:
    """Passes batches on to a node. `requests` keeps the methods of each; the hooks may be set at any time.

    `holds` says of which methods the node is asked but its reply never given; `answers` replaces single results.
    """

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.requests: list[list[str]] = []
        self.holds: Callable[[str], bool] = lambda method: False
        self.answers: dict[str, Any] = {}
        self.url = ""

    def handle(self, body: bytes) -> bytes | None:
        """The reply to one request; None: never."""
        calls = json.loads(body)
        methods = [call["method"] for call in calls]
        self.requests.append(methods)
        connection = http.client.HTTPConnection(self.target.hostname or "", self.target.port, timeout=TIMEOUT_S)
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        replies = json.loads(connection.getresponse().read())
        connection.close()
        if any(self.holds(method) for method in methods):
            return None
        names = {call["id"]: call["method"] for call in calls}
        return json.dumps([self._altered(names[reply["id"]], reply) for reply in replies]).encode()

    def _altered(self, method: str, reply: dict[str, Any]) -> dict[str, Any]:
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

        def do_POST(self) -> None:
            reply = proxy.handle(self.rfile.read(int(self.headers["Content-Length"])))
            if reply is None:
                ended.wait(TIMEOUT_S)
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
