"""Genesis: the tokens, pools and treasuries of market.json as exact states, generated around the reference prices."""

import json
import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from dex.chains.simulated.ledger import RIVAL, Ledger
from dex.chains.simulated.noise import TRADERS
from dex.pools import Pool, pool_from_state
from dex.types import Token

FAUCET = "sim:faucet"
# Each address of the chain itself starts with this value of every token, in reference units; wallets get a grant.
TREASURY_VALUE = 10**15
GRANT_VALUE = 10**10
DLMM_FEES = {
    "filter_period": 30,
    "decay_period": 600,
    "reduction_factor": 5_000,
    "variable_fee_control": 40_000,
    "max_volatility_accumulator": 150_000,
    "protocol_share": 500,
}


@dataclass(frozen=True, slots=True)
class Market:
    """The default market. `values` is what one atom of each token is worth, in reference units (US dollars)."""

    tokens: tuple[Token, ...]
    values: dict[str, float]
    pools: tuple[Pool, ...]

    def genesis(self) -> Ledger:
        """The first state: pools as generated, treasuries full."""
        ledger = Ledger({pool.pool_id: pool for pool in self.pools})
        for token in self.tokens:
            for address in (FAUCET, RIVAL, TRADERS):
                ledger.balances[address, token.symbol] = self._worth(token, TREASURY_VALUE)
        return ledger

    def grant(self) -> dict[str, int]:
        """Atoms of each token that a new wallet receives from the faucet."""
        return {token.symbol: self._worth(token, GRANT_VALUE) for token in self.tokens}

    def _worth(self, token: Token, value: int) -> int:
        return int(value / self.values[token.symbol])


@cache
def default_market() -> Market:
    """The market of market.json. Amounts in the file are token units, `usd` is the reference price of one unit."""
    described = json.loads(Path(__file__).with_name("market.json").read_text())
    tokens = {t["symbol"]: Token(t["symbol"], t["name"], t["decimals"]) for t in described["tokens"]}
    prices = {t["symbol"]: Decimal(t["usd"]) for t in described["tokens"]}
    pools = [_pool(entry, tokens, prices) for entry in described["pools"]]
    values = {symbol: float(prices[symbol]) / 10**token.decimals for symbol, token in tokens.items()}
    return Market(tuple(tokens.values()), values, tuple(pools))


def _pool(entry: dict[str, Any], tokens: dict[str, Token], prices: dict[str, Decimal]) -> Pool:
    pair = tuple(entry["tokens"])
    generate = {"raydium_cpmm": _cpmm_state, "meteora_dlmm": _dlmm_state}[entry["kind"]]
    return pool_from_state(
        entry["kind"], entry["pool"], entry["venue"], pair, generate(entry, [tokens[t] for t in pair], prices)
    )


def _atoms(usd: Decimal, token: Token, prices: dict[str, Decimal]) -> int:
    return int(usd / prices[token.symbol] * 10**token.decimals)


def _cpmm_state(entry: dict[str, Any], pair: list[Token], prices: dict[str, Decimal]) -> dict[str, Any]:
    """Reserves of equal value on both sides; `usd` is the value of one side."""
    return {
        "reserves": [str(_atoms(Decimal(entry["usd"]), token, prices)) for token in pair],
        "unclaimed": ["0", "0"],
        "trade_fee_rate": entry["fee_ppm"],
        "creator_fee_rate": 0,
        "creator_fee_on": "input",
        "protocol_fee_rate": 120_000,
        "fund_fee_rate": 40_000,
    }


def _dlmm_state(entry: dict[str, Any], pair: list[Token], prices: dict[str, Decimal]) -> dict[str, Any]:
    """`bins` bins on each side of the active one share one side's `usd`, the nearer ones more."""
    token_x, token_y = pair
    step, per_side = entry["bin_step"], entry["bins"]
    price = float(prices[token_x.symbol] / prices[token_y.symbol]) * 10.0 ** (token_y.decimals - token_x.decimals)
    active = round(math.log(price) / math.log1p(step / 10_000))
    weights = [per_side + 1 - distance for distance in range(per_side + 1)]
    side = Decimal(entry["usd"])

    def share(distance: int, token: Token) -> str:
        return str(_atoms(side * weights[distance] / sum(weights), token, prices))

    bins = [
        [
            active + offset,
            share(offset, token_x) if offset >= 0 else "0",
            share(-offset, token_y) if offset <= 0 else "0",
        ]
        for offset in range(-per_side, per_side + 1)
    ]
    return {
        "bin_step": step,
        "active_id": active,
        "fees": {**DLMM_FEES, "base_factor": entry["base_factor"]},
        "volatility": {
            "volatility_accumulator": 0,
            "volatility_reference": 0,
            "index_reference": active,
            "last_update_timestamp": 0,
        },
        "bins": bins,
        "unclaimed": ["0", "0"],
    }
