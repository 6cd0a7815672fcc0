"""Who runs a management command, for the audit log."""

import getpass
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError

from orders.audit.record import Actor


def operator(reason: str = "") -> Actor:
    """The user of this machine's account."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = "unknown"
    return Actor(f"command ({name})", reason=reason, is_admin=True)


def operator_because(options: Mapping[str, Any]) -> Actor:
    """The same, with the option `--reason`. Raises: CommandError when it says nothing."""
    if not options["reason"].strip():
        raise CommandError("--reason must say why")
    return operator(options["reason"])
