# mypy: allow-untyped-calls
"""Bytes leave with the event loop's next turn, and the system is asked only where it does not take them at once.

Twisted has every write wait until the system says that the socket takes bytes, which nearly every socket always does:
two calls to watch it and to stop, and an event, for each answer and each message.
"""

import asyncio
from typing import Any

from twisted.internet.abstract import FileDescriptor


def write_promptly(transport: Any) -> None:
    """Have a transport write so; one that is none of the system's own stays as it is."""
    if isinstance(transport, FileDescriptor):
        transport.startWriting = _Writing(transport).begin  # type: ignore[method-assign]


class _Writing:
    """What one transport has to write: all of a turn leaves together."""

    def __init__(self, transport: FileDescriptor) -> None:
        self._transport = transport
        self._ask_the_system = transport.startWriting
        self._is_begun = False

    def begin(self) -> None:
        if not self._is_begun:
            self._is_begun = True
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        self._is_begun = False
        transport = self._transport
        if not transport.connected:
            return
        # Closing is the reactor's matter, and so is what a failed write means.
        has_failed = transport.disconnecting or transport.doWrite()
        if has_failed or transport.dataBuffer or transport._tempDataLen:
            self._ask_the_system()
