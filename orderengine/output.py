"""Output that never fails for what it cannot show, as on a terminal that knows ASCII alone. Standard library only."""

import codecs
import io
import os
import sys

ESCAPE = "orderengine.escape"


def show_everything() -> None:
    """Have this process's standard streams write the number of a sign that their encoding lacks, as JSON does."""
    codecs.register_error(ESCAPE, _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPE)


def leave_unread(stream: object) -> None:
    """Its reader has gone: what is still written to the stream, also at exit, is discarded and no error."""
    try:
        number = stream.fileno()  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _escape(error: UnicodeError) -> tuple[str, int]:
    """So that lines of JSON stay what they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4)), error.end
