"""What the caller's wallet holds: GET /wallets."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dex import Engine
from orders import schema, selectors
from orders.access import AccountView, account_of
from orders.amounts import format_units
from orders.engine import get_engine
from orders.models import Wallet
from orders.scopes import READ


class BalanceShape(serializers.Serializer[Any]):
    """What a wallet holds of one token."""

    token = serializers.CharField(help_text="The chain's own token is one of them.")
    amount = serializers.CharField(help_text="Token units.")
    amount_raw = serializers.CharField(help_text="Atoms.")


class WalletShape(serializers.Serializer[Any]):
    """An address that signs for the account, and what it holds as of the newest block."""

    address = serializers.CharField()
    chain = serializers.CharField()
    is_paused = serializers.BooleanField(help_text="Whether nothing new is signed from it.")
    balances = BalanceShape(many=True, help_text="Every token of the chain, by symbol; zero where it holds none.")


class WalletsShape(serializers.Serializer[Any]):
    """The account's wallets in use: one for the engine's chain, none before the account's first order."""

    chain = serializers.CharField(help_text="Where orders trade.")
    results = WalletShape(many=True)


class WalletsView(AccountView):
    """GET /wallets."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(WalletsShape), operation_id="listWallets")
    def get(self, request: Request) -> Response:
        """The account's wallet on the engine's chain and what it holds; none before its first order."""
        engine = get_engine()
        chain_id = engine.chain.chain_id
        # Never asks the signer for an address: this process opens no keystore.
        wallets = selectors.wallets_in_use(account_of(request), chain_id)
        return Response({"chain": chain_id, "results": [_wallet_json(wallet, engine) for wallet in wallets]})


def _wallet_json(wallet: Wallet, engine: Engine) -> dict[str, Any]:
    decimals = {token.symbol: token.decimals for token in engine.chain.tokens()}
    held = dict.fromkeys(decimals, 0) | engine.chain.balances(wallet.address)
    return {
        "address": wallet.address,
        "chain": wallet.chain_id,
        "is_paused": bool(wallet.paused_reason),
        "balances": [
            {"token": token, "amount": format_units(atoms, decimals[token]), "amount_raw": str(atoms)}
            for token, atoms in sorted(held.items())
        ],
    }
