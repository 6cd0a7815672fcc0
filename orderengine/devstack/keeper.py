"""Keeps commands up: one that dies is started again after a pause, for as long as the engine runs.

Only at the start something can be given up: what has never worked will not, and the user is there to read why.
"""

import signal
import time
from collections import deque

from orderengine.devstack.children import Child, Children, Command
from orderengine.refusal import Refusal

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
# So often within the window means that starting it again does not help, at the start, and else is news.
DEATHS_ALLOWED = 5
WINDOW_S = 60.0
LINES_SHOWN = 5
# What ends by an error within this time after a reload has met one in the code: it waits for the next save.
RELOAD_TRIAL_S = 10.0
# After a start all processors are busy for as long; only then libraries are loaded for the next one.
PREPARE_AFTER_S = 3.0


class Keeper:
    """Restarts dead children of `children`, with back-off."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._commands = {name: child.command for name, child in children.running.items()}
        self._deaths: dict[str, deque[float]] = {}
        self._again_at: dict[str, float] = {}
        self._is_starting = True
        self._reloaded_at = float("-inf")
        # Names of commands that die again and again, said once each.
        self._said: set[str] = set()

    def start(self, command: Command) -> None:
        """Start a command and keep it up from now on."""
        self._commands[command.name] = command
        self._children.start(command)

    def has_started(self) -> None:
        """All of it has worked: from now on nothing is given up."""
        self._is_starting = False

    def reload(self) -> None:
        """Start all applications again on the code as it is now. The old ones finish what they have begun."""
        self._reloaded_at = time.monotonic()
        self._deaths.clear()
        self._said.clear()
        for name, command in self._commands.items():
            if command.kind == "APP":
                if child := self._children.running.get(name):
                    self._children.retire(child)
                self._again_at[name] = self._reloaded_at
        self.tend()

    def prepare(self) -> None:
        """Have the libraries of all applications loaded for the next reload, once those that run have started."""
        apps = [child for child in self._children.running.values() if child.command.kind == "APP"]
        now = time.monotonic()
        if all(now - child.started_at > PREPARE_AFTER_S for child in apps):
            for child in apps:
                self._children.prepare(child.command)

    def tend(self) -> None:
        """Look after every command once. Raises: Refusal for one that does not come up, or where the guard is gone."""
        if not self._children.is_guarded():
            raise Refusal("The guard process was killed from outside, so everything stops.", "make run")
        self._children.list_again()
        self._children.tend_retired()
        now = time.monotonic()
        for name, command in self._commands.items():
            child = self._children.running.get(name)
            if child is None:
                if now >= self._again_at[name] and self._children.may_start(command):
                    self._start_again(command, now)
            elif not child.is_running():
                self._bury(child, now)

    def _start_again(self, command: Command, now: float) -> None:
        try:
            self._children.start(command)
        except OSError as error:
            if self._is_starting:
                raise
            # Out of processes or memory: later there may be some.
            self._again_at[command.name] = now + LONGEST_PAUSE_S
            self._children.console.say(
                f"{command.name} cannot be started: {error.strerror}; again in {LONGEST_PAUSE_S:g} s"
            )

    def _bury(self, child: Child, now: float) -> None:
        name = child.command.name
        self._children.forget(child)
        if child.process.returncode == -signal.SIGKILL:
            # A kill from outside, or the kernel short of memory: nothing that starting again makes worse.
            self._start_after(FIRST_PAUSE_S, child, now)
            return
        if child.process.returncode > 0 and now - self._reloaded_at < RELOAD_TRIAL_S:
            self._again_at[name] = float("inf")
            self._children.console.say(f"{name} ended with {child.process.returncode}; the next save starts it again")
            return
        deaths = self._deaths.setdefault(name, deque(maxlen=DEATHS_ALLOWED))
        deaths.append(now)
        recent = sum(1 for death in deaths if now - death < WINDOW_S)
        if recent >= DEATHS_ALLOWED:
            self._despair(child, recent)
        elif recent == 1:
            self._said.discard(name)
        self._start_after(min(FIRST_PAUSE_S * 2 ** (recent - 1), LONGEST_PAUSE_S), child, now)

    def _despair(self, child: Child, deaths: int) -> None:
        name = child.command.name
        said = "\n    ".join(child.tail) or "nothing"
        if self._is_starting:
            raise Refusal(
                f"{name} died {deaths} times within {WINDOW_S:.0f} s. Its last lines:\n    {said}",
                "correct what these lines say, then `make run` again.",
            )
        if name not in self._said:
            self._said.add(name)
            self._children.console.say(
                f"{name} died {deaths} times within {WINDOW_S:.0f} s and is started again every {LONGEST_PAUSE_S:g} s."
                " Everything else goes on. Its last lines:"
            )
            for line in tuple(child.tail)[-LINES_SHOWN:]:
                self._children.console.say(f"    {line}")

    def _start_after(self, pause: float, child: Child, now: float) -> None:
        name = child.command.name
        self._again_at[name] = now + pause
        if name not in self._said:
            self._children.console.say(f"{name} ended with {child.process.returncode}; it starts again in {pause:g} s")
