"""A copy of the checkout under `make dev`, whose processes say which save of the code each of them has loaded."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from orderengine.devstack.environment import free_port
from orderengine.tests.engines import ROOT, Engine

# Loaded by web; and by web, worker and beat, of which the latter two say when they are ready.
WEB_FILE, SHARED_FILE = Path("orderengine/web/probes.py"), Path("orderengine/celery.py")
WEB_SAYS = """
from django.http import HttpResponse
PROBES["/save"] = lambda request: HttpResponse("{save}")
"""
WORKER_AND_BEAT_SAY = """
from pathlib import Path
def say_save(**_):
    Path(os.environ["STATE_DIR"], f"save-{{os.getpid()}}").write_text("{save}")
signals.worker_ready.connect(say_save, weak=False)
signals.beat_init.connect(say_save, weak=False)
"""
# At the end of the shared file: a process that loads it waits here, before the rest of Django, until it may go on.
STAND_STILL = """
import time
Path(os.environ["STATE_DIR"], f"stands-{os.getpid()}").touch()
while not Path(os.environ["STATE_DIR"], "go").exists():
    time.sleep(0.01)
"""
ORDER = {"token_in": "SOL", "token_out": "USDC", "amount": "1"}
APPS = ("web", "worker", "beat")
# Those, and one that loads the shared file too and does not say when it is ready.
ALL_APPS = (*APPS, "deliver")


class Copy:
    """A copy of the packages in `root`, and the engine that runs on it once it is started."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root = root
        self._state = state
        self._engine: Engine | None = None
        for package in ("orderengine", "orders", "dex"):
            shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("vectors"))
        shutil.copy(ROOT / "manage.py", root / "manage.py")
        self._texts = {file: (root / file).read_text() for file in (WEB_FILE, SHARED_FILE)}

    def start(self, **environment: str) -> None:
        """Start an engine, and wait until all of it is ready."""
        self.save("at the start")
        self._engine = Engine(self._state, self.root, "--reload", PORT=str(free_port()), **environment)
        self.engine.until_up()
        self.until_loaded("at the start")

    def begin_test(self) -> None:
        """Wait until nothing starts any more, and forget what was said in other tests."""
        self.until(lambda: len(loaded := self.loaded()) == len(APPS) and all(loaded.values()))
        self.engine.said.clear()

    @property
    def engine(self) -> Engine:
        assert self._engine
        return self._engine

    def is_running(self) -> bool:
        return self._engine is not None and self._engine.process.poll() is None

    def save(self, mark: str) -> None:
        """Save two files at once, by which every process says this."""
        for file, addition in ((WEB_FILE, WEB_SAYS), (SHARED_FILE, WORKER_AND_BEAT_SAY)):
            (self.root / file).write_text(self._texts[file] + addition.format(save=mark))

    def loaded(self) -> dict[str, str]:
        """What each process has loaded, as far as it is ready: empty while it is not."""
        return {name: self._loaded(name, pid) for name, pid in self.engine.processes().items() if name in APPS}

    def until_loaded(self, mark: str, seconds: float = 30) -> None:
        """Wait until all of them are ready with this save."""
        self.until(lambda: self.loaded() == dict.fromkeys(APPS, mark), seconds)

    def until(self, is_so: Callable[[], bool], seconds: float = 30) -> None:
        ends_at = time.monotonic() + seconds
        while not is_so():
            assert self.engine.process.poll() is None, self.said()
            assert time.monotonic() < ends_at, self.said()
            time.sleep(0.01)

    def apps(self) -> dict[str, int]:
        """The process ids of web, worker and beat."""
        return {name: pid for name, pid in self.engine.processes().items() if name in APPS}

    def said(self) -> str:
        """What the engine has said since the test began."""
        return "".join(self.engine.said)

    def restarts(self) -> int:
        return len(re.findall(r"engine +\| .* changed: all processes start again", self.said()))

    def get(self, path: str) -> str:
        return httpx.get(self.engine.url + path, timeout=20).text

    def place(self) -> str:
        """Place an order; its id."""
        answer = httpx.post(self.engine.url + "/api/v1/orders", json=ORDER, timeout=20)
        return str(answer.raise_for_status().json()["id"])

    def status(self, order: str) -> str:
        return str(
            httpx.get(f"{self.engine.url}/api/v1/orders/{order}", timeout=20).raise_for_status().json()["status"]
        )

    def _loaded(self, name: str, pid: int) -> str:
        if name == "web":
            try:
                return self.get("/save")
            except httpx.HTTPError:
                return ""
        file = self.engine.state / f"save-{pid}"
        return file.read_text() if file.exists() else ""
