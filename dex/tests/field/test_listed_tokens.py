"""What operators wrote into CHAINS_FILE and was taken: it is refused at the start, and the entry is named."""

from dataclasses import fields
from pathlib import Path

import pytest

from dex.chains.evm.config.addresses import parse_address, with_checksum
from dex.chains.evm.config.chains_file import ChainsFileError, read_chain
from dex.chains.evm.config.checks import CONTRACT_CHECKS, FORK_CHECKS, OPTION_CHECKS
from dex.chains.evm.config.deployments import DEPLOYMENTS, Deployment, Fork
from dex.chains.evm.config.options import EvmOptions

WETH, USDC = "0x4200000000000000000000000000000000000006", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
TOKENS = {
    "WETH": f'symbol = "WETH"\nname = "Wrapped Ether"\ndecimals = 18\naddress = "{WETH}"\n',
    "USDC": f'symbol = "USDC"\nname = "USD Coin"\ndecimals = 6\naddress = "{USDC}"\n',
}
OWN = "0x" + "ab" * 19


def own(last: str) -> str:
    return OWN + last


CONTRACTS = "\n".join(
    [
        "[base.contracts]",
        "chain_id = 4242",
        *(f'{name} = "{own(f"{number:02x}")}"' for number, name in enumerate(("wrapped_native", "factory_v2"), 1)),
        *(f'{name} = "{own(f"{number:02x}")}"' for number, name in enumerate(("factory_v3", "router"), 3)),
        *(f'{name} = "{own(f"{number:02x}")}"' for number, name in enumerate(("quoter", "multicall"), 5)),
    ]
)


def chain(options: str = "", third: str = "", contracts: str = "") -> str:
    tokens = "".join(f"[[base.tokens]]\n{text}" for text in (*TOKENS.values(), *([third] if third else [])))
    return f'[base]\nurls = ["https://node.example/secret"]\n{options}\n{contracts}\n{tokens}'


def read(tmp_path: Path, text: str) -> EvmOptions:
    file = tmp_path / "chains.toml"
    file.write_text(text)
    return read_chain(file, "base", {})


def token(**changes: object) -> str:
    values = {"symbol": '"DAI"', "name": '"Dai"', "decimals": "18", "address": f'"{own("99")}"'} | changes
    return "".join(f"{name} = {value}\n" for name, value in values.items())


@pytest.mark.parametrize(
    ("third", "said"),
    [
        (token(symbol='"ETH"'), "ETH is the chain's own coin"),
        (token(symbol='"Eth"'), "Eth is the chain's own coin"),
        (token(symbol='"weth"'), "WETH and weth differ by case alone"),
        (token(address=f'"{USDC}"'), "USDC and DAI are one contract"),
        (token(address=f'"{USDC.lower()}"'), "USDC and DAI are one contract"),
        (token(address='"0x123"'), "3 (DAI): address: '0x123' is no address"),
        (token(address='""'), "address: '' is no address"),
        (token(address="5"), "address: 5 is no address"),
        (token(address=f'"{own("99")[2:]}"'), "is no address"),
        (token(address='"0x' + "0" * 40 + '"'), "the zero address"),
        (token(address='"0x833589FCD6eDb6E08f4c7C32D4f71b54bdA02913"'), "mistyped"),
        (token(symbol='""'), "3 (): symbol: ''"),
        (token(symbol='" DAI"'), "symbol: ' DAI'"),
        (token(symbol='"D\\u0000AI"'), "symbol:"),
        (token(symbol='"\\u0415TH"'), "symbol:"),
        (token(symbol="7"), "symbol: 7"),
        (token(symbol='"' + "D" * 33 + '"'), "symbol:"),
        (token(decimals="-1"), "decimals: -1 is no whole number from 0 to 36"),
        (token(decimals="37"), "decimals: 37"),
        (token(decimals="6.0"), "decimals: 6.0"),
        (token(decimals="true"), "decimals: True"),
        (token(decimals='"6"'), "decimals: '6'"),
        (token(value="-1"), "value: -1"),
        (token(value='""'), "value: ''"),
    ],
)
def test_a_token_that_stands_for_something_else_is_refused(tmp_path: Path, third: str, said: str) -> None:
    with pytest.raises(ChainsFileError) as refused:
        read(tmp_path, chain(third=third))

    assert str(refused.value).startswith("[[base.tokens]]")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("confirmations = 0", "confirmations: 0"),
        ('confirmations = "3"', "confirmations: '3'"),
        ("confirmations = true", "confirmations: True"),
        ("block_s = nan", "block_s: nan"),
        ("block_s = -1", "block_s: -1"),
        ("timeout_s = 0", "timeout_s: 0"),
        ("timeout_s = inf", "timeout_s: inf"),
        ("discovery_s = 0", "discovery_s: 0"),
        ("max_batch = 0", "max_batch: 0"),
        ("max_fee = 0", "max_fee: 0"),
        ("max_fee = 1e9", "max_fee: 1000000000.0"),
        ("min_native = -5", "min_native: -5"),
        ('has_finality_tag = "yes"', "has_finality_tag: 'yes'"),
        ("has_finality_tag = 0", "has_finality_tag: 0"),
        ('universal_router = "0x12"', "universal_router: '0x12'"),
        ("allowance_ttl_s = 0", "allowance_ttl_s: 0"),
        ("url_variables = 'NODE'", "url_variables must be a list"),
        ("tokens = 5", "must be a table for each token"),
    ],
)
def test_an_option_of_the_wrong_kind_is_refused(tmp_path: Path, options: str, said: str) -> None:
    text = chain(options) if "tokens" not in options else f'[base]\nurls = ["https://node.example"]\n{options}\n'

    with pytest.raises(ChainsFileError) as refused:
        read(tmp_path, text)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("former", "present", "value"),
    [("leave_s", "allowance_ttl_s", 3_600), ("noop_gas", "cancellation_gas", 30_000)],
)
def test_an_option_is_still_read_by_its_former_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, former: str, present: str, value: int
) -> None:
    options = read(tmp_path, chain(f"{former} = {value}"))

    assert getattr(options, present) == value
    assert f"[base] {former} is called {present} now" in caplog.text
    with pytest.raises(ChainsFileError, match=f"states {former} and {present}"):
        read(tmp_path, chain(f"{former} = {value}\n{present} = {value}"))
    with pytest.raises(ChainsFileError, match=f"{present}: -1"):
        read(tmp_path, chain(f"{former} = -1"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("chain_id = 4242", "chain_id = 0"), "[base.contracts]: chain_id: 0"),
        (("chain_id = 4242", 'chain_id = "0x1"'), "chain_id: '0x1'"),
        ((own("04"), "0x04"), "router: '0x04' is no address"),
        ((own("04"), ""), "router: '' is no address"),
        (("chain_id = 4242", "chain_id = 4242\nforks = 5"), "forks must be a list"),
        (("chain_id = 4242", "chain_id = 4242\nforks = [5]"), "must be a table"),
        (("chain_id = 4242", "chain_id = 4242\nv3_fees = [-100]"), "v3_fees: -100"),
        (("chain_id = 4242", 'chain_id = 4242\nnative_symbol = "usdc"'), "USDC is the chain's own coin"),
    ],
)
def test_contracts_of_the_wrong_kind_are_refused(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(ChainsFileError) as refused:
        read(tmp_path, chain(contracts=CONTRACTS.replace(*change)))

    assert said in str(refused.value)


@pytest.mark.parametrize(
    "urls", ['["https://a.example", "https://a.example"]', '["https://a.example/", "https://A.example"]']
)
def test_one_node_is_not_two_that_agree(tmp_path: Path, urls: str) -> None:
    text = chain().replace('["https://node.example/secret"]', urls)

    with pytest.raises(ChainsFileError, match="one node twice"):
        read(tmp_path, text)


def test_a_text_where_a_list_belongs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChainsFileError, match="urls must be a list"):
        read(tmp_path, chain().replace('["https://node.example/secret"]', '"https://node.example/secret"'))


def test_what_is_right_is_taken(tmp_path: Path) -> None:
    options = read(
        tmp_path, chain("confirmations = 20\nblock_s = 0", token(address=f'"{own("99").upper()}"'.replace("0X", "0x")))
    )

    assert [item.symbol for item in options.tokens] == ["WETH", "USDC", "DAI"]
    assert options.tokens[2].address == own("99")
    assert read(tmp_path, chain(contracts=CONTRACTS)).deployment.router == own("04")


def test_every_field_has_its_check() -> None:
    assert set(CONTRACT_CHECKS) == {item.name for item in fields(Deployment)} - {"name", "forks"}
    assert set(FORK_CHECKS) == {item.name for item in fields(Fork)}
    assert set(OPTION_CHECKS) == {item.name for item in fields(EvmOptions)} - {"deployment", "urls", "tokens"}


def test_the_chains_of_the_table_pass_the_same_checks() -> None:
    for deployment in DEPLOYMENTS.values():
        for name, check in CONTRACT_CHECKS.items():
            check(getattr(deployment, name))
        for fork in deployment.forks:
            for name, check in FORK_CHECKS.items():
                check(getattr(fork, name))


def test_the_checksum_is_the_standards() -> None:
    """Source: the examples of https://eips.ethereum.org/EIPS/eip-55."""
    for address in (
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ):
        assert with_checksum(address.lower()) == address
        assert parse_address(address) == address.lower()
