"""Signers: what they refuse, that their signatures are the wallet's, and that their secret never shows."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from coincurve import PrivateKey, PublicKey
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_hash.auto import keccak

from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.transaction import ROUTER, decode, encode, hash_of, sign, summarize_payload
from dex.errors import BroadcastRejected, DexError, SigningRefused
from dex.signers import DevSigner, Signer, SigningPolicy, SwapSummary
from dex.signers.keystore import (
    KeystoreError,
    LocalKeystoreSigner,
    address_of_key,
    create_keystore,
    open_keystore,
    recover,
)
from dex.types import Hop, Route, Side, SignedTransaction, SwapIntent

CHAIN = "simulated"
PASSPHRASE = "planted-passphrase-1"
SWAPS = SigningPolicy(frozenset({CHAIN}), frozenset({ROUTER}))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A keystore with a cheap key stretching: the real one takes a second by design."""
    directory = tmp_path_factory.mktemp("keystore")
    keystore, passphrase_file = directory / "keystore.json", directory / "passphrase"
    create_keystore(keystore, passphrase_file, passphrase=PASSPHRASE, iterations=2)
    return keystore, passphrase_file


@pytest.fixture(params=["development", "keystore"])
def make(request: pytest.FixtureRequest, files: tuple[Path, Path]) -> Callable[..., Signer]:
    """Every kind of signer, under a policy of the test's."""

    def build(policy: SigningPolicy = SWAPS) -> Signer:
        if request.param == "development":
            return DevSigner(CHAIN, summarize_payload, policy)
        return LocalKeystoreSigner(CHAIN, *files, summarize_payload, policy)

    return build


def intent(wallet: str, **changes: object) -> SwapIntent:
    route = Route("SOL", "USDC", (Hop("orca", "pool", "SOL", "USDC", 10**9, 143 * 10**6),))
    fields = {
        "wallet": wallet, "nonce": 0, "side": Side.EXACT_IN, "route": route, "min_amount_out": 1,
        "max_amount_in": 10**9, "deadline": int(time.time()) + 120,
    }  # fmt: skip
    return SwapIntent(**(fields | changes))  # type: ignore[arg-type]


def test_what_a_signer_signs_the_chain_takes_as_the_wallets(make: Callable[..., Signer]) -> None:
    signer = make()
    wallet = signer.address_of("account/1")

    signed = sign(CHAIN, intent(wallet), signer)

    assert decode(CHAIN, signed.raw).intent == intent(wallet, deadline=signed.deadline)
    assert signed.tx_hash == hash_of(signed.raw)
    for i in (0, 10, 40, len(signed.raw) - 2):
        forged = signed.raw[:i] + bytes([signed.raw[i] ^ 1]) + signed.raw[i + 1 :]
        with pytest.raises(BroadcastRejected):
            decode(CHAIN, forged)


def test_an_owner_always_has_the_same_wallet_and_no_two_share_one(make: Callable[..., Signer]) -> None:
    wallets = [make().address_of(f"account/{i}") for i in range(5)]

    assert wallets == [make().address_of(f"account/{i}") for i in range(5)]
    assert len(set(wallets)) == 5
    assert all(len(wallet) == 42 and wallet.startswith("0x") for wallet in wallets)


@pytest.mark.parametrize(
    ("policy", "change", "said"),
    [
        (SigningPolicy(frozenset({"other"}), frozenset({ROUTER})), {}, "chain simulated"),
        (SigningPolicy(frozenset({CHAIN}), frozenset()), {}, "router"),
        (SigningPolicy(frozenset({CHAIN}), frozenset({ROUTER}), {"SOL": 10**9 - 1}), {}, "above the most"),
        (SigningPolicy(frozenset({CHAIN}), frozenset({ROUTER}), {"ETH": 10**18}), {}, "above the most, 0"),
        (SigningPolicy(frozenset({CHAIN}), frozenset({ROUTER}), max_deadline_s=60), {}, "deadline"),
        (SWAPS, {"deadline": 0}, "deadline"),
        (SWAPS, {"deadline": int(time.time()) + 10**6}, "deadline"),
    ],
)
def test_the_policy_is_the_signers_own(
    make: Callable[..., Signer], policy: SigningPolicy, change: dict[str, object], said: str
) -> None:
    signer = make(policy)
    wallet = signer.address_of("account/1")
    body = encode(CHAIN, intent(wallet, **change))

    for ask in (signer.sign, signer.judge):
        with pytest.raises(SigningRefused, match=said):
            ask(wallet, body)


def test_fees_and_recipients_are_judged_by_what_the_bytes_say() -> None:
    swap = SwapSummary(CHAIN, "w", frozenset({ROUTER}), "w", "SOL", 1, 10, int(time.time()) + 60)
    policy = SigningPolicy(frozenset({CHAIN}), frozenset({ROUTER}), max_fee=10)

    policy.check("w", swap)
    for changed, said in (
        (replace(swap, recipient="thief"), "proceeds"),
        (replace(swap, max_fee=11), "fee"),
        (replace(swap, wallet="other"), "another wallet"),
    ):
        with pytest.raises(SigningRefused, match=said):
            policy.check("w", changed)


def test_bytes_of_another_wallet_are_not_signed(make: Callable[..., Signer]) -> None:
    signer = make()
    mine, other = signer.address_of("account/1"), signer.address_of("account/2")

    with pytest.raises(SigningRefused, match="another wallet"):
        signer.sign(mine, encode(CHAIN, intent(other)))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"chain":"simulated"}'])
def test_bytes_that_say_nothing_are_not_signed(make: Callable[..., Signer], body: bytes) -> None:
    signer = make()

    with pytest.raises(DexError):
        signer.sign(signer.address_of("account/1"), body)


def test_a_refusal_is_one_intents_answer(make: Callable[..., Signer]) -> None:
    policy = SigningPolicy(frozenset({CHAIN}), frozenset({ROUTER}), {"SOL": 10**9})
    signer = make(policy)
    chain = SimulatedChain(SimulatedOptions(), signer)
    wallet = chain.address_of("account/1")
    asked = [intent(wallet), intent(wallet, nonce=1, max_amount_in=10**9 + 1)]

    good, refused = chain.sign(asked)

    assert isinstance(good, SignedTransaction)
    assert isinstance(refused, SigningRefused)
    assert [type(answer) for answer in chain.check(asked)] == [type(None), SigningRefused]


def test_a_keystore_signs_for_those_it_was_asked_for_only(files: tuple[Path, Path]) -> None:
    signer = LocalKeystoreSigner(CHAIN, *files, summarize_payload, SWAPS)

    with pytest.raises(SigningRefused, match="no key"):
        signer.sign("0x" + "1" * 40, encode(CHAIN, intent("0x" + "1" * 40)))


def test_addresses_and_signatures_are_ethereums() -> None:
    """Beside the library that wallets use."""
    account = Account.from_key("0x" + "4c" * 32)
    key = PrivateKey(bytes.fromhex("4c" * 32))
    message = encode_defunct(b"text")
    theirs = account.sign_message(message)

    assert address_of_key(key.public_key) == account.address.lower()
    rsv = theirs.r.to_bytes(32, "big") + theirs.s.to_bytes(32, "big") + bytes([theirs.v - 27])
    found = PublicKey.from_signature_and_message(rsv, bytes(theirs.message_hash), hasher=None)
    assert address_of_key(found) == account.address.lower()
    assert recover(key.sign_recoverable(keccak(b"body"), hasher=None), b"body") == account.address.lower()


@pytest.mark.parametrize("signature", [b"\0" * 65, b"\xff" * 65, bytes(64) + b"\x09"])
def test_an_impossible_signature_is_nobodys(signature: bytes) -> None:
    assert recover(signature, b"body") == ""


def test_the_keystore_is_encrypted_and_both_files_are_ours_alone(files: tuple[Path, Path]) -> None:
    secret = open_keystore(*files)

    assert secret.hex() not in files[0].read_text()
    assert json.loads(files[0].read_text())["version"] == 3
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    with pytest.raises(FileExistsError):
        create_keystore(*files, passphrase="another")
    assert open_keystore(*files) == secret


@pytest.mark.parametrize("fault", ["wrong", "open", "missing", "broken", "no-keystore"])
def test_a_keystore_that_does_not_open_says_why_without_a_secret(
    files: tuple[Path, Path], tmp_path: Path, fault: str
) -> None:
    keystore, passphrase_file = tmp_path / "keystore.json", tmp_path / "passphrase"
    keystore.write_text("{}" if fault == "broken" else files[0].read_text())
    passphrase_file.touch(0o600)
    passphrase_file.write_text("planted-wrong-passphrase" if fault == "wrong" else PASSPHRASE)
    if fault == "open":
        passphrase_file.chmod(0o644)
    if fault == "missing":
        passphrase_file.unlink()
    if fault == "no-keystore":
        keystore.unlink()

    with pytest.raises(KeystoreError) as refused:
        open_keystore(keystore, passphrase_file)

    assert "planted" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_signer_shows_no_secret(files: tuple[Path, Path]) -> None:
    signer = LocalKeystoreSigner(CHAIN, *files, summarize_payload, SWAPS)
    signer.address_of("account/1")
    secret = open_keystore(*files)

    for shown in (repr(signer), str(signer), f"{signer}"):
        assert not any(planted in shown for planted in (secret.hex(), repr(secret), PASSPHRASE))


@pytest.mark.parametrize("module", ["dex.signers.keystore", "dex.chains.evm", "dex.chains.evm.local.world"])
def test_loading_keys_or_nodes_leaves_deep_recursion_refused(module: str) -> None:
    """Otherwise nested input could end the process."""
    code = f"import sys, json, {module}; json.loads('[' * 100_000)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "RecursionError" in done.stderr
    assert done.returncode == 1
