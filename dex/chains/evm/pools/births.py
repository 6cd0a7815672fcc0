"""When pools were created, by the events of the factories: what a chain says of its pools beside their state."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dex.chains.base import Snapshot
from dex.chains.capabilities import DatesPools
from dex.chains.evm.abi.contracts import PAIR_CREATED, POOL_CREATED
from dex.chains.evm.answers import Block, Log
from dex.chains.evm.config.deployments import Deployment
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.nodes.multicall import header_call
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.pools.market import EvmMarket
from dex.chains.evm.pools.reader import MAX_BLOCKS_FOLLOWED, NEWEST

# How many questions, of `MAX_BLOCKS_FOLLOWED` blocks each: what is older than these counts as old.
MOST_QUESTIONS = 20


class EvmPools(DatesPools):
    """The verbs of a chain that tell of its pools."""

    _options: EvmOptions
    _rpc: Rpc
    _market: EvmMarket

    def snapshot(self) -> Snapshot:
        """See `Chain`."""
        return self._market.snapshot()

    def seek_pools(self) -> None:
        """See `DatesPools`."""
        self._market.seek()

    def births(self, pool_ids: Collection[str], since: int) -> Mapping[str, int]:
        """See `DatesPools`. An event that no node tells of any more, or that is far back, dates no pool."""
        if not pool_ids:
            return {}
        (head,) = self._rpc.taken([NEWEST], _newest)
        logs = self._rpc.read_taken(_questions(self._options, head, since), _all_logs)
        blocks = {address: log.block_number for log in logs if (address := _created(log)) in set(pool_ids)}
        if not blocks:
            return {}
        numbers = sorted(set(blocks.values()))
        headers: Sequence[Block | None] = self._rpc.results([header_call(number) for number in numbers])
        times = {header.number: header.time for header in headers if header is not None}
        born = {address: times[number] for address, number in blocks.items() if number in times}
        return {address: at for address, at in born.items() if at >= since}


def _newest(answers: Sequence[Any]) -> tuple[Block]:
    (head,) = answers
    if not isinstance(head, Block):
        raise BadAnswer("no newest block")
    return (head,)


def _questions(options: EvmOptions, head: Block, since: int) -> list[Call]:
    """For the factories' events, the newest first, back to a time or as far as one goes."""
    back = MOST_QUESTIONS * MAX_BLOCKS_FOLLOWED
    if options.block_s:
        back = min(back, int((head.time - since) / options.block_s) + 1)
    calls: list[Call] = []
    last, first = head.number, max(0, head.number - back)
    while last >= first:
        begin = max(first, last - MAX_BLOCKS_FOLLOWED + 1)
        wanted = {
            "fromBlock": hex(begin),
            "toBlock": hex(last),
            "address": factories(options.deployment),
            "topics": [[PAIR_CREATED.topic, POOL_CREATED.topic]],
        }
        calls.append(("eth_getLogs", [wanted]))
        last = begin - 1
    return calls


def factories(deployment: Deployment) -> list[str]:
    """The contracts that create pools, in lower case."""
    forks = [fork.factory for fork in deployment.forks]
    return [address.lower() for address in (deployment.factory_v2, deployment.factory_v3, *forks) if address]


def _all_logs(answers: Sequence[Any]) -> list[Log]:
    """Of all questions; a node that refuses one of them, as some do for old blocks, tells nothing of that time."""
    return [log for answer in answers if isinstance(answer, tuple) for log in answer]


def _created(log: Log) -> str:
    """The pool that an event of a factory tells of. Raises: BadAnswer."""
    if log.topic == PAIR_CREATED.topic:
        return str(PAIR_CREATED.data(log)[0])
    return str(POOL_CREATED.data(log)[1])
