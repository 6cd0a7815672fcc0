"""Another transaction at the nonce of an open submission: with a higher fee, or one that cancels it."""

from dex import CancellationIntent, DexError, Engine, Fees, SignedTransaction
from orders.config import Policy
from orders.signing.submissions import OpenSubmission
from orders.signing.wallets import owner_of

# A cancellation is replaced in turn, since its nonce holds up the wallet, but not without end.
MAX_TRANSACTIONS = 40
STUCK_BLOCKS = 5


def stuck_after_s(engine: Engine, policy: Policy) -> float:
    """How long a transaction may wait for a block before it is replaced."""
    return max(policy.stuck_s, STUCK_BLOCKS * engine.chain.timing.block_s)


def bumped(submission: OpenSubmission, suggested: Fees) -> Fees:
    """Fees that replace every transaction of ours at the nonce, and no less than what the chain asks now."""
    return submission.newest.signed.fees.bumped().at_least(suggested)


def sign_again(
    submission: OpenSubmission, is_cancellation: bool, suggested: Fees, engine: Engine
) -> SignedTransaction | DexError:
    """The newest transaction of the submission with bumped fees, or a cancellation transaction instead."""
    # This process may have signed nothing yet: it was another one that died.
    engine.chain.hold_wallet(owner_of(submission.account_id), submission.address)
    fees = bumped(submission, suggested)
    if is_cancellation and not submission.newest.is_cancellation:
        return engine.build([CancellationIntent(submission.address, submission.key, fees)])[0]
    return engine.rebuild([(submission.newest.signed, fees)])[0]
