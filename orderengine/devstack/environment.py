"""What the supervisor makes of the environment: its own defaults, all values as the settings read them, free ports."""

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orderengine.environment.addresses import is_loopback
from orderengine.environment.reading import COMPLETE, SIMULATED, state_directory
from orderengine.environment.typed import NOWHERE, switch
from orderengine.refusal import Refusal

# The settings say what they make of the environment. In a process of its own: the supervisor loads no database driver,
# and is asked before there is anything to connect to.
ASK = """
import json
from orderengine import settings
names = ("HOST", "PORT", "CHAIN", "ENGINE_URL", "WEB_PROCESSES", "WORKER_CONCURRENCY", "API_IS_OPEN", "REDIS_PORT")
public = settings.PUBLIC_URL.origin if settings.PUBLIC_URL else ""
print(json.dumps({"names": sorted(settings.env.names), "public": public, **{n: getattr(settings, n) for n in names}}))
"""
SETTINGS_WAY_OUT = "correct it in the environment or in .env; docs/settings.md says what each variable takes."


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from an environment, as the settings of every process will say it."""

    host: str
    port: int
    chain: str
    # For programs of this machine, and where the engine is reached from outside, if that is somewhere else.
    url: str
    public_url: str
    api_is_open: bool
    webs: int
    workers: int
    redis_port: int
    # Every variable that the settings read.
    names: frozenset[str]
    # Lines about variables that are empty.
    notes: tuple[str, ...]

    def normalised(self) -> dict[str, str]:
        """Variables that are read by others than the settings too, each in one form."""
        return {
            "HOST": self.host,
            "PORT": str(self.port),
            "CHAIN": self.chain,
            "WORKER_CONCURRENCY": str(self.workers),
            "REDIS_PORT": str(self.redis_port),
        }


def own_defaults(root: Path, values: dict[str, str]) -> dict[str, str]:
    """What `make run` fills in where nothing is said, but for secrets and servers."""
    state = state_directory(root, values.get("STATE_DIR", ""), values.get("CHAIN", SIMULATED).strip())
    # Debug pages show settings, so they are on by default only where no other machine can see them.
    is_private = is_loopback(values.get("HOST", "127.0.0.1").strip())
    is_private = is_private and not (values.get("PUBLIC_URL") or values.get("TRUSTED_PROXIES"))
    debug = values.get("DEBUG") or str(int(is_private))
    signer = {}
    if not switch(debug) and "SIGNER" not in values:
        # Outside DEBUG no signer has public keys; `prepare` makes these files.
        signer = {
            "SIGNER": "keystore",
            "SIGNER_KEYSTORE": str(state / "keystore.json"),
            "SIGNER_PASSPHRASE_FILE": str(state / "keystore-passphrase"),
        }
    return signer | {
        "DEBUG": debug,
        "STATE_DIR": str(state),
        "SIGNER_WALLETS": values.get("SIGNER_WALLETS") or str(state / "wallets"),
        "RECEIPT_KEY_FILE": values.get("RECEIPT_KEY_FILE") or str(state / "receipt-key.pem"),
        "ADMIN_PASSWORD_FILE": values.get("ADMIN_PASSWORD_FILE") or str(state / "admin-password"),
        "PYTHONUNBUFFERED": "1",
        # What children print is read as UTF-8, not in this terminal's encoding.
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        COMPLETE: "1",
    }


def derive(root: Path, environment: dict[str, str], empty: frozenset[str] = frozenset()) -> Derived:
    """What the settings make of it. Raises: Refusal with a sentence for each value that makes no sense."""
    # What is made later: this is asked before anything starts.
    later = {"DATABASE_URL": NOWHERE, "SECRET_KEY": "made at the first start"}
    given = dict.fromkeys(empty, "") | later | environment | {COMPLETE: "1"}
    asked = subprocess.run([sys.executable, "-c", ASK], env=given, cwd=root, capture_output=True, text=True)
    said = [line.strip() for line in asked.stderr.splitlines() if line.strip()]
    if asked.returncode:
        raise Refusal("\n  ".join(line for line in said if not line.startswith("This engine")), SETTINGS_WAY_OUT)
    facts: dict[str, Any] = json.loads(asked.stdout)
    return Derived(
        host=facts["HOST"],
        port=facts["PORT"],
        chain=facts["CHAIN"],
        url=facts["ENGINE_URL"],
        public_url=facts["public"],
        api_is_open=facts["API_IS_OPEN"],
        webs=facts["WEB_PROCESSES"],
        workers=facts["WORKER_CONCURRENCY"],
        redis_port=facts["REDIS_PORT"],
        names=frozenset(facts["names"]),
        notes=tuple(said),
    )


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise Refusal(
            f"HOST={host} is no address of this machine.", "unset HOST, or use 127.0.0.1 or 0.0.0.0."
        ) from error
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a connection that was closed a moment ago is no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that no process listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
