"""The connections to a node: few, and kept."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dex.chains.evm.nodes.address import read_node_address
from dex.chains.evm.nodes.transport import Transport


class CountingServer(ThreadingHTTPServer):
    """Answers everything with `{}`, and counts the connections that it was asked over."""

    daemon_threads = True
    connections = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            assert isinstance(self.server, CountingServer)
            self.server.connections += 1

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""


@pytest.fixture
def server() -> Iterator[CountingServer]:
    made = CountingServer(("127.0.0.1", 0), CountingServer.Handler)
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def test_questions_of_short_lived_threads_use_connections_again(server: CountingServer) -> None:
    transport = Transport(read_node_address(f"http://127.0.0.1:{server.server_address[1]}"), timeout_s=5)

    for _ in range(5):
        with ThreadPoolExecutor(2) as threads:
            replies = list(threads.map(transport.post, [b"{}"] * 2))
        assert [(reply.status, reply.body) for reply in replies] == [(200, b"{}")] * 2

    assert 1 <= server.connections <= 2
