"""Chains as the operator's file describes them."""

from pathlib import Path

import pytest

from dex.chains.evm.config.chains_file import ChainsFileError, describe, read_chain
from dex.chains.evm.config.deployments import BATCH_ACCOUNT, DEPLOYMENTS, Deployment, Fork
from dex.chains.evm.config.options import EvmOptions, ListedToken
from dex.venues import VENUES

BASE = """
[base]
url_variables = ["BASE_RPC"]
confirmations = 10
block_s = 2.0

[[base.tokens]]
symbol = "WETH"
name = "Wrapped Ether"
decimals = 18
address = "0x4200000000000000000000000000000000000006"

[[base.tokens]]
symbol = "USDC"
name = "USD Coin"
decimals = 6
address = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
value = 1000000000000
"""
HASH = "0x" + "c" * 64
NODES = {"BASE_RPC": "https://node.example/secret"}


def at(digit: str) -> str:
    """An address."""
    return "0x" + digit * 40


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "chains.toml"
    file.write_text(text)
    return file


def test_a_known_chain_needs_nodes_and_tokens(tmp_path: Path) -> None:
    options = read_chain(written(tmp_path, BASE), "base", NODES)

    assert options.deployment is DEPLOYMENTS["base"]
    assert options.urls == ("https://node.example/secret",)
    assert (options.confirmations, options.block_s, options.has_finality_tag) == (10, 2.0, False)
    assert options.tokens[1].address == "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"
    assert [token.value for token in options.tokens] == [None, 10**12]


def test_what_is_described_reads_back_the_same(tmp_path: Path) -> None:
    forks = (Fork("sushiswap_v2", at("8"), at("9")), Fork("pancake_v2", at("a"), at("b"), 2_500, HASH))
    own = Deployment(
        "own", 4_242, at("1"), at("2"), at("3"), at("4"), at("5"), "", native_symbol="OWN", v3_fees=(100, 2_500),
        batch_account=at("d"), forks=forks,
    )  # fmt: skip
    tokens = (ListedToken("WOWN", "Wrapped", 18, at("1")), ListedToken("USD", 'A "dollar"', 6, at("7"), 10**12))
    options = EvmOptions(own, ("http://127.0.0.1:8545",), tokens, has_finality_tag=True, snapshot_s=0.25)

    assert read_chain(written(tmp_path, describe(options)), "own", {}) == options


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        (("", ""), "polygon", "has no chain [polygon]; it has base"),
        (("BASE_RPC", "OTHER"), "base", "takes nodes from OTHER"),
        (('url_variables = ["BASE_RPC"]', ""), "base", "needs urls or url_variables"),
        (("confirmations", "confirmation"), "base", "knows no confirmation"),
        (("[base]", "[base"), "base", "is no TOML"),
        (('symbol = "USDC"', 'symbol = "WETH"'), "base", "each with a symbol of its own"),
        (("decimals = 6", "decimal = 6"), "base", "[[base.tokens]]"),
        (("base", "elsewhere"), "elsewhere", "needs [elsewhere.contracts]"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, change: tuple[str, str], name: str, said: str) -> None:
    with pytest.raises(ChainsFileError) as refused:
        read_chain(written(tmp_path, BASE.replace(*change)), name, NODES | {"elsewhere": "x"})

    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChainsFileError, match=r"nowhere\.toml cannot be read"):
        read_chain(tmp_path / "nowhere.toml", "base", NODES)


@pytest.mark.parametrize(
    ("forks", "said"),
    [
        (
            f'forks = [{{ venue = "sushiswap_v2", factory = "{at("8")}", router = "{at("9")}" }}]',
            "forks need batch_account",
        ),
        (f'forks = [{{ venue = "sushiswap_v2", factory = "{at("8")}" }}]', "[own.contracts] forks"),
        (
            f'forks = [{{ venue = "uniswap_v2", factory = "{at("8")}", router = "{at("9")}" }}]\n'
            f'batch_account = "{at("a")}"',
            "venue of its own",
        ),
    ],
)
def test_a_fork_that_no_wallet_could_use_is_named(tmp_path: Path, forks: str, said: str) -> None:
    tokens = (ListedToken("A", "A", 18, at("1")), ListedToken("B", "B", 6, at("7")))
    own = Deployment("own", 4_242, at("1"), at("2"), at("3"), at("4"), at("5"), "")
    text = describe(EvmOptions(own, ("http://127.0.0.1:8545",), tokens))

    with pytest.raises(ChainsFileError) as refused:
        read_chain(written(tmp_path, text.replace("[own.contracts]", f"[own.contracts]\n{forks}")), "own", {})

    assert said in str(refused.value)


def test_every_fork_is_at_a_venue_that_is_known() -> None:
    for deployment in DEPLOYMENTS.values():
        assert {fork.venue for fork in deployment.forks} <= VENUES.keys()
        assert deployment.router not in {fork.router for fork in deployment.forks}
        assert deployment.batch_account == BATCH_ACCOUNT
