"""Secrets come from files that only their owner can read, or from the keyboard unseen: never from arguments."""

import getpass
import sys
from pathlib import Path

from django.core.management.base import CommandError


def passphrase_from(file_name: str | None, what: str, option: str, *, is_new: bool = False) -> str:
    """The first line of a file, or what is typed; a new one is typed twice. Raises: CommandError."""
    if file_name:
        return secret_in(Path(file_name))
    typed = typed_secret(f"{what}: ", option)
    if is_new and typed != typed_secret(f"{what} again: ", option):
        raise CommandError("that was not the same twice: nothing was written")
    return typed


def secret_in(path: Path) -> str:
    """What a file holds, without the end of its line. Raises: CommandError, also when others can read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise CommandError(f"{path} can be read by others: chmod 600")
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read: {type(error).__name__}") from None


def typed_secret(prompt: str, option: str) -> str:
    """What is typed, unseen. Raises: CommandError without a terminal."""
    if not sys.stdin.isatty():
        raise CommandError(f"there is no keyboard to ask at: use {option} FILE")
    return getpass.getpass(prompt)
