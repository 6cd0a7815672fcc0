"""What nodes and contracts say, and what it means: the one table by which foreign errors are translated.

Nodes word one thing differently, so fragments are looked for in lower-cased text, the first row that fits decides.
"""

from collections.abc import Callable
from typing import NamedTuple

from dex.errors import BroadcastRejected, BroadcastTimeout, DexError, InsufficientFunds, NonceTaken, Underpriced

GETH = "https://github.com/ethereum/go-ethereum/blob/0dfc43ad9bbd4d8c22e88681cc32f455ceb973f3/core/txpool/errors.go"
GETH_STATE = "https://github.com/ethereum/go-ethereum/blob/003d175e21e03858c8879a32ff1ba35425cb8566/core/error.go"
GETH_DELEGATED = (
    "https://github.com/ethereum/go-ethereum/blob/004526762b51f4270ce496f66a4dc2c7ac7cfa3b/core/txpool/legacypool"
    "/legacypool.go"
)
GETH_SIGNER = "https://github.com/ethereum/go-ethereum/blob/master/core/types/transaction_signing.go"
ANVIL = "https://github.com/foundry-rs/foundry/blob/v1.7.1/crates/anvil/src/eth/error.rs"
# Older versions answer with the names that this file lists, newer ones in Geth's words.
NETHERMIND = (
    "https://github.com/NethermindEth/nethermind/blob/master/src/Nethermind/Nethermind.TxPool/AcceptTxResult.cs"
)
BESU = "https://github.com/hyperledger/besu/blob/main/ethereum/api/src/main/java/org/hyperledger/besu/ethereum/api/jsonrpc/internal/response/RpcErrorType.java"
OPENETHEREUM = "https://github.com/openethereum/openethereum/blob/main/crates/rpc/src/v1/helpers/errors.rs"
HARDHAT = "https://github.com/NomicFoundation/hardhat/tree/main/packages/hardhat-core/src/internal/hardhat-network"
ERIGON = "https://github.com/erigontech/erigon/blob/main/txnprovider/txpool/txpoolcfg/txpoolcfg.go"
ROUTER = "https://github.com/Uniswap/swap-router-contracts/tree/v1.3.1/contracts"
WETH = "https://github.com/gnosis/canonical-weth/blob/master/contracts/WETH9.sol"
UNIVERSAL = "https://github.com/Uniswap/universal-router/tree/main/contracts"
PERMIT2 = "https://github.com/Uniswap/permit2/tree/main/src"
CORE_V2 = "https://github.com/Uniswap/v2-core/blob/v1.0.1/contracts/UniswapV2Pair.sol"
CORE_V3 = "https://github.com/Uniswap/v3-core/blob/v1.0.0/contracts/UniswapV3Pool.sol"
PERIPHERY_V2 = "https://github.com/Uniswap/v2-periphery/blob/master/contracts/UniswapV2Router02.sol"
PERIPHERY_V3 = "https://github.com/Uniswap/v3-periphery/tree/v1.3.0/contracts"


class Refusal(NamedTuple):
    """A fragment of an answer to `eth_sendRawTransaction`, the error it becomes (None: it is there), and its source."""

    fragment: str
    error: Callable[[str], DexError] | None
    source: str


REFUSALS = (
    Refusal("already known", None, GETH),
    Refusal("already imported", None, ANVIL),
    Refusal("alreadyknown", None, NETHERMIND),
    Refusal("already exists", None, ERIGON),
    Refusal("known transaction", None, BESU),
    Refusal("known_transaction", None, BESU),
    Refusal("replacement transaction underpriced", Underpriced, GETH),
    Refusal("replacementnotallowed", Underpriced, NETHERMIND),
    Refusal("could not replace existing", Underpriced, ERIGON),
    Refusal("nonce too low", NonceTaken, GETH_STATE),
    Refusal("oldnonce", NonceTaken, NETHERMIND),
    Refusal("nonce_too_low", NonceTaken, BESU),
    Refusal("nonce is too low", NonceTaken, OPENETHEREUM),
    Refusal("insufficient funds", InsufficientFunds, GETH_STATE),
    Refusal("insufficientfunds", InsufficientFunds, NETHERMIND),
    Refusal("enough funds", InsufficientFunds, HARDHAT),
    Refusal("exceeds account balance", InsufficientFunds, BESU),
    Refusal("upfront_cost_exceeds_balance", InsufficientFunds, BESU),
    # The pool lets it in or not: its fee is too low for the moment; a replacement at the same nonce may go on.
    Refusal("max fee per gas less than block base fee", Underpriced, GETH_STATE),
    Refusal("transaction underpriced", Underpriced, GETH),
    Refusal("fee cap less than block base fee", Underpriced, ERIGON),
    Refusal("below current base fee", Underpriced, BESU),
    Refusal("too low for the next block", Underpriced, HARDHAT),
    Refusal("gas price is too low", Underpriced, OPENETHEREUM),
    Refusal("feetoolow", Underpriced, NETHERMIND),
    Refusal("underpriced", Underpriced, ERIGON),
    # Of a wallet that runs a contract's code such a pool takes one transaction at a time: it is sent again in its turn.
    Refusal("in-flight transaction limit reached", BroadcastTimeout, GETH_DELEGATED),
    Refusal("gapped-nonce tx from delegated accounts", BroadcastTimeout, GETH_DELEGATED),
    Refusal("authority already reserved", BroadcastTimeout, GETH_DELEGATED),
    Refusal("invalid chain id", BroadcastRejected, GETH_SIGNER),
    Refusal("incompatible eip-155", BroadcastRejected, ANVIL),
    Refusal("invalid sender", BroadcastRejected, GETH),
    Refusal("intrinsic gas too low", BroadcastRejected, GETH_STATE),
    Refusal("exceeds block gas limit", BroadcastRejected, GETH),
    Refusal("intrinsic gas too high", BroadcastRejected, ANVIL),
    Refusal("max priority fee per gas higher than max fee per gas", BroadcastRejected, GETH_STATE),
    Refusal("failed to decode", BroadcastRejected, ANVIL),
    Refusal("rlp", BroadcastRejected, GETH),
)


class Reason(NamedTuple):
    """A fragment of a revert reason, the receipt's code for it, words for the owner, and its source."""

    fragment: str
    code: str
    words: str
    source: str


# This engine's own words for a batch's call that was undone without any.
NOTHING_TO_GIVE = "nothing to give"
REASONS = (
    Reason("allowanceexpired", "insufficient_funds", "the wallet's leave at Permit2 has run out", PERMIT2),
    Reason("insufficientallowance", "insufficient_funds", "the wallet allows too little at Permit2", PERMIT2),
    Reason("too little received", "slippage", "the pools would have paid less than the order's minimum", ROUTER),
    Reason("too much requested", "slippage", "the pools would have cost more than the order's maximum", ROUTER),
    Reason("insufficient_output_amount", "slippage", "the pools would have paid less than the minimum", PERIPHERY_V2),
    Reason("excessive_input_amount", "slippage", "the pools would have cost more than the maximum", PERIPHERY_V2),
    Reason("insufficient token", "slippage", "the pools would have paid less than the order's minimum", PERIPHERY_V3),
    Reason("insufficient weth9", "slippage", "the pools would have paid less than the order's minimum", PERIPHERY_V3),
    Reason("transaction too old", "expired", "the block came after the order's on-chain deadline", PERIPHERY_V3),
    Reason("expired", "expired", "the block came after the order's on-chain deadline", PERIPHERY_V2),
    Reason("iia", "reverted", "a token on the way takes a fee of its own, or changes its balances", CORE_V3),
    Reason("uniswapv2: k", "reverted", "a token on the way takes a fee of its own, or changes its balances", CORE_V2),
    Reason(NOTHING_TO_GIVE, "insufficient_funds", "the wallet holds too little", WETH),
    Reason("toolittlereceived", "slippage", "the pools would have paid less than the order's minimum", UNIVERSAL),
    Reason("toomuchrequested", "slippage", "the pools would have cost more than the order's maximum", UNIVERSAL),
    Reason("insufficienttoken", "slippage", "the pools would have paid less than the order's minimum", UNIVERSAL),
    Reason("insufficienteth", "slippage", "the pools would have paid less than the order's minimum", UNIVERSAL),
    Reason("transactiondeadlinepassed", "expired", "the block came after the order's on-chain deadline", UNIVERSAL),
    Reason("stf", "insufficient_funds", "the wallet holds or allows the router too little", PERIPHERY_V3),
    Reason("transfer_from_failed", "insufficient_funds", "the wallet holds or allows the router too little", ROUTER),
    Reason("transfer amount exceeds", "insufficient_funds", "the wallet holds or allows the router too little", ROUTER),
)


def refusal_of(message: str) -> DexError | None:
    """What an answer to sent bytes means; None: the chain has them already."""
    text = message.lower()
    for row in REFUSALS:
        if row.fragment in text:
            return row.error(f"the chain says: {message}") if row.error else None
    # An unknown text: the bytes may be in.
    return BroadcastTimeout(f"the chain's answer is not understood: {message}")


def reason_of(message: str) -> tuple[str, str]:
    """A revert's code and what it means in words."""
    text = message.lower()
    for row in REASONS:
        if row.fragment in text:
            return row.code, f"{row.words} ({message})"
    return "reverted", f"the contracts undid it: {message}" if message else "the contracts undid it without a reason"
