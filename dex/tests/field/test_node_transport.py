"""One request to a node: what is known of it when it fails, how its body is unpacked, and what no log shows."""

import gzip
import logging
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from dex.chains.evm.nodes.address import read_node_address
from dex.chains.evm.nodes.transport import MAX_ANSWER_BYTES, BadProxy, Reply, Transport, Unreachable
from dex.testing.json_rpc import HttpReply, RpcProxy, rpc_proxy

BODY = b'{"jsonrpc":"2.0","id":0,"method":"eth_chainId","params":[]}'


@pytest.fixture
def node() -> Iterator[RpcProxy]:
    """A node of which every reply is made up."""
    with rpc_proxy("http://127.0.0.1:9") as proxy:
        yield proxy


def post(url: str, timeout_s: float = 5.0) -> Reply:
    return Transport(read_node_address(url), timeout_s).post(BODY)


def failure(url: str, timeout_s: float = 5.0) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        post(url, timeout_s)
    return caught.value


@contextmanager
def server(answer: bytes | None) -> Iterator[str]:
    """Reads one request, sends these bytes and closes; None: accepts nothing.

    The request is read to its end, which may come in a second packet: the kernel resets a connection that is closed
    with bytes unread, and the client may then meet the reset before the answer.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def serve(answer: bytes) -> None:
        connection, _ = listener.accept()
        with suppress(OSError):
            request = b""
            while not request.endswith(BODY) and (part := connection.recv(65_536)):
                request += part
            connection.sendall(answer)
        connection.close()

    if answer is None:
        listener.close()
        yield url
        return
    thread = threading.Thread(target=serve, args=(answer,), daemon=True)
    thread.start()
    yield url
    thread.join(2)
    listener.close()


def test_a_request_that_met_no_server_is_unsent() -> None:
    with server(None) as url:
        refused = failure(url)

    assert (refused.is_unsent, refused.status) == (True, 0)
    assert refused.detail == f"{url.removeprefix('http://')} does not answer: ConnectError"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "RemoteProtocolError"),
        (b"no HTTP at all\r\n\r\n", "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]", "DecodingError"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n[]", "DecodingError"),
    ],
)
def test_a_request_that_may_have_arrived_is_never_called_unsent(answer: bytes, reason: str) -> None:
    with server(answer) as url:
        broken = failure(url)

    assert not broken.is_unsent
    assert broken.detail.endswith(f"does not answer: {reason}")


def test_a_server_that_says_nothing_takes_too_long(node: RpcProxy) -> None:
    node.delay_s = 5.0

    late = failure(node.url, timeout_s=0.3)

    assert (late.is_unsent, late.detail.endswith("does not answer: it took too long")) == (False, True)


def test_a_packed_body_is_unpacked(node: RpcProxy) -> None:
    plain = b'{"result":"' + b"0x" + b"5a" * 400_000 + b'"}'
    node.refuses = lambda calls: HttpReply(gzip.compress(plain), headers={"Content-Encoding": "gzip"})
    whole = post(node.url)
    node.refuses = lambda calls: HttpReply(plain)

    assert whole == post(node.url) == Reply(200, plain, None)


def test_a_body_that_is_packed_twice_is_not_unpacked_at_all(node: RpcProxy) -> None:
    bomb = gzip.compress(gzip.compress(bytes(10**8)))
    node.refuses = lambda calls: HttpReply(bomb, headers={"Content-Encoding": "gzip, gzip"})

    assert "DecodingError" in failure(node.url).detail


def test_no_more_of_a_body_is_unpacked_than_an_answer_may_have(node: RpcProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[int] = []

    class Counted:
        def __init__(self, wbits: int) -> None:
            self.inner = _DECOMPRESS(wbits)

        def decompress(self, packed: bytes, most: int) -> bytes:
            unpacked.append(len(found := self.inner.decompress(packed, most)))
            return found

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

    monkeypatch.setattr(zlib, "decompressobj", Counted)
    node.refuses = lambda calls: HttpReply(_BOMB, headers={"Content-Encoding": "gzip"})

    assert f"answers with more than {MAX_ANSWER_BYTES} bytes" in failure(node.url).detail
    assert MAX_ANSWER_BYTES < sum(unpacked) <= MAX_ANSWER_BYTES + 65_536


_DECOMPRESS = zlib.decompressobj
_BOMB = gzip.compress(bytes(5 * MAX_ANSWER_BYTES), compresslevel=1)


def test_no_log_shows_the_key_in_an_address(node: RpcProxy, caplog: pytest.LogCaptureFixture) -> None:
    node.refuses = lambda calls: HttpReply(b"{}")
    caplog.set_level(logging.DEBUG)

    post(f"{node.url.replace('http://', 'http://planted-user:planted-word@')}/v3/planted-key?k=planted-too")

    assert "planted" not in caplog.text


def test_a_redirect_is_not_followed(node: RpcProxy) -> None:
    node.refuses = lambda calls: HttpReply(b"", 307, {"Location": node.url + "/elsewhere"})

    assert post(node.url).status == 307
    assert len(node.requests) == 1


def test_packed_answers_leave_the_connection_open() -> None:
    packed = gzip.compress(b"{}")
    accepted: list[socket.socket] = []
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve() -> None:
        while len(accepted) < 3:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            accepted.append(connection)
            asked = b""
            with suppress(OSError):
                while part := connection.recv(65_536):
                    asked += part
                    if asked.endswith(BODY):  # a request may arrive in parts, and gets one answer
                        asked = b""
                        connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    transport = Transport(read_node_address(f"http://127.0.0.1:{listener.getsockname()[1]}"), 5.0)

    bodies = [transport.post(BODY).body for _ in range(3)]

    assert (bodies, len(accepted)) == ([b"{}"] * 3, 1)
    listener.close()


@pytest.mark.parametrize("missing", [1, 6, 8])
def test_a_packed_body_without_its_end_is_no_answer(node: RpcProxy, missing: int) -> None:
    node.refuses = lambda calls: HttpReply(gzip.compress(b"{}")[:-missing], headers={"Content-Encoding": "gzip"})

    assert failure(node.url).detail.endswith("does not answer: DecodingError")


@pytest.mark.parametrize(
    ("name", "value"),
    [("NO_PROXY", "localhost,[::1]"), ("ALL_PROXY", "socks5://planted:word@h"), ("ALL_PROXY", "ftp://planted:word@h")],
)
def test_a_proxy_variable_that_no_client_takes_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)

    with pytest.raises(BadProxy) as caught:
        Transport(read_node_address("http://127.0.0.1:9"), 5.0)

    assert name in str(caught.value)
    assert "planted" not in str(caught.value)
