"""The interface of a signer. Nothing outside it ever sees a private key."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Facts:
    """What bytes to be signed would do, read out of these very bytes and never told by the caller.

    `router` is the contract that is called, `recipient` who gets what it pays out; `amount` is the most atoms of
    `token` that the wallet gives, `fee` the most atoms of the chain's own token for inclusion; `deadline` is chain
    time in unix seconds, after which nothing happens. `is_noop` is a transaction that only uses up its nonce: it calls
    nobody, gives nothing and has no deadline. `is_approval` lets `router` take up to `amount` of a token later; whose
    it is stands in its signature alone, so `wallet` is empty, and `deadline` is when it ends, 0 where it does not.
    `is_delegation` lets the wallet act by the code of `router`, or by none where that is `NO_CODE`; without a `wallet`
    it is the authorization that such a transaction carries. `further_routers` are called beside `router` in the same
    transaction.
    """

    chain_id: str
    wallet: str
    router: str
    recipient: str
    token: str
    amount: int
    fee: int
    deadline: int
    is_noop: bool = False
    is_approval: bool = False
    is_delegation: bool = False
    further_routers: frozenset[str] = frozenset()


# Delegating to it takes a delegation back. Source: https://eips.ethereum.org/EIPS/eip-7702
NO_CODE = "0x" + "0" * 40

Reader = Callable[[bytes], Facts]


class Signer(Protocol):
    """Holds the keys of wallets on one chain, and the policy of what they may sign."""

    def address_of(self, owner: str) -> str:
        """The wallet that this signer keeps for an owner; the same owner always has the same."""
        ...

    def hold(self, owner: str, wallet: str) -> None:
        """Make the owner's wallet ready to sign: the one of `address_of`, or one with a key of its own.

        Never fails for want of a key: `sign` refuses then.
        """
        ...

    def judge(self, wallet: str, payload: bytes) -> None:
        """Whether `sign` would sign, without signing. Raises: SigningRefused."""
        ...

    def sign(self, wallet: str, payload: bytes) -> bytes:
        """The wallet's signature over the payload, without I/O. Raises: SigningRefused."""
        ...
