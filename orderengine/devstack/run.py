"""`make run`: the servers that are not configured, migrations, then web, worker and beat kept up until Ctrl-C.

`make dev` is the same with hot reload.
"""

import http.client
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from orderengine.devstack.apps import app_commands, listen
from orderengine.devstack.children import Children, Command, Interrupted
from orderengine.devstack.configured import refuse_unreachable_database, refuse_unreachable_redis
from orderengine.devstack.console import Console
from orderengine.devstack.environment import Derived, derive, is_free, own_defaults
from orderengine.devstack.keeper import Keeper
from orderengine.devstack.servers import start_embedded
from orderengine.devstack.state import State, secret
from orderengine.environment.addresses import reachable
from orderengine.environment.reading import SIMULATED, Reading, load
from orderengine.refusal import Refusal

HEALTH_TIMEOUT_S = 60.0
HEALTH_POLL_S = 0.1
TEND_EVERY_S = 0.2


def run(root: Path, *, only_servers: bool = False, reload: bool = False) -> int:
    """Start everything, keep it up, end it at Ctrl-C; return the exit code. Raises: Refusal with the way out."""
    reading, environment, derived = configuration(root)
    state = State(Path(environment["STATE_DIR"]))
    state.lock()
    if not only_servers and not is_free(derived.port, derived.host):
        raise Refusal(
            f"Port {derived.port} on {derived.host} is in use.",
            f"stop what uses it, or take another: PORT={derived.port + 1} make run",
        )
    console = Console()
    for note in derived.notes:
        console.say(note)
    tend = _reloading(root) if reload else tend_forever
    with Children(state, console) as children:
        _catch_signals(children)
        try:
            environment |= _servers(environment, state, children, console)
            environment["SECRET_KEY"] = environment.get("SECRET_KEY") or secret(state.directory / "secret-key")
            # What a second terminal needs to talk to this engine.
            shared = derived.names | reading.in_file
            state.write("environment", {name: environment[name] for name in sorted(shared & environment.keys())})
            keeper = Keeper(children)
            if not only_servers:
                _start_apps(root, environment, derived, children, keeper)
            keeper.has_started()
            console.banner(banner(derived, environment["ADMIN_PASSWORD_FILE"], only_servers=only_servers))
            tend(keeper, children)
        except Interrupted:
            console.say("stopping ...")
            reload = False
    if reload:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very program
    console.say("stopped; the data stay")
    console.close()
    return 0


def configuration(root: Path) -> tuple[Reading, dict[str, str], Derived]:
    """The environment and `.env`, completed, and what the settings make of them. Raises: Refusal."""
    reading = load(root)
    environment = reading.values | own_defaults(root, reading.values)
    derived = derive(root, environment, reading.empty)
    return reading, environment | derived.normalised(), derived


def tend_forever(keeper: Keeper, children: Children) -> None:
    """Keep everything up. Raises: Interrupted."""
    while True:
        keeper.tend()
        children.pause(TEND_EVERY_S)


def _reloading(root: Path) -> Callable[[Keeper, Children], None]:
    """Keeps everything up too, and returns once the supervisor itself must start again."""
    try:
        from orderengine.devstack.reload import Reloader
    except ModuleNotFoundError as error:
        raise Refusal(f"Hot reload needs the package {error.name}.", "run `make dev`, which installs it.") from error

    def refusal() -> str | None:
        try:
            configuration(root)
        except Refusal as reason:
            return str(reason)
        return None

    return Reloader(root, refusal).tend


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


def _start_apps(root: Path, environment: dict[str, str], derived: Derived, children: Children, keeper: Keeper) -> None:
    python = sys.executable
    manage = [python, str(root / "manage.py")]
    children.complete(Command("migrate", [*manage, "migrate", "--noinput", "-v", "1"], environment, root))
    if any(root.glob("*/management/commands/prepare.py")):
        children.complete(Command("prepare", [*manage, "prepare"], environment, root))

    for command in app_commands(root, environment, listen(environment), webs=derived.webs):
        keeper.start(command)
    _await_health(derived, children, keeper)


def _await_health(derived: Derived, children: Children, keeper: Keeper) -> None:
    deadline = time.monotonic() + HEALTH_TIMEOUT_S
    while not _is_healthy(reachable(derived.host), derived.port):
        if time.monotonic() > deadline:
            raise Refusal(
                f"GET /health on port {derived.port} does not answer 200 after {HEALTH_TIMEOUT_S:.0f} s.",
                "read the lines of `web` above.",
            )
        keeper.tend()
        children.pause(HEALTH_POLL_S)


def _is_healthy(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _next_step(chain: str, *, is_open: bool) -> str:
    named = "" if chain == SIMULATED else f"CHAIN={chain} "
    if not is_open:
        return f"{named}.venv/bin/python manage.py keys create ACCOUNT"
    # Elsewhere orders may move real money: nothing is seeded by the way.
    is_play = chain in {SIMULATED, "local"}
    return f"make seed {named}".rstrip() if is_play else f"{named}.venv/bin/python manage.py orders --help"


def banner(derived: Derived, password_file: str, *, only_servers: bool) -> str:
    """The text that is printed once everything is up."""
    if only_servers:
        return "\n  The servers are up. Ctrl-C stops them.\n"
    url = derived.public_url or derived.url
    access = (
        "authentication is OPEN on this loopback address, because DEBUG is on"
        if derived.api_is_open
        else "every call needs an API key"
    )
    page = "desk" if derived.api_is_open else "start page"
    step = _next_step(derived.chain, is_open=derived.api_is_open)
    return f"""
  Order Execution Engine is up · {derived.chain} chain

    {page:<13}{url}/
    API docs     {url}/api/v1/docs
    admin        {url}/admin/   user `admin`, password in {os.path.relpath(password_file)}
    access       {access}
    next         {step}   (in another terminal; Ctrl-C here stops everything)
"""
