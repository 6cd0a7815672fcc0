"""Child processes in sessions of their own: started, relayed line by line, listed, and held by the guard."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from orderengine.devstack import guard, spare
from orderengine.devstack.account import Account
from orderengine.devstack.console import Console
from orderengine.devstack.state import State
from orderengine.refusal import Refusal

REMEMBERED_LINES = 20


class Interrupted(Exception):
    """The supervisor was asked to stop."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, as whom, and how it likes to be stopped."""

    name: str
    argv: list[str]
    environment: dict[str, str]
    directory: Path
    kind: str = "APP"
    stop_signal: int = signal.SIGTERM
    account: Account | None = None
    # Lines that tell a user of this stack nothing.
    mute: re.Pattern[str] | None = None
    # Sockets of the supervisor's that it inherits under the same numbers.
    inherits: tuple[socket.socket, ...] = ()
    # Whether it may start while the process that it replaces still ends.
    overlaps: bool = True


@dataclass(slots=True)
class Child:
    """A started command and the last lines it said."""

    command: Command
    process: subprocess.Popen[str]
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED_LINES))
    relay: threading.Thread | None = None
    started_at: float = field(default_factory=time.monotonic)
    # When it is killed, once it was asked to end.
    ends_by: float = float("inf")

    def is_running(self) -> bool:
        return self.process.poll() is None


class Children:
    """Everything this supervisor started. Leaving the `with` block ends it all, and so does killing the supervisor."""

    def __init__(self, state: State, console: Console) -> None:
        self._state = state
        self.console = console
        # A plain flag: a signal handler may find the lock of an Event taken.
        self._interrupted = False
        self._is_listed = True
        self.running: dict[str, Child] = {}
        # Replaced ones, which finish what they have begun.
        self._retired: list[Child] = []
        # Processes that wait for the next start of a command of this name.
        self.spares: dict[str, subprocess.Popen[str]] = {}
        # The guard keeps the state locked until it has ended everything, so the lock is inherited by it.
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            pass_fds=[state.lock_file.fileno()],
        )
        self._list()

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, command: Command) -> Child:
        """Start a command; its group is ended when the supervisor is gone."""
        process = self._use_spare(command.name) or self._open(command, command.argv, stdin=subprocess.DEVNULL)
        child = Child(command, process)
        child.relay = threading.Thread(target=self._relay, args=(child, process.stdout), daemon=True)
        child.relay.start()
        self.running[command.name] = child
        self._list()
        return child

    def prepare(self, command: Command) -> None:
        """Have a process wait for the next start of a `python -m` command, with its libraries loaded."""
        if command.name not in self.spares and command.argv[1] == "-m":
            argv = [command.argv[0], "-P", spare.__file__, *command.argv[2:]]
            self.spares[command.name] = self._open(command, argv, stdin=subprocess.PIPE)

    def _use_spare(self, name: str) -> "subprocess.Popen[str] | None":
        process = self.spares.pop(name, None)
        if process and process.poll() is None and process.stdin:
            with suppress(BrokenPipeError):
                process.stdin.write("\n")
                process.stdin.close()
                return process
        if process:
            self._tell(f"drop {-process.pid}")
        return None

    def _open(self, command: Command, argv: list[str], *, stdin: int) -> "subprocess.Popen[str]":
        account = command.account.popen() if command.account else {}
        process = subprocess.Popen(
            argv,
            env=command.environment,
            cwd=command.directory,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            pass_fds=[held.fileno() for held in command.inherits],
            **account,
        )
        self.hold(-process.pid, command.kind, command.stop_signal)
        return process

    def hold(self, target: int, kind: str, stop_signal: int) -> None:
        """Have `target` (as kill(2) takes it) ended with the stack."""
        self._tell(f"hold {kind} {int(stop_signal)} {target}")

    def remove_at_end(self, directory: Path) -> None:
        """Have a temporary directory removed once everything has ended."""
        self._tell(f"remove {directory}")

    def forget(self, child: Child) -> None:
        """A child is dead: kill what it left behind in its group, and let go of the number."""
        guard.send(-child.process.pid, signal.SIGKILL)
        self._tell(f"drop {-child.process.pid}")
        if child.relay:
            child.relay.join(timeout=1)
        if self.running.get(child.command.name) is child:
            del self.running[child.command.name]
        self._list()

    def retire(self, child: Child) -> None:
        """Ask a child to finish what it has begun and end, within a bounded time; another may take its name at once.

        Only the process itself is asked: a worker lets its own children finish their tasks.
        """
        del self.running[child.command.name]
        child.ends_by = time.monotonic() + guard.APPS_GRACE_S
        self._retired.append(child)
        guard.send(child.process.pid, child.command.stop_signal)

    def tend_retired(self) -> None:
        """Let go of replaced children that have ended; kill those that have not in time."""
        for child in tuple(self._retired):
            if child.is_running() and time.monotonic() < child.ends_by:
                continue
            if child.is_running():
                self.console.say(f"the old {child.command.name} did not end within {guard.APPS_GRACE_S:g} s: killed")
                guard.send(-child.process.pid, signal.SIGKILL)
                child.process.wait()
            self._retired.remove(child)
            self.forget(child)

    def may_start(self, command: Command) -> bool:
        """Whether the command may start now, with a view to the process that it replaces."""
        return command.overlaps or all(child.command.name != command.name for child in self._retired)

    def complete(self, command: Command) -> None:
        """Run a command to its end. Raises: Refusal when it fails."""
        child = self.start(command)
        while child.is_running():
            self.pause(guard.POLL_S)
        self.forget(child)
        if child.process.returncode:
            raise Refusal(f"`{command.name}` failed; its lines above say why.", "correct that, then start again.")

    def pause(self, seconds: float) -> None:
        """Sleep. Raises: Interrupted once it was asked to stop."""
        if not self._interrupted:
            time.sleep(seconds)
        if self._interrupted:
            raise Interrupted

    def interrupt(self) -> None:
        """Stop at the next pause; when asked again, do not wait for the applications either."""
        if self._interrupted:
            self.kill_apps()
        self._interrupted = True

    def is_guarded(self) -> bool:
        return self._guard.poll() is None

    def kill_apps(self) -> None:
        """End the applications at once, after a second Ctrl-C."""
        for child in self._all():
            if child.command.kind == "APP":
                guard.send(-child.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End everything, in order, and wait until it has ended."""
        # Empty rather than stale: who looks now finds no supervisor, only a lock that is about to be free.
        self._state.forget("processes")
        self._state.forget("environment")
        if self._guard.stdin and not self._guard.stdin.closed:
            self._guard.stdin.close()
        if not self.is_guarded():
            guard.end({-c.process.pid: (c.command.kind, c.command.stop_signal) for c in self._all()})
        while self.is_guarded():
            # Reaping: an ended child that was not waited for still counts as there.
            for process in (*self.spares.values(), *(child.process for child in self._all())):
                process.poll()
            time.sleep(guard.POLL_S)
        for child in self._all():
            child.process.wait()
            if child.relay:
                child.relay.join(timeout=1)
        self.running.clear()
        self._retired.clear()
        self.spares.clear()

    def _all(self) -> list[Child]:
        return [*self.running.values(), *self._retired]

    def _tell(self, line: str) -> None:
        try:
            if self._guard.stdin:
                self._guard.stdin.write(line + "\n")
                self._guard.stdin.flush()
        except (BrokenPipeError, ValueError):
            # The guard was killed. The supervisor sees that and stops everything itself.
            return

    def _relay(self, child: Child, lines: IO[str]) -> None:
        for line in lines:
            text = line.rstrip("\n")
            if not (child.command.mute and child.command.mute.search(text)):
                child.tail.append(text)
                self.console.relay(child.command.name, text)

    def list_again(self) -> None:
        """Write the list of processes, where that failed before."""
        if not self._is_listed:
            self._list()

    def _list(self) -> None:
        pids = {name: child.process.pid for name, child in self.running.items()}
        try:
            self._state.write("processes", {"supervisor": os.getpid(), "guard": self._guard.pid, **pids})
        except OSError as error:
            # A full disk, say: the processes matter, and those who look them up find the list of before.
            if self._is_listed:
                self.console.say(f"the list of processes cannot be written ({error.strerror}); the engine goes on")
            self._is_listed = False
        else:
            self._is_listed = True
