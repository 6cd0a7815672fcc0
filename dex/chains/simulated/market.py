"""Genesis: the tokens, pools and treasuries of market.json as exact states, generated around the reference prices."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from dex.chains.simulated.ledger import RIVAL, Ledger
from dex.chains.simulated.noise import TRADERS
from dex.pools import POOL_KINDS, Pool, pool_from_state
from dex.pools.opening import Opening
from dex.types import Token

FAUCET = "sim:faucet"
# Each address of the chain itself starts with this value of every token, in reference units; wallets get a grant.
TREASURY_VALUE = 10**15
GRANT_VALUE = 10**10
# Reference values of tokens are whole numbers of this part of a reference unit.
VALUE_SCALE = 10**12


@dataclass(frozen=True, slots=True)
class GenesisMarket:
    """The default market. `values` is what one atom of each token is worth, in reference units (US dollars)."""

    tokens: tuple[Token, ...]
    values: dict[str, float]
    pools: tuple[Pool, ...]

    def genesis(self) -> Ledger:
        """The first state: pools as generated, treasuries full."""
        ledger = Ledger({pool.pool_id: pool for pool in self.pools})
        for token in self.tokens:
            for address in (FAUCET, RIVAL, TRADERS):
                ledger.balances[address, token.symbol] = self._atoms(token, TREASURY_VALUE)
        return ledger

    def grant(self) -> dict[str, int]:
        """Atoms of each token that a new wallet receives from the faucet."""
        return {token.symbol: self._atoms(token, GRANT_VALUE) for token in self.tokens}

    def _atoms(self, token: Token, value: int) -> int:
        return int(value / self.values[token.symbol])


@cache
def default_market() -> GenesisMarket:
    """The market of market.json.

    In the file `usd` is the reference price of one unit of a token, and the value of all that a pool holds.
    """
    described = json.loads(Path(__file__).with_name("market.json").read_text())
    tokens = {
        t["symbol"]: Token(t["symbol"], t["name"], t["decimals"], int(Fraction(t["usd"]) * VALUE_SCALE))
        for t in described["tokens"]
    }
    values = {t["symbol"]: Fraction(t["usd"]) / 10 ** t["decimals"] for t in described["tokens"]}
    pools = tuple(open_pool(entry, tokens, values) for entry in described["pools"])
    return GenesisMarket(tuple(tokens.values()), {symbol: float(value) for symbol, value in values.items()}, pools)


def open_pool(entry: Mapping[str, Any], tokens: Mapping[str, Token], values: Mapping[str, Fraction]) -> Pool:
    """The pool of one line of the file; `values` are of an atom of each token, in reference units.

    Raises: ValueError for a kind that the simulated chain cannot make.
    """
    kind = POOL_KINDS[entry["kind"]]
    if kind.new_state is None:
        raise ValueError(f"{entry['pool']}: the simulated chain has no pools of the kind {kind.name}")
    state = kind.new_state(Opening.of(entry, tokens, values))
    return pool_from_state(kind.name, entry["pool"], entry["venue"], tuple(entry["tokens"]), state)
