"""What the supervisor prints: lines with the name of who said them, coloured on a terminal."""

import os
import sys
import threading
from collections.abc import Callable
from typing import TextIO

NAME_WIDTH = 8
COLOURS = {"web": 36, "worker": 32, "beat": 34, "postgres": 35, "valkey": 33}
DIM = 2


class Console:
    """Writes whole lines to one stream from many threads."""

    def __init__(self, stream: TextIO = sys.stdout, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self.on_closed: Callable[[], None] | None = None
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

    def _paint(self, colour: int, text: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._coloured else text

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                # Whoever read us is gone, as with `make run | head`.
                if self.on_closed:
                    self.on_closed()
