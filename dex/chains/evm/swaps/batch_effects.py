"""What a batch of calls would do with the wallet, read back out of its bytes: every call by the rules of its kind.

What `batch.py` never makes is refused, so that a signer's policy can rely on what it gets.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from dex.chains.evm.abi import contracts
from dex.chains.evm.config.deployments import Deployment, Fork
from dex.chains.evm.swaps.batch import BatchCall
from dex.chains.evm.swaps.router_calls import ROUTER_ITSELF, CallEffects, Given, given_in_all, read_multicall
from dex.errors import BroadcastRejected

CREATE2 = b"\xff"


def calls_of(data: bytes) -> list[BatchCall]:
    """The calls of a batch. Raises: BroadcastRejected."""
    try:
        (calls,) = contracts.EXECUTE_BATCH.arguments(data)
    except DecodingError as error:
        raise BroadcastRejected("the batch cannot be read") from error
    return [BatchCall(*call) for call in calls]


def batch_deadline(data: bytes) -> int:
    """The one deadline of all calls of a batch. Raises: BroadcastRejected."""
    found: set[int] = set()
    for call in calls_of(data):
        if call.data[:4] == contracts.MULTICALL.selector:
            found.add(read_multicall(call.data)[0])
        elif call.data[:4] == contracts.SELL_GIVEN_V2.selector:
            found.add(_fork_call(call)[2])
    return _one(found)


def batch_effects(data: bytes, deployment: Deployment, tokens: Collection[str]) -> tuple[CallEffects, frozenset[str]]:
    """What a batch does, and the routers it goes through. Raises: BroadcastRejected for any other bytes."""
    calls, reading = calls_of(data), _Reading(deployment, tokens)
    for call in reversed(calls):
        reading.take(call)
    if reading.ends != {reading.last}:
        raise BroadcastRejected("the batch does not pay out to one recipient at its end")
    value = sum(call.value for call in calls)
    token, amount = given_in_all(reading.given, value)
    return CallEffects(token, amount, reading.ends.pop(), _one(reading.deadlines)), frozenset(reading.routers)


def pair_of(fork: Fork, one: str, other: str) -> str:
    """The pair of two tokens.

    Source: https://eips.ethereum.org/EIPS/eip-1014
    """
    salt = keccak(b"".join(sorted(bytes.fromhex(token[2:]) for token in (one, other))))
    code_hash = bytes.fromhex(fork.init_code_hash[2:])
    return "0x" + keccak(CREATE2 + bytes.fromhex(fork.factory[2:]) + salt + code_hash)[-20:].hex()


@dataclass(slots=True)
class _Reading:
    """Goes through the calls from the last to the first: `pairs` are those that sell later, with what they sell."""

    deployment: Deployment
    tokens: Collection[str]
    given: list[Given] = field(default_factory=list)
    ends: set[str] = field(default_factory=set)
    routers: set[str] = field(default_factory=set)
    pairs: dict[str, str] = field(default_factory=dict)
    deadlines: set[int] = field(default_factory=set)
    last: str = ""

    def take(self, call: BatchCall) -> None:
        """Raises: BroadcastRejected for a call that is none of ours."""
        forks = {fork.router: fork for fork in self.deployment.forks}
        if call.target == self.deployment.router:
            self._take_own(call)
        elif call.target in forks:
            self._take_fork(call, forks[call.target])
        elif call.target in self.tokens:
            self._take_transfer(call)
        else:
            raise BroadcastRejected(f"the batch calls {call.target}, which is no router and no token of this chain")

    def _take_own(self, call: BatchCall) -> None:
        deadline, read = read_multicall(call.data)
        self.deadlines.add(deadline)
        self.given += read
        self.routers.add(call.target)
        for *_, recipient in reversed(read):
            if recipient:
                self._pay(recipient)

    def _take_fork(self, call: BatchCall, fork: Fork) -> None:
        path, recipient, deadline = _fork_call(call)
        self.deadlines.add(deadline)
        self.routers.add(call.target)
        self._pay(recipient)
        self.pairs[pair_of(fork, path[0], path[1])] = path[0]

    def _take_transfer(self, call: BatchCall) -> None:
        try:
            to, amount = contracts.TRANSFER_TO.arguments(call.data)
        except DecodingError as error:
            raise BroadcastRejected("a transfer of the batch cannot be read") from error
        if call.data[:4] != contracts.TRANSFER_TO.selector or call.value or self.pairs.get(to) != call.target:
            raise BroadcastRejected("the batch gives tokens to what does not sell them")
        self.given.append((call.target, amount, ""))

    def _pay(self, recipient: str) -> None:
        self.last = self.last or recipient  # it goes backwards
        if recipient in {ROUTER_ITSELF, self.deployment.router} or recipient in self.pairs:
            return
        self.ends.add(recipient)


def _one(deadlines: set[int]) -> int:
    if len(deadlines) != 1:
        raise BroadcastRejected("the calls of the batch have not one deadline")
    return min(deadlines)


def _fork_call(call: BatchCall) -> tuple[tuple[str, ...], str, int]:
    """Path, recipient and deadline of a sale at a fork's router. Raises: BroadcastRejected."""
    if call.data[:4] != contracts.SELL_GIVEN_V2.selector or call.value:
        raise BroadcastRejected("a fork's router is asked for what this engine never asks for")
    try:
        amount, _, path, recipient, deadline = contracts.SELL_GIVEN_V2.arguments(call.data)
    except DecodingError as error:
        raise BroadcastRejected("a call of a fork's router cannot be read") from error
    if amount or len(path) < 2:
        raise BroadcastRejected("a fork's router is asked to take tokens by itself")
    return path, recipient, deadline
