"""Proves that each import contract can fail: one forbidden import a contract, planted in a copy of the sources.

The import stands at the end of a module and is never run. `lint-imports` must name it under its contract; a contract
without a planted import, and a planted import that nothing notices, end this with exit code 1.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("dex", "orders", "orderengine", "client/src/orderengine_client")
# Where a package is that does not lie at the top.
SOURCES = "client/src"
# By the beginning of the contract's name: which module imports what it must not.
PLANTED = {
    "orderengine may import orders": ("dex.legs", "orders.states"),
    "the client imports nothing of the engine": ("orderengine_client.values", "orders.states"),
    "the engine imports nothing of the client": ("orders.states", "orderengine_client"),
    "the folders of orders are layered": ("orders.signing.nonces", "orders.pipeline.claim"),
    "order types are independent": ("orders.order_types.fields", "orders.order_types.market"),
    "streams only read": ("orders.streams.feed", "orders.services.cancel"),
    "the quote stream writes nothing": ("orders.quote_stream.look", "orders.services.place"),
    "the REST framework stays at the HTTP edge": ("orders.services.place", "rest_framework"),
    "messages leave through notify": ("orders.pipeline.route", "celery"),
    "the modules of dex are layered": ("dex.pools.curves", "dex.router.kernel"),
    "the router is layered in the order": ("dex.router.graph.edges", "dex.router.convex.best_path"),
    "what pool kinds share is below": ("dex.pools.math.bins", "dex.pools.kinds.bins"),
    "pool kinds are independent": ("dex.pools.kinds.orca_whirlpool", "dex.pools.kinds.uniswap_v3"),
    "chains are independent": ("dex.chains.evm.chain", "dex.chains.simulated.market"),
    "dex imports no framework": ("dex.engine", "django"),
    "numba is optional": ("dex.router.quote", "numba"),
    "the deployment imports no development tool": ("orderengine.settings", "orderengine.devstack"),
}


def main() -> int:
    """Plant all imports at once and read what is found."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    names = [contract["name"] for contract in contracts]
    with tempfile.TemporaryDirectory(prefix="planted-imports-") as directory:
        found = _lint(_copy(Path(directory)))
    sections = dict(zip(names, _sections(found, names), strict=True))
    wrong = [f"no import is planted for: {name}" for name in names if not any(map(name.startswith, PLANTED))]
    for beginning, (importer, imported) in PLANTED.items():
        name = next((name for name in names if name.startswith(beginning)), None)
        if name is None:
            wrong.append(f"there is no contract: {beginning}")
        elif f"{importer} -> {imported}" not in sections[name]:
            wrong.append(f"not noticed: {importer} -> {imported} ({name})")
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    if not wrong:
        print(f"Each of {len(names)} import contracts noticed the import that was planted for it.")
    return 1 if wrong else 0


def _copy(directory: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    shutil.copy(ROOT / "pyproject.toml", directory)
    for importer, imported in PLANTED.values():
        inside = SOURCES if importer.startswith("orderengine_client") else "."
        path = directory / inside / f"{importer.replace('.', '/')}.py"
        with path.open("a") as file:
            file.write(f"\nimport {imported}\n")
    return directory


def _lint(directory: Path) -> str:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    environment = os.environ | {"PYTHONPATH": SOURCES}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _sections(found: str, names: list[str]) -> list[str]:
    """What is said of each broken contract: its name as a heading, underlined, and the lines below it."""
    headings = "|".join(re.escape(name) for name in names)
    parts = re.split(rf"^({headings})\n-+\n", found, flags=re.MULTILINE)
    said = dict(zip(parts[1::2], parts[2::2], strict=True))
    return [said.get(name, "") for name in names]


if __name__ == "__main__":
    sys.exit(main())
