"""Ends the node once the process that started it is gone, be it by kill -9.

Runs as a plain file, in a session of its own: `guard.py PROCESS_GROUP`, with a pipe as standard input that only the
starting process holds open. Standard library only.
"""

import os
import signal
import subprocess
import sys
import time

# The node writes its state to disk before it ends.
GRACE_S = 5.0
POLL_S = 0.05


def main() -> None:
    """Wait for end-of-file, then end the group."""
    for unwanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(unwanted, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_group(int(sys.argv[1]))


def end_group_of(process: subprocess.Popen[bytes]) -> None:
    """End the group of a child of this process; a child that has ended is also reaped."""
    send(process.pid, signal.SIGTERM)
    ends_at = time.monotonic() + GRACE_S
    while process.poll() is None:
        if time.monotonic() > ends_at:
            send(process.pid, signal.SIGKILL)
        time.sleep(POLL_S)


def end_group(group: int) -> None:
    """Ask a process group to end; kill what has not ended after the grace period. A group that is gone is fine."""
    ends_at = time.monotonic() + GRACE_S
    is_there = send(group, signal.SIGTERM)
    while is_there and time.monotonic() < ends_at:
        time.sleep(POLL_S)
        is_there = send(group, 0)
    if is_there:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Signal a group; whether it was there."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
