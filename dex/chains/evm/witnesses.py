"""What several nodes say of the same thing, and what of it is to be believed. Pure.

A node may lag behind, which is no contradiction. Whatever ends an order needs the word of two nodes where two or more
are configured.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from dex.chains.evm.answers import NodeReceipt

# How many nodes must say the same, where so many are configured.
WITNESSES = 2


class Vote(NamedTuple):
    """One node's word on a receipt, None: there is none. `final` is the newest block that is final by its height."""

    node: str
    final: int
    raw: NodeReceipt | None


class Verdict(NamedTuple):
    """Whether enough nodes agree, on which receipt, and which nodes said otherwise; all of them where none prevails."""

    is_agreed: bool
    raw: NodeReceipt | None
    against: tuple[str, ...]


def word_of(raw: NodeReceipt | None) -> Hashable:
    """All of a receipt that an order's end depends on."""
    if raw is None:
        return None
    logs = tuple((log.address, log.topics, log.data) for log in raw.logs)
    return (raw.block_number, raw.block_hash, raw.is_success, logs)


def judge(votes: Sequence[Vote], needed: int) -> Verdict:
    """What is final about one transaction, of which one node said that it was. Those that are not so far abstain."""
    claimed = min((vote.raw.block_number for vote in votes if vote.raw), default=0)
    able = [vote for vote in votes if vote.final >= (vote.raw.block_number if vote.raw else claimed)]
    counts = Counter(word_of(vote.raw) for vote in able)
    agreed = [word for word, count in counts.items() if count >= needed]
    if len(agreed) != 1:
        return Verdict(False, None, tuple(vote.node for vote in able) if len(counts) > 1 else ())
    raw = next(vote.raw for vote in able if word_of(vote.raw) == agreed[0])
    return Verdict(True, raw, tuple(vote.node for vote in able if word_of(vote.raw) != agreed[0]))


def reached(heights: Sequence[int], needed: int) -> int | None:
    """The highest block that so many nodes have; None where there are too few of them."""
    return sorted(heights, reverse=True)[needed - 1] if len(heights) >= needed else None


def shared(answers: Mapping[str, Hashable], needed: int) -> tuple[Hashable, tuple[str, ...]]:
    """What so many nodes answer, None where nothing is; and which of them answer otherwise."""
    counts = Counter(answers.values())
    agreed = [answer for answer, count in counts.items() if count >= needed]
    if len(agreed) != 1:
        return None, tuple(answers) if len(counts) > 1 else ()
    return agreed[0], tuple(node for node, answer in answers.items() if answer != agreed[0])
