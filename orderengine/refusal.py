"""Why a program cannot do what it was asked, as its user reads it. Standard library only."""


class Refusal(Exception):
    """Why nothing can be started, in one sentence, and the way out."""

    def __init__(self, reason: str, way_out: str) -> None:
        super().__init__(f"{reason}\n  Way out: {way_out}")
