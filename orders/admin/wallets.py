"""The admin's page of wallets: facts to read; resume, which asks for a reason; the way to the page that pauses."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from dex import DexError, RetryableError
from dex.chains.capabilities import ChargesGas
from orders.admin.base import Act, ReadOnly
from orders.admin.cells import amount, moment, table
from orders.admin.order_relations import order_link
from orders.admin.pauses import pause_page
from orders.engine import get_engine
from orders.models import Submission, TradingControl, Wallet
from orders.signing.wallets import resume_wallet

RESUME_EXPLAINED = (
    "Nothing new is signed from this wallet, since a transaction of another program used its key or one of its nonces. "
    "Once resumed, its orders are signed from the chain's nonce on. The reason is kept with your name."
)
# Nonces in use that a wallet's page shows.
MOST_UNSETTLED = 50


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    """Wallets and where their nonces stand."""

    list_display = ("address", "chain_id", "account", "next_nonce", "low_since", "paused_reason", "retired_at")
    list_filter = (("low_since", admin.EmptyFieldListFilter), ("paused_reason", admin.EmptyFieldListFilter))
    list_select_related = ("account",)
    change_form_template = "admin/orders/pausable.html"
    readonly_fields = ("balances", "low_now", "unsettled", "pauses")
    fields = (
        *("account", "chain_id", "address", "next_nonce", "balances", "low_now", "low_since", "paused_reason"),
        *("unsettled", "pauses", "created_at", "retired_at"),
    )

    class Media:
        """Tables that fit."""

        css = {"all": ("orders/admin.css",)}

    def balances(self, wallet: Wallet) -> SafeString:
        """What it holds now, asked of the chain."""
        chain = get_engine().chain
        if wallet.chain_id != chain.chain_id:
            return SafeString(f"not known: this engine trades on {escape(chain.chain_id)}")
        try:
            held = chain.balances(wallet.address)
        except DexError as error:
            return format_html("not known: {}", error.detail)
        decimals = {token.symbol: token.decimals for token in chain.tokens()}
        return table(("token", "holds"), [(token, amount(held[token], decimals[token])) for token in sorted(held)])

    @admin.display(description="signed and not final")
    def unsettled(self, wallet: Wallet) -> SafeString:
        """The nonces in use, oldest first, each with its order."""
        open_ones = Submission.objects.filter(wallet=wallet, closed_at__isnull=True).order_by("key")[:MOST_UNSETTLED]
        rows = [
            (row.key, "a gap" if row.order_id is None else order_link(row.order_id), moment(row.opened_at, "seconds"))
            for row in open_ones
        ]
        return table(("nonce", "order", "since"), rows)

    @admin.display(description="paused by hand")
    def pauses(self, wallet: Wallet) -> SafeString:
        """The pauses of this wallet, of its account and of its chain."""
        rows = TradingControl.objects.filter(
            Q(account=wallet.account) | Q(account__isnull=True), chain_id__in=("", wallet.chain_id), venue=""
        )
        return table(
            ("pause", "reason", "by", "since"),
            [(row.scope, row.reason, row.actor, moment(row.at, "seconds")) for row in rows.order_by("id")],
        )

    @admin.display(description="pays for transactions")
    def low_now(self, wallet: Wallet) -> str:
        """Whether it holds enough of the chain's own token, asked of the chain; how little, where it does not."""
        chain = get_engine().chain
        if wallet.chain_id != chain.chain_id:
            return f"not known: this engine trades on {chain.chain_id}"
        if not isinstance(chain, ChargesGas):
            return "this chain charges nothing"
        try:
            low = chain.low_on_gas([wallet.address]).get(wallet.address)
        except DexError as error:
            return f"not known: {error.detail}"
        return f"too little for many more: {low}" if low else "yes"

    def get_urls(self) -> list[Any]:
        """The page that asks for the reason."""
        resume = path("<int:pk>/resume/", self.admin_site.admin_view(self.resume_view), name="orders_wallet_resume")
        return [resume, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offer the button only where resuming means something."""
        wallet = self.get_object(request, object_id)
        can_resume = wallet is not None and bool(wallet.paused_reason) and self.has_resume_permission(request)
        offered = {"can_resume": can_resume, "pause_page": pause_page(request, "wallet", wallet)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **offered})

    def has_resume_permission(self, request: HttpRequest) -> bool:
        """A permission of its own: the person states that the key is safe."""
        return bool(request.user.has_perm("orders.resume_wallet"))

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for a reason, then resume."""
        if not self.has_resume_permission(request):
            raise PermissionDenied
        wallet = get_object_or_404(Wallet, pk=pk)
        back = reverse("admin:orders_wallet_changelist")
        things = [f"{wallet}: {wallet.paused_reason or 'not paused'}"]
        answer = Act("Resume a wallet", RESUME_EXPLAINED, "Resume this wallet", things, back).ask(
            request, self.admin_site
        )
        if isinstance(answer, HttpResponse):
            return answer
        try:
            nonce = resume_wallet(wallet, get_engine(), answer)
        except RetryableError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(back)
        said = f"{wallet.address} signs again from nonce {nonce} on" if nonce is not None else "it was not paused"
        self.message_user(request, said, messages.INFO if nonce is None else messages.SUCCESS)
        return HttpResponseRedirect(back)
