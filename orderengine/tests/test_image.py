"""The production image, where no engine builds it: what the Dockerfile puts there, installed and run.

An order is executed with the production lock and the files that .dockerignore lets through, by the very commands of
Dockerfile and docker-compose.yml.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from docker.utils.build import exclude_paths
from packaging.requirements import Requirement

from orderengine.devstack import bootstrap
from orderengine.devstack.environment import free_port
from orderengine.tests.conftest import state_directory
from orderengine.tests.engines import ROOT, Engine, order, until

pytestmark = pytest.mark.system

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
# Of the build alone: no COPY sees them, as .dockerignore excludes them too.
OF_THE_BUILD = {"Dockerfile", ".dockerignore"}
LEFT_OUT = ("orderengine.devstack", "orderengine.chaos", "orderengine_client", "dex.testing", "benchmarks", "conftest")
# Also a part of what drf-spectacular needs.
SHARED = {"jsonschema"}
IMPORT_ALL = """
import importlib, pkgutil
import orderengine.asgi
for package in ("dex", "orders", "orderengine"):
    for module in pkgutil.walk_packages([package], package + "."):
        if module.name.rpartition(".")[2] != "__main__":
            importlib.import_module(module.name)
"""
FOUND = "import importlib.util, json, sys; print(json.dumps([n for n in sys.argv[1:] if importlib.util.find_spec(n)]))"
INSTALLED = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
STOP_S = 20


@dataclass(frozen=True, slots=True)
class Image:
    """The directories /app and /venv of the image, and the environment of its processes."""

    app: Path
    venv: Path
    environment: dict[str, str]
    # What is another here than in a container, in its commands.
    replaced: dict[str, str]

    def start(self, command: str | list[str], **more: Any) -> "subprocess.Popen[str]":
        """Start a command as Dockerfile or docker-compose.yml state it."""
        argv = command.split() if isinstance(command, str) else command
        return subprocess.Popen(
            [self._here(word) for word in argv], cwd=self.app, env=self.environment, text=True, **more
        )

    def run(self, command: str | list[str]) -> str:
        """Run one to its end; what it printed."""
        process = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said, errors = process.communicate(timeout=60)
        assert process.returncode == 0, said + errors
        return said

    @contextmanager
    def running(self, *commands: list[str]) -> Iterator[None]:
        """Processes for the time of a test."""
        processes = [self.start(command) for command in commands]
        try:
            yield
            assert [process.poll() for process in processes] == [None] * len(processes)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(timeout=STOP_S)

    def _here(self, word: str) -> str:
        there = "|".join(map(re.escape, self.replaced))
        # Compose reads $$ as $.
        return re.sub(there, lambda found: self.replaced[found[0]], word.replace("$$", "$"))


@pytest.fixture(scope="module")
def servers() -> Iterator[Engine]:
    """PostgreSQL and Redis, started by others."""
    with state_directory() as state:
        engine = Engine(state).until_up()
        yield engine
        engine.stop()


@pytest.fixture(scope="module")
def image(servers: Engine, tmp_path_factory: pytest.TempPathFactory) -> Image:
    root = tmp_path_factory.mktemp("image")
    app, venv, state = root / "app", root / "venv", root / "state"
    copy_context(app)
    install(venv)
    state.mkdir(mode=0o700)
    compress(app, venv)
    port = str(free_port())
    here = {"/state": str(state), "/tmp/": f"{state}/", "0.0.0.0": "127.0.0.1", "3000": port}
    given = servers.shared("environment")
    own = {name: given[name] for name in ("DATABASE_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD")}
    own |= {"HOST": "127.0.0.1", "PORT": port, "SECRET_KEY": "of-the-image-test" * 4}
    # A directory of its own: `python` of the commands is the image's alone.
    path = f"{venv / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
    return Image(app, venv, composed_environment(str(state)) | own | {"PATH": path}, here)


def copy_context(target: Path) -> None:
    """What `COPY . .` copies."""
    lines = [line.strip() for line in (ROOT / ".dockerignore").read_text().splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]
    for name in exclude_paths(str(ROOT), patterns):
        if (ROOT / name).is_file() and name not in OF_THE_BUILD:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    take_bytecode(ROOT, target)


def install(venv: Path) -> None:
    """A fresh environment of the production lock alone, by uv where it is here, else by pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = str(venv / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install"]
    uv = [str(bootstrap.UV), "pip", "install", "--python", python]
    installer = uv if bootstrap.UV.exists() else pip
    command = [*installer, "--quiet", "--require-hashes", "-r", str(ROOT / "requirements.txt")]
    subprocess.run(command, env=bootstrap.uv_environment(), check=True)
    take_bytecode(Path(sysconfig.get_path("purelib")), next(venv.glob("lib/python*/site-packages")))


def take_bytecode(source: Path, target: Path) -> None:
    """Take over what is compiled already: pip compiles what it installs, and so does the Dockerfile with the engine.

    Where the files are not the same ones, Python compiles them itself.
    """
    for file in target.rglob("*.py"):
        compiled = Path(cache_from_source(str(file)))
        there = source / compiled.relative_to(target)
        if there.exists():
            compiled.parent.mkdir(exist_ok=True)
            shutil.copy2(there, compiled)


def compress(app: Path, venv: Path) -> None:
    """What the Dockerfile does to static files, by its own command."""
    [command] = re.findall(r"^RUN /venv/(.*whitenoise.*)$", DOCKERFILE, re.MULTILINE)
    subprocess.run(
        [str(venv / word) if word.startswith("bin/") else word for word in command.split()], cwd=app, check=True
    )


def composed_environment(state: str) -> dict[str, str]:
    """What Compose gives every process where the shell and `.env` say nothing."""
    stated: dict[str, str | None] = COMPOSE["x-app"]["environment"]
    set_here = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, value in stated.items() if value}
    return {name: value.replace("/state", state) for name, value in set_here.items() if value}


def commands() -> dict[str, list[str]]:
    """Of each container."""
    services = COMPOSE["services"]
    web: list[str] = json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[-1])
    return {"web": web} | {name: services[name]["command"] for name in ("migrate", "worker", "beat", "deliver")}


def test_the_dockerfile_installs_the_lock_and_copies_the_context() -> None:
    copied = re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE)
    last = DOCKERFILE.rpartition("\nFROM ")[2]

    assert copied == ["requirements.txt .", ". .", "--from=build /venv /venv", "--from=build /app /app"]
    assert "install" not in last.replace("install -d", "")
    assert last.index("COPY --from=build /app") < last.index("USER engine") < last.index("CMD")


def test_it_holds_what_the_lock_names_and_no_tool(image: Image) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    tools = {Requirement(pin).name for pins in groups.values() for pin in pins} - SHARED
    installed = set(json.loads(image.run(["python", "-c", INSTALLED])))

    assert {"Django", "celery", "daphne"} <= installed
    assert {name.lower().replace("_", "-") for name in installed} & tools == set()
    assert json.loads(image.run(["python", "-c", FOUND, *LEFT_OUT, "pip", "pytest"])) == []
    assert [path for path in image.app.rglob("*") if path.name in {"tests", ".env", ".git"}] == []


def test_every_module_of_it_can_be_imported(image: Image) -> None:
    image.run(["python", "-c", IMPORT_ALL])


def test_an_order_is_executed_by_its_containers(image: Image) -> None:
    given = commands()
    image.run(given["migrate"])
    key = image.run("python manage.py keys create trader").strip()
    with (
        image.running(given["web"], given["worker"], given["beat"], given["deliver"]),
        httpx.Client(base_url=f"http://127.0.0.1:{image.replaced['3000']}", timeout=10) as client,
    ):
        client.headers["Authorization"] = f"Bearer {key}"
        until(lambda: client.get("/ready").status_code == 200, 60)
        image.run(COMPOSE["services"]["web"]["healthcheck"]["test"][1:])
        assert client.get("/static/orders/start.css").status_code == 200
        module = client.get("/static/orders/desk/main.js")
        assert (module.status_code, module.headers["Content-Encoding"]) == (200, "gzip")
        assert module.content == (ROOT / "orders" / "static" / "orders" / "desk" / "main.js").read_bytes()
        placed = client.post("/api/v1/orders", json=order()).raise_for_status().json()
        link = f"/api/v1/orders/{placed['id']}"
        until(lambda: client.get(link).json()["status"] in {"CONFIRMED", "FAILED"}, 30)
        assert client.get(link).json()["status"] == "CONFIRMED"
