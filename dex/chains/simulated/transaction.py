"""The bytes of a simulated transaction: signature, canonical JSON, and one last byte with the signature's length.

Bytes of the first version have no such byte and end with the "}" of their JSON, which is the length of no signature.

The development signer's keys are derived from public values, so its tags guard against corrupted bytes, not against
anybody who reads this. Signatures of a keystore's keys are real ones.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dex.errors import BroadcastRejected
from dex.signers import CancellationSummary, Signer, SwapSummary, TransactionSummary
from dex.signers.development import development_key
from dex.types import NEVER, CancellationIntent, Fees, Hop, Intent, Route, Side, SignedTransaction, SwapIntent

TAG_BYTES = 32
SIGNATURE_BYTES = 65
_SIGNATURE_LENGTHS = (TAG_BYTES, SIGNATURE_BYTES)
_END_OF_JSON = ord("}")
# The one contract of the chain: it swaps along a route and pays the wallet that signed.
ROUTER = "sim:router"
# `json.dumps` makes one for each call that asks for anything but its defaults.
_ENCODER = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Transaction:
    """A decoded transaction: what its wallet wants done, in atoms and chain time."""

    tx_hash: str
    intent: Intent

    @property
    def swap(self) -> SwapIntent:
        """What it swaps; only for those that swap something."""
        assert isinstance(self.intent, SwapIntent)
        return self.intent

    @property
    def scenario(self) -> str:
        """The fault that its order asked for."""
        return self.intent.scenario if isinstance(self.intent, SwapIntent) else "none"


def sign(chain_id: str, intent: Intent, signer: Signer) -> SignedTransaction:
    """Encode and sign one intent; equal intents give equal bytes. Raises: SigningRefused."""
    body = encode(chain_id, intent)
    signature = signer.sign(intent.wallet, body)
    raw = signature + body + bytes([len(signature)])
    deadline = intent.deadline if isinstance(intent, SwapIntent) else NEVER
    return SignedTransaction(chain_id, intent.wallet, intent.nonce, raw, hash_of(raw), deadline, intent.fees)


def encode(chain_id: str, intent: Intent) -> bytes:
    """What the signature covers."""
    return _ENCODER.encode(_body(chain_id, intent)).encode()


def summarize_payload(body: bytes) -> TransactionSummary:
    """What a body would do, for a signer's policy. Raises: BroadcastRejected for a body that no chain could execute."""
    try:
        fields: dict[str, Any] = json.loads(body)
        chain_id, wallet, max_fee = fields["chain"], fields["wallet"], _whole(fields["fees"][0])
        if "route" not in fields:
            return CancellationSummary(chain_id, wallet, max_fee)
        return SwapSummary(
            chain_id=chain_id,
            wallet=wallet,
            routers=frozenset({ROUTER}),
            recipient=wallet,
            token=fields["route"][0],
            amount=_whole(fields["max_in"]),
            max_fee=max_fee,
            deadline=_whole(fields["deadline"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BroadcastRejected(f"the bytes cannot be read: {type(error).__name__}") from error


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("amounts and times are whole numbers from 0 on")
    return value


def hash_of(raw: bytes) -> str:
    """The transaction's identity on the chain."""
    return "0x" + hashlib.sha256(raw).hexdigest()


@lru_cache(maxsize=4096)  # the same bytes are read when they arrive and when they are executed
def decode(chain_id: str, raw: bytes) -> Transaction:
    """Check and read bytes. Raises: BroadcastRejected for bytes of another chain, or without a valid signature."""
    refusal = BroadcastRejected("the transaction cannot be decoded")
    for signature, body in _readings(raw):
        try:
            fields: dict[str, Any] = json.loads(body.decode())
            is_signed = _is_signed(signature, body, chain_id, fields["wallet"])
            if fields["chain"] == chain_id and is_signed:
                return Transaction(hash_of(raw), _intent(fields))
            refusal = BroadcastRejected("the transaction is for another chain or its signature is not the wallet's")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            refusal = BroadcastRejected(f"the transaction cannot be decoded: {type(error).__name__}")
    raise refusal


def _readings(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Signature and body as the last byte divides them; bytes of the first version at each length a signature has."""
    length = raw[-1] if raw else 0
    if length in _SIGNATURE_LENGTHS:
        return [(raw[:length], raw[length:-1])]
    return [(raw[:length], raw[length:]) for length in _SIGNATURE_LENGTHS] if length == _END_OF_JSON else []


def _intent(fields: dict[str, Any]) -> Intent:
    # Transactions from before there were fees offer none.
    max_fee, priority_fee = fields.get("fees", (0, 0))
    fees = Fees(_whole(max_fee), _whole(priority_fee))
    if "route" not in fields:
        return CancellationIntent(fields["wallet"], fields["nonce"], fees)
    return SwapIntent(
        wallet=fields["wallet"],
        nonce=fields["nonce"],
        side=Side(fields["side"]),
        route=decode_route(fields["route"]),
        min_amount_out=fields["min_out"],
        max_amount_in=fields["max_in"],
        deadline=fields["deadline"],
        scenario=fields["scenario"],
        fees=fees,
    )


def _body(chain_id: str, intent: Intent) -> dict[str, Any]:
    fees = [intent.fees.max_fee, intent.fees.priority_fee]
    head = {"chain": chain_id, "wallet": intent.wallet, "nonce": intent.nonce, "fees": fees}
    if isinstance(intent, CancellationIntent):
        return head
    return head | {
        "side": intent.side.value,
        "route": encode_route(intent.route),
        "min_out": intent.min_amount_out,
        "max_in": intent.max_amount_in,
        "deadline": intent.deadline,
        "scenario": intent.scenario,
    }


def encode_route(route: Route) -> list[Any]:
    """A route as JSON: its ends, then the fields of each hop in order."""
    hops = [[hop.venue, hop.pool_id, hop.token_in, hop.token_out, hop.amount_in, hop.amount_out] for hop in route.hops]
    return [route.token_in, route.token_out, *hops]


def decode_route(encoded: list[Any]) -> Route:
    """Inverse of `encode_route`."""
    token_in, token_out, *hops = encoded
    if not hops:
        raise ValueError("a route has hops")
    return Route(token_in, token_out, tuple(Hop(*hop) for hop in hops))


def _is_signed(tag: bytes, body: bytes, chain_id: str, wallet: str) -> bool:
    if len(tag) == TAG_BYTES:
        return hmac.compare_digest(tag, hmac.digest(development_key(chain_id, wallet), body, "sha256"))
    # Only where such signatures come: loading what checks them takes a second.
    from dex.signers.keystore import recover

    return recover(tag, body) == wallet
