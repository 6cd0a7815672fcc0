"""Addresses of nodes hold secrets: what is wrong with one, or with its answers, is told without showing them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dex import RetryableError
from dex.chains.evm.checkup import check_up
from dex.chains.evm.config.chains_file import ChainsFileError, read_chain
from dex.chains.evm.local.world import World
from dex.chains.evm.nodes.address import NodeAddress, NodeAddressError, read_node_address
from dex.deadline import within
from dex.testing.json_rpc import HttpReply, RpcProxy, rpc_proxy
from dex.tests.chains.evm.evm_orders import Trader

FILE = """
[base]
urls = ["https://node.example"]
url_variables = ["BASE_RPC"]
[[base.tokens]]
symbol = "WETH"
name = "Wrapped Ether"
decimals = 18
address = "0x4200000000000000000000000000000000000006"
[[base.tokens]]
symbol = "USDC"
name = "USD Coin"
decimals = 6
address = "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"
"""
WRONG = {
    "https://user:s3c#ret@node.example/": "holds a '#'",
    "https://node.example/v3/s3cret#1": "holds a '#'",
    "https://user:s3c/ret@node.example": "port that is no number",
    "https://user:s3c?ret@node.example": "port that is no number",
    "https://node.example:s3cret/": "port that is no number",
    "https://node.example:99999/s3cret": "port that is no number",
    "https://node.example:-1/s3cret": "port that is no number",
    "https://node.example:/s3cret": "names no port",
    "https://node.example:0/s3cret": "names no port",
    "https://user:s3c[ret@node.example": "no host that can be read",
    "https://[::1/s3cret": "no host that can be read",
    "https://[s3cret]/": "no host that can be read",
    "https://::1:8545/s3cret": "IPv6 host stands in brackets",
    "https://s3cret\u2100.example/": "no host that can be read",
    "https://s3c%ret/": "no host name",
    "https:///s3cret": "must begin with http",
    "node.example/s3cret": "must begin with http",
    "//node.example/s3cret": "must begin with http",
    "ws://node.example/s3cret": "WebSocket",
    "wss://node.example/s3cret": "WebSocket",
    "ftp://node.example/s3cret": "must begin with http",
    "https://node.example/s3 cret": "a blank or a control character",
    "https://node.example/s3\x07cret": "a blank or a control character",
}


@pytest.mark.parametrize("address", WRONG)
def test_a_wrong_address_is_named_by_its_place_and_never_shown(tmp_path: Path, address: str) -> None:
    file = tmp_path / "chains.toml"
    file.write_text(FILE)

    with pytest.raises(ChainsFileError) as refusal:
        read_chain(file, "base", {"BASE_RPC": address})

    said = str(refusal.value)
    assert said.startswith("[base] BASE_RPC (url_variables): the node's address ")
    assert WRONG[address] in said
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__
    for part in ("s3", "cret", "99999"):
        assert part not in said


def test_a_wrong_address_in_the_list_is_named_by_its_number(tmp_path: Path) -> None:
    file = tmp_path / "chains.toml"
    file.write_text(FILE.replace('"https://node.example"', '"https://node.example", "https://u:s3#cret@other.example"'))

    with pytest.raises(ChainsFileError, match=r"^\[base\] urls 2: the node's address holds a '#'"):
        read_chain(file, "base", {"BASE_RPC": "https://third.example"})


@pytest.mark.parametrize(
    ("text", "host", "hostname", "url", "credentials"),
    [
        ("https://Node.Example/v3/key", "node.example", "node.example", "https://node.example/v3/key", None),
        ("http://127.0.0.1:8545", "127.0.0.1:8545", "127.0.0.1", "http://127.0.0.1:8545", None),
        ("http://[::1]:8545/", "[::1]:8545", "::1", "http://[::1]:8545/", None),
        ("http://[2001:DB8::1]", "[2001:db8::1]", "2001:db8::1", "http://[2001:db8::1]", None),
        (
            "https://u:p%23%2F@node.example:9?k=1",
            "node.example:9",
            "node.example",
            "https://node.example:9?k=1",
            ("u", "p#/"),
        ),
        ("https://key@node.example", "node.example", "node.example", "https://node.example", ("key", "")),
        (" https://node.example\n", "node.example", "node.example", "https://node.example", None),
    ],
)
def test_an_address_is_read_into_its_parts(
    text: str, host: str, hostname: str, url: str, credentials: tuple[str, str] | None
) -> None:
    found = read_node_address(text)

    assert found == NodeAddress(host, hostname, url, credentials)
    assert "key" not in repr(found)
    assert "p#/" not in repr(found)


@pytest.mark.parametrize("text", [None, "", "  ", 5, ["https://node.example"]])
def test_what_is_no_text_is_no_address(text: object) -> None:
    with pytest.raises(NodeAddressError):
        read_node_address(text)


@pytest.fixture
def proxy(world: World) -> Iterator[RpcProxy]:
    with rpc_proxy(world.anvil.url) as made:
        yield made


STATUSES = {
    401: ("does not know the key or password: HTTP 401 Unauthorized", "Correct the node's address"),
    403: ("forbids it to this key or address: HTTP 403 Forbidden", "Correct the node's address"),
    404: ("has nothing at this path: HTTP 404 Not Found", "Correct the node's address"),
    429: ("is asked more often than it allows: HTTP 429 Too Many Requests", "Ask the node's operator"),
    301: ("is somewhere else: HTTP 301 Moved Permanently", "Correct the node's address"),
    502: ("is in trouble itself: HTTP 502 Bad Gateway", "Wait"),
    503: ("is in trouble itself: HTTP 503 Service Unavailable", "Wait"),
    799: ("is in trouble itself: HTTP 799", "Wait"),
}


@pytest.mark.chain
@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_named_in_words_with_the_host(world: World, proxy: RpcProxy, status: int) -> None:
    words, hint = STATUSES[status]
    host = proxy.url.removeprefix("http://")
    url = proxy.url.replace("http://", "http://user:s3cret@") + "/v3/s3cret"
    chain = world.chain(urls=(url,))
    chain.prepare()
    proxy.refuses = lambda calls: HttpReply(b"<html>s3cret</html>", status)

    with within(0.5), pytest.raises(RetryableError) as refusal:
        chain.prepare()
    found = check_up(world.options(urls=(url,)), 0, {})

    assert refusal.value.detail == f"{host} {words}"
    assert refusal.value.hint.startswith(hint)
    assert (found[0].seen, found[0].fix[:4]) == (f"{host} {words}", hint[:4])


@pytest.mark.chain
def test_a_key_in_the_address_reaches_the_node_as_it_was_meant(world: World, proxy: RpcProxy) -> None:
    url = proxy.url.replace("http://", "http://user:p%23ss@")

    assert world.chain(urls=(url,)).prepare() == world.chain().prepare()


@pytest.mark.chain
def test_a_node_that_is_asked_too_often_is_left_alone_for_as_long_as_it_says(world: World, proxy: RpcProxy) -> None:
    chain = world.chain(urls=(proxy.url,))
    chain.prepare()
    proxy.refuses = lambda calls: HttpReply(b"", 429, {"Retry-After": "1"})
    began = time.monotonic()
    with within(0.3), pytest.raises(RetryableError, match="429 Too Many Requests"):
        chain.prepare()
    asked = len(proxy.requests)
    proxy.refuses = lambda calls: None

    while time.monotonic() - began < 0.6:
        with within(0.1), pytest.raises(RetryableError, match="it is left alone for"):
            chain.prepare()
    assert len(proxy.requests) == asked
    time.sleep(max(0.0, began + 1.2 - time.monotonic()))

    chain.prepare()


@pytest.mark.chain
def test_the_other_node_is_asked_while_one_is_left_alone(world: World, proxy: RpcProxy) -> None:
    trader = Trader.on(world, urls=(proxy.url, world.anvil.url))
    proxy.refuses = lambda calls: HttpReply(b"", 429, {"Retry-After": "30"})
    asked = len(proxy.requests)

    assert trader.engine.prepare() == world.chain().prepare()
    assert trader.engine.prepare() == world.chain().prepare()
    assert len(proxy.requests) == asked + 1
