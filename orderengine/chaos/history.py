"""What the clients know: which orders were promised to them, and every frame that they were shown. Nothing else."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

TERMINAL = {"CONFIRMED", "FAILED"}


@dataclass(slots=True)
class History:
    """The client's side of the story. Written by the clients' thread alone."""

    # client_order_id -> the ids that its 201 answers named; one, however often it was repeated.
    acknowledged: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # client_order_id -> unix time of its first POST.
    first_tried_at: dict[str, float] = field(default_factory=dict)
    # Seconds of each answered POST, and each answer's status; 0 stands for a dead socket.
    post_s: list[float] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    # Order id -> (seq, status) of each event in the order in which it was shown.
    frames: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    followed: set[str] = field(default_factory=set)
    connections: int = 0
    # Failures of the clients themselves: no verdict can be trusted with any.
    errors: list[str] = field(default_factory=list)
    killers: set[str] = field(default_factory=set)
    # Order id -> the answer to its cancel: 200 cancelled, 202 stored and for the chain to decide, 409 ended before.
    cancels: dict[str, int] = field(default_factory=dict)

    def open_followed(self) -> int:
        """Followed orders whose end was not shown yet."""
        return sum(
            not (frames := self.frames.get(order_id)) or frames[-1][1] not in TERMINAL for order_id in self.followed
        )
