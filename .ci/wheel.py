"""Installs the client's wheel in an empty environment and imports it there. Run: make client.

What the wheel declares must be all that it needs: nothing of the engine is on this environment's path. The versions are
those that the engine pins.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from orderengine.devstack import bootstrap  # noqa: E402

IMPORTED = """
import importlib.util, pkgutil, importlib
import orderengine_client as client
assert [name for name in ("django", "orders", "dex", "orderengine", "mcp") if importlib.util.find_spec(name)] == []
for module in pkgutil.walk_packages(client.__path__, "orderengine_client."):
    if module.name != "orderengine_client.mcp":
        importlib.import_module(module.name)
try:
    import orderengine_client.mcp
except ModuleNotFoundError as error:
    assert "orderengine-client[mcp]" in str(error), error
print(f"orderengine_client {client.__version__}: {client.Client('http://localhost:1')!r}")
"""


def main(wheel: str) -> None:
    """Raises: CalledProcessError."""
    environment = bootstrap.uv_environment()
    with tempfile.TemporaryDirectory(prefix="client-wheel-") as directory:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
        python = Path(directory) / "bin" / "python"
        pinned = ["--constraint", ROOT / "requirements.txt"]
        uv = [bootstrap.UV, "pip", "install", "--quiet", "--python", python, *pinned, wheel]
        subprocess.run(uv, env=environment, check=True)
        subprocess.run([python, "-I", "-c", IMPORTED], cwd=directory, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
