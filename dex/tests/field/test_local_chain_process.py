"""`make chain` as a process: it always ends, with all that it started, and trades on no node but its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dex.chains.evm.local.install import FILES, HERE, has_npm, install
from dex.chains.evm.local.node import free_port
from dex.testing.examples import is_deep
from dex.testing.local_chain import NPM_MISSING

pytestmark = pytest.mark.chain
READY_S, END_S = 120.0, 20.0


@pytest.fixture(scope="module")
def seen_chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a chain that has run once; its node's packages are those of every test."""
    if not has_npm():
        if os.environ.get("CI"):
            pytest.fail(NPM_MISSING)
        pytest.skip(NPM_MISSING)
    packages = install()
    folder = tmp_path_factory.mktemp("local-chain")
    (folder / "node_modules").symlink_to(packages / "node_modules")
    (folder / "installed").write_text((packages / "installed").read_text())
    for name in FILES:
        (folder / name).write_text((HERE / name).read_text())
    with local_chain(folder, free_port()) as keeper:
        end(keeper, signal.SIGTERM)
    return folder


@contextmanager
def local_chain(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process group of its own, once it says that it is up."""
    keeper = start(folder, port)
    try:
        said = await_line(keeper, folder, port)
        assert f"http://127.0.0.1:{port}" in said, said
        yield keeper
    finally:
        if keeper.poll() is None:
            os.killpg(keeper.pid, signal.SIGKILL)
            keeper.wait()


def start(folder: Path, port: int, **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dex.chains.evm.local", "--port", str(port), "--folder", str(folder)]
    with output_of(folder, port).open("wb") as output:
        return subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, env=os.environ | environment
        )


def output_of(folder: Path, port: int) -> Path:
    return folder / f"output-{port}"


def said_by(folder: Path, port: int) -> str:
    return output_of(folder, port).read_text()


def await_line(keeper: subprocess.Popen[bytes], folder: Path, port: int) -> str:
    ends_at = time.monotonic() + READY_S
    while "Stop it" not in said_by(folder, port) and keeper.poll() is None and time.monotonic() < ends_at:
        time.sleep(0.05)
    return said_by(folder, port)


def end(keeper: subprocess.Popen[bytes], *numbers: int) -> None:
    for number in numbers:
        os.killpg(keeper.pid, number)
    assert keeper.wait(END_S) == 0


def ask(port: int, method: str, *params: object) -> object:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["result"]


def is_answering(port: int) -> bool:
    try:
        ask(port, "eth_chainId")
    except OSError:
        return False
    return True


def await_silence(port: int) -> None:
    ends_at = time.monotonic() + END_S
    while is_answering(port):
        assert time.monotonic() < ends_at, "the node lives on"
        time.sleep(0.05)


@pytest.mark.wide
@pytest.mark.parametrize("round_", range(6 if is_deep() else 2))
def test_two_signals_at_once_end_it_and_its_node(seen_chain: Path, round_: int) -> None:
    port = free_port()
    with local_chain(seen_chain, port) as keeper:
        pair = (signal.SIGINT, signal.SIGTERM) if round_ % 2 else (signal.SIGTERM, signal.SIGINT)
        end(keeper, *pair)
        assert not is_answering(port)


def test_its_state_follows_to_another_port(seen_chain: Path) -> None:
    first, second = free_port(), free_port()
    with local_chain(seen_chain, first) as keeper:
        router_code = ask(first, "eth_getCode", router(seen_chain), "latest")
        end(keeper, signal.SIGINT)
    with local_chain(seen_chain, second) as keeper:
        assert ask(second, "eth_getCode", router(seen_chain), "latest") == router_code != "0x"
        assert f'urls = ["http://127.0.0.1:{second}"]' in (seen_chain / "chains.toml").read_text()
        end(keeper, signal.SIGINT)


def test_a_port_of_another_node_is_refused_and_that_node_left_alone(seen_chain: Path, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "node_modules").symlink_to(seen_chain / "node_modules")
    for name in ("installed", *FILES):
        (tmp_path / name).write_text((seen_chain / name).read_text())
    with local_chain(seen_chain, port) as stranger:
        block = ask(port, "eth_getTransactionCount", ask_account(port), "latest")
        refused = start(tmp_path, port)
        assert refused.wait(READY_S) == 1
        output = said_by(tmp_path, port)
        assert output.startswith(f"error: port {port} on 127.0.0.1 cannot be used"), output
        assert f"CHAIN_PORT={port + 1}" in output
        assert ask(port, "eth_getTransactionCount", ask_account(port), "latest") == block
        end(stranger, signal.SIGTERM)


def test_a_second_one_on_the_same_folder_is_refused(seen_chain: Path) -> None:
    with local_chain(seen_chain, free_port()) as keeper:
        second_port = free_port()
        assert start(seen_chain, second_port).wait(READY_S) == 1
        assert "runs already on" in said_by(seen_chain, second_port)
        end(keeper, signal.SIGTERM)


def test_the_node_ends_when_its_keeper_is_killed(seen_chain: Path) -> None:
    port = free_port()
    with local_chain(seen_chain, port) as keeper:
        os.kill(keeper.pid, signal.SIGKILL)
        keeper.wait()
        await_silence(port)
    with local_chain(seen_chain, port) as keeper:
        end(keeper, signal.SIGTERM)


def test_the_chain_ends_when_its_make_is_killed(seen_chain: Path) -> None:
    port, code = free_port(), "import subprocess, sys; subprocess.run(sys.argv[1:])"
    command = [sys.executable, "-m", "dex.chains.evm.local", "--port", str(port), "--folder", str(seen_chain)]
    with output_of(seen_chain, port).open("wb") as output:
        make = subprocess.Popen(
            [sys.executable, "-c", code, *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"MAKELEVEL": "1"},
        )
    try:
        assert "Stop it" in await_line(make, seen_chain, port)
        node = int((seen_chain / "node.pid").read_text())
    finally:
        make.kill()
        make.wait()
    await_silence(port)
    assert node
    with local_chain(seen_chain, free_port()) as keeper:
        end(keeper, signal.SIGINT)


def copy_of(seen_chain: Path, folder: Path) -> Path:
    """The same packages and the same chain in a folder of their own."""
    (folder / "node_modules").symlink_to(seen_chain / "node_modules")
    for name in ("installed", "state.json", "chains.toml"):
        shutil.copy(seen_chain / name, folder / name)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("state.json", b"", "holds no chain that can be read: take it away"),
        ("state.json", b"{broken", "holds no chain that can be read: take it away"),
        ("state.json", b"null", "holds no chain that can be read: take it away"),
        ("state.json", b"{}", "holds no chain that can be read: take it away"),
        ("chains.toml", b"", "has no chain [local]"),
        ("chains.toml", b"[local", "is no TOML"),
        ("chains.toml", b"\xff\xfe", "is no TOML"),
    ],
)
def test_a_spoilt_folder_is_named_in_one_sentence(
    seen_chain: Path, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    folder, port = copy_of(seen_chain, tmp_path), free_port()
    (folder / name).write_bytes(content)

    assert start(folder, port).wait(END_S) == 1
    [line] = said_by(folder, port).splitlines()
    assert line.startswith(f"error: {folder / name} ")
    assert words in line


def test_a_set_up_that_was_cut_short_begins_again(seen_chain: Path, tmp_path: Path) -> None:
    folder, port = copy_of(seen_chain, tmp_path), free_port()
    (folder / "chains.toml").unlink()

    with local_chain(folder, port) as keeper:
        end(keeper, signal.SIGTERM)
    assert (folder / "state.json.before").read_bytes() == (seen_chain / "state.json").read_bytes()


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_what_is_no_port_is_refused(seen_chain: Path, port: str) -> None:
    command = [sys.executable, "-m", "dex.chains.evm.local", f"--port={port}", "--folder", str(seen_chain)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=END_S, check=False)

    assert found.returncode == 1
    assert found.stderr.startswith(f"error: port {port} on 127.0.0.1 cannot be used")


def test_a_folder_that_cannot_be_made_is_told_in_one_sentence() -> None:
    command = [sys.executable, "-m", "dex.chains.evm.local", "--folder", "/dev/null/chain"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=END_S, check=False)

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("error: ")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_installation_and_the_wait_for_another(tmp_path: Path, number: signal.Signals) -> None:
    """An `npm` that takes long: the first chain waits for it, the second for the first."""
    npm, folder, port, other = tmp_path / "bin" / "npm", tmp_path / "chain", free_port(), free_port()
    npm.parent.mkdir()
    folder.mkdir()
    npm.write_text(f"#!/bin/sh\ntrap '' HUP INT\necho $$ > {tmp_path}/npm.pid\nexec sleep 300\n")
    npm.chmod(0o755)
    path = f"{npm.parent}:{os.environ['PATH']}"
    first, second = start(folder, port, PATH=path), start(folder, other, PATH=path)
    ends_at = time.monotonic() + END_S
    while not (tmp_path / "npm.pid").exists() or not (tmp_path / "npm.pid").read_text():
        assert time.monotonic() < ends_at
        time.sleep(0.05)
    time.sleep(1.0)

    for keeper in (second, first):
        os.kill(keeper.pid, number)
    assert {second.wait(END_S), first.wait(END_S)} == {0}
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "npm.pid").read_text()), 0)


def test_an_orphan_is_ended_by_the_next_one_on_the_same_port(seen_chain: Path) -> None:
    """Keeper and guard were both killed: the node, of which the folder knows, must not be traded on."""
    port = free_port()
    with local_chain(seen_chain, port) as keeper:
        node = int((seen_chain / "node.pid").read_text())
        for guard in guards_of(node):
            os.kill(guard, signal.SIGKILL)
        os.kill(keeper.pid, signal.SIGKILL)
        keeper.wait()
    assert is_answering(port)
    with local_chain(seen_chain, port) as keeper:
        assert int((seen_chain / "node.pid").read_text()) != node
        end(keeper, signal.SIGTERM)
    assert not is_answering(port)


def test_a_node_that_ends_by_itself_ends_the_command_with_a_word(seen_chain: Path) -> None:
    port = free_port()
    with local_chain(seen_chain, port) as keeper:
        os.kill(int((seen_chain / "node.pid").read_text()), signal.SIGKILL)
        assert keeper.wait(END_S) == 1
        assert "the local node has ended by itself" in said_by(seen_chain, port)


def router(folder: Path) -> str:
    lines = (folder / "chains.toml").read_text().splitlines()
    return next(line.partition(" = ")[2].strip('"') for line in lines if line.startswith("router = "))


def ask_account(port: int) -> object:
    accounts = ask(port, "eth_accounts")
    assert isinstance(accounts, list)
    return accounts[0]


def guards_of(node: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[-2:-1] == [str(node).encode()] and any(item.endswith(b"local/guard.py") for item in arguments):
            found.append(int(folder.name))
    assert found
    return found
