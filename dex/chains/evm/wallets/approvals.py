"""Allowances of the router: what it may take of a wallet's tokens, and the calls that change that.

By default it is the token's own, for the deployment's router; with `universal_router` it goes through Permit2.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from dex.chains.evm.abi import contracts
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.outcomes.reverts import message_of
from dex.chains.evm.transactions.permit2 import PERMIT2, allowance_calls, approve_calls, usable
from dex.errors import BroadcastRejected, ChainUnavailable, SigningRefused
from dex.signers.policy import UNLIMITED
from dex.types import WalletCall

# Of one call. Measured: 26,000 to 46,000, more for tokens behind proxies.
APPROVAL_GAS = 150_000


def allowed(rpc: Rpc, options: EvmOptions, wallet: str) -> dict[str, int]:
    """Atoms of each token that the router may take. Raises: ChainUnavailable."""
    addresses = [token.address for token in options.tokens]
    if options.universal_router:
        now_s = time.time()
        found = _asked(
            rpc,
            allowance_calls(wallet, addresses, options.router),
            lambda answers: [
                usable(_amount(a), b, now_s)
                for a, b in zip(answers[: len(addresses)], answers[len(addresses) :], strict=True)
            ],
        )
    else:
        data = contracts.ALLOWANCE.call(wallet, options.router)
        found = _asked(rpc, [(to, data) for to in addresses], _amounts)
    return {token.symbol: amount for token, amount in zip(options.tokens, found, strict=True)}


def approval_calls(options: EvmOptions, token: str, amount: int) -> list[WalletCall]:
    """The calls (contract, data) that let the router take up to `amount` atoms of the token at this address in all."""
    if options.universal_router:
        return approve_calls(token, options.router, amount, int(time.time()) + options.allowance_ttl_s)
    return [(token, contracts.APPROVE.call(options.router, amount))]


def tried_calls(rpc: Rpc, options: EvmOptions, wallet: str, token: str, amount: int) -> list[WalletCall]:
    """The calls of `approval_calls`, each tried on the newest block in the wallet's name.

    A token that changes an allowance only from or to 0 gets a call that sets it to 0 first.
    Source: TetherToken.approve, https://etherscan.io/token/0xdac17f958d2ee523a2206206994597c13d831ec7#code
    Raises: BroadcastRejected in the contract's words, SigningRefused, ChainUnavailable.
    """
    if amount >= UNLIMITED:
        raise SigningRefused("an approval that has no limit is never signed")
    wanted = approval_calls(options, token, amount)
    to_zero = approval_calls(options, token, 0)[0]
    complaints = _tried(rpc, wallet, [*wanted, to_zero])
    of_zero = complaints.pop()
    first, *others = complaints
    for complaint in others:
        if complaint:
            raise BroadcastRejected(f"the approval would be undone: {complaint}")
    if first is None:
        return wanted
    if amount == 0 or of_zero is not None or not _is_allowed(rpc, options, wallet, token):
        raise BroadcastRejected(f"the token refuses the approval: {first}")
    return [to_zero, *wanted]


def _is_allowed(rpc: Rpc, options: EvmOptions, wallet: str, token: str) -> bool:
    """Whether the token itself lets the spender take anything now."""
    spender = PERMIT2 if options.universal_router else options.router
    (amount,) = _asked(rpc, [(token, contracts.ALLOWANCE.call(wallet, spender))], _amounts)
    return amount > 0


def _tried(rpc: Rpc, wallet: str, calls: Sequence[WalletCall]) -> list[str | None]:
    """Why each call would change nothing; None where it would go through. Raises: ChainUnavailable."""
    asked: list[Call] = [
        ("eth_call", [{"from": wallet, "to": to, "data": "0x" + data.hex()}, "latest"]) for to, data in calls
    ]
    return [_complaint(answer, data) for answer, (_, data) in zip(rpc.read(asked), calls, strict=True)]


def _complaint(answer: Any, data: bytes) -> str | None:
    """Tokens return true, or nothing at all; false means that nothing was changed."""
    if isinstance(answer, RpcError):
        if not answer.is_revert:
            raise ChainUnavailable(f"the node could not try the call: {answer.message}")
        return message_of(answer, data)
    return None if not answer or any(answer) else "it answers false"


def _asked(rpc: Rpc, calls: Sequence[tuple[str, bytes]], read: Callable[[list[bytes]], list[int]]) -> list[int]:
    """What contracts answer at the newest block, as `read` makes it out. Raises: ChainUnavailable."""
    asked: list[Call] = [("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]) for to, data in calls]
    return rpc.taken(asked, read)


def _amounts(answers: list[bytes]) -> list[int]:
    return [_amount(answer) for answer in answers]


def _amount(answer: bytes) -> int:
    return int(contracts.ALLOWANCE.result(answer)[0])
