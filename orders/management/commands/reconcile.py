"""`manage.py reconcile orders|wallets|parked|unpark|resume`: compare our rows with each other and with the chain."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from dex import RetryableError
from orders.cli.operator import operator_because
from orders.cli.options import reason
from orders.engine import get_engine
from orders.models import Wallet
from orders.pipeline.quarantine import quarantined_orders, release_orders_from_quarantine
from orders.reconciliation.orders import audit_orders
from orders.reconciliation.wallets import watch_wallets
from orders.signing.wallets import resume_wallet


class Command(BaseCommand):
    """Exits with 1 when something does not agree."""

    help = "Replay the event log against the orders, compare wallets with the chain, and see to parked orders"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("orders", help="replay every order's events and compare them with its row")
        verbs.add_parser("wallets", help="compare every wallet's nonce with the chain's; pauses and fills gaps")
        verbs.add_parser("parked", help="orders that wait for an operator")
        unpark = verbs.add_parser("unpark", help="work on a parked order as on any other again")
        unpark.add_argument("order", type=UUID)
        resume = verbs.add_parser("resume", help="sign from a paused wallet again, from the chain's nonce on")
        resume.add_argument("address")
        for parsed in (unpark, resume):
            parsed.add_argument("--reason", type=reason, required=True, help="kept in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        getattr(self, f"_{options['verb']}")(options)

    def _orders(self, options: dict[str, Any]) -> None:
        found = list(audit_orders())
        for order_id, detail in found:
            self.stdout.write(f"{order_id}  {detail}")
        if found:
            raise CommandError(f"{len(found)} contradictions")
        self.stdout.write("every order is as its events say")

    def _wallets(self, options: dict[str, Any]) -> None:
        findings = watch_wallets(get_engine())
        for finding in findings:
            notes = [", a gap: filled" * finding.has_gap, ", final blocks are gone" * finding.has_lost_final]
            nonces = f"chain {finding.chain_nonce}, here {finding.next_nonce}"
            self.stdout.write(f"{finding.address}  {nonces}{''.join(notes)}")
        if findings:
            raise CommandError(f"{len(findings)} wallets are not where the chain has them")
        self.stdout.write("every wallet is where the chain has it")

    def _parked(self, options: dict[str, Any]) -> None:
        orders = list(quarantined_orders())
        if not orders:
            self.stdout.write("no order is parked")
        for order in orders:
            self.stdout.write(f"{order.id}  {order.status}  since {order.parked_at:%Y-%m-%d %H:%M:%S} UTC")

    def _unpark(self, options: dict[str, Any]) -> None:
        if not release_orders_from_quarantine([options["order"]], actor=operator_because(options)):
            raise CommandError(f"{options['order']} is not parked; see: manage.py reconcile parked")
        self.stdout.write(f"{options['order']} is looked at again")

    def _resume(self, options: dict[str, Any]) -> None:
        engine = get_engine()
        wallets = Wallet.objects.filter(address=options["address"]).exclude(paused_reason="")
        wallet = wallets.filter(chain_id=engine.chain.chain_id).first() or wallets.first()
        if wallet is None:
            raise CommandError(f"there is no paused wallet {options['address']}")
        actor = operator_because(options)
        try:
            nonce = resume_wallet(wallet, engine, actor)
        except RetryableError as error:
            raise CommandError(error.detail) from error
        if nonce is None:
            raise CommandError(f"{wallet.address} has been resumed meanwhile")
        self.stdout.write(f"{wallet.address} signs again from nonce {nonce} on; it was paused: {wallet.paused_reason}")
