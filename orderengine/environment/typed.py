"""Typed readers for settings. What cannot be right is collected, and ends the start in one sentence for each variable.

An empty variable counts as not set; a line says so.
"""

import builtins
import re
import sys
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from orderengine.environment.addresses import WrongValue, read_database_url, shortened
from orderengine.environment.env_file import EnvFileError
from orderengine.environment.reading import Reading, read_environment
from orders.database.pooling import Pooler, prepare_threshold

T = TypeVar("T")
ON, OFF = {"1", "true", "yes", "on", "t", "y"}, {"0", "false", "no", "off", "f", "n"}
# A column of PostgreSQL, a time limit in milliseconds: nothing that is counted here needs more.
MOST = 2**31 - 1
NOWHERE = "postgresql://nowhere.invalid/none"


class Env:
    """The environment as typed values; a wrong one gives its default until `seal` ends the process."""

    def __init__(self, reading: Reading | None = None) -> None:
        try:
            self._reading = reading or read_environment()
        except EnvFileError as error:
            refuse([str(error)])
        self._problems: list[builtins.str] = []
        self.names: set[builtins.str] = set()

    def str(self, name: builtins.str, default: builtins.str, one_of: Collection[builtins.str] = ()) -> builtins.str:
        """Text, or one of these words, in capitals or not."""
        value = self._get(name)
        if value is None or not one_of:
            return default if value is None else value
        meant = next((word for word in one_of if word.lower() == value.lower()), None)
        return meant or self._wrong(name, f" must be one of {', '.join(one_of)}, not {shortened(value)}.", default)

    def secret(self, name: builtins.str, default: builtins.str | None = None) -> builtins.str:
        """Text as it stands, blanks included; required where it has no default. No message shows it."""
        self.names.add(name)
        value = self._reading.values.get(name)
        if value is None and default is None:
            return self._wrong(name, " must be set.", "")
        return value if value is not None else default or ""

    def bool(self, name: builtins.str, default: T) -> builtins.bool | T:
        """On or off."""
        value = self._get(name)
        if value is None:
            return default
        is_on = switch(value)
        return (
            self._wrong(name, f"={shortened(value)} is neither 1 (on) nor 0 (off).", default)
            if is_on is None
            else is_on
        )

    def int(
        self, name: builtins.str, default: T, least: builtins.int = 0, most: builtins.int = MOST
    ) -> builtins.int | T:
        """A whole number."""
        value = self._get(name)
        if value is None:
            return default
        if re.fullmatch(r"-?[0-9]{1,78}", value) and least <= builtins.int(value) <= most:
            return builtins.int(value)
        return self._wrong(name, f"={shortened(value)} is no number {_range(least, most)}.", default)

    def float(
        self, name: builtins.str, default: builtins.float, least: builtins.float = 0, most: builtins.float = MOST
    ) -> builtins.float:
        """A number that may have a fraction."""
        value = self._get(name)
        if value is None:
            return default
        if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", value) and least <= builtins.float(value) <= most:
            return builtins.float(value)
        return self._wrong(name, f"={shortened(value)} is no number {_range(least, most)}.", default)

    def bps(self, name: builtins.str, default: builtins.str) -> builtins.str:
        """Basis points as orders state them: 0 to 10000, with two decimals at most."""
        value = self._get(name)
        if value is None:
            return default
        if re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,2})?", value) and Decimal(value) <= 10_000:
            return value
        return self._wrong(
            name, f"={shortened(value)} is no number from 0 to 10000 with two decimals at most.", default
        )

    def list(
        self,
        name: builtins.str,
        default: "list[T]",
        read: Callable[[builtins.str], T] = builtins.str,  # type: ignore[assignment]
    ) -> "list[T]":
        """Values between commas, blanks about them left out."""
        value = self._get(name)
        if value is None:
            return default
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if not parts:
            return self._wrong(name, f"={shortened(value)} lists nothing.", default)
        return self.read(name, lambda _value: [read(part) for part in parts], default)

    def amounts(self, name: builtins.str) -> dict[builtins.str, builtins.int] | None:
        """`SOL=1000,USDC=5000`: atoms of each token; None where it is not set."""
        if self._get(name) is None:
            return None
        stated: builtins.list[builtins.str] = self.list(name, [])
        pairs = [pair.partition("=") for pair in stated]
        amounts = {token.strip(): amount.strip() for token, _, amount in pairs}
        is_sound = all(token and re.fullmatch(r"[0-9]{1,78}", amount) for token, amount in amounts.items())
        if not is_sound or len(amounts) < len(pairs):
            return self._wrong(name, " is no list like SOL=1000,USDC=5000 of whole numbers, each token once.", {})
        return {token: builtins.int(amount) for token, amount in amounts.items()}

    def read(self, name: builtins.str, read: Callable[[builtins.str], T], default: T) -> T:
        """What `read` makes of the value; it raises WrongValue with the end of the sentence."""
        value = self._get(name)
        if value is None:
            return default
        try:
            return read(value)
        except WrongValue as error:
            return self._wrong(name, builtins.str(error), default)

    def refuse(self, name: builtins.str, why: builtins.str) -> None:
        """Refuse a value that only others make wrong."""
        self._problems.append(f"{name}{why}")

    def seal(self) -> None:
        """Say what was empty. Raises: SystemExit where something was wrong, with a sentence for each."""
        for name in sorted(self.names & self._reading.empty):
            (sys.__stderr__ or sys.stderr).write(f"{name} is empty, which counts as not set.\n")
        if self._problems:
            refuse(self._problems)

    def _get(self, name: builtins.str) -> builtins.str | None:
        self.names.add(name)
        value = self._reading.values.get(name)
        return None if value is None else value.strip()

    def _wrong(self, name: builtins.str, why: builtins.str, default: T) -> T:
        self._problems.append(f"{name}{why}")
        return default


def switch(text: str) -> bool | None:
    """Whether the word means on or off; None for any other."""
    word = text.strip().lower()
    return True if word in ON else False if word in OFF else None


def read_pooler(env: Env) -> str:
    """What stands before PostgreSQL, see `orders.database.pooling`."""
    return env.str("DB_POOLER", Pooler.SESSION, one_of=[*Pooler])


def postgres_config(env: Env, name: str, session: dict[str, str], pooler: str = Pooler.SESSION) -> dict[str, Any]:
    """Django database settings from the URL in `name`, with `session` settings that each new session is given.

    The schema of the URL becomes their search path.
    """
    try:
        address = read_database_url(env.secret(name) or NOWHERE)
    except WrongValue as error:
        env.refuse(name, str(error))
        address = read_database_url(NOWHERE)
    options: dict[str, Any] = dict(address.parameters)
    if address.schema:
        session = {**session, "search_path": '"' + address.schema.replace('"', '""') + '"'}
    return {
        "ENGINE": "orderengine.postgres",
        **{key.upper(): options.pop(key, "") for key in ("user", "password", "host", "port")},
        "NAME": options.pop("dbname", ""),
        # A cursor that stays open from one transaction to the next needs its session.
        "DISABLE_SERVER_SIDE_CURSORS": pooler != Pooler.SESSION,
        "OPTIONS": {
            **options,
            "session": session,
            "pooler": pooler,
            "prepare_threshold": prepare_threshold(pooler),
            # Values travel beside the statement, not quoted into it: a batch is one parameter of hundreds of rows, and
            # only such statements are prepared.
            "server_side_binding": True,
        },
    }


def session_limits(lock_ms: int = 2_000, statement_ms: int = 5_000) -> dict[str, str]:
    """What every session of the engine is limited by, as PostgreSQL names it."""
    return {
        "lock_timeout": str(lock_ms),
        "statement_timeout": str(statement_ms),
        # A long writing transaction holds back everybody's event stream.
        "idle_in_transaction_session_timeout": "5000",
    }


def refuse(sentences: Iterable[str]) -> NoReturn:
    """End the process with these sentences. Raises: SystemExit."""
    # Celery puts a logger in the place of sys.stderr, which says nothing any more at exit.
    (sys.__stderr__ or sys.stderr).write("\n".join(["This engine does not start:", *(f"  {s}" for s in sentences), ""]))
    sys.exit(1)


def _range(least: float, most: float) -> str:
    return f"from {least} on" if most >= MOST else f"from {least} to {most}"
