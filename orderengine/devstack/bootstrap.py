"""`make setup`: makes .venv and installs hashed requirements into it, quickly and only when they changed.

Runs before anything is installed, as a plain file: `python3 -I bootstrap.py REQUIREMENTS...`.
"""

import fcntl
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
STAMP = VENV / "installed.json"
OWN_PACKAGES = ("orderengine", "orders", "dex")
# uv's own pin and hashes stand here.
UV_REQUIREMENTS = ROOT / ".ci" / "requirements-dev.txt"
# What the machine's pip was told, in uv's words.
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}


def main() -> None:
    """Install the requirement files named in the arguments, unless they are installed."""
    files = [ROOT / name for name in sys.argv[1:]]
    with (ROOT / "requirements.txt").open() as lock:
        # `make run` and `make test` of a fresh clone may set up at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = stamps() if is_sound() else None
        if installed is None:
            make_venv()
            installed = {}
        wanted = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
        changed = [file for file in files if installed.get(file.name) != wanted[file.name]]
        if changed:
            install(changed)
            STAMP.write_text(json.dumps(installed | wanted), encoding="utf-8")
        compile_own()


def is_sound() -> bool:
    """Whether .venv works here: a moved checkout or a removed Python leaves one that does not."""
    try:
        asked = [str(PYTHON), "-I", "-c", "import sys, pip; print(sys.prefix)"]
        said = subprocess.run(asked, capture_output=True, text=True)
    except OSError:
        return False
    return said.returncode == 0 and Path(said.stdout.strip()).resolve() == VENV.resolve()


def stamps() -> dict[str, str]:
    """The hash of each requirement file as it was when it was installed."""
    try:
        table: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return table


def make_venv() -> None:
    """Make an empty .venv with pip in it."""
    say(f"Setting up .venv with Python {sys.version.split()[0]} (once) ...")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
    if made.returncode:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        refuse(
            f"{sys.executable} cannot make a virtual environment: {first_line(made.stdout + made.stderr)}",
            f"apt install python{version}-venv, or name another Python: make PYTHON=/path/to/python3 setup",
        )


def install(files: list[Path]) -> None:
    """Install with uv, which takes seconds; with pip where uv is not available."""
    requirements = [word for file in files for word in ("-r", str(file))]
    environment = uv_environment()
    names = " and ".join(str(file.relative_to(ROOT)) for file in files)
    say(f"Installing {names} ...")
    if fetch_uv():
        uv = [str(UV), "pip", "install", "--quiet", "--python", str(PYTHON), "--require-hashes", "--compile-bytecode"]
        uv += requirements
        if subprocess.run(uv, env=environment).returncode == 0:
            return
        say("uv could not install them; trying pip, which takes a few minutes ...")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", *requirements]
    if subprocess.run(pip).returncode:
        refuse(
            "The requirements could not be installed (the lines above say why).",
            "see that this machine reaches its package index (pip config list), then run it again.",
        )


def compile_own() -> None:
    """Keep bytecode of what changed, as the installers do for what they install.

    Python does not where PYTHONDONTWRITEBYTECODE is set, as in most containers: each process that starts would compile
    everything again, for two seconds instead of one, and the engine's processes start again when they are killed.
    By the Python that will run it, which may be another. A checkout that cannot be written stays as it is.
    """
    subprocess.run([str(PYTHON), "-m", "compileall", "-qq", *(str(ROOT / name) for name in OWN_PACKAGES)])


def fetch_uv() -> bool:
    """Have the pinned uv in .venv; False where it cannot be installed."""
    if UV.exists():
        return True
    pin = re.search(r"^uv==.*?(?=^\S|\Z)", UV_REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if not pin:
        return False
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(f"--only-binary uv\n{pin[0]}")
        file.flush()
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", file.name]
        return subprocess.run(pip, stderr=subprocess.DEVNULL).returncode == 0


def uv_environment() -> dict[str, str]:
    """The environment for uv: what pip is configured with on this machine holds for uv too."""
    environment = dict(os.environ)
    asked = [str(PYTHON), "-m", "pip", "config", "list"]
    said = subprocess.run(asked, capture_output=True, text=True).stdout
    for scope, key, quoted in re.findall(r"^(\S+?)\.([\w-]+)=(.*)$", said, re.MULTILINE):
        value = " ".join(shlex.split(quoted)).replace("\\n", " ")
        if scope in {"global", "install", ":env:"} and key in PIP_TO_UV:
            separator = "," if key == "find-links" else " "
            environment.setdefault(PIP_TO_UV[key], separator.join(value.split()))
    # As pip does: the best version of any index. What is installed is fixed by the hashes anyway.
    environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    if not is_writable(cache_directory(environment)):
        environment["UV_NO_CACHE"] = "1"
    return environment


def cache_directory(environment: dict[str, str]) -> Path:
    """Where uv would keep what it downloads."""
    if "UV_CACHE_DIR" in environment:
        return Path(environment["UV_CACHE_DIR"])
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"


def is_writable(directory: Path) -> bool:
    """Whether files can be made in `directory`, or the directory itself can."""
    # os.path, because Path.exists() raises where a parent may not be entered.
    existing = next(path for path in (directory, *directory.parents) if os.path.exists(path))
    return os.access(existing, os.W_OK | os.X_OK)


def first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "it said nothing"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def refuse(reason: str, way_out: str) -> None:
    sys.exit(f"error: {reason}\n  Way out: {way_out}")


if __name__ == "__main__":
    main()
