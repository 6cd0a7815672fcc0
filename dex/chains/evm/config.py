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
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from dex.chains.evm.deployments import DEPLOYMENTS, Deployment, Fork
from dex.chains.evm.options import EvmOptions, ListedToken

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
    if unknown := set(chain) - OPTIONS - TABLES:
        raise ChainsFileError(f"[{name}] knows no {', '.join(sorted(unknown))}")
    urls = (*chain.get("urls", ()), *_from_variables(name, chain.get("url_variables", ()), environment))
    if not urls:
        raise ChainsFileError(f"[{name}] needs urls or url_variables")
    tokens = tuple(
        _made(ListedToken, f"[[{name}.tokens]]", _lower(item, "address")) for item in chain.get("tokens", ())
    )
    if len({token.symbol for token in tokens}) < max(2, len(tokens)):
        raise ChainsFileError(f"[[{name}.tokens]] needs two tokens or more, each with a symbol of its own")
    given = {key: value for key, value in chain.items() if key in OPTIONS}
    return EvmOptions(_deployment(name, chain), urls, tokens, **given)


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


def _deployment(name: str, chain: Mapping[str, Any]) -> Deployment:
    if (contracts := chain.get("contracts")) is not None:
        where = f"[{name}.contracts]"
        forks = tuple(_made(Fork, f"{where} forks", _lowered(fork)) for fork in contracts.get("forks", ()))
        made: Deployment = _made(Deployment, where, {"name": name} | _lowered(contracts) | {"forks": forks})
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


def _made(kind: Any, where: str, given: Mapping[str, Any]) -> Any:
    try:
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})
    except TypeError as error:
        raise ChainsFileError(f"{where}: {str(error).removeprefix(f'{kind.__name__}.__init__() ')}") from error


def _lower(item: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {**item, key: str(item.get(key, "")).lower()}


def _lowered(contracts: Mapping[str, Any]) -> dict[str, Any]:
    """With every address as the engine compares it."""
    return {
        key: value.lower() if isinstance(value, str) and value.startswith("0x") else value
        for key, value in contracts.items()
    }


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
