"""Why Redis refuses, in words that are safe to show to callers."""

import re

from redis import exceptions

# The parser has taken the code away from these.
_CODES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.NoScriptError, "NOSCRIPT"),
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.TryAgainError, "TRYAGAIN"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.AuthenticationError, "the password is refused"),
)
# At the beginning, or where a pipeline says which of its commands was refused.
_CODE = re.compile(r"(?:^|caused error: )([A-Z]{3,20})\b")


def redis_reason(error: BaseException | None) -> str:
    """The server's error code, else the class of the error; texts may hold addresses."""
    while error is not None:
        if (code := _code(error)) is not None:
            return code
        if error.__cause__ is None:
            return type(error).__name__
        error = error.__cause__
    return "unknown"


def _code(error: BaseException) -> str | None:
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    if isinstance(error, exceptions.ResponseError) and (found := _CODE.search(str(error))):
        return found[1]
    return None
