"""Signed bytes of the simulated chain say how long their signature is: none of its random bytes decides that."""

import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dex.chains.simulated import transaction
from dex.chains.simulated.transaction import ROUTER, decode, encode, sign, summarize_payload
from dex.errors import BroadcastRejected
from dex.signers import CancellationSummary, DevSigner, Signer, SigningPolicy, SwapSummary
from dex.signers.keystore import LocalKeystoreSigner, create_keystore
from dex.testing.examples import examples
from dex.types import CancellationIntent, Fees, Hop, Intent, Route, Side, SwapIntent

CHAIN = "simulated"
POLICY = SigningPolicy(frozenset({CHAIN}), frozenset({ROUTER}))
ROUTE = Route("SOL", "USDC", (Hop("orca", "pool", "SOL", "USDC", 10**9, 143 * 10**6),))
# What bytes of the first version hold in front of their JSON.
SIGNATURE_LENGTHS = (32, 65)


class _Known(DevSigner):
    """Signs with bytes that a test chooses."""

    def __init__(self, signature: bytes) -> None:
        super().__init__(CHAIN, summarize_payload, POLICY)
        self.signature = signature

    def sign(self, wallet: str, payload: bytes) -> bytes:
        return self.signature


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    folder = tmp_path_factory.mktemp("keystore")
    files = folder / "keystore.json", folder / "passphrase"
    create_keystore(*files, passphrase="planted-passphrase-1", iterations=2)
    return {
        "development": DevSigner(CHAIN, summarize_payload, POLICY),
        "keystore": LocalKeystoreSigner(CHAIN, *files, summarize_payload, POLICY),
    }


def _swap(wallet: str, nonce: int) -> SwapIntent:
    return SwapIntent(wallet, nonce, Side.EXACT_IN, ROUTE, 1, 10**9, int(time.time()) + 120, fees=Fees(3, 1))


def _with_brace_at_32(signer: Signer, wallet: str) -> Intent:
    """A swap whose signature holds a "{" where the JSON behind a short one would begin."""
    for nonce in range(10_000):
        intent = _swap(wallet, nonce)
        if signer.sign(wallet, encode(CHAIN, intent))[32:33] == b"{":
            return intent
    raise AssertionError("no signature with that byte")


def test_a_signature_with_a_brace_at_byte_32_is_read(signers: dict[str, Signer]) -> None:
    signer = signers["keystore"]
    intent = _with_brace_at_32(signer, signer.address_of("account/1"))

    signed = sign(CHAIN, intent, signer)

    assert decode(CHAIN, signed.raw).intent == intent
    # As the first version stored it.
    assert decode(CHAIN, signed.raw[:-1]).intent == intent


@pytest.mark.parametrize("kind", ["development", "keystore"])
@pytest.mark.parametrize("is_cancellation", [False, True])
def test_all_signed_bytes_are_read_and_so_are_those_of_the_first_version(
    signers: dict[str, Signer], kind: str, is_cancellation: bool
) -> None:
    signer = signers[kind]
    wallet = signer.address_of("account/2")
    for nonce in range(400):
        intent: Intent = CancellationIntent(wallet, nonce, Fees(3, 1)) if is_cancellation else _swap(wallet, nonce)
        signed = sign(CHAIN, intent, signer)

        assert signed.raw[-1] == len(signed.raw) - len(encode(CHAIN, intent)) - 1
        assert decode(CHAIN, signed.raw).intent == intent
        assert decode(CHAIN, signed.raw[:-1]).intent == intent


@given(signature=st.sampled_from(SIGNATURE_LENGTHS).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
@example(signature=b"{" * 65)
@example(signature=b"{" * 32)
@example(signature=b"}" * 65)
@example(signature=b"[" * 65)
@example(signature=bytes(65))
@settings(max_examples=examples(75), deadline=None)
def test_any_signature_is_found_again_with_the_body_it_covers(signature: bytes) -> None:
    seen: list[tuple[bytes, bytes]] = []
    intent = _swap("wallet", 7)
    body = encode(CHAIN, intent)
    raw = sign(CHAIN, intent, _Known(signature)).raw

    def is_signed(found: bytes, covered: bytes, chain_id: str, wallet: str) -> bool:
        seen.append((found, covered))
        return (found, covered) == (signature, body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "_is_signed", is_signed)
        decode.cache_clear()
        assert decode(CHAIN, raw).intent == intent
        assert seen == [(signature, body)]
        assert decode(CHAIN, signature + body).intent == intent
    decode.cache_clear()


@pytest.mark.parametrize("kind", ["development", "keystore"])
def test_no_changed_byte_and_no_changed_length_is_taken(signers: dict[str, Signer], kind: str) -> None:
    signer = signers[kind]
    raw = sign(CHAIN, _swap(signer.address_of("account/3"), 0), signer).raw
    forged = [raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :] for i in range(len(raw))]
    forged += [raw[:-1] + bytes([last]) for last in range(256) if last != raw[-1]]
    forged += [b"", b"}", b"{}", raw[1:], raw + raw[-1:], raw[: raw[-1]], raw[raw[-1] :]]

    for changed in forged:
        with pytest.raises(BroadcastRejected):
            decode(CHAIN, changed)


def test_a_summary_is_that_of_the_body_alone(signers: dict[str, Signer]) -> None:
    intent = _swap("wallet", 3)

    swap = summarize_payload(encode(CHAIN, intent))
    cancellation = summarize_payload(encode(CHAIN, CancellationIntent("wallet", 3, Fees(3, 1))))

    assert swap == SwapSummary(CHAIN, "wallet", frozenset({ROUTER}), "wallet", "SOL", 10**9, 3, intent.deadline)
    assert cancellation == CancellationSummary(CHAIN, "wallet", 3)


@pytest.mark.parametrize("value", [-1, 1.5, "1", True, None])
@pytest.mark.parametrize("name", ["max_in", "deadline", "fees"])
def test_what_is_no_whole_number_is_not_summarized(name: str, value: object) -> None:
    body = json.loads(encode(CHAIN, _swap("wallet", 3)))
    body[name] = [value, 0] if name == "fees" else value

    with pytest.raises(BroadcastRejected):
        summarize_payload(json.dumps(body).encode())
