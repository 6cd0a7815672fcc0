"""Limits tries to sign in, passwords and codes alike: a window in Redis, per user name and per address.

While Redis is away every try is let through: an operator who has to stop trading must get in then too. Guessing stays
as slow as the password hash, and codes have a limit of their own in the database. The breaker logs that.
"""

import hashlib
import math
import time
from ipaddress import ip_address

from orders.notify.breaker import hints, redis_client

WINDOW_S = 900
PER_NAME = 10
# An office or a proxy is one address.
PER_ADDRESS = 30


class Tries:
    """The tries of one user name and of one address in this window; names are kept as digests."""

    def __init__(self, name: str, address: str) -> None:
        window, into_s = divmod(time.time(), WINDOW_S)
        self.ends_in_s = WINDOW_S - into_s
        digest = hashlib.sha256(name.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._by_name = f"login:name:{digest}:{int(window)}"
        self._by_address = f"login:address:{network_of(address)}:{int(window)}"
        self._of_name = self._of_address = 0

    @property
    def is_first_too_many(self) -> bool:
        """Whether this is the try that closed the name: the ones after it are not worth a word each."""
        return self._of_name == PER_NAME + 1

    @property
    def refusal(self) -> str:
        """What the person is told."""
        minutes = math.ceil(self.ends_in_s / 60)
        return f"Too many tries. Wait {minutes} minute{'s'[: minutes - 1]}, then try again."

    def are_too_many(self) -> bool:
        """Count this one; whether it is one too many. False while Redis is away."""
        if not hints.attempt(self._count):
            return False
        return self._of_name > PER_NAME or self._of_address > PER_ADDRESS

    def forgive(self, *, is_complete: bool) -> None:
        """It was right: do not hold this try against the address.

        What was typed wrong before is forgotten once the sign-in is complete: else who knows the password could guess
        codes without end, by typing it again.
        """
        hints.attempt(lambda: self._forget(is_complete))

    def _forget(self, is_complete: bool) -> None:
        pipeline = redis_client().pipeline()
        if is_complete:
            pipeline.delete(self._by_name)
        pipeline.decr(self._by_address)
        pipeline.execute()

    def _count(self) -> None:
        pipeline = redis_client().pipeline()
        for key in (self._by_name, self._by_address):
            pipeline.incr(key)
            pipeline.expire(key, 2 * WINDOW_S)
        self._of_name, _, self._of_address, _ = pipeline.execute()


def network_of(address: str) -> str:
    """What one caller has: an IPv4 address, or, of IPv6, all 2**64 addresses of a network; other text as it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    mapped = getattr(found, "ipv4_mapped", None) or found
    return str(mapped) if mapped.version == 4 else ":".join(found.exploded.split(":")[:4])
