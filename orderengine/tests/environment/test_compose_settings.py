"""Every setting reaches every container: of the shell, of `.env`, and what only the chains file knows by name."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from orderengine.settings import env

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = Path(sys.executable).parent / "docker-compose"
APPS = ("migrate", "web", "worker", "beat", "deliver")
# Of processes that `make run` starts and these containers are.
NOT_HERE = {"WEB_PROCESSES", "DEBUG_PAGES"}


def described() -> dict[str, Any]:
    file: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return file


def test_every_setting_is_passed_on() -> None:
    passed = set(described()["x-app"]["environment"])
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))

    assert env.names - documented == set()
    assert documented - NOT_HERE - passed == set()


def test_no_service_hides_what_is_passed_on() -> None:
    services = described()["services"]

    assert all(services[name].get("environment") == services["web"]["environment"] for name in APPS)


def config(directory: Path, **shell: str) -> dict[str, Any]:
    """What Compose makes of the file in this directory."""
    if not COMPOSE.exists():
        pytest.skip("make setup-dev installs Compose")
    shutil.copy(ROOT / "docker-compose.yml", directory)
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory)} | shell
    command = [str(COMPOSE), "--profile", "app", "config", "--format", "json"]
    shown = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=True)
    services: dict[str, Any] = json.loads(shown.stdout)["services"]
    return services


def test_all_values_arrive_and_those_of_the_containers_stay(tmp_path: Path) -> None:
    own = {
        *("DATABASE_URL", "REDIS_HOST", "REDIS_PORT", "HOST", "PORT", "DEBUG", "STATE_DIR", "ADMIN_PASSWORD_FILE"),
        "CHAINS_FILE",
    }
    lines = [f"{name}=of-{name}\n" for name in sorted(env.names | {"NODE_KEY"}) if name != "PORT"]
    (tmp_path / ".env").write_text("".join([*lines, "PORT=3001\n"]))

    services = config(tmp_path, ORDER_STUCK_S="of the shell")

    for name in APPS:
        given = services[name]["environment"]
        assert {one: given[one] for one in env.names - own - NOT_HERE - {"ORDER_STUCK_S"}} == {
            one: f"of-{one}" for one in env.names - own - NOT_HERE - {"ORDER_STUCK_S"}
        }
        assert (given["ORDER_STUCK_S"], given["NODE_KEY"]) == ("of the shell", "of-NODE_KEY")
        assert [one for one in own if given[one] == f"of-{one}"] == []
        assert given["PORT"] == "3000"


def test_a_chains_file_is_mounted_from_its_directory(tmp_path: Path) -> None:
    services = config(tmp_path, CHAINS_DIR="./mine", CHAIN="base", SECRET_KEY="s")

    for name in APPS:
        [mounted] = [volume for volume in services[name]["volumes"] if volume["target"] == "/chains"]
        assert (mounted["type"], mounted["source"], mounted["read_only"]) == ("bind", str(tmp_path / "mine"), True)
        assert services[name]["environment"]["CHAINS_FILE"] == "/chains/chains.toml"
        assert services[name]["environment"]["CHAIN"] == "base"


def test_without_a_file_nothing_is_needed(tmp_path: Path) -> None:
    services = config(tmp_path)

    assert services["worker"]["environment"].get("ORDER_STUCK_S") is None
    assert services["redis"]["environment"].get("REDIS_PASSWORD") is None
