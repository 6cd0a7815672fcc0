"""Accounts with a key each, for loads that one account may not send: `python -m benchmarks.suite.crowd.callers 250`."""

import json
import os
import subprocess
import sys

from benchmarks.suite.servers import Servers
from benchmarks.suite.supervised import OWN, ROOT
from orderengine.environment.attach import attach


def make_keys(servers: Servers, count: int) -> list[str]:
    """Keys of `count` new accounts in the engine's database. Raises: SystemExit."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(count)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in OWN}
        | {"STATE_DIR": str(servers.engine_state)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"error: no accounts for the load: {done.stderr}")
    keys: list[str] = json.loads(done.stdout)
    return keys


def main() -> None:
    """Make them and print the keys, attached to the engine that runs on the state directory."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "orderengine.settings"
    attach(ROOT)
    import django

    django.setup()
    from orders.models import Account, ApiKey

    keys = []
    for number in range(int(sys.argv[1])):
        account = Account.objects.create(name=f"bench-{number}")
        keys.append(ApiKey.objects.create_key(name="bench", account=account)[1])
    json.dump(keys, sys.stdout)


if __name__ == "__main__":
    main()
