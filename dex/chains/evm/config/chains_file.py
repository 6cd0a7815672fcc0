"""Chains out of a TOML file: nodes, tokens, finality and caps. Keys of nodes may stand in environment variables.

    [base]                            # a row of the deployments table
    urls = ["https://node.example"]   # or url_variables = ["BASE_RPC_URL"]
    confirmations = 20
    block_s = 2.0
    [[base.tokens]]
    symbol = "WETH"
    ...

A chain that is not in the table has its contracts in `[<name>.contracts]`.
"""

import json
import logging
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from dex.chains.evm.config.addresses import parse_address
from dex.chains.evm.config.checks import (
    CONTRACT_CHECKS,
    FORK_CHECKS,
    FieldError,
    check_deployment,
    check_fork,
    check_options,
    check_texts,
    check_token,
    check_tokens,
)
from dex.chains.evm.config.deployments import DEPLOYMENTS, Deployment, Fork
from dex.chains.evm.config.options import EvmOptions, ListedToken
from dex.chains.evm.nodes.address import NodeAddressError, read_node_address

logger = logging.getLogger(__name__)

# Options by the names that they had before; the next version reads them no more.
FORMER_NAMES = {"leave_s": "allowance_ttl_s", "noop_gas": "cancellation_gas"}
OPTIONS = {item.name for item in fields(EvmOptions)} - {"deployment", "urls", "tokens"}
TABLES = {"urls", "url_variables", "tokens", "contracts"}


class ChainsFileError(ValueError):
    """The file does not describe its chains; the message says where."""


def chain_names(path: Path) -> list[str]:
    """All chains of the file, in its order. Raises: ChainsFileError."""
    return list(_described(path))


def read_chain(path: Path, name: str, environment: Mapping[str, str]) -> EvmOptions:
    """One chain of the file. Raises: ChainsFileError."""
    described = _described(path)
    if name not in described:
        raise ChainsFileError(f"{path} has no chain [{name}]; it has {', '.join(sorted(described)) or 'none'}")
    chain = described[name]
    if not isinstance(chain, dict):
        raise ChainsFileError(f"{name} must be a table: [{name}]")
    chain = _renamed(name, chain)
    if unknown := set(chain) - OPTIONS - TABLES:
        raise ChainsFileError(f"[{name}] knows no {', '.join(sorted(unknown))}")
    deployment, urls = _deployment(name, chain), _urls(name, chain, environment)
    tokens = _tokens(name, chain.get("tokens", []), deployment.native_symbol)
    given = {key: value for key, value in chain.items() if key in OPTIONS}
    _checked(f"[{name}]", check_options, given)
    return EvmOptions(deployment, urls, tokens, **given)


def describe(options: EvmOptions) -> str:
    """The file of one chain, as `read_chain` takes it."""
    name = options.deployment.name
    lines = [f"[{name}]", f"urls = [{', '.join(_quoted(url) for url in options.urls)}]"]
    lines += _changed(options, EvmOptions, OPTIONS)
    lines += ["", f"[{name}.contracts]", *_changed(options.deployment, Deployment, _names(Deployment) - {"name"})]
    for token in options.tokens:
        lines += ["", f"[[{name}.tokens]]", *_changed(token, ListedToken, _names(ListedToken))]
    return "\n".join(lines) + "\n"


def _described(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ChainsFileError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ChainsFileError(f"{path} is no TOML: {error}") from error


def _renamed(name: str, chain: Mapping[str, Any]) -> dict[str, Any]:
    """The chain's table with each option by its present name."""
    renamed = dict(chain)
    for former, present in FORMER_NAMES.items():
        if former not in chain:
            continue
        if present in chain:
            raise ChainsFileError(f"[{name}] states {former} and {present}, which are one option: keep {present}")
        logger.warning("[%s] %s is called %s now: rename it, the next version does not read it", name, former, present)
        renamed[present] = renamed.pop(former)
    return renamed


def _urls(name: str, chain: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The nodes, each once: one that is asked twice must not count as two that agree."""
    given, variables = chain.get("urls", []), chain.get("url_variables", [])
    _checked(f"[{name}]", check_texts, given, "urls")
    _checked(f"[{name}]", check_texts, variables, "url_variables")
    urls = (*given, *_from_variables(name, variables, environment))
    if not urls:
        raise ChainsFileError(f"[{name}] needs urls or url_variables")
    places = [f"urls {number}" for number in range(1, len(given) + 1)] + [
        f"{text} (url_variables)" for text in variables
    ]
    for place, url in zip(places, urls, strict=True):
        _check_node(f"[{name}] {place}", url)
    if len({url.rstrip("/").lower() for url in urls}) < len(urls):
        raise ChainsFileError(f"[{name}] names one node twice: what one says would count as two that agree")
    return urls


def _check_node(where: str, url: str) -> None:
    """Only where it stands is told, never what stands there."""
    try:
        read_node_address(url)
    except NodeAddressError as error:
        raise ChainsFileError(f"{where}: the node's address {error}") from None


def _tokens(name: str, given: Any, native_symbol: str) -> tuple[ListedToken, ...]:
    where = f"[[{name}.tokens]]"
    if not isinstance(given, list):
        raise ChainsFileError(f"{where} must be a table for each token")
    tokens = []
    for number, item in enumerate(given, start=1):
        token = _made(ListedToken, f"{where} {number}", item)
        _checked(f"{where} {number} ({token.symbol})", check_token, token)
        tokens.append(replace(token, address=parse_address(token.address)))
    if len({token.symbol for token in tokens}) < max(2, len(tokens)):
        raise ChainsFileError(f"{where} needs two tokens or more, each with a symbol of its own")
    _checked(where, check_tokens, tokens, native_symbol)
    return tuple(tokens)


def _checked(where: str, check: Callable[..., None], *values: Any) -> None:
    try:
        check(*values)
    except FieldError as error:
        raise ChainsFileError(f"{where}: {error}") from error


def _deployment(name: str, chain: Mapping[str, Any]) -> Deployment:
    if (contracts := chain.get("contracts")) is not None:
        where = f"[{name}.contracts]"
        forks = tuple(_fork(where, fork) for fork in _listed(where, contracts.get("forks", [])))
        made: Deployment = _made(Deployment, where, {**contracts, "name": name, "forks": forks})
        _checked(where, check_deployment, made)
        made = replace(made, **_lowered(made, CONTRACT_CHECKS))
        if forks and not made.batch_account:
            raise ChainsFileError(f"{where}: forks need batch_account, by whose code wallets use several routers")
        if len({made.venue_v2, made.venue_v3, *(fork.venue for fork in forks)}) < len(forks) + 2:
            raise ChainsFileError(f"{where}: each of the forks needs a venue of its own")
        return made
    if name not in DEPLOYMENTS:
        raise ChainsFileError(f"[{name}] is not in the table of deployments and needs [{name}.contracts]")
    return DEPLOYMENTS[name]


def _from_variables(name: str, variables: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    missing = [variable for variable in variables if not environment.get(variable)]
    if missing:
        raise ChainsFileError(f"[{name}] takes nodes from {', '.join(missing)}, which the environment does not have")
    return [environment[variable] for variable in variables]


def _made(kind: Any, where: str, given: Any) -> Any:
    if not isinstance(given, Mapping):
        raise ChainsFileError(f"{where} must be a table")
    try:
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})
    except TypeError as error:
        raise ChainsFileError(f"{where}: {str(error).removeprefix(f'{kind.__name__}.__init__() ')}") from error


def _listed(where: str, given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise ChainsFileError(f"{where}: forks must be a list of tables")
    return given


def _fork(where: str, given: Any) -> Fork:
    fork: Fork = _made(Fork, f"{where} forks", given)
    _checked(f"{where} forks ({fork.venue})", check_fork, fork)
    return replace(fork, **_lowered(fork, FORK_CHECKS))


def _lowered(value: Any, names: Iterable[str]) -> dict[str, Any]:
    """Every address and hash as the engine compares it."""
    texts = {name: getattr(value, name) for name in names}
    return {name: text.lower() for name, text in texts.items() if isinstance(text, str) and text.startswith("0x")}


def _names(kind: Any) -> set[str]:
    return {item.name for item in fields(kind)}


def _changed(value: Any, kind: Any, names: set[str]) -> list[str]:
    """Lines for the fields that are not as they are anyway."""
    lines = []
    for item in fields(kind):
        field_value = getattr(value, item.name)
        if item.name in names and (item.default is MISSING or field_value != item.default):
            lines.append(f"{item.name} = {_quoted(field_value)}")
    return lines


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Fork):
        return f"{{ {', '.join(_changed(value, Fork, _names(Fork)))} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(_quoted(item) for item in value)}]"
    # A JSON string is a basic string of TOML.
    return json.dumps(value) if isinstance(value, str) else str(value)
