"""What requests without a key may cost: a share of the time, one report a second, a place among few."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orderengine.web import bounds as limits
from orderengine.web.bounds import Connections
from orderengine.web.connections import BoundedChannel
from orderengine.web.lanes import Desks
from orderengine.web.pace import Busy, Lane
from orderengine.web.recent import Recent

COST_S = 0.004


async def spend(lane: Lane, until: float) -> int:
    """One client that asks as fast as it is answered; how often it was."""
    count = 0
    while time.monotonic() < until:
        async with lane.turn() as turn:
            turn.spent_s = COST_S
        count += 1
    return count


@pytest.mark.slow
async def test_a_lane_uses_its_share_however_many_are_in_it() -> None:
    lane, seconds = Lane(share=0.2, burst_s=0.1, wait_s=10), 2.0
    until = time.monotonic() + seconds

    counts = await asyncio.gather(*(spend(lane, until) for _ in range(32)))

    expected = (0.1 + 0.2 * seconds) / COST_S
    assert 0.5 * expected < sum(counts) < 1.2 * expected + 32
    assert max(counts[1:]) - min(counts[1:]) <= 3, "first come, first served; the burst went to the first"


async def test_after_a_quiet_while_a_burst_goes_at_once() -> None:
    lane = Lane(share=0.1, burst_s=1.0, wait_s=10)
    started_at = time.monotonic()

    for _ in range(100):
        async with lane.turn() as turn:
            turn.spent_s = COST_S

    assert time.monotonic() - started_at < 0.5


@pytest.mark.slow
async def test_who_waits_too_long_is_told_to_come_again_and_takes_nothing() -> None:
    lane = Lane(share=0.1, burst_s=0.01, wait_s=0.05)
    async with lane.turn() as turn:
        turn.spent_s = 0.1

    with pytest.raises(Busy):
        async with lane.turn():
            pytest.fail("it had no turn")

    await asyncio.sleep(1.2)
    async with lane.turn():
        pass


def scope(path: str, **headers: str) -> dict[str, Any]:
    return {"path": path, "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}


@pytest.mark.parametrize(
    ("path", "headers", "lane"),
    [
        ("/api/v1/orders", {"authorization": "Bearer oe_test_abc_def"}, "_newcomers"),
        ("/api/v1/orders/", {"authorization": "bearer oe_test_abc_def"}, "_newcomers"),
        ("/api/v1/orders", {}, "_strangers"),
        ("/api/v1/orders", {"authorization": "Basic abc"}, "_strangers"),
        ("/api/v1/orders", {"authorization": "Bearer "}, "_strangers"),
        ("/api/v1/orders", {"cookie": "csrftoken=x"}, "_strangers"),
        ("/api/v1/orders", {"cookie": "a=b; sessionid=c"}, "_newcomers"),
        ("/api/v1/orders", {"cookie": "sessionid=c", "authorization": "Basic abc"}, "_strangers"),
        ("/api/v1/schema", {"authorization": "Bearer oe_test_abc_def"}, "_strangers"),
        ("/api/v1/schema/", {}, "_strangers"),
        ("/api/v1/docs", {}, "_strangers"),
        ("/", {}, "_strangers"),
        ("/admin/login/", {}, "_strangers"),
        ("/admin/", {"cookie": "a=b; sessionid=c"}, "_people"),
        ("/static/x.js", {}, "_files"),
        ("/static/x.js", {"cookie": "sessionid=c"}, "_files"),
        ("/nothing", {}, "_strangers"),
        ("/health", {}, "_health"),
        ("/health/", {}, "_health"),
        ("/ready", {}, "_ready"),
    ],
)
def test_who_waits_where(settings: Any, path: str, headers: dict[str, str], lane: str) -> None:
    settings.API_IS_OPEN = False
    desks = Desks(1)

    assert desks.of(scope(path, **headers)) is getattr(desks, lane)


def test_a_key_that_was_good_does_not_wait_for_made_up_ones(settings: Any) -> None:
    settings.API_IS_OPEN = False
    desks = Desks(1)
    good = scope("/api/v1/orders", authorization="Bearer oe_test_abc_def")
    wrong = scope("/api/v1/orders", authorization="Bearer oe_test_abc_xyz")
    key = "Bearer oe_test_abc_def"
    for path, status in (
        ("/api/v1/orders", 503), ("/api/v1/nothing", 404), ("/api/v1/orders", 400), ("/api/v1/schema/", 200), ("/", 200)
    ):  # fmt: skip
        desks.learn(scope(path, authorization=key), status)
    assert desks.of(good) is desks._newcomers, "nobody has looked at it"

    desks.learn(good, 201)
    desks.learn(wrong, 401)

    assert desks.of(good) is desks._callers
    assert desks.of(wrong) is desks._newcomers
    desks.learn(good, 401)
    assert desks.of(good) is desks._newcomers, "it was revoked"


def test_a_session_that_was_good_does_not_wait_for_made_up_ones(settings: Any) -> None:
    settings.API_IS_OPEN = False
    desks = Desks(1)
    desks.learn(scope("/api/v1/me", cookie="csrftoken=a; sessionid=good"), 200)
    desks.learn(scope("/", cookie="sessionid=page"), 200)
    desks.learn(scope("/api/v1/me", cookie="sessionid=under-a-key", authorization="Bearer oe_test_abc_def"), 200)

    assert desks.of(scope("/api/v1/orders", cookie="sessionid=good; csrftoken=b")) is desks._callers
    for made_up in ("goo", "page", "under-a-key", ""):
        assert desks.of(scope("/api/v1/orders", cookie=f"sessionid={made_up}")) is desks._newcomers
    desks.learn(scope("/api/v1/me", cookie="sessionid=good"), 401)
    assert desks.of(scope("/api/v1/orders", cookie="sessionid=good")) is desks._newcomers, "it has ended"


def test_where_no_key_is_needed_callers_without_one_never_wait(settings: Any) -> None:
    settings.API_IS_OPEN = True
    desks = Desks(1)

    assert desks.of(scope("/api/v1/orders")).lane is None
    assert desks.of(scope("/api/v1/schema")).lane is not None
    assert desks.of(scope("/api/v1/orders", authorization="Bearer oe_test_abc_def")).lane is not None


def test_a_report_is_made_once_for_all_who_ask() -> None:
    made: list[int] = []
    recent: Recent[int] = Recent(age_s=60)

    def make() -> int:
        time.sleep(0.05)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: recent.get(make), range(64))) == {1}
    recent.age_s = 0
    assert [recent.get(make), recent.get(make)] == [2, 3]


def test_a_report_that_fails_is_not_kept() -> None:
    recent: Recent[int] = Recent(age_s=60)

    with pytest.raises(ZeroDivisionError):
        recent.get(lambda: 1 // 0)

    assert recent.get(lambda: 7) == 7


class Transport:
    """Twisted's transport as far as a channel needs it."""

    def __init__(self) -> None:
        self.written, self.is_aborted, self.is_closed, self.bufferSize = b"", False, False, 0
        self.protocol: Any = None
        self.disconnecting = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abortConnection(self) -> None:
        self.is_aborted = True

    def loseConnection(self) -> None:
        self.is_closed = self.disconnecting = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """As a consumer does."""

    def unregisterProducer(self) -> None:
        """As a consumer does."""

    def pauseProducing(self) -> None:
        """As a producer does."""

    def resumeProducing(self) -> None:
        """As a producer does."""

    def getPeer(self) -> str:
        return "peer"

    def getHost(self) -> str:
        return "host"


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Connections:
    """Room for three."""
    made = Connections()
    made.most = 3
    monkeypatch.setattr(limits, "connections", made)
    return made


def opened() -> BoundedChannel:
    channel = BoundedChannel()  # type: ignore[no-untyped-call]
    transport = Transport()
    transport.protocol = channel
    channel.makeConnection(transport)  # type: ignore[no-untyped-call]
    return channel


def test_who_has_owed_a_request_for_longest_makes_room(places: Connections) -> None:
    first, second, third = opened(), opened(), opened()
    first.dataReceived(b"GET / HT")

    fourth = opened()

    assert [one.transport.is_aborted for one in (first, second, third, fourth)] == [True, False, False, False]


def test_who_is_being_answered_keeps_its_place(places: Connections) -> None:
    busy = [opened() for _ in range(3)]
    for one in busy:
        places.answer(one)

    late = opened()

    assert [one.transport.is_aborted for one in (*busy, late)] == [False, False, False, True]


def test_one_clock_runs_from_the_first_byte_of_a_request(places: Connections) -> None:
    channel = opened()
    started_at = time.monotonic()
    for byte in b"GET / HTTP/1.1":
        channel.dataReceived(bytes([byte]))
        channel.check(started_at + limits.SEND_S - 1)
    assert channel.transport.written == b""

    channel.check(started_at + limits.SEND_S + 1)

    assert channel.transport.written.startswith(b"HTTP/1.1 408 ")
    assert channel.transport.is_closed
    channel.check(started_at + limits.SEND_S + limits.CLOSE_S + 2)
    assert channel.transport.is_aborted, "it does not read that either"


def test_the_slowest_reader_makes_room_for_another(places: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNREAD_BYTES", 100)
    slow, quick = opened(), opened()
    slow.read_at = quick.read_at - 5

    with places.unread(slow, 60), places.unread(quick, 60):
        assert (slow.transport.is_aborted, quick.transport.is_aborted) == (True, False)


def test_the_longest_upload_makes_room_for_another(places: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BODIES_BYTES", 100)
    complete, slow, late = opened(), opened(), opened()
    assert places.take_body(complete, 50)
    places.answer(complete)
    assert places.take_body(slow, 40)

    assert places.take_body(late, 30)

    assert slow.transport.written.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 2\r\n" in slow.transport.written
    assert (complete.transport.written, late.transport.written) == (b"", b"")
    assert not places.take_body(late, 100), "nobody else can make room"


async def test_an_answer_that_is_not_read_is_cut_after_its_time(places: Connections) -> None:
    channel = opened()
    channel.pauseProducing()
    waits = asyncio.create_task(channel.until_taken())
    await asyncio.sleep(0)
    assert not waits.done()

    channel.check(time.monotonic() + limits.READ_S + 1)
    assert channel.transport.is_aborted
    channel.connectionLost(None)

    with pytest.raises(ConnectionResetError):
        await waits
