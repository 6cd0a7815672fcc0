"""`make run`: the servers that are not configured, migrations, then web, worker and beat kept up until Ctrl-C."""

import http.client
import os
import signal
import sys
import time
from pathlib import Path

from orderengine.devstack import Refusal
from orderengine.devstack.apps import app_commands, listen
from orderengine.devstack.children import Children, Command, Interrupted
from orderengine.devstack.configured import refuse_unreachable_database, refuse_unreachable_redis
from orderengine.devstack.console import Console
from orderengine.devstack.environment import SIMULATED, is_free, is_loopback, load, number, state_directory
from orderengine.devstack.keeper import Keeper
from orderengine.devstack.servers import start_embedded
from orderengine.devstack.state import State, secret

HEALTH_TIMEOUT_S = 60.0
HEALTH_POLL_S = 0.1
MOST_WEBS = 64
TEND_EVERY_S = 0.2
# What a second terminal needs to talk to this engine.
SHARED = (
    *("DATABASE_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "HOST", "PORT"),
    *("DEBUG", "REQUIRE_API_KEY", "SECRET_KEY", "STATE_DIR", "ADMIN_PASSWORD_FILE"),
    *("SIGNER", "SIGNER_KEYSTORE", "SIGNER_PASSPHRASE_FILE", "SIGNER_WALLETS"),
    *("CHAIN", "CHAINS_FILE", "ALLOW_REAL_MONEY"),
)


def run(root: Path, *, only_servers: bool = False) -> int:
    """Start everything, keep it up, end it at Ctrl-C; return the exit code. Raises: Refusal with the way out."""
    environment = load(root)
    port = number(environment, "PORT", "3000")
    host = environment.setdefault("HOST", "127.0.0.1")
    state = State(state_directory(root, environment))
    state.lock()
    if not only_servers and not is_free(port, host):
        raise Refusal(
            f"Port {port} on {host} is in use.", f"stop what uses it, or take another: PORT={port + 1} make run"
        )
    console = Console()
    with Children(state, console) as children:
        console.on_closed = children.interrupt
        _catch_signals(children)
        try:
            environment |= _servers(environment, state, children, console)
            environment |= _own_values(environment, state, port)
            state.write("environment", {name: environment[name] for name in SHARED if name in environment})
            keeper = Keeper(children)
            if not only_servers:
                _start_apps(root, environment, children, keeper)
            console.banner(banner(environment, only_servers=only_servers))
            while True:
                keeper.tend()
                children.pause(TEND_EVERY_S)
        except Interrupted:
            console.say("stopping ...")
    console.say("stopped; the data stay")
    return 0


def _catch_signals(children: Children) -> None:
    for received in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(received, lambda _number, _frame: children.interrupt())


def _servers(environment: dict[str, str], state: State, children: Children, console: Console) -> dict[str, str]:
    """Check what the user named, start the rest."""
    embedded = set()
    if "DATABASE_URL" in environment:
        refuse_unreachable_database(environment["DATABASE_URL"])
    else:
        embedded.add("postgres")
    if "REDIS_HOST" in environment:
        refuse_unreachable_redis(environment)
    else:
        embedded.add("valkey")
    started = start_embedded(embedded, state, children)
    for name in sorted(embedded):
        console.say(f"{name} listens on port {state.read('ports')[name]}")
    return started


def _own_values(environment: dict[str, str], state: State, port: int) -> dict[str, str]:
    # Debug pages show settings, so they are on by default only where nobody else can see them.
    debug = environment.get("DEBUG") or str(int(is_loopback(environment["HOST"])))
    signer = {}
    if not _is_on(debug) and "SIGNER" not in environment:
        # Outside DEBUG nobody signs with public keys; `prepare` makes these files.
        signer = {
            "SIGNER": "keystore",
            "SIGNER_KEYSTORE": str(state.directory / "keystore.json"),
            "SIGNER_PASSPHRASE_FILE": str(state.directory / "keystore-passphrase"),
        }
    return signer | {
        "PORT": str(port),
        "DEBUG": debug,
        "SECRET_KEY": environment.get("SECRET_KEY") or secret(state.directory / "secret-key"),
        "SIGNER_WALLETS": environment.get("SIGNER_WALLETS") or str(state.directory / "wallets"),
        "STATE_DIR": str(state.directory),
        "ADMIN_PASSWORD_FILE": environment.get("ADMIN_PASSWORD_FILE") or str(state.directory / "admin-password"),
        "PYTHONUNBUFFERED": "1",
    }


def _is_on(text: str) -> bool:
    return text.lower() in {"1", "true", "yes", "on"}


def _start_apps(root: Path, environment: dict[str, str], children: Children, keeper: Keeper) -> None:
    python = sys.executable
    manage = [python, str(root / "manage.py")]
    children.complete(Command("migrate", [*manage, "migrate", "--noinput", "-v", "1"], environment, root))
    if any(root.glob("*/management/commands/prepare.py")):
        children.complete(Command("prepare", [*manage, "prepare"], environment, root))

    webs = number(environment, "WEB_PROCESSES", "1", MOST_WEBS)
    for command in app_commands(root, environment, listen(environment), webs=webs):
        keeper.start(command)
    _await_health(environment, children, keeper)


def _await_health(environment: dict[str, str], children: Children, keeper: Keeper) -> None:
    port = int(environment["PORT"])
    # Django answers only to the names that it is given.
    name = environment.get("ALLOWED_HOSTS", "*").split(",")[0].lstrip(".").replace("*", "localhost")
    deadline = time.monotonic() + HEALTH_TIMEOUT_S
    while not _is_healthy(_reachable(environment["HOST"]), port, name):
        if time.monotonic() > deadline:
            raise Refusal(
                f"GET /health on port {port} does not answer 200 after {HEALTH_TIMEOUT_S:.0f} s.",
                "read the lines of `web` above.",
            )
        keeper.tend()
        children.pause(HEALTH_POLL_S)


def _is_healthy(host: str, port: int, name: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/health", headers={"Host": name})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    return "localhost" if host in {"0.0.0.0", "::", "127.0.0.1"} else host  # noqa: S104 - compared, not bound


def _next_step(chain: str, *, is_open: bool) -> str:
    named = "" if chain == SIMULATED else f"CHAIN={chain} "
    if not is_open:
        return f"{named}.venv/bin/python manage.py keys create ACCOUNT"
    # Elsewhere orders may move real money: nothing is seeded by the way.
    is_play = chain in {SIMULATED, "local"}
    return f"make seed {named}".rstrip() if is_play else f"{named}.venv/bin/python manage.py orders --help"


def banner(environment: dict[str, str], *, only_servers: bool) -> str:
    """What somebody is told once everything is up."""
    if only_servers:
        return "\n  The servers are up. Ctrl-C stops them.\n"
    url = f"http://{_reachable(environment['HOST'])}:{environment['PORT']}"
    asks_for_keys = _is_on(environment.get("REQUIRE_API_KEY", ""))
    is_open = _is_on(environment["DEBUG"]) and is_loopback(environment["HOST"]) and not asks_for_keys
    password = os.path.relpath(environment["ADMIN_PASSWORD_FILE"])
    access = (
        "authentication is OPEN on this loopback address, because DEBUG is on"
        if is_open
        else "every call needs an API key"
    )
    chain = environment.get("CHAIN", SIMULATED)
    step = _next_step(chain, is_open=is_open)
    return f"""
  Order Execution Engine is up · {chain} chain

    start page   {url}/
    API docs     {url}/api/v1/docs
    admin        {url}/admin/   user `admin`, password in {password}
    access       {access}
    next         {step}   (in another terminal; Ctrl-C here stops everything)
"""
