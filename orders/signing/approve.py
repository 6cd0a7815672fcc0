"""Lets the chain's router take tokens of a wallet, up to an amount; 0 takes that back."""

from dex import BroadcastRejected, ChainUnavailable, DexError, Engine, Fees, SignedTransaction
from dex.chains.capabilities import NeedsAllowances
from orders.audit.record import Actor
from orders.models import Account, Submission
from orders.signing.broadcast import broadcast
from orders.signing.wallet_transactions import WalletPaused, store_signed
from orders.signing.wallets import ensure_wallets


def approve_token(
    account: Account, token: str, amount: int, *, engine: Engine, actor: Actor
) -> list[SignedTransaction]:
    """Sign, store and send all that it takes, each call tried on the chain first. `amount` is atoms in all.

    A pause stops all but taking the allowance back. Raises: DexError, WalletPaused; nothing is stored then.
    """
    chain = engine.chain
    if not isinstance(chain, NeedsAllowances):
        raise BroadcastRejected("this chain needs no approvals")
    wallet = ensure_wallets({account.id}, engine)[account.id]
    if amount:
        _refuse_while_busy(wallet.id, wallet.address, engine)
    calls = chain.approval_calls(wallet.address, token, amount)

    def sign(address: str, nonce: int, fees: Fees) -> list[SignedTransaction] | DexError:
        if address != wallet.address:
            return ChainUnavailable("the account got another wallet meanwhile: call again")
        return chain.approve(address, nonce, calls, fees)

    signed = store_signed(
        account,
        "wallet.approve",
        sign,
        lambda signed: {"token": token, "amount": str(amount), "tx_hash": signed[-1].tx_hash},
        takes_back=amount == 0,
        engine=engine,
        actor=actor,
    )
    broadcast(signed, engine)
    return signed


def _refuse_while_busy(wallet_id: int, address: str, engine: Engine) -> None:
    """What no block has taken yet may change what the trial says: some tokens allow a change from 0 alone.

    Raises: WalletPaused, ChainUnavailable.
    """
    waits = Submission.objects.filter(wallet=wallet_id, order=None, closed_at=None)
    if nonces := sorted(waits.values_list("key", flat=True)):
        mined = engine.chain.next_nonce(address)
        if late := [nonce for nonce in nonces if nonce >= mined]:
            raise WalletPaused(
                f"the transaction of wallet {address} at nonce {late[0]} is in no block yet: call again when it is"
            )
