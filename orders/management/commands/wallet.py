"""`manage.py wallet`: an account's wallet, what it may do and the router take, and wallets with keys of their own."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dex import DexError, SignedTransaction
from dex.chains.capabilities import DelegatesWallets, NeedsAllowances
from orders.amounts import format_units, parse_units
from orders.cli import own_wallets
from orders.cli.operator import operator
from orders.cli.options import reason, seconds
from orders.engine import get_engine
from orders.models import Account
from orders.scalars import ScalarError
from orders.selectors import token_decimals
from orders.signing.approve import approve_token
from orders.signing.bind import WalletInUse
from orders.signing.delegate import delegate_wallet
from orders.signing.wallet_result import follow
from orders.signing.wallet_transactions import WalletPaused
from orders.signing.wallets import wallet_address

WAIT_S = 120.0
OWN: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "create": own_wallets.create_wallet,
    "import": own_wallets.import_wallet,
    "bind": own_wallets.bind_existing,
    "unbind": own_wallets.unbind,
    "list": own_wallets.list_wallets,
}


class Command(BaseCommand):
    """Amounts are in units of the token."""

    help = "Make, import, bind and show wallets; approve an amount of a token for the chain's router"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("address", help="where to send what the account is to trade with")
        verbs.add_parser("balance", help="what the wallet holds, and what the router may take")
        approve = verbs.add_parser("approve", help="approve up to this amount of a token for the router")
        revoke = verbs.add_parser("revoke", help="let the router take nothing of a token any more")
        delegate = verbs.add_parser("delegate", help="let the wallet act in batches, which forks of Uniswap V2 need")
        undelegate = verbs.add_parser("undelegate", help="take that back")
        for verb in list(verbs.choices.values()):
            verb.add_argument("account")
        for verb in (approve, revoke):
            verb.add_argument("token")
        for verb in (approve, revoke, delegate, undelegate):
            verb.add_argument("--reason", type=reason, required=True, help="for the audit log")
            verb.add_argument(
                "--wait", type=seconds, default=WAIT_S, metavar="SECONDS", help="for its block; 0: do not wait"
            )
        approve.add_argument("amount", help="decimal, in units of the token")
        own_wallets.add_own_wallet_verbs(verbs)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        # Only where it is used: what opens keystores takes a second to load.
        from dex.signers.keystore import KeystoreError

        try:
            if options["verb"] in OWN:
                for line in OWN[options["verb"]](options):
                    self.stdout.write(line)
                return
            getattr(self, f"_{options['verb']}")(own_wallets.find_account(options["account"]), options)
        except (DexError, WalletPaused, WalletInUse, KeystoreError) as error:
            raise CommandError(str(error)) from error

    def _address(self, account: Account, options: dict[str, Any]) -> None:
        self.stdout.write(_wallet_of(account))

    def _balance(self, account: Account, options: dict[str, Any]) -> None:
        chain, wallet, decimals = get_engine().chain, _wallet_of(account), token_decimals()
        allowed = chain.allowances(wallet) if isinstance(chain, NeedsAllowances) else {}
        self.stdout.write(f"{wallet} on {chain.chain_id}")
        if isinstance(chain, DelegatesWallets) and (venues := ", ".join(sorted(chain.batch_venues))):
            able = "acts in batches" if chain.acting_in_batches([wallet]) else "does not act in batches"
            self.stdout.write(f"{able}, which {venues} needs")
        for token, atoms in sorted(chain.balances(wallet).items()):
            may = allowed.get(token)
            allowance = "" if may is None else f"  router may take {format_units(may, decimals[token])}"
            self.stdout.write(f"{token:8} {format_units(atoms, decimals[token]):>40}{allowance}")

    def _approve(self, account: Account, options: dict[str, Any]) -> None:
        token, decimals = options["token"], token_decimals()
        if token not in decimals:
            raise CommandError(f"there is no token {token}")
        try:
            atoms = parse_units(options["amount"], decimals[token])
        except ScalarError as error:
            raise CommandError(error.detail) from error
        self._send(account, token, atoms, options)

    def _revoke(self, account: Account, options: dict[str, Any]) -> None:
        self._send(account, options["token"], 0, options)

    def _delegate(self, account: Account, options: dict[str, Any]) -> None:
        self._set_delegate(account, True, options)

    def _undelegate(self, account: Account, options: dict[str, Any]) -> None:
        self._set_delegate(account, False, options)

    def _set_delegate(self, account: Account, is_on: bool, options: dict[str, Any]) -> None:
        signed = delegate_wallet(account, is_on, engine=get_engine(), actor=operator(options["reason"]))
        self._follow(account, [signed], options["wait"])

    def _send(self, account: Account, token: str, atoms: int, options: dict[str, Any]) -> None:
        signed = approve_token(account, token, atoms, engine=get_engine(), actor=operator(options["reason"]))
        self._follow(account, signed, options["wait"])

    def _follow(self, account: Account, signed: Sequence[SignedTransaction], wait_s: float) -> None:
        """Say how each ended. Raises: CommandError where one did not do what was asked, or no block took it."""
        see = f"see: manage.py wallet balance {account.name}"
        if not wait_s > 0:
            self.stdout.write(f"sent as {', '.join(item.tx_hash for item in signed)}; {see}")
            return
        failed = []
        for result in follow(signed, get_engine(), wait_s):
            receipt = result.receipt
            if receipt is None:
                failed.append(
                    f"{result.signed.tx_hash} is in no block after {wait_s:g} s; it is sent again until it is"
                )
            elif not receipt.is_success:
                failed.append(f"{receipt.tx_hash} was undone in block {receipt.block_number}: {receipt.detail}")
            else:
                final = "final" if receipt.is_final else "not final yet"
                self.stdout.write(f"{receipt.tx_hash} went through in block {receipt.block_number}, {final}")
        if failed:
            raise CommandError("; ".join([*failed, see]))
        self.stdout.write(see)


def _wallet_of(account: Account) -> str:
    return wallet_address(account, get_engine())
