"""Orders that wait to be stored: together where one waits anyway, each by itself where nobody does."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from orderengine.web import order_queue
from orderengine.web.order_queue import MAX_EACH, MAX_QUEUED, MAX_THREADS, OrderQueue
from orders.api.raw_orders import Alike, Reply

ONE, OTHER = Alike("one", ""), Alike("other", "")


class Store:
    """Notes which bodies are stored together; held, it stores nothing until it is let go."""

    def __init__(self) -> None:
        self.let_go, self.lock = threading.Event(), threading.Lock()
        self.stored: list[tuple[str, list[bytes]]] = []
        self.held: set[Alike] = set()

    def __call__(self, alike: Alike, bodies: Sequence[bytes]) -> list[Reply | None]:
        with self.lock:
            self.stored.append((alike.authorization, list(bodies)))
        if alike in self.held:
            assert self.let_go.wait(10)
        return [Reply(201, {}, body) for body in bodies]


@pytest.fixture
def store() -> Store:
    return Store()


def run(story: Callable[[OrderQueue], Awaitable[Any]], store: Store) -> Any:
    async def tell() -> Any:
        return await asyncio.wait_for(story(OrderQueue(store)), 20)

    try:
        return asyncio.run(tell())
    finally:
        store.let_go.set()


async def send(queue: OrderQueue, alike: Alike, *bodies: bytes) -> list["asyncio.Task[Reply | None]"]:
    """Requests that are in the queue, or on their way to a thread."""
    tasks = [asyncio.create_task(queue.reply(alike, body)) for body in bodies]
    await asyncio.sleep(0)
    return tasks


def told(replies: Sequence[Reply | None]) -> list[Any]:
    return [reply and (reply.status, reply.body) for reply in replies]


def test_a_lone_order_waits_for_nobody(store: Store) -> None:
    async def story(queue: OrderQueue) -> None:
        for body in (b"1", b"2"):
            assert told([await queue.reply(ONE, body)]) == [(201, body)]

    run(story, store)
    assert store.stored == [("one", [b"1"]), ("one", [b"2"])]


def test_what_queues_while_a_callers_threads_are_busy_is_stored_together(store: Store) -> None:
    store.held = {ONE}

    async def story(queue: OrderQueue) -> list[Any]:
        tasks = await send(queue, ONE, *(b"%d" % i for i in range(MAX_EACH + 5)))
        await until(lambda: len(store.stored) == MAX_EACH)
        store.let_go.set()
        return told(await asyncio.gather(*tasks))

    assert run(story, store) == [(201, b"%d" % i) for i in range(MAX_EACH + 5)]
    assert sorted(map(len, (bodies for _, bodies in store.stored))) == [1] * MAX_EACH + [5]
    assert store.stored[-1][1] == [b"%d" % i for i in range(MAX_EACH, MAX_EACH + 5)]


def test_no_statement_stores_more_than_its_share(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_queue, "MAX_JOINED", 3)
    store.held = {ONE}

    async def story(queue: OrderQueue) -> None:
        tasks = await send(queue, ONE, *(b"x" for _ in range(MAX_EACH + 7)))
        store.let_go.set()
        await asyncio.gather(*tasks)

    run(story, store)
    assert sorted(len(bodies) for _, bodies in store.stored)[-3:] == [1, 3, 3]


def test_a_caller_who_is_held_up_holds_up_nobody_else(store: Store) -> None:
    store.held = {ONE}

    async def story(queue: OrderQueue) -> None:
        waiting = await send(queue, ONE, *(b"x" for _ in range(50)))
        assert told([await queue.reply(OTHER, b"y")]) == [(201, b"y")]
        assert not any(task.done() for task in waiting)
        store.let_go.set()
        await asyncio.gather(*waiting)

    run(story, store)


def test_callers_share_the_threads(store: Store) -> None:
    callers = [Alike(str(i), "") for i in range(MAX_THREADS + 3)]
    store.held = set(callers)

    async def story(queue: OrderQueue) -> None:
        tasks = [task for caller in callers for task in await send(queue, caller, b"x")]
        await until(lambda: len(store.stored) == MAX_THREADS)
        await asyncio.sleep(0.05)
        assert len(store.stored) == MAX_THREADS
        store.let_go.set()
        await asyncio.gather(*tasks)

    run(story, store)
    assert [name for name, _ in store.stored[MAX_THREADS:]] == [one.authorization for one in callers[MAX_THREADS:]]


def test_more_than_there_is_room_for_are_asked_to_come_again(store: Store) -> None:
    store.held = {ONE}

    async def story(queue: OrderQueue) -> Reply | None:
        tasks = await send(queue, ONE, *(b"x" for _ in range(MAX_QUEUED + MAX_EACH)))
        refused = await queue.reply(OTHER, b"y")
        store.let_go.set()
        assert {reply.status for reply in await asyncio.gather(*tasks) if reply} == {201}
        return refused

    refused = run(story, store)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    assert b'"code":"not_ready"' in refused.body
    assert b"nothing was stored" in refused.body
    assert OTHER.authorization not in {name for name, _ in store.stored}


def test_who_has_waited_for_too_long_is_told_and_not_stored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_queue, "WAIT_S", -1.0)

    [reply] = run(lambda queue: asyncio.gather(queue.reply(ONE, b"x")), store)

    assert (reply.status, store.stored) == (503, [])


def test_whose_client_is_gone_before_its_turn_is_not_stored(store: Store) -> None:
    store.held = {ONE}

    async def story(queue: OrderQueue) -> None:
        first = await send(queue, ONE, *(b"x" for _ in range(MAX_EACH)))
        [gone, other] = await send(queue, ONE, b"gone", b"other")
        gone.cancel()
        await asyncio.sleep(0)
        store.let_go.set()
        await asyncio.gather(*first, other)

    run(story, store)
    assert [b"gone" in bodies for _, bodies in store.stored] == [False] * (MAX_EACH + 1)


def test_an_error_that_nobody_foresaw_ends_the_requests_it_met_alone() -> None:
    def fail(alike: Alike, bodies: Sequence[bytes]) -> list[Reply | None]:
        if alike == ONE:
            raise RuntimeError("broken")
        return [None for _ in bodies]

    async def story() -> list[Any]:
        queue = OrderQueue(fail)
        return list(await asyncio.gather(queue.reply(ONE, b""), queue.reply(OTHER, b""), return_exceptions=True))

    error, other = asyncio.run(story())
    assert (str(error), other) == ("broken", None)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if holds():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it does not come to that")
