"""What an account stream's client was sent and has not acknowledged yet. Pure."""

from collections import deque

from orders.event_log.cursor import Position

MAX_EVENTS = 256
MAX_BYTES = 1024 * 1024


class Window:
    """Full once either limit is reached; then the database is the buffer."""

    def __init__(self) -> None:
        self._sent: deque[tuple[Position, int]] = deque()
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing may be sent before an acknowledgement."""
        return len(self._sent) >= MAX_EVENTS or self._bytes >= MAX_BYTES

    @property
    def room(self) -> int:
        """How many more messages may be sent, unless they are large."""
        return max(0, MAX_EVENTS - len(self._sent))

    def add(self, position: Position, size: int) -> None:
        """A message of `size` bytes was sent; positions only rise."""
        self._sent.append((position, size))
        self._bytes += size

    def acknowledge(self, position: Position) -> None:
        """The client has everything up to here."""
        while self._sent and self._sent[0][0] <= position:
            self._bytes -= self._sent.popleft()[1]
