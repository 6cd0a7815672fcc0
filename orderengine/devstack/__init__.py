"""The supervisor behind `make run` and the throw-away servers behind `make test`.

Uses the standard library alone, and never Django: it must be able to say what is missing. Secrets travel in
files and environments, never in process arguments.
"""


class Refusal(Exception):
    """Why nothing can be started, in one sentence, and the way out."""

    def __init__(self, reason: str, way_out: str) -> None:
        super().__init__(f"{reason}\n  Way out: {way_out}")
