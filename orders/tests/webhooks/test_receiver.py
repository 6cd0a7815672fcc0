"""Receivers that misbehave, each a real server: an attempt ends in time, reads little, and goes where it was judged."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from orders.tests.webhooks.authority import client_context, server_context
from orders.tests.webhooks.receivers import LOOPBACK, Behave, Server, answering, listening, loopback, saying, silent
from orders.webhooks import receiver
from orders.webhooks.receiver import Answer, Receiver
from orders.webhooks.targets import Address, TargetPolicy, read_url

pytestmark = pytest.mark.asyncio

HEADERS = {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no test waits for long."""
    monkeypatch.setattr(receiver, "TOTAL_S", 0.4)
    monkeypatch.setattr(receiver, "BODY_S", 0.1)


@asynccontextmanager
async def receiving(server: Server, policy: TargetPolicy = LOOPBACK, **kwargs: Any) -> AsyncIterator[Receiver]:
    """What sends to the server."""
    one = Receiver(read_url(server.url), policy, **kwargs)
    try:
        yield one
    finally:
        await one.close()


async def sent(behave: Behave) -> tuple[Answer, Server]:
    """One message to a receiver of this behaviour."""
    async with listening(behave) as server, receiving(server) as one:
        return await one.post(HEADERS, '{"a":"é"}'), server


async def test_what_is_sent_arrives_as_it_is() -> None:
    answer, server = await sent(answering(200, body="thank you"))

    assert (answer.status, answer.response, answer.is_delivered) == (200, "thank you", True)
    [request] = server.received
    assert (request.body, request.headers["host"]) == ('{"a":"é"}', f"127.0.0.1:{server.port}")
    assert HEADERS.items() <= request.headers.items()


@pytest.mark.parametrize("status", [199, 300, 301, 302, 307, 308, 400, 401, 404, 410, 429, 500, 503])
async def test_only_2xx_is_taken_and_nothing_is_followed(status: int) -> None:
    location = "location: http://169.254.169.254/latest/meta-data/\r\n"
    answer, server = await sent(answering(200 if status == 199 else status, headers=location))

    assert answer.is_delivered is (status == 199)
    assert (len(server.received), server.connections) == (1, 1)
    if status != 199:
        note = ": redirects are not followed" if status < 400 else ""
        assert answer.failure == f"the receiver answered {status}{note}"


@pytest.mark.parametrize(
    "behave",
    [
        silent,
        saying(b"HTTP/1.1 200", endless=b" ", every_s=0.02),
        saying(OK, endless=b"a: b\r\n", every_s=0.02),
    ],
    ids=["says nothing", "drips its status", "drips its head"],
)
async def test_an_attempt_ends_in_time(behave: Behave) -> None:
    answer, _ = await sent(behave)

    assert answer == Answer(None, "no answer within 0.4 s", took_ms=answer.took_ms)
    assert answer.took_ms >= 400


@pytest.mark.parametrize(
    "behave",
    [
        saying(endless=b"HTTP/1.1 100 Continue\r\n\r\n"),
        saying(OK, endless=b"a: " + b"b" * 1000 + b"\r\n"),
        saying(OK + b"a: ", endless=b"b" * 1000),
    ],
    ids=["interim answers", "many headers", "a long header"],
)
async def test_a_head_without_end_is_read_to_its_bound(behave: Behave) -> None:
    answer, _ = await sent(behave)

    assert answer.status is None
    assert answer.error in {
        "the answer holds more than 32768 bytes before it can be judged",
        "the answer comes in more than 256 pieces before it can be judged",
    }


async def test_single_bytes_are_not_read_for_long() -> None:
    """Each costs a turn of the loop, which the sessions of all others share."""
    async with listening(saying(OK, endless=b"a")) as server, receiving(server) as one:
        answer = await one.post(HEADERS, "{}")
        assert not one._backend.is_connected

    assert answer.error == "the answer comes in more than 256 pieces before it can be judged"


@pytest.mark.parametrize(
    ("behave", "begins"),
    [
        (saying(OK + b"\r\n", endless=b"x" * 4096), "x" * 1024),
        (saying(OK + b"\r\n", endless=b"y", every_s=0.01), "y"),
        (saying(OK + b"transfer-encoding: chunked\r\n\r\n", endless=b"1\r\nz\r\n"), "zz"),
        (saying(OK + b"content-length: 100\r\n\r\nhalf"), "half"),
        (saying(OK + b"transfer-encoding: chunked\r\n\r\nnonsense\r\n"), ""),
        (saying(OK + b"content-length: 3\r\n\r\na\x00b"), "a\ufffdb"),
        (saying(OK + b"content-length: 2\r\n\r\n\xff\xfe"), "\ufffd\ufffd"),
    ],
    ids=["endless", "dripping", "chunks", "cut off", "broken chunks", "NUL", "not UTF-8"],
)
async def test_a_status_counts_without_its_body(behave: Behave, begins: str) -> None:
    answer, _ = await sent(behave)

    assert (answer.status, answer.is_delivered) == (200, True)
    assert answer.response.startswith(begins)
    assert len(answer.response) <= 1024


async def test_a_body_is_not_decoded() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    head = OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)

    answer, _ = await sent(saying(head + bomb))

    assert answer.status == 200
    assert answer.response == bomb[:1024].decode(errors="replace").replace("\x00", "\ufffd")


@pytest.mark.parametrize(
    "behave",
    [
        saying(),
        saying(b"HTTP/1.1 2"),
        saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
    ],
    ids=["closes", "closes in its status", "no HTTP", "two lengths"],
)
async def test_what_is_no_answer_is_said(behave: Behave) -> None:
    answer, server = await sent(behave)

    assert answer.status is None
    assert answer.error is not None
    assert answer.error.startswith(("no valid HTTP answer", "the connection broke off"))
    assert len(server.received) == 1


async def test_a_switch_of_protocols_is_no_success() -> None:
    answer, _ = await sent(saying(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"))

    assert not answer.is_delivered


async def test_nothing_listens_there() -> None:
    async with listening(answering(200)) as server:
        pass
    async with receiving(server) as one:
        answer = await one.post(HEADERS, "{}")

    assert (answer.status, answer.error) == (None, "the connection is refused")


@pytest.mark.parametrize(
    ("stated", "read"),
    [("120", 120), ("0", 0), ("-5", None), ("1e3", None), ("soon", None), ("9" * 40, 999_999_999), ("DATE", 90)],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_retry_after_is_read(status: int, stated: str, read: int | None) -> None:
    text = format_datetime(datetime.now(UTC) + timedelta(seconds=91), usegmt=True) if stated == "DATE" else stated
    answer, _ = await sent(answering(status, headers=f"Retry-After: {text}\r\n"))

    assert answer.retry_after_s == read or (stated == "DATE" and answer.retry_after_s in {89, 90})


async def test_elsewhere_it_means_nothing() -> None:
    answer, _ = await sent(answering(500, headers="Retry-After: 120\r\n"))

    assert answer.retry_after_s is None


# --- Connections ----------------------------------------------------------------------------------------------


async def test_a_connection_is_kept_and_a_lost_one_is_opened_again() -> None:
    async with listening(answering(200)) as server, receiving(server) as one:
        for _ in range(3):
            assert (await one.post(HEADERS, "{}")).is_delivered
        assert server.connections == 1
        server.behave = saying()  # reads the next message, and closes
        assert not (await one.post(HEADERS, "{}")).is_delivered
        server.behave = answering(200)
        assert (await one.post(HEADERS, "{}")).is_delivered

    # The fourth was sent once more, on a connection of its own.
    assert (len(server.received), server.connections) == (6, 3)


async def test_a_receiver_that_hangs_on_a_kept_connection_is_not_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "AGAIN_WITHIN_S", 0.1)
    async with listening(answering(200)) as server, receiving(server) as one:
        assert (await one.post(HEADERS, "{}")).is_delivered
        server.behave = silent
        answer = await one.post(HEADERS, "{}")

    assert (answer.error, len(server.received)) == ("no answer within 0.4 s", 2)


async def test_one_that_answers_half_on_a_kept_connection_is_not_asked_twice() -> None:
    async with listening(answering(200)) as server, receiving(server) as one:
        assert (await one.post(HEADERS, "{}")).is_delivered
        server.behave = saying(b"HTTP/1.1 2")
        answer = await one.post(HEADERS, "{}")

    assert (answer.status, len(server.received)) == (None, 2)


async def test_a_body_that_was_not_read_ends_the_connection() -> None:
    async with listening(answering(200, body="x" * 5000)) as server, receiving(server) as one:
        for _ in range(2):
            answer = await one.post(HEADERS, "{}")
            assert (answer.status, answer.response) == (200, "x" * 1024)

    assert server.connections == 2


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    answer, _ = await sent(answering(200))

    assert answer.is_delivered


# --- Names and addresses --------------------------------------------------------------------------------------


class Names:
    """A resolver whose answers change."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.left, self.asked = list(answers), 0

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked += 1
        answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return [ip_address(text) for text in answer]


def named(server: Server, name: str = "desk.example.com") -> Server:
    """The same server, addressed by a name."""
    return Server(server.behave, port=server.port, scheme=server.scheme, host=name)


@pytest.mark.parametrize("forbidden", ["169.254.169.254", "10.0.0.1", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"])
async def test_one_forbidden_address_among_others_is_enough(forbidden: str) -> None:
    async with listening(answering(200)) as server:
        names = Names(["127.0.0.1", forbidden])
        async with receiving(named(server), resolve=names) as one:
            answer = await one.post(HEADERS, "{}")

    assert answer.error == "the host leads to an address that is not public"
    assert (server.connections, names.asked) == (0, 1)
    assert forbidden not in str(answer)


async def test_a_name_that_changes_after_it_was_judged_changes_nothing() -> None:
    """Rebinding: the second look at the name would find the metadata of the cloud; there is none."""
    async with listening(answering(200)) as server:
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        async with receiving(named(server), resolve=names) as one:
            for _ in range(3):
                assert (await one.post(HEADERS, "{}")).is_delivered
        async with receiving(named(server), resolve=names) as one:
            assert (await one.post(HEADERS, "{}")).error == "the host leads to an address that is not public"

    assert names.asked == 2
    assert {request.headers["host"] for request in server.received} == {f"desk.example.com:{server.port}"}


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    policy = TargetPolicy([ip_network("127.0.0.1/32"), ip_network("::1/128")])
    names = Names(["::1", "127.0.0.1"])  # the receiver listens at the second alone
    async with listening(answering(200)) as server, receiving(named(server), policy, resolve=names) as one:
        assert (await one.post(HEADERS, "{}")).is_delivered


async def test_a_name_that_nobody_knows_and_one_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(host: str, port: int) -> list[Address]:
        await asyncio.sleep(3600)
        return []

    async with receiving(named(Server(silent, port=443), "no-such.invalid")) as one:
        assert (await one.post(HEADERS, "{}")).error == "the host's name cannot be resolved"
    async with receiving(named(Server(silent, port=443)), resolve=slow) as one:
        assert (await one.post(HEADERS, "{}")).error == "no answer within 0.4 s"
    async with receiving(named(Server(silent, port=443)), resolve=Names([])) as one:
        assert (await one.post(HEADERS, "{}")).error == "the host has no address"


# --- TLS --------------------------------------------------------------------------------------------------------


async def secure(server: Server, name: str, context: ssl.SSLContext | None = None) -> Answer:
    async with receiving(named(server, name), resolve=loopback, context=context or client_context()) as one:
        return await one.post(HEADERS, "{}")


async def test_tls_is_spoken_with_the_name_of_the_host(tmp_path: Path) -> None:
    asked: list[str | None] = []
    context = server_context("desk.example.com", tmp_path)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with listening(answering(200), context) as server:
        answer = await secure(server, "desk.example.com")

    assert answer.is_delivered
    assert asked == ["desk.example.com"]
    assert server.received[0].headers["host"] == f"desk.example.com:{server.port}"


async def test_a_certificate_of_another_name_or_authority_is_refused(tmp_path: Path) -> None:
    async with listening(answering(200), server_context("other.example.com", tmp_path)) as server:
        wrong_name = await secure(server, "desk.example.com")
        strange = await secure(server, "other.example.com", ssl.create_default_context())

    assert (wrong_name.status, strange.status, server.received) == (None, None, [])
    assert str(wrong_name.error).startswith("TLS: CERTIFICATE_VERIFY_FAILED: Hostname mismatch")
    assert str(strange.error).startswith("TLS: CERTIFICATE_VERIFY_FAILED")


async def test_a_receiver_without_tls_is_sent_nothing() -> None:
    async with listening(answering(200)) as server:
        server.scheme = "https"
        answer = await secure(server, "desk.example.com")

    assert (answer.status, server.received) == (None, [])
