"""What nodes answer to sent bytes, each in its family; the texts are those of the sources in the table."""

import pytest

from dex.chains.evm.outcomes.error_table import REASONS, REFUSALS, reason_of, refusal_of


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("already known", None),
        ("transaction already imported", None),
        ("AlreadyKnown", None),
        ("nonce too low: next nonce 7, tx nonce 5", "nonce_taken"),
        ("OldNonce, Current nonce: 7", "nonce_taken"),
        ("replacement transaction underpriced", "underpriced"),
        ("INTERNAL_ERROR: could not replace existing tx", "underpriced"),
        ("transaction underpriced: gas tip cap 0, minimum needed 1", "underpriced"),
        ("max fee per gas less than block base fee: address 0x1", "underpriced"),
        ("FeeTooLow, FeePerGas needs to be higher", "underpriced"),
        ("insufficient funds for gas * price + value: balance 1", "insufficient_funds"),
        ("invalid chain id for signer: have 1 want 10", "rejected"),
        ("intrinsic gas too low: have 1, want 21000", "rejected"),
        ("in-flight transaction limit reached for delegated accounts", "timeout"),
        ("gapped-nonce tx from delegated accounts", "timeout"),
        ("the node has had too much coffee", "timeout"),
    ],
)
def test_an_answer_is_in_its_family(message: str, code: str | None) -> None:
    answer = refusal_of(message)

    assert (answer.code if answer else None) == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Too little received", "slippage"),
        ("Too much requested", "slippage"),
        ("Insufficient token", "slippage"),
        ("UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT", "slippage"),
        ("Transaction too old", "expired"),
        ("UniswapV2Router: EXPIRED", "expired"),
        ("STF", "insufficient_funds"),
        ("TransferHelper: TRANSFER_FROM_FAILED", "insufficient_funds"),
        ("UniswapV2: K", "reverted"),
        ("IIA", "reverted"),
        ("", "reverted"),
    ],
)
def test_a_revert_has_its_code(message: str, code: str) -> None:
    assert reason_of(message)[0] == code


def test_fragments_are_lower_case_and_have_a_source() -> None:
    for row in (*REFUSALS, *REASONS):
        assert row.fragment == row.fragment.lower()
        assert row.source.startswith("https://github.com/")
