"""Ends the processes of a stack once the other end of standard input is closed, be it by kill -9.

Runs as a process and session of its own, as a plain file without site packages. It reads lines:
`hold APP|SERVER SIGNAL TARGET`, `drop TARGET`, `remove PATH`; a target is what kill(2) takes, so a negative number is
a process group. Applications end first, because they still need the servers to finish what they do.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable

# Together below ten seconds, the longest that anything may outlive its supervisor.
APPS_GRACE_S = 5.0
SERVERS_GRACE_S = 3.0
POLL_S = 0.05

Held = dict[int, tuple[str, int]]


def main() -> None:
    """Listen until end-of-file, then end what is held and remove what is temporary."""
    for unwanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(unwanted, signal.SIG_IGN)
    held: Held = {}
    temporary: list[str] = []
    for line in sys.stdin:
        verb, _, rest = line.rstrip("\n").partition(" ")
        if verb == "hold":
            kind, number, target = rest.split()
            held[int(target)] = (kind, int(number))
        elif verb == "drop":
            held.pop(int(rest), None)
        elif verb == "remove":
            temporary.append(rest)
    end(held)
    for path in temporary:
        shutil.rmtree(path, ignore_errors=True)


def end(held: Held) -> None:
    """Ask every target to stop, applications before servers, and kill what does not."""
    for kind, grace_s in (("APP", APPS_GRACE_S), ("SERVER", SERVERS_GRACE_S)):
        targets = {target: number for target, (k, number) in held.items() if k == kind}
        for target, number in targets.items():
            send(target, number)
        deadline = time.monotonic() + grace_s
        while any_alive(targets) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        for target in targets:
            send(target, signal.SIGKILL)


def any_alive(targets: Iterable[int]) -> bool:
    return any(send(target, 0) for target in targets)


def send(target: int, number: int) -> bool:
    """Signal a process, or a group by its negative number; return whether it was there."""
    try:
        os.kill(target, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
