"""What several nodes say of the same thing, and what of it is to be believed. Pure.

A node may lag behind, which is no contradiction. What ends an order needs the same answer from two nodes where two or
more are configured.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from dex.chains.evm.answers import NodeReceipt

# How many nodes must say the same, where at least this number is configured.
QUORUM = 2


class Vote(NamedTuple):
    """One node's word on a receipt, None: there is none. `final` is the newest block that is final by its height."""

    node: str
    final: int
    raw: NodeReceipt | None


class Verdict(NamedTuple):
    """Whether enough nodes agree, on which receipt, and which nodes said otherwise; all of them where none prevails."""

    is_agreed: bool
    raw: NodeReceipt | None
    dissenting: tuple[str, ...]


def receipt_digest(raw: NodeReceipt | None) -> Hashable:
    """All of a receipt that an order's end depends on: not what it cost, which some nodes tell in part."""
    if raw is None:
        return None
    logs = tuple((log.address, log.topics, log.data) for log in raw.logs)
    return (raw.block_number, raw.block_hash, raw.is_success, logs)


def judge(votes: Sequence[Vote], needed: int, *, has_data_fee: bool = False) -> Verdict:
    """What is final about one transaction, of which one node said that it was. Those that are not so far abstain.

    `has_data_fee` says that its chain takes a fee for data beside the gas.
    """
    claimed = min((vote.raw.block_number for vote in votes if vote.raw), default=0)
    able = [vote for vote in votes if vote.final >= (vote.raw.block_number if vote.raw else claimed)]
    counts = Counter(receipt_digest(vote.raw) for vote in able)
    agreed = [word for word, count in counts.items() if count >= needed]
    if len(agreed) != 1:
        return Verdict(False, None, tuple(vote.node for vote in able) if len(counts) > 1 else ())
    alike = {vote.node: vote.raw for vote in able if vote.raw and receipt_digest(vote.raw) == agreed[0]}
    raw, wrong = _what_it_cost(alike, needed, has_data_fee=has_data_fee) if alike else (None, frozenset())
    others = (vote.node for vote in able if vote.node in wrong or receipt_digest(vote.raw) != agreed[0])
    return Verdict(True, raw, tuple(others))


def _what_it_cost(
    raws: Mapping[str, NodeReceipt], needed: int, *, has_data_fee: bool
) -> tuple[NodeReceipt, frozenset[str]]:
    """One of receipts that differ in what it cost at most, with what it did cost; and the nodes that state another fee.

    The gas and the fee for data are judged apart: each is what enough nodes state, else the lowest that one states.
    A node that leaves the fee for data out contradicts no other; it counts as none where enough nodes leave it out.
    """
    gas = {node: (raw.gas_used * raw.gas_price, raw.gas_used, raw.gas_price) for node, raw in raws.items()}
    (_, used, price), gas_agreed, wrong = _settle(gas, needed)
    data_fee: int | None = None
    data_agreed = True
    named = {node: (raw.data_fee,) for node, raw in raws.items() if raw.data_fee is not None}
    if has_data_fee and named:
        (data_fee,), data_agreed, wrong_data = _settle(named, needed)
        wrong |= wrong_data
        if not data_agreed and len(raws) - len(named) >= needed:
            data_fee, data_agreed = None, True
    first = next(iter(raws.values()))
    is_agreed = gas_agreed and data_agreed
    return first._replace(gas_used=used, gas_price=price, data_fee=data_fee, is_fee_agreed=is_agreed), wrong


def _settle(stated: Mapping[str, tuple[int, ...]], needed: int) -> tuple[tuple[int, ...], bool, frozenset[str]]:
    """What `needed` nodes state, else the lowest; whether they do; and those that state otherwise, all if none do."""
    counts = Counter(stated.values())
    agreed = [fee for fee, count in counts.items() if count >= needed]
    if len(agreed) != 1:
        return min(stated.values()), False, frozenset(stated if len(counts) > 1 else ())
    return agreed[0], True, frozenset(node for node, fee in stated.items() if fee != agreed[0])


def reached(heights: Sequence[int], needed: int) -> int | None:
    """The highest block that `needed` nodes have; None where there are too few of them."""
    return sorted(heights, reverse=True)[needed - 1] if len(heights) >= needed else None


def shared(answers: Mapping[str, Hashable], needed: int) -> tuple[Hashable, tuple[str, ...]]:
    """What `needed` nodes answer alike, None where nothing is; and which of them answer otherwise."""
    counts = Counter(answers.values())
    agreed = [answer for answer, count in counts.items() if count >= needed]
    if len(agreed) != 1:
        return None, tuple(answers) if len(counts) > 1 else ()
    return agreed[0], tuple(node for node, answer in answers.items() if answer != agreed[0])
