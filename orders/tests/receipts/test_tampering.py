"""No byte of a receipt can be changed, and no other key, form or document passes for it."""

import json
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex.recorded.canonical import canonical
from orders.receipts.document import ReceiptError, UnknownKey, read, signed, verified
from orders.receipts.keys import (
    PrivateKey,
    PublicKey,
    ReceiptKeyError,
    from_text,
    jwk_set,
    make_private_key,
    read_keys,
    read_private_key,
    to_text,
)

# Everything that a receipt may hold: text beyond ASCII, escapes, numbers, nothing, and lists of these.
CONTENT = {
    "order": {
        "id": "01a2",
        "client_order_id": 'é\n"\\',
        "amount_raw": str(2**200),
        "tags": {"a": "b", "A": "\U0001f600"},
    },
    "outcome": {"failure": None, "attempt": 3, "is_parent": False},
    "market": {"hash": "6f1c", "routing": {"checked_costs": ["1", "2"], "ended_after": None}},
    "fills": [{"leg": 0, "amount_in_raw": "1"}, {"leg": 1, "amount_in_raw": "2"}],
}
SCALARS = st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.text(st.characters(codec="utf-8"), max_size=6)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> PrivateKey:
    return make_private_key(tmp_path_factory.mktemp("keys") / "key.pem")


@pytest.fixture(scope="module")
def keys(key: PrivateKey) -> Mapping[str, PublicKey]:
    return read_keys(jwk_set([key.public]))


def changed(file: bytes) -> Iterator[bytes]:
    """With one byte other than it was, one more, or one less: at each place."""
    draw = random.Random(0)
    for place, byte in enumerate(file):
        others = {byte ^ 1, byte ^ 0x20, byte ^ 0x80, draw.randrange(256), *b'"0,'} - {byte}
        for other in others:
            yield file[:place] + bytes([other]) + file[place + 1 :]
        yield file[:place] + file[place + 1 :]
        yield file[:place] + bytes([byte]) + file[place:]
        yield file[:place] + b" " + file[place:]
    yield from (file + b"\n", file + b" ", b"\xef\xbb\xbf" + file, file + file, b"")


def test_no_byte_of_it_can_be_other_than_it_was(key: PrivateKey, keys: Mapping[str, PublicKey]) -> None:
    file = signed(CONTENT, key)

    assert verified(file, keys)["order"] == CONTENT["order"]
    count = 0
    for other in changed(file):
        with pytest.raises(ReceiptError):
            verified(other, keys)
        count += 1
    assert count > 9 * len(file) > 4_500


@given(st.dictionaries(st.text(min_size=1, max_size=6), VALUES, max_size=5))
def test_what_was_signed_is_what_is_read(
    key: PrivateKey, keys: Mapping[str, PublicKey], content: dict[str, Any]
) -> None:
    content = {name: value for name, value in content.items() if name not in {"format", "key_id", "signature"}}
    file = signed(content, key)

    said = verified(file, keys)

    assert file == signed(content, key)
    assert canonical(json.loads(file)) == file
    assert said.keys() - {"format", "key_id"} == content.keys()
    with pytest.raises(ReceiptError):
        verified(canonical({**json.loads(file), "more": 1}), keys)


def test_numbers_beyond_what_every_reader_keeps_are_text(key: PrivateKey, keys: Mapping[str, PublicKey]) -> None:
    said = verified(signed({"facts": [2**53 - 1, 2**53, {"most": -(2**60)}, True]}, key), keys)

    assert said["facts"] == [2**53 - 1, str(2**53), {"most": str(-(2**60))}, True]


def test_another_key_does_not_pass_for_it(key: PrivateKey, keys: Mapping[str, PublicKey], tmp_path: Path) -> None:
    other = make_private_key(tmp_path / "other.pem")
    file, document = signed(CONTENT, other), json.loads(signed(CONTENT, key))

    with pytest.raises(UnknownKey):
        verified(file, keys)
    # Signed by the other one, and said to be of the first.
    said = {**json.loads(file), "key_id": key.public.key_id}
    del said["signature"]
    forged = canonical({**said, "signature": to_text(other.sign(canonical(said)))})
    with pytest.raises(ReceiptError, match="not that of its key"):
        verified(forged, keys)
    # The signature of another receipt of the same key.
    swapped = canonical({**document, "signature": json.loads(signed({"order": 1}, key))["signature"]})
    with pytest.raises(ReceiptError, match="not that of its key"):
        verified(swapped, keys)
    # A key that is listed under the name of another.
    with pytest.raises(ValueError, match="thumbprint"):
        read_keys({"keys": [other.public.jwk() | {"kid": key.public.key_id}]})


def test_one_signature_has_one_text(key: PrivateKey, keys: Mapping[str, PublicKey]) -> None:
    """Its last letter has four bits that mean nothing: they must be zero. Nor is there another alphabet, or padding."""
    document = json.loads(signed(CONTENT, key))
    text = document["signature"]
    raw = urlsafe_b64decode(text + "==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same = [text[:-1] + letter for letter in alphabet if urlsafe_b64decode(text[:-1] + letter + "==") == raw]
    others = {*same, text + "==", text + "=", urlsafe_b64encode(raw).decode(), text + "\n", raw.hex()} - {text}

    assert len(same) == 16
    for other in others:
        with pytest.raises(ReceiptError, match="its signature is none"):
            verified(canonical({**document, "signature": other}), keys)


@pytest.mark.parametrize(
    "document",
    [[], 1, None, {}, {"format": "order-receipt/2"}, {"format": "order-receipt/1"}]
    + [
        {"format": "order-receipt/1", "key_id": a, "signature": b}
        for a, b in ((1, ""), ("", 1), (None, None), ([], {}))
    ],
    ids=repr,
)
def test_what_is_no_receipt_is_refused_in_words(document: Any, keys: Mapping[str, PublicKey]) -> None:
    with pytest.raises(ReceiptError):
        read(canonical(document))
    with pytest.raises(ReceiptError):
        verified(canonical(document), keys)


# --- Keys ------------------------------------------------------------------------------------------------------------


def test_the_key_of_the_standard_has_its_thumbprint_and_signature() -> None:
    """RFC 8037, appendix A."""
    raw = from_text("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", 32)

    assert PublicKey.of(raw).key_id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    signature = bytes.fromhex(
        "860c98d2297f3060a33f42739672d61b53cf3adefed3d3c672f320dc021b411e"
        "9d59b8628dc351e248b88b29468e0e41855b0fb7d83bb15be902bfccb8cd0a02"
    )
    payload = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    assert PublicKey.of(raw).has_signed(signature, payload)
    assert not PublicKey.of(raw).has_signed(signature, payload + b".")


def test_keys_of_other_kinds_are_left_out() -> None:
    assert (
        read_keys({"keys": [{"kty": "RSA", "n": "x", "e": "AQAB"}, {"kty": "OKP", "crv": "X25519", "x": "x"}, 5]}) == {}
    )


@pytest.mark.parametrize(
    "jwks",
    [
        None,
        [],
        {},
        {"keys": {}},
        *({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]} for x in (None, 5, "", "AAAA", "=" * 43)),
    ],
    ids=repr,
)
def test_what_is_no_set_of_keys_is_refused_in_words(jwks: Any) -> None:
    with pytest.raises(ValueError, match="it is"):
        read_keys(jwks)


def test_a_key_file_is_its_owners_alone_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = make_private_key(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_private_key(path).public == key.public
    with pytest.raises(FileExistsError):
        make_private_key(path)
    assert read_private_key(path).public == key.public
    assert [file.name for file in tmp_path.iterdir()] == ["key.pem"]
    path.chmod(0o640)
    with pytest.raises(ReceiptKeyError, match="chmod 600"):
        read_private_key(path)


def pem(body: bytes) -> bytes:
    """As a file of a private key looks."""
    lines = [b"-----%s PRIVATE KEY-----" % word for word in (b"BEGIN", b"END")]
    return b"\n".join((lines[0], body, lines[1], b""))


def test_a_file_without_such_a_key_is_refused_and_nothing_of_it_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    for content in (b"", b"secret words", pem(b"c2VjcmV0")):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(ReceiptKeyError) as refused:
            read_private_key(path)
        assert "secret" not in str(refused.value)
        assert "c2VjcmV0" not in str(refused.value)
    for other in (tmp_path, tmp_path / "none.pem"):
        with pytest.raises(ReceiptKeyError):
            read_private_key(other)


def test_a_private_key_is_not_shown(key: PrivateKey) -> None:
    assert repr(key) == f"PrivateKey({key.public.key_id})"
    assert f"{key}" == repr(key)
