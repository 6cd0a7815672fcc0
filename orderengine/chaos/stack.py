"""A whole engine on throw-away data whose every process is kept up, and can be killed, frozen or kept down."""

import os
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx

from orderengine.devstack.apps import app_commands, listen
from orderengine.devstack.children import Children, Command
from orderengine.devstack.environment import free_port
from orderengine.devstack.servers import start_embedded
from orderengine.devstack.state import State

ROOT = Path(__file__).resolve().parents[2]
# Two of each, as in a deployment without downtime: one serves while the other starts again.
WEBS = 2
WORKERS = 2
# As devstack's keeper waits after a kill.
PAUSE_S = 0.5
# Celery gives a worker up when one of its children dies before it is ready, which is another fault: `kill`.
WARM_S = 10.0
READY_TIMEOUT_S = 180.0
POLL_S = 0.05


class Stack:
    """PostgreSQL as `make run` has it, Valkey without a file, two web processes, two workers and beat."""

    def __init__(self, state: State, children: Children, environment: dict[str, str]) -> None:
        self._children = children
        self._again_at: dict[str, float] = {}
        self.restarts: Counter[str] = Counter()
        # Processes that ended by themselves, with their exit codes: no fault asks for that.
        self.ended: list[str] = []
        self._killed: set[int] = set()
        own = {"STATE_DIR": str(state.directory), "HOST": "127.0.0.1", "PORT": str(free_port()), "DEBUG": "1"}
        own |= {"SECRET_KEY": secrets.token_urlsafe(48), "LOG_LEVEL": "WARNING", "PYTHONUNBUFFERED": "1"}
        own |= {"DEBUG_PAGES": "0"}
        inherited = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_HOST"}}
        self.environment = inherited | own | environment
        state.write("ports", {"postgres": free_port()})
        self.environment |= start_embedded({"postgres"}, state, children)
        self.environment |= start_embedded({"valkey"}, state, children, throw_away=True)
        self.url = f"http://127.0.0.1:{self.environment['PORT']}"
        self._commands = {name: child.command for name, child in children.running.items()}

    def start_apps(self, changed: dict[str, dict[str, str]]) -> None:
        """Migrate and start web, workers and beat; `changed` are variables of single processes."""
        manage = [sys.executable, str(ROOT / "manage.py")]
        for name in ("migrate", "prepare"):
            self._children.complete(Command(name, [*manage, name], self.environment, ROOT))
        with_faults = self.environment | {"DJANGO_SETTINGS_MODULE": "orderengine.chaos.settings"}
        for command in app_commands(ROOT, with_faults, listen(self.environment), webs=WEBS, workers=WORKERS):
            command.environment.update(changed.get(command.name, {}))
            self._commands[command.name] = command
            self._children.start(command)
        ends_at = time.monotonic() + READY_TIMEOUT_S
        while not self._is_ready():
            if time.monotonic() > ends_at:
                raise SystemExit(f"the engine is not ready after {READY_TIMEOUT_S:.0f} s")
            self.tend()
            self._children.pause(POLL_S)

    def pause(self, seconds: float) -> None:
        """Sleep, unless the run is to stop."""
        self._children.pause(seconds)

    def tend(self) -> None:
        """Start again what died."""
        now = time.monotonic()
        for name, command in self._commands.items():
            child = self._children.running.get(name)
            if child is None:
                if now >= self._again_at.get(name, 0.0):
                    self._children.start(command)
                    self.restarts[name] += 1
            elif not child.is_running():
                if child.process.pid not in self._killed:
                    self.ended.append(f"{name} ended with {child.process.returncode}")
                self._children.forget(child)
                self._again_at[name] = max(self._again_at.get(name, 0.0), now + PAUSE_S)

    def names(self, prefix: str) -> list[str]:
        """Processes of this kind that are up."""
        return [
            name for name, child in self._children.running.items() if name.startswith(prefix) and child.is_running()
        ]

    def kill(self, name: str, number: int = signal.SIGKILL, down_s: float = PAUSE_S) -> bool:
        """Signal a process, SIGKILL for all of its group; once ended it starts again, `down_s` from now."""
        child = self._children.running.get(name)
        if child is None or not child.is_running():
            return False
        self._again_at[name] = time.monotonic() + down_s
        self._killed.add(child.process.pid)
        _signal(-child.process.pid if number == signal.SIGKILL else child.process.pid, number)
        return True

    def kill_child(self, name: str, choose: float) -> bool:
        """SIGKILL one of a process's own children; `choose` in [0, 1) says which."""
        child = self._children.running.get(name)
        is_warm = child is not None and time.monotonic() - child.started_at > WARM_S
        pids = descendants(child.process.pid) if child is not None and is_warm else []
        return bool(pids) and _signal(pids[int(choose * len(pids))], signal.SIGKILL)

    def freeze(self, name: str, seconds: float) -> bool:
        """SIGSTOP a process and all below it."""
        child = self._children.running.get(name)
        if child is None or not child.is_running():
            return False
        pids = [child.process.pid, *descendants(child.process.pid)]
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        # Thawed by a thread of its own: the caller may wait for the very server that is frozen.
        thaw = threading.Timer(seconds, lambda: [_signal(pid, signal.SIGCONT) for pid in pids])
        thaw.daemon = True
        thaw.start()
        return True

    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: child.process.pid for name, child in self._children.running.items()}

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ready", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def descendants(pid: int) -> list[int]:
    """Processes below this one, as Linux lists them."""
    found: list[int] = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    for child in map(int, children):
        found += [child, *descendants(child)]
    return found


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
