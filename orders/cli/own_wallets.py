"""What `manage.py wallet create|import|bind|unbind|list` do with keys of their own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from dex.chains import chain_kind
from orders.cli.operator import operator
from orders.cli.options import reason, text
from orders.cli.secret_input import passphrase_from, secret_in, typed_secret
from orders.engine import get_engine, signer_settings, wallet_folder
from orders.models import Account, Wallet
from orders.signing.bind import bind_wallet
from orders.signing.wallets import owner_of


def add_own_wallet_verbs(verbs: Any) -> None:
    """Their arguments; none of them is a secret."""
    create = verbs.add_parser("create", help="a new key in an encrypted keystore; prints its address")
    imported = verbs.add_parser("import", help="keep a key that exists; without a file it is asked for")
    source = imported.add_mutually_exclusive_group()
    source.add_argument("--key-file", type=text, help="a file, mode 0600, with the private key in hexadecimal digits")
    source.add_argument("--keystore", type=text, help="a keystore as wallets write it (JSON)")
    imported.add_argument("--keystore-passphrase-file", type=text, help="opens --keystore; without it you are asked")
    bind = verbs.add_parser("bind", help="sign an account's orders with such a wallet")
    unbind = verbs.add_parser("unbind", help="sign an account's orders with its derived key again")
    verbs.add_parser("list", help="wallets with keys of their own, and the wallets of all accounts")
    for verb in (create, imported, bind):
        verb.add_argument("name", help="of the wallet, for people")
        verb.add_argument("--passphrase-file", type=text, help="a file, mode 0600; without it you are asked")
    for verb in (create, imported):
        verb.add_argument("--account", type=text, help="sign this account's orders with it from now on")
        verb.add_argument("--reason", type=reason, help="for the audit log, with --account")
    for verb in (bind, unbind):
        verb.add_argument("account")
        verb.add_argument("--reason", type=reason, required=True, help="for the audit log")


def create_wallet(options: Mapping[str, Any]) -> Iterator[str]:
    """The lines to show. Raises: CommandError, KeystoreError, WalletInUse."""
    account = _account_to_bind(options)
    passphrase = _new_passphrase(options)
    yield wallet_folder().create(options["name"], passphrase)
    if account is not None:
        yield from _bind(account, options["name"], passphrase, options["reason"])


def import_wallet(options: Mapping[str, Any]) -> Iterator[str]:
    """As `create_wallet`."""
    account = _account_to_bind(options)
    key = _key_from(options)
    passphrase = _new_passphrase(options)
    yield wallet_folder().add(options["name"], key, passphrase)
    if account is not None:
        yield from _bind(account, options["name"], passphrase, options["reason"])


def bind_existing(options: Mapping[str, Any]) -> Iterator[str]:
    """As `create_wallet`."""
    account = find_account(options["account"])
    wallet_folder().address(options["name"])
    passphrase = passphrase_from(options["passphrase_file"], "The wallet's passphrase", "--passphrase-file")
    yield from _bind(account, options["name"], passphrase, options["reason"])


def unbind(options: Mapping[str, Any]) -> Iterator[str]:
    """As `create_wallet`. The wallet's files stay: a deep reorg may ask for its signature again."""
    account, engine = find_account(options["account"]), get_engine()
    derived = engine.chain.address_of(owner_of(account.id))
    bind_wallet(account, derived, engine=engine, actor=operator(options["reason"]))
    yield f"orders of {account.name} on {engine.chain.chain_id} are signed by {derived} now, its derived key"


def list_wallets(options: Mapping[str, Any]) -> Iterator[str]:
    """One line per wallet: name, address, what it is to whom; then one per file that cannot be used, and why."""
    own, faults = wallet_folder().contents()
    names = {address: name for name, address in own.items()}
    bound = set()
    for wallet in Wallet.objects.select_related("account").order_by("account__name", "chain_id", "id"):
        bound.add(wallet.address)
        use = "" if wallet.retired_at is None else f"  until {wallet.retired_at:%Y-%m-%d %H:%M} UTC"
        yield f"{names.get(wallet.address, '-'):20}  {wallet.address}  {wallet.account} on {wallet.chain_id}{use}"
    for name, address in own.items():
        if address not in bound:
            yield f"{name:20}  {address}  of no account"
    for name, fault in faults.items():
        yield f"{name:20}  cannot be used: {fault}"


def find_account(name: str) -> Account:
    """Raises: CommandError."""
    account = Account.objects.filter(name=name).first()
    if account is None:
        raise CommandError(f"there is no account {name}")
    return account


def _account_to_bind(options: Mapping[str, Any]) -> Account | None:
    """Looked up before anything is written."""
    if not options["account"]:
        return None
    if not (options["reason"] or "").strip():
        raise CommandError("--account needs --reason, for the audit log")
    return find_account(options["account"])


def _bind(account: Account, name: str, passphrase: str, reason: str) -> Iterator[str]:
    if not (signer_settings().is_keystore or chain_kind(settings.CHAIN).takes_own_keys):
        raise CommandError(
            f"the development signer of the {settings.CHAIN} chain has no use for keys: set SIGNER=keystore"
        )
    engine, folder = get_engine(), wallet_folder()
    # From here on it can sign unattended; before, its passphrase is nowhere on this machine.
    folder.keep_passphrase(name, passphrase)
    address = folder.address(name)
    bind_wallet(account, address, engine=engine, actor=operator(reason))
    yield f"orders of {account.name} on {engine.chain.chain_id} are signed by {address} now"


def _new_passphrase(options: Mapping[str, Any]) -> str:
    what = f"New passphrase of the wallet {options['name']}"
    return passphrase_from(options["passphrase_file"], what, "--passphrase-file", is_new=True)


def _key_from(options: Mapping[str, Any]) -> bytes:
    from dex.signers.keystore import open_json
    from dex.signers.wallets import read_key

    if options["keystore"]:
        file = options["keystore_passphrase_file"]
        passphrase = passphrase_from(file, "The keystore's passphrase", "--keystore-passphrase-file")
        return open_json(Path(options["keystore"]), passphrase)
    if options["key_file"]:
        return read_key(secret_in(Path(options["key_file"])))
    return read_key(typed_secret("Private key, in hexadecimal digits: ", "--key-file"))
