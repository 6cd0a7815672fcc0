"""Query parameters, alike for HTTP and sockets: each is known, stated once and not empty, or the request is refused."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from orders.problems import FieldError, Problem, ProblemError
from orders.scalars import ScalarError, read_whole_text, shown

Read = TypeVar("Read")
MAX_SEQ = 999_999_999


class Query:
    """The parameters of one request; each is read by a function of text that may raise ScalarError."""

    def __init__(
        self, stated: Iterable[tuple[str, Sequence[str]]], known: Collection[str], repeatable: Collection[str] = ()
    ) -> None:
        """Raises: ProblemError: a misspelt parameter must not be a missing one."""
        self._values = dict(stated)
        for name, values in self._values.items():
            if name not in known:
                raise ProblemError(Problem("unknown_field", f"there is no parameter {shown(name)}"))
            if not all(values) or (len(values) > 1 and name not in repeatable):
                raise _refusal(name, ScalarError("must be stated once, and not be empty"))

    def read(self, name: str, read: Callable[[str], Read]) -> Read | None:
        """The value of a parameter, None where it is not stated. Raises: ProblemError."""
        return next(iter(self.read_all(name, read)), None)

    def read_all(self, name: str, read: Callable[[str], Read]) -> list[Read]:
        """The values of a parameter that may be repeated. Raises: ProblemError."""
        try:
            return [read(text) for text in self._values.get(name, ())]
        except ScalarError as error:
            raise _refusal(name, error) from None


def read_seq(text: str) -> int:
    """The seq of an event, 0 for none yet. Raises: ScalarError."""
    return read_whole_text(text, 0, MAX_SEQ)


def seq_ahead(after: int, last: int) -> Problem:
    """Why a reader cannot go on after a seq that the order has not reached."""
    return Problem(
        "cursor_unknown",
        f"the order has {last} events and none with seq {after}",
        hint="Read the order, then go on from facts.seq",
        facts={"seq": last},
    )


def _refusal(name: str, error: ScalarError) -> ProblemError:
    return ProblemError(
        Problem(error.code, f"{name}: {error.detail}", errors=[FieldError(f"/{name}", error.code, error.detail)])
    )
