"""Who runs a management command, for the audit log."""

import getpass

from orders.services.audit import Actor


def operator(reason: str = "") -> Actor:
    """The user of this machine's account."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = "unknown"
    return Actor(f"command ({name})", reason=reason, is_admin=True)
