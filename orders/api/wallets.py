"""What the caller's wallet holds: GET /wallets."""

from typing import Any, ClassVar, NamedTuple

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dex import Engine
from orders import selectors
from orders.api import schema
from orders.api.base import AccountView, account_of
from orders.engine import get_engine
from orders.models import Wallet
from orders.presentation.amounts import amount
from orders.scopes import READ
from orders.shapes import GIVEN, Shape, boolean, listed, text


class Balance(NamedTuple):
    """Atoms of a token that a wallet holds."""

    token: str
    atoms: int
    decimals: int


BALANCE = Shape[Balance](
    "BalanceShape",
    "What a wallet holds of one token.",
    {
        "token": text(about="The chain's own token is one of them."),
        **amount("amount", lambda balance: balance.atoms, lambda balance: balance.decimals),
    },
)
WALLET = Shape[Wallet](
    "WalletShape",
    "An address that signs for the account, and what it holds as of the newest block.",
    {
        "address": text(),
        "chain": text(lambda wallet: wallet.chain_id),
        "is_paused": boolean(lambda wallet: bool(wallet.paused_reason), "Whether nothing new is signed from it."),
        "balances": listed(BALANCE, GIVEN, "Every token of the chain, by symbol; zero where it holds none."),
    },
)
WALLETS = Shape[Engine](
    "WalletsShape",
    "The account's wallets in use: one for the engine's chain, none before the account's first order.",
    {"chain": text(lambda engine: engine.chain.chain_id, "Where orders trade."), "results": listed(WALLET, GIVEN)},
)


class WalletsView(AccountView):
    """GET /wallets."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(WALLETS), operation_id="listWallets")
    def get(self, request: Request) -> Response:
        """The account's wallet on the engine's chain and what it holds; none before its first order."""
        engine = get_engine()
        # Never asks the signer for an address: this process opens no keystore.
        wallets = selectors.wallets_in_use(account_of(request), engine.chain.chain_id)
        results = [WALLET.render(wallet, balances=_balances_json(wallet, engine)) for wallet in wallets]
        return Response(WALLETS.render(engine, results=results))


def _balances_json(wallet: Wallet, engine: Engine) -> list[dict[str, Any]]:
    decimals = {token.symbol: token.decimals for token in engine.chain.tokens()}
    held = dict.fromkeys(decimals, 0) | engine.chain.balances(wallet.address)
    return [BALANCE.render(Balance(token, atoms, decimals[token])) for token, atoms in sorted(held.items())]
