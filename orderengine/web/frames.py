"""What one WebSocket client may send, and may leave unread, on any server."""

import time

# Above the window of an account stream, whose client is told before it is cut.
MAX_UNREAD_BYTES = 2 * 1024 * 1024
MAX_FRAME_BYTES = 16 * 1024
FRAMES_PER_S = 10
# Frames that may come at once after a while of silence.
FRAME_BURST = 20
RESTART, FLOOD = 1012, 4429


class FrameRate:
    """Counts the frames of one client, pongs and parts of messages too."""

    def __init__(self) -> None:
        self._allowance, self._allowed_at = float(FRAME_BURST), 0.0
        self.is_flooding = False

    def may_take(self) -> bool:
        """Whether the client keeps to its rate; a flood stays one."""
        if not self.is_flooding:
            now = time.monotonic()
            self._allowance = min(FRAME_BURST, self._allowance + (now - self._allowed_at) * FRAMES_PER_S) - 1
            self._allowed_at = now
            self.is_flooding = self._allowance < 0
        return not self.is_flooding
