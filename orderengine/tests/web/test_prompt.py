# mypy: allow-untyped-calls
"""Writes of one turn leave together, and the system is asked only for what it did not take at once."""

import asyncio
from typing import Any

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionLost

from orderengine.web.prompt import write_promptly


class Asked:
    """A reactor that notes who waits to be written to."""

    def __init__(self) -> None:
        self.writers: list[Any] = []

    def addWriter(self, writer: Any) -> None:
        self.writers.append(writer)

    def removeWriter(self, writer: Any) -> None:
        if writer in self.writers:
            self.writers.remove(writer)

    def removeReader(self, reader: Any) -> None:
        """Nothing was read."""


class Transport(FileDescriptor):
    """Takes so many bytes of each write, or fails."""

    def __init__(self, takes: int | Exception = 1000) -> None:
        super().__init__(Asked())  # type: ignore[arg-type]
        self.connected = 1
        self.takes = takes
        self.written: list[bytes] = []

    def writeSomeData(self, data: bytes) -> int | BaseException:
        if isinstance(self.takes, Exception):
            return self.takes
        self.written.append(bytes(data[: self.takes]))
        return len(self.written[-1])


def write(transport: Transport, *texts: bytes, closes: bool = False) -> bool:
    """Write in one turn; whether the system is asked for the rest in the next one."""

    async def turn() -> None:
        write_promptly(transport)
        for text in texts:
            transport.write(text)
        assert transport.written == []
        if closes:
            transport.loseConnection()
        await asyncio.sleep(0)

    asyncio.run(turn())
    return bool(transport.reactor.writers)


def test_all_of_a_turn_leaves_together() -> None:
    transport = Transport()

    assert not write(transport, b"one ", b"two")
    assert transport.written == [b"one two"]


def test_what_is_not_taken_waits_for_the_system() -> None:
    transport = Transport(takes=5)

    assert write(transport, b"one ", b"two")
    assert transport.written == [b"one t"]
    assert transport.doWrite() is None
    assert transport.written == [b"one t", b"wo"]
    assert transport.reactor.writers == []


@pytest.mark.parametrize("closes", [False, True])
def test_failing_and_closing_are_matters_of_the_reactor(closes: bool) -> None:
    transport = Transport(takes=1000 if closes else ConnectionLost())

    assert write(transport, b"one", closes=closes)
    assert transport.written == []


def test_a_connection_that_is_gone_is_not_written_to() -> None:
    transport = Transport()

    async def turn() -> None:
        write_promptly(transport)
        transport.write(b"one")
        transport.connected = 0
        await asyncio.sleep(0)

    asyncio.run(turn())
    assert (transport.written, transport.reactor.writers) == ([], [])
