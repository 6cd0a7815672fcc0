"""`manage.py deliver` as a process of the test's own, on the test's database."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connections

ROOT = Path(__file__).resolve().parents[3]


class Process:
    """A running deliverer; what it says goes to a file."""

    def __init__(self, log: Path) -> None:
        wanted = connections["default"].settings_dict
        user, password = quote(str(wanted["USER"])), quote(str(wanted["PASSWORD"]))
        own = {
            "DATABASE_URL": f"postgresql://{user}:{password}@{wanted['HOST']}:{wanted['PORT']}/{wanted['NAME']}",
            "DEBUG": "1",
            "DEBUG_PAGES": "0",
            "SECRET_KEY": settings.SECRET_KEY,
            "WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8",
        }
        self.log = log
        with log.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "deliver"], cwd=ROOT, env=os.environ | own, stdout=said, stderr=said
            )

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """As a supervisor asks; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)
