"""Asks every node of a chain whether it is what the chains file says; nothing is sent and nothing is signed."""

from collections.abc import Iterator, Mapping

from dex.chains.evm.abi import contracts
from dex.chains.evm.answers import Block
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.nodes.address import read_node_address
from dex.chains.evm.nodes.quorum import QUORUM, shared
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.transactions.data_fees import ROLLUPS
from dex.chains.evm.transactions.delegation import Delegates
from dex.chains.evm.transactions.permit2 import PERMIT2
from dex.chains.kind import Finding
from dex.errors import ChainUnavailable

# How old the newest block may be: blocks are late now and then, a node or a clock that is wrong stays so.
LATE_BLOCKS = 10
LATE_S = 60.0
OTHER_NODE = "correct its address in CHAINS_FILE, or take another node"


def check_up(options: EvmOptions, now_s: int, wallets: Mapping[str, int]) -> list[Finding]:
    """Look at each node on its own. `now_s` is unix seconds, `wallets` the next nonce that is handed out for each."""
    found = [finding for url in options.urls for finding in _node(options, url, now_s, wallets)]
    return found if len(options.urls) < QUORUM else [*found, _agreement(options)]


def _agreement(options: EvmOptions) -> Finding:
    """Whether the nodes have the same block where all of them call it final."""
    name = f"{options.deployment.name}: nodes"
    rpc = Rpc(options.urls, options.deployment.chain_id, options.timeout_s, options.max_batch)
    answers = rpc.poll([("eth_getBlockByNumber", ["latest", False])])
    heads = {node: head for node, (head,) in answers.items() if isinstance(head, Block)}
    if len(heads) < QUORUM:
        return Finding(name, f"{len(heads)} of {rpc.count} answer", "no order can end until two of them answer")
    number = max(0, min(head.number for head in heads.values()) - options.confirmations + 1)
    blocks = rpc.poll([("eth_getBlockByNumber", [hex(number), False])])
    hashes = {node: block.hash for node, (block,) in blocks.items() if isinstance(block, Block)}
    agreed, dissenting = shared(hashes, QUORUM)
    wrong = [*dissenting, *(node for node in heads if node not in hashes)]
    if agreed is None or wrong:
        return Finding(name, f"{', '.join(wrong) or 'too few'} on block {number}", "find out which node is wrong")
    return Finding(name, f"{len(hashes)} agree on block {number}")


def _node(options: EvmOptions, url: str, now_s: int, wallets: Mapping[str, int]) -> Iterator[Finding]:
    chain, name = options.deployment, f"{options.deployment.name} at {read_node_address(url).hostname}"
    rpc = Rpc([url], chain.chain_id, options.timeout_s, options.max_batch)
    try:
        (head,) = rpc.results([("eth_getBlockByNumber", ["latest", False])])
        if head is None:
            raise ChainUnavailable("it has no newest block", hint="wait until the node has caught up")
        yield Finding(f"{name}: chain", f"{chain.chain_id}, block {head.number}")
        yield _clock(f"{name}: clock", now_s - head.time, options)
        yield _contracts(f"{name}: contracts", rpc, options)
        yield _tokens(f"{name}: tokens", rpc, options)
        yield from _wallets(name, rpc, options, wallets)
    except ChainUnavailable as error:
        yield Finding(f"{name}: node", error.detail, error.hint or OTHER_NODE)


def _clock(subject: str, age_s: int, options: EvmOptions) -> Finding:
    most = max(LATE_S, LATE_BLOCKS * options.block_s)
    if abs(age_s) <= most:
        return Finding(subject, f"newest block {age_s} s old")
    fix = "wait until the node has caught up, or set the database's clock right: deadlines are counted by it"
    return Finding(subject, f"newest block {age_s} s old, {most:.0f} s are usual", fix)


def _contracts(subject: str, rpc: Rpc, options: EvmOptions) -> Finding:
    chain = options.deployment
    named = {
        "router": chain.router,
        "quoter": chain.quoter,
        "multicall": chain.multicall,
        "factory_v2": chain.factory_v2,
        "factory_v3": chain.factory_v3,
        "wrapped_native": chain.wrapped_native,
        "batch_account": chain.batch_account,
        "universal_router": options.universal_router,
        "permit2": PERMIT2 if options.universal_router else "",
    }
    if chain.data_fee:
        named |= {f"{chain.data_fee}'s data fees": ROLLUPS[chain.data_fee].contract}
    for fork in chain.forks:
        named |= {f"{fork.venue}'s factory": fork.factory, f"{fork.venue}'s router": fork.router}
    there = {name: address for name, address in named.items() if address}
    codes = rpc.results([("eth_getCode", [address, "latest"]) for address in there.values()])
    empty = [f"{name} {address}" for (name, address), code in zip(there.items(), codes, strict=True) if not code]
    if empty:
        return Finding(subject, f"no code at {', '.join(empty)}", "correct the contracts in CHAINS_FILE")
    return Finding(subject, f"code at {', '.join(there)}")


def _tokens(subject: str, rpc: Rpc, options: EvmOptions) -> Finding:
    calls: list[Call] = [
        ("eth_call", [{"to": token.address, "data": "0x" + contracts.DECIMALS.call().hex()}, "latest"])
        for token in options.tokens
    ]
    wrong = []
    for token, answer in zip(options.tokens, rpc.read(calls), strict=True):
        found = _decimals(answer)
        if found != token.decimals:
            said = "is no token" if found is None else f"has {found} decimals, not {token.decimals}"
            wrong.append(f"{token.symbol} {said}")
    if wrong:
        return Finding(subject, ", ".join(wrong), "correct the tokens in CHAINS_FILE: amounts would be wrong")
    return Finding(subject, f"{len(options.tokens)} with the decimals that are listed")


def _decimals(answer: object) -> int | None:
    """None where it is no token that answers."""
    try:
        return int(contracts.DECIMALS.result(answer)[0]) if isinstance(answer, bytes) else None
    except BadAnswer:
        return None


def _wallets(name: str, rpc: Rpc, options: EvmOptions, wallets: Mapping[str, int]) -> Iterator[Finding]:
    calls: list[Call] = [("eth_getBalance", [wallet, "latest"]) for wallet in wallets]
    calls += [("eth_getTransactionCount", [wallet, "latest"]) for wallet in wallets]
    delegates = Delegates(rpc, options.deployment.batch_account).of(wallets)
    answers = rpc.results(calls)
    symbol, account = options.deployment.native_symbol, options.deployment.batch_account
    for number, (wallet, next_nonce) in enumerate(wallets.items()):
        balance, count = answers[number], answers[len(wallets) + number]
        seen = f"{balance} wei of {symbol}, nonce {count} on the chain, {next_nonce} next here"
        fix = ""
        if delegates[wallet] == account != "":
            seen += ", acts in batches" if options.batch_account else ", runs the batch account's code to no use"
        elif delegates[wallet]:
            fix = f"it runs the code of {delegates[wallet]}: find out who did that, then `manage.py wallet undelegate`"
        if count > next_nonce:
            fix = "another program uses this wallet: find out which, then `manage.py reconcile resume`"
        elif not balance:
            fix = f"send {symbol} to it: nothing can be paid for"
        yield Finding(f"{name}: wallet {wallet}", seen, fix)
