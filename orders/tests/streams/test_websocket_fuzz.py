"""Hostile WebSocket clients on a real server: it says no, logs no traceback and goes on serving the others."""

import asyncio
import base64
import json
import os
import random
import resource
import socket
import struct
import time
from contextlib import suppress
from typing import Any

import pytest
from channels.db import database_sync_to_async
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from orders.models import Account
from orders.tests.factories import api_key, place
from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

SEED = 20
HALF_OPEN = 2_000
# Fewer say nothing: more than a web process has threads and database connections for.
LEAST_HALF_OPEN = 500
FILES_OF_A_TEST_RUN = 200
PART, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


@pytest.fixture
def key(account: Account) -> str:
    return api_key(account)


async def assert_others_are_served(web: Web, key: str, account: Account) -> None:
    """A well-behaved client gets its next event, soon."""
    async with connect(f"{web.url}/ws/v1/stream", additional_headers=bearer(key), open_timeout=20) as ws:
        while json.loads(await asyncio.wait_for(ws.recv(), 10))["type"] != "snapshot":
            pass
        [order] = await database_sync_to_async(place)(account)
        event = json.loads(await asyncio.wait_for(ws.recv(), 10))
        assert event["order_id"] == str(order.id)
    assert await asyncio.to_thread(web.is_healthy)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def handshake(path: str = "/ws/v1/stream", **headers: str) -> bytes:
    """A request that opens a WebSocket, with headers added or, where empty, left out."""
    nonce = base64.b64encode(os.urandom(16)).decode()
    lines = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": nonce,
        "Sec-WebSocket-Version": "13",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"GET {path} HTTP/1.1\r\n{text}\r\n".encode("latin-1")


def frame(opcode: int, payload: bytes, *, fin: int = 1, rsv: int = 0, masked: bool = True) -> bytes:
    """One frame, lawful or not."""
    head = bytes([fin << 7 | rsv << 4 | opcode])
    mask_bit = 128 if masked else 0
    size = len(payload)
    if size < 126:
        head += bytes([mask_bit | size])
    elif size < 65536:
        head += bytes([mask_bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class Raw:
    """A client without manners."""

    def __init__(self, web: Web, opening: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", web.port), timeout=15)
        self.socket.sendall(opening)

    def answer(self) -> bytes:
        """The head of the HTTP answer, as far as there is one."""
        head = b""
        with suppress(OSError):
            while b"\r\n\r\n" not in head and (more := self.socket.recv(4096)):
                head += more
        return head

    def status(self) -> int:
        """The HTTP status, 0 when the server just hung up."""
        head = self.answer()
        return int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/") else 0

    def close_code(self) -> int:
        """The code of the close frame that comes at last; 1006 without one."""
        received = b""
        with suppress(OSError):
            while more := self.socket.recv(65536):
                received += more
        self.socket.close()
        return close_code_in(received)


def close_code_in(received: bytes) -> int:
    """Walk over the server's frames to the close frame."""
    at = 0
    while at + 2 <= len(received):
        opcode, size = received[at] & 15, received[at + 1] & 127
        at += 2
        if size == 126:
            size = int.from_bytes(received[at : at + 2], "big")
            at += 2
        elif size == 127:
            size = int.from_bytes(received[at : at + 8], "big")
            at += 8
        if opcode == CLOSE:
            return int.from_bytes(received[at : at + 2], "big")
        at += size
    return 1006


def opened(web: Web, key: str) -> Raw:
    raw = Raw(web, handshake(Authorization=f"Bearer {key}"))
    assert raw.status() == 101
    return raw


BROKEN_FRAMES: dict[str, tuple[bytes, set[int]]] = {
    "not masked": (frame(TEXT, b"{}", masked=False), {1002}),
    "reserved bits": (frame(TEXT, b"{}", rsv=7), {1002}),
    "reserved opcode": (frame(5, b""), {1002}),
    "not UTF-8": (frame(TEXT, b"\xff\xfe"), {1007}),
    "too large": (frame(TEXT, b"x" * 16_385), {1009}),
    "much too large, announced only": (bytes([0x81, 255]) + struct.pack("!Q", 2**40) + b"1234", {1009}),
    "too large in parts": (b"".join(frame(0 if i else TEXT, b"x" * 9_000, fin=0) for i in range(3)), {1009}),
    "a part without a beginning": (frame(0, b"x"), {1002}),
    "a ping too long": (frame(PING, b"x" * 126), {1002}),
    "a ping in parts": (frame(PING, b"x", fin=0), {1002}),
    "a close code that does not exist": (frame(CLOSE, struct.pack("!H", 5)), {1002, 1006}),
    "half a close code": (frame(CLOSE, b"\x03"), {1002, 1006}),
    "binary": (frame(BINARY, b"\x00\xff"), {4400}),
    "empty": (frame(TEXT, b""), {4400}),
    "no JSON": (frame(TEXT, b"nope"), {4400}),
    "deep JSON": (frame(TEXT, b"[" * 16_000), {4400}),
    "NUL": (frame(TEXT, b'{"op":"ack","cursor":"\\u0000"}'), {4400}),
    "a lone surrogate": (frame(TEXT, b'{"op":"ack","cursor":"\\ud800"}'), {4400}),
}


async def test_broken_frames_close_their_socket_alone(web: Web, key: str, account: Account) -> None:
    """All at once, because some are waited for."""

    def end(sent: bytes) -> int:
        raw = opened(web, key)
        raw.socket.sendall(sent)
        return raw.close_code()

    codes = await asyncio.gather(*(asyncio.to_thread(end, sent) for sent, _ in BROKEN_FRAMES.values()))

    wrong = [
        (name, code) for (name, (_, fit)), code in zip(BROKEN_FRAMES.items(), codes, strict=True) if code not in fit
    ]
    assert wrong == []
    await assert_others_are_served(web, key, account)


async def test_random_bytes(web: Web, key: str, account: Account) -> None:
    rng = random.Random(SEED)

    def one() -> int:
        raw = opened(web, key)
        with suppress(OSError):  # it may have closed in the middle
            raw.socket.sendall(rng.randbytes(rng.randint(1, 4_000)))
            raw.socket.shutdown(socket.SHUT_WR)
        return raw.close_code()

    codes = {await asyncio.to_thread(one) for _ in range(40)}

    assert codes <= {1000, 1002, 1006, 1007, 1009, 4400, 4429}
    await assert_others_are_served(web, key, account)


OPENINGS = [
    handshake(Sec_WebSocket_Key=""),
    handshake(Sec_WebSocket_Key="short"),
    handshake(Sec_WebSocket_Version="99"),
    handshake(Sec_WebSocket_Protocol="oe.v1, ticket.\xe9"),
    handshake(Sec_WebSocket_Protocol="oe.v1,,"),
    handshake(path="/ws/v1/stream?after=%00%ff"),
    handshake(path="/ws/v1/nothing"),
    handshake(path="/orders/%2e%2e%2f"),
    handshake(path="/" + "x" * 20_000),
    handshake(Origin="\xff\xfe"),
    handshake(Origin="null"),
    handshake(Origin="https://[::1"),
    handshake(Authorization="Bearer \x00"),
    handshake(Authorization="Bearer " + "x" * 9_000),
    handshake(Authorization="Basic \xe9\xe8"),
    handshake(Cookie="x=" + "\xe9" * 100),
    b"GET /ws/v1/stream HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    b"\r\n" * 1000,
]


async def test_openings_that_mean_nothing_are_no_server_error(web: Web, key: str, account: Account) -> None:
    """All at once, because some are waited for."""

    def ask(opening: bytes) -> int:
        raw = Raw(web, opening)
        with suppress(OSError):
            raw.socket.shutdown(socket.SHUT_WR)
        return raw.status()

    statuses = await asyncio.gather(*(asyncio.to_thread(ask, opening) for opening in OPENINGS))

    assert [pair for pair in zip(OPENINGS, statuses, strict=True) if pair[1] >= 500] == []
    await assert_others_are_served(web, key, account)


@pytest.mark.parametrize(
    "sent",
    [
        frame(TEXT, b'{"op":"ack","cursor":"a.1.1"}'),
        frame(PING, b"x" * 100),
        frame(PONG, b""),
        frame(TEXT, b"", fin=0) + frame(PART, b"", fin=0) * 100,
    ],
)
@pytest.mark.parametrize("path", ["/ws/v1/stream", "/orders/00000000-0000-0000-0000-000000000000"])
async def test_a_flood_is_closed(web: Web, key: str, account: Account, path: str, sent: bytes) -> None:
    def flood() -> tuple[int, float]:
        raw = Raw(web, handshake(path=path))  # not even admitted yet
        assert raw.status() == 101
        started_at = time.monotonic()
        with suppress(OSError):
            for _ in range(20_000):
                raw.socket.sendall(sent)
        return raw.close_code(), time.monotonic() - started_at

    code, took_s = await asyncio.to_thread(flood)

    assert code in {4429, 4401, 4400, 1006}  # cut while it still sends, it may lose the close frame
    assert took_s < 20
    await assert_others_are_served(web, key, account)


FRAMES_THAT_BRING_NOTHING = {
    "pongs": frame(PONG, b"") * 60,
    "pongs with a payload": frame(PONG, b"x" * 125) * 60,
    "empty parts of a message": frame(TEXT, b"", fin=0) + frame(PART, b"", fin=0) * 60,
    "pongs between parts": frame(TEXT, b"{", fin=0) + (frame(PONG, b"") + frame(PART, b"", fin=0)) * 30,
    "small parts of a message": frame(TEXT, b'"', fin=0) + frame(PART, b"x", fin=0) * 60,
}


@pytest.mark.parametrize("name", FRAMES_THAT_BRING_NOTHING)
async def test_frames_that_bring_nothing_count_too(web: Web, key: str, account: Account, name: str) -> None:
    raw = await asyncio.to_thread(opened, web, key)
    raw.socket.settimeout(5)

    raw.socket.sendall(FRAMES_THAT_BRING_NOTHING[name])

    assert await asyncio.to_thread(raw.close_code) == 4429
    await assert_others_are_served(web, key, account)


async def test_a_few_parts_and_pongs_are_a_message(web: Web, key: str) -> None:
    raw = await asyncio.to_thread(opened, web, key)

    raw.socket.sendall(
        frame(PONG, b"") * 5 + frame(TEXT, b"no", fin=0) + frame(PART, b"p", fin=0) * 5 + frame(PART, b"")
    )

    assert await asyncio.to_thread(raw.close_code) == 4400, "it was read as a whole, and is no JSON"


async def test_wrong_subprotocols(web: Web, key: str, account: Account) -> None:
    codes = []
    for offered in (["other.v1"], ["ticket.x"], ["oe.v1", "ticket."], ["oe.v1", "ticket." + "x" * 500]):
        async with connect(f"{web.url}/ws/v1/stream", subprotocols=offered) as ws:  # type: ignore[arg-type]
            with suppress(ConnectionClosed):
                while True:
                    await asyncio.wait_for(ws.recv(), 10)
            codes.append(ws.close_code)

    assert codes == [4400, 4400, 4401, 4401]
    await assert_others_are_served(web, key, account)


def as_many_as_the_system_allows(wanted: int) -> int:
    """How many sockets this process may open, its soft limit raised for them; an ordinary user has 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted + FILES_OF_A_TEST_RUN if hard == resource.RLIM_INFINITY else min(hard, wanted + FILES_OF_A_TEST_RUN)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    count = wanted if soft == resource.RLIM_INFINITY else min(wanted, soft - FILES_OF_A_TEST_RUN)
    assert count >= LEAST_HALF_OPEN, f"ulimit -Hn is {hard}: this test needs {LEAST_HALF_OPEN + FILES_OF_A_TEST_RUN}"
    return count


async def test_thousands_of_half_open_sockets(both_webs: list[Web], key: str, account: Account) -> None:
    openings = [b"", b"GET /ws/v1", handshake()[:-2], handshake(), handshake(path="/orders/x")]
    sockets: list[socket.socket] = []
    count = as_many_as_the_system_allows(HALF_OPEN * len(both_webs)) // len(both_webs)

    def open_all(web: Web) -> None:
        rng = random.Random(SEED)
        for _ in range(count):
            one = socket.socket()
            one.settimeout(5)
            sockets.append(one)
            with suppress(OSError):
                one.connect(("127.0.0.1", web.port))
                one.sendall(rng.choice(openings))

    try:
        await asyncio.gather(*(asyncio.to_thread(open_all, web) for web in both_webs))
        for web in both_webs:
            await assert_others_are_served(web, key, account)
    finally:
        for one in sockets:
            one.close()
    for web in both_webs:
        await assert_others_are_served(web, key, account)


async def test_an_owner_has_twenty_sockets(web: Web, key: str, account: Account) -> None:
    kept: list[Any] = []
    try:
        for _ in range(20):
            kept.append(await connect(f"{web.url}/ws/v1/stream", additional_headers=bearer(key)))
            await asyncio.wait_for(kept[-1].recv(), 10)
        async with connect(f"{web.url}/ws/v1/stream", additional_headers=bearer(key)) as ws:
            with suppress(ConnectionClosed):
                while True:
                    await asyncio.wait_for(ws.recv(), 10)
            assert ws.close_code == 4429
    finally:
        for one in kept:
            await one.close()
    await assert_others_are_served(web, key, account)
