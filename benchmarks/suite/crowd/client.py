"""Thousands of WebSockets in a process of their own: `python -m benchmarks.suite.crowd.client` reads a job of JSON.

Each account has one order, which its own pause keeps PENDING, and as many sockets on it as one account may have. A
cancel then is one commit in the web process, and one event for each of these sockets: no worker takes part in it.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

EACH = 20  # sockets that a web process lets one account have
AT_ONCE = 50
TRIES, TRY_AGAIN_S = 50, 0.2
FILES_BESIDE = 256
PLACED_WITHIN_S, OPENS_WITHIN_S, ENDS_WITHIN_S = 60.0, 60.0, 60.0
BODY = {"token_in": "SOL", "token_out": "USDC", "amount": "1.5"}
PLACED, OPEN, GO = "placed", "open", "go"


@dataclass(frozen=True, slots=True)
class Crowd:
    """What to do: an order and `EACH` sockets for every key, then cancels at `cancels_per_s`."""

    url: str
    keys: tuple[str, ...]
    cancels_per_s: float


@dataclass(slots=True)
class Heard:
    """The moment at which each socket had the end of its order, by order; and what went wrong."""

    ends: dict[str, list[float]] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)

    def note_wrong(self, what: str) -> None:
        """Count a fault by its words."""
        self.wrong[what] = self.wrong.get(what, 0) + 1


def say(what: str) -> None:
    """Tell who measures how far this is, and wait until it says to go on."""
    print(what, flush=True)
    if sys.stdin.readline().strip() != GO:
        raise SystemExit("the measuring process has gone")


async def run(crowd: Crowd) -> Heard:
    """Place, open, cancel, listen."""
    heard = Heard()
    async with httpx.AsyncClient(base_url=crowd.url, timeout=PLACED_WITHIN_S) as client, AsyncExitStack() as sockets:
        orders = {key: await place(client, key) for key in crowd.keys}
        say(PLACED)
        listeners = await listen_to_all(crowd.url, orders, sockets, heard)
        say(OPEN)
        await cancel_all(client, crowd, orders, heard)
        _, late = await asyncio.wait(listeners, timeout=ENDS_WITHIN_S)
        for one in late:
            one.cancel()
            heard.note_wrong("a socket did not get its event")
    return heard


async def listen_to_all(
    url: str, orders: Mapping[str, str], sockets: AsyncExitStack, heard: Heard
) -> list["asyncio.Task[None]"]:
    """Open every socket, some at a time, and begin to listen to it."""
    wanted = [(key, order) for key, order in orders.items() for _ in range(EACH)]
    listeners = []
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        opening = (sockets.enter_async_context(opened(url, key, order)) for key, order in some)
        for (_, order), socket in zip(some, await asyncio.gather(*opening), strict=True):
            listeners.append(asyncio.create_task(listen(socket, order, heard)))
    return listeners


async def cancel_all(client: httpx.AsyncClient, crowd: Crowd, orders: Mapping[str, str], heard: Heard) -> None:
    """Each order, at `cancels_per_s`."""
    started_at = time.monotonic()
    async with asyncio.TaskGroup() as cancels, asyncio.timeout(ENDS_WITHIN_S):
        for number, (key, order) in enumerate(orders.items()):
            await asyncio.sleep(started_at + number / crowd.cancels_per_s - time.monotonic())
            cancels.create_task(cancel(client, key, order, heard))


async def place(client: httpx.AsyncClient, key: str) -> str:
    """Pause the account, and place an order that stays PENDING; its id."""
    headers = {"Authorization": f"Bearer {key}"}
    paused = await client.post("/api/v1/halt", json={"reason": "a benchmark"}, headers=headers)
    placed = await client.post("/api/v1/orders", json=BODY, headers=headers)
    if not (paused.is_success and placed.is_success):
        raise SystemExit(f"an order was not placed: {paused.status_code} {placed.status_code} {placed.text}")
    return str(placed.json()["id"])


@asynccontextmanager
async def opened(url: str, key: str, order: str) -> AsyncIterator[ClientConnection]:
    """A socket that has shown its order."""
    address, headers = f"{url.replace('http', 'ws', 1)}/orders/{order}", {"Authorization": f"Bearer {key}"}
    plain: dict[str, Any] = {"compression": None, "proxy": None, "ping_interval": None, "open_timeout": OPENS_WITHIN_S}
    async with connect(address, additional_headers=headers, **plain) as socket:
        json.loads(await socket.recv())
        yield socket


async def listen(socket: ClientConnection, order: str, heard: Heard) -> None:
    """Until the order's end."""
    try:
        async for message in socket:
            at = time.time()
            if json.loads(message).get("status") == "FAILED":
                heard.ends.setdefault(order, []).append(at)
                return
        heard.note_wrong(f"a socket closed before its order ended: {socket.close_code}")
    except (OSError, WebSocketException) as error:
        heard.note_wrong(f"a socket failed: {type(error).__name__}")


async def cancel(client: httpx.AsyncClient, key: str, order: str, heard: Heard) -> None:
    """One order, later where the web process has too much to do: what counts begins with the commit."""
    for _ in range(TRIES):
        answer = await client.delete(f"/api/v1/orders/{order}", headers={"Authorization": f"Bearer {key}"})
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            break
        await asyncio.sleep(TRY_AGAIN_S)
    if not answer.is_success:
        heard.note_wrong(f"a cancel was answered {answer.status_code}")


def main() -> None:
    """Run the job of the first line of standard input."""
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    crowd = Crowd(**given | {"keys": tuple(given["keys"])})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, EACH * len(crowd.keys) + FILES_BESIDE), hard))
    json.dump(asdict(asyncio.run(run(crowd))), sys.stdout)


if __name__ == "__main__":
    main()
