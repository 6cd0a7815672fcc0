"""One endpoint under its lease: what was asked for, then the events whose turn it is, one after the other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from django.db import Error as DatabaseError

from orders.webhooks import settling
from orders.webhooks.claims import Endpoint, release
from orders.webhooks.messages import Message, next_messages, requested_message
from orders.webhooks.receiver import Answer, Receiver
from orders.webhooks.signatures import UnreadableSecret, decrypt, signed_headers

logger = logging.getLogger(__name__)

# An endpoint with much to send makes room for others after this.
RUN_S = 10.0

Connect = Callable[[Endpoint], Receiver]
InThread = Callable[..., Awaitable[Any]]


class Session:
    """Sends one message after the other; the next one only when the last was taken and that is stored."""

    def __init__(self, endpoint: Endpoint, connect: Connect, in_thread: InThread) -> None:
        self._endpoint, self._in_thread = endpoint, in_thread
        self._receiver = connect(endpoint)
        self._attempt = endpoint.attempt + 1
        self._is_stopping = False
        self._began_at = asyncio.get_running_loop().time()
        self._secrets: list[str] = []

    @property
    def is_failing(self) -> bool:
        """Whether the endpoint has not taken the message at an attempt before."""
        return self._endpoint.attempt > 0

    def stop(self) -> None:
        """Begin no other message."""
        self._is_stopping = True

    async def run(self) -> None:
        """Serve the endpoint, then let go of it. Raises nothing of the database or the receiver."""
        try:
            self._secrets = [decrypt(stored, self._endpoint.id) for stored in self._endpoint.secrets]
            if await self._send_requested() and self._endpoint.is_due:
                await self._follow()
        except UnreadableSecret as error:
            await self._in_thread(settling.unusable, self._endpoint, f"{error}: rotate it, then enable the webhook")
        except DatabaseError:
            logger.debug("a webhook waits for the database")
        finally:
            await asyncio.shield(self._let_go())

    async def _send_requested(self) -> bool:
        """What was asked for by hand, once each. Whether to go on."""
        for request in self._endpoint.requests:
            if self._is_over():
                return False
            message = await self._in_thread(requested_message, self._endpoint, request)
            if message is None:
                goes_on = await self._in_thread(settling.request_void, self._endpoint)
            else:
                answer = await self._post(message)
                goes_on = await self._in_thread(settling.request_done, self._endpoint, message, answer)
            if not goes_on:
                return False
        return True

    async def _follow(self) -> None:
        """Events from the endpoint's place on, until there is none, one is not taken, or the time is up."""
        position, epoch = self._endpoint.position, self._endpoint.epoch
        while not self._is_over():
            page = await self._in_thread(next_messages, self._endpoint, position, epoch)
            for message in page.messages:
                if not await self._deliver(message):
                    return
                position, epoch = message.position, message.epoch
            if page.end != position and not await self._in_thread(
                settling.passed, self._endpoint, page.end, page.epoch
            ):
                return
            position, epoch = page.end, page.epoch
            if not page.has_more:
                return

    async def _deliver(self, message: Message) -> bool:
        """Send the message whose turn it is. Whether the next one may follow."""
        if self._is_over():
            return False
        answer = await self._post(message)
        attempt, self._attempt = self._attempt, 1
        if not answer.is_delivered:
            await self._in_thread(settling.not_taken, self._endpoint, message, attempt, answer)
            return False
        return bool(await self._in_thread(settling.taken, self._endpoint, message, attempt, answer))

    async def _post(self, message: Message) -> Answer:
        passed = timedelta(seconds=asyncio.get_running_loop().time() - self._began_at)
        headers = signed_headers(self._secrets, message.id, self._endpoint.claimed_at + passed, message.body)
        return await self._receiver.post(headers, message.body)

    def _is_over(self) -> bool:
        return self._is_stopping or asyncio.get_running_loop().time() - self._began_at > RUN_S

    async def _let_go(self) -> None:
        await self._receiver.close()
        try:
            await self._in_thread(release, self._endpoint)
        except DatabaseError:
            logger.debug("a webhook's lease runs out by itself")
