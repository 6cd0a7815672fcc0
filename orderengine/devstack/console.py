"""What the supervisor prints: lines with the name of who said them, coloured on a terminal.

No line is worth an engine: where it cannot be written, it is lost.
"""

import os
import sys
import threading
from contextlib import suppress
from typing import TextIO

from orderengine.output import leave_unread

NAME_WIDTH = 8
COLOURS = {"web": 36, "worker": 32, "beat": 34, "deliver": 37, "postgres": 35, "valkey": 33}
DIM = 2


class Console:
    """Writes whole lines to one stream from many threads."""

    def __init__(self, stream: TextIO = sys.stdout, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._said: set[str] = set()
        self._is_closed = False
        self._lock = threading.Lock()
        self._coloured = stream.isatty() and not os.environ.get("NO_COLOR")

    def relay(self, name: str, line: str) -> None:
        """A line that a child said."""
        if not self._quiet:
            self._write(self._paint(COLOURS.get(name.partition("-")[0], DIM), f"{name:<{NAME_WIDTH}} | ") + line)

    def say(self, line: str) -> None:
        """A line of the supervisor's own."""
        if not self._quiet:
            self._write(self._paint(DIM, f"{'engine':<{NAME_WIDTH}} | ") + line)

    def banner(self, text: str) -> None:
        self._write(text)

    def close(self) -> None:
        """End of all lines, also of threads that still relay one: what could not be written is no error of the exit."""
        with self._lock:
            self._is_closed = True
            if self._said:
                leave_unread(self._stream)

    def _paint(self, colour: int, text: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._coloured else text

    def _write(self, text: str) -> None:
        with self._lock:
            if self._is_closed:
                return
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except UnicodeError:
                self._lost("output cannot show some of its lines")
            except (BrokenPipeError, ValueError):
                # As with `make run | head`.
                self._lost(f"the reader of the output has gone. The engine goes on; to end it: kill {os.getpid()}")
                leave_unread(self._stream)
            except OSError as error:
                self._lost(f"output cannot be written ({error.strerror}); the engine goes on")

    def _lost(self, why: str) -> None:
        """Say it where it may still be read, once."""
        if why not in self._said and self._stream is not sys.stderr:
            self._said.add(why)
            with suppress(OSError, ValueError):
                sys.stderr.write(f"engine: {why}\n")
                sys.stderr.flush()
