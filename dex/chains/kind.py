"""What a kind of chain is: the one record through which everything else knows of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dex.chains.base import Chain
from dex.signers.settings import SignerSettings


class ChainMisconfigured(Exception):
    """No chain can be built from the settings; the message says what to change."""


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """What a chain is built from.

    `name` is the chain's in CHAIN. `read` gives a typed setting of orderengine/settings.py by its name, `environment`
    what was set beside these, `chains_file` the path of CHAINS_FILE.
    """

    name: str
    read: Callable[[str], Any]
    environment: Mapping[str, str]
    chains_file: Path
    allow_real_money: bool
    signer: SignerSettings


class Finding(NamedTuple):
    """What was looked at and seen there. `fix` is what to do, empty where all is well."""

    subject: str
    seen: str
    fix: str = ""


# Of a chain by its id: the database's time in unix seconds and each wallet's next nonce, or why they are not known.
Known = Callable[[str], tuple[int, Mapping[str, int]] | str]
# In place of an outcome: the order is meant to wait.
WAITS = "waits"
# The body of an order, and the outcome that it is meant to have.
DemoOrder = tuple[dict[str, Any], str]


@dataclass(frozen=True, slots=True)
class ChainKind:
    """One kind of chain.

    `build` makes the chain. Raises: ChainMisconfigured. `is_play_money` says whether a chain's money is worth nothing,
    by its name and whether the operator allows real money; False where in doubt. `check_up` asks the nodes of every
    chain of this kind that is configured, and sends nothing; it is told whether the engine runs on one of them.
    `takes_own_keys` says whether the development signer signs with wallets that have keys of their own. `demo_orders`
    show what the chain does; on others they follow from its pools. `acts_out_faults` says that orders may ask for one
    of `SCENARIOS`.
    """

    name: str
    build: Callable[[ChainSettings], Chain]
    is_play_money: Callable[[str, bool], bool]
    check_up: Callable[[ChainSettings, Known, bool], Iterable[Finding]] | None = None
    takes_own_keys: bool = False
    acts_out_faults: bool = False
    demo_orders: Sequence[DemoOrder] = ()
