"""Keeps commands up: whatever dies is started again after a pause, until it dies too often."""

import signal
import time
from collections import deque

from orderengine.devstack import Refusal
from orderengine.devstack.children import Child, Children, Command

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
# So often within the window means that starting it again does not help.
DEATHS_ALLOWED = 5
WINDOW_S = 60.0


class Keeper:
    """Restarts dead children of `children`, with back-off."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._commands = {name: child.command for name, child in children.running.items()}
        self._deaths: dict[str, deque[float]] = {}
        self._again_at: dict[str, float] = {}

    def start(self, command: Command) -> None:
        """Start a command and keep it up from now on."""
        self._commands[command.name] = command
        self._children.start(command)

    def tend(self) -> None:
        """Look after every command once. Raises: Refusal when one cannot be kept up."""
        if not self._children.is_guarded():
            raise Refusal("The guard process was killed from outside, so everything stops.", "make run")
        now = time.monotonic()
        for name, command in self._commands.items():
            child = self._children.running.get(name)
            if child is None:
                if now >= self._again_at[name]:
                    self._children.start(command)
            elif not child.is_running():
                self._bury(child, now)

    def _bury(self, child: Child, now: float) -> None:
        name = child.command.name
        self._children.forget(child)
        if child.process.returncode == -signal.SIGKILL:
            # Somebody from outside, or the kernel short of memory: nothing that starting again makes worse.
            self._start_after(FIRST_PAUSE_S, child, now)
            return
        deaths = self._deaths.setdefault(name, deque(maxlen=DEATHS_ALLOWED))
        deaths.append(now)
        recent = sum(1 for death in deaths if now - death < WINDOW_S)
        if recent >= DEATHS_ALLOWED:
            said = "\n    ".join(child.tail) or "nothing"
            raise Refusal(
                f"{name} died {recent} times within {WINDOW_S:.0f} s. Its last lines:\n    {said}",
                "correct what these lines say, then `make run` again.",
            )
        self._start_after(min(FIRST_PAUSE_S * 2 ** (recent - 1), LONGEST_PAUSE_S), child, now)

    def _start_after(self, pause: float, child: Child, now: float) -> None:
        name = child.command.name
        self._again_at[name] = now + pause
        self._children.console.say(f"{name} ended with {child.process.returncode}; it starts again in {pause:g} s")
