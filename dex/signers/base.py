"""The interface of a signer. A private key never leaves it."""

from typing import Protocol


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
