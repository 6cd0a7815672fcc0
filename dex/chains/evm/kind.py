"""The record of EVM chains: each is a table of the chains file."""

from collections.abc import Callable, Iterator

from dex.chains.base import Chain
from dex.chains.evm.chain import EvmChain
from dex.chains.evm.checkup import check_up
from dex.chains.evm.config.chains_file import ChainsFileError, chain_names, read_chain
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.nodes.address import read_node_address
from dex.chains.evm.nodes.transport import BadProxy
from dex.chains.evm.swaps.effects import payload_summarizer
from dex.chains.evm.transactions.transaction import chain_name
from dex.chains.kind import ChainKind, ChainMisconfigured, ChainSettings, Finding, Known
from dex.signers.public_keys import PublicKeySigner

# The chain of `make chain`, whose money is worth nothing.
LOCAL = "local"
SEE_CHAINS = "see docs/chains.md"


def build(settings: ChainSettings) -> Chain:
    """The chain that the file names. One that is elsewhere needs the operator's consent and a keystore."""
    try:
        return _build(settings)
    except BadProxy as error:
        raise ChainMisconfigured(f"CHAIN={settings.name}: {error}") from error


def _build(settings: ChainSettings) -> Chain:
    name, signer = settings.name, settings.signer
    try:
        options = read_chain(settings.chains_file, name, settings.environment)
    except ChainsFileError as error:
        raise ChainMisconfigured(f"CHAIN={name}: {error}") from error
    is_on_this_machine = _is_on_this_machine(options)
    if not is_on_this_machine and not settings.allow_real_money:
        raise ChainMisconfigured(f"CHAIN={name} is not on this machine: its orders need ALLOW_REAL_MONEY=1")
    chain_id, summarize = chain_name(options.deployment.chain_id), payload_summarizer(options)
    policy = signer.policy(chain_id, options.spenders, options.deployment.batch_account)
    if signer.is_keystore:
        keystore = signer.keystore_signer(chain_id, summarize, policy)
        return EvmChain(options, keystore, _faucet(options) if is_on_this_machine else None)
    if not is_on_this_machine:
        raise ChainMisconfigured(f"CHAIN={name} needs SIGNER=keystore: the keys of the development signer are public")
    return EvmChain(options, PublicKeySigner(chain_id, summarize, policy, signer.wallet_folder()), _faucet(options))


def check_up_all(settings: ChainSettings, known: Known, is_in_use: bool) -> Iterator[Finding]:
    """What every chain of the file says of itself, one that cannot be read included."""
    path = settings.chains_file
    if not is_in_use and "CHAINS_FILE" not in settings.environment and not path.exists():
        return
    try:
        names = chain_names(path)
    except ChainsFileError as error:
        yield Finding("chains", str(error), f"{SEE_CHAINS}, or start `make chain`")
        return
    for name in names:
        yield from _check_up(name, settings, known)


def _check_up(name: str, settings: ChainSettings, known: Known) -> Iterator[Finding]:
    try:
        options = read_chain(settings.chains_file, name, settings.environment)
    except ChainsFileError as error:
        yield Finding(name, str(error), SEE_CHAINS)
        return
    rows = known(chain_name(options.deployment.chain_id))
    if isinstance(rows, str):
        yield Finding(name, f"not looked at: {rows}", "see to the database first")
        return
    try:
        yield from check_up(options, *rows)
    except BadProxy as error:
        yield Finding(name, str(error), "correct the variable, or unset it")


def _is_on_this_machine(options: EvmOptions) -> bool:
    hosts = {read_node_address(url).hostname for url in options.urls}
    return options.deployment.name == LOCAL and hosts <= {"127.0.0.1", "localhost", "::1"}


def _faucet(options: EvmOptions) -> Callable[[str], None]:
    from dex.chains.evm.local.faucet import Faucet
    from dex.chains.evm.local.node import Anvil

    return Faucet(Anvil(options.urls[0]), options.deployment, options.tokens).fund


KIND = ChainKind(
    "evm",
    build,
    # A chain called local may be anywhere once real money is allowed.
    is_play_money=lambda name, allow_real_money: name == LOCAL and not allow_real_money,
    check_up=check_up_all,
    takes_own_keys=True,
)
