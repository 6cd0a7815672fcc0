"""What the admin shows of an order: where it stands, what was promised and paid, its route, transactions and acts."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from orders.admin.cells import NOTHING, amount, code, facts, gwei, in_one_line, moment, table, units
from orders.admin.large import LargeTable
from orders.config import get_policy
from orders.engine import get_engine
from orders.models import AuditEntry, Order, SignedTransaction
from orders.models.audit import SIGNATURE
from orders.order_types import slices_of, type_fields_json
from orders.presentation.explanation import EXPLANATION
from orders.presentation.fees import fee_limits_json, net_amount, paid_fee, planned_fee
from orders.presentation.orders import ROUTE_LIMITS, guards_json
from orders.presentation.pictures import route_svg
from orders.presentation.routes import ROUTE, legs_json, proof_sentences, venue_title
from orders.services.explain import explain_order

SIGNS = {"CONFIRMED": "✓", "FAILED": "✕"}


class OrderFacts(LargeTable):
    """The columns and fields of an order's pages, in words and tables."""

    @admin.display(description="order", ordering="id")
    def short_id(self, order: Order) -> str:
        """The end of the id, which differs most."""
        return f"…{str(order.id)[-12:]}"

    @admin.display(description="status")
    def state(self, order: Order) -> str:
        """Sign, status, and outcome or what is to come: never colour alone."""
        sign = "–" if order.outcome == "cancelled" else SIGNS.get(order.status, "…")
        words = [f"{sign} {order.status}", order.outcome]
        if order.outcome is None:
            words.append("to be cancelled" if order.cancel_requested_at else None)
            words.append(f"waits for {order.waiting_for}" if order.waiting_for else None)
        return " · ".join(word for word in words if word)

    def pair(self, order: Order) -> str:
        """What for what."""
        return f"{order.token_in} → {order.token_out}"

    @admin.display(description="amount")
    def stated(self, order: Order) -> str:
        """The fixed side in token units."""
        if order.side == "exact_in":
            return amount(order.amount, order.decimals_in, order.token_in)
        return f"{amount(order.amount, order.decimals_out, order.token_out)} (exact out)"

    @admin.display(description="swap")
    def swap(self, order: Order) -> str:
        """What is given for what; of exact_out what is bought."""
        if order.side == "exact_in":
            return f"{amount(order.amount, order.decimals_in, order.token_in)} → {order.token_out}"
        return f"{order.token_in} → {amount(order.amount, order.decimals_out, order.token_out)}"

    @admin.display(description="got")
    def got(self, order: Order) -> str:
        """What the chain paid out."""
        return amount(order.amount_out, order.decimals_out, order.token_out)

    @admin.display(description="network fee")
    def cost(self, order: Order) -> str:
        """What it has cost; with a sign in front what its route is expected to cost."""
        if paid := paid_fee(order):
            return units(paid["amount"], paid["token"])
        fee = order.plan and planned_fee(order.plan)
        return f"≈ {units(fee['amount'], fee['token'])}" if fee else "–"

    @admin.display(description="placed (UTC)", ordering="id")
    def placed_at(self, order: Order) -> str:
        """To the second; sorting goes by the time in the id."""
        return moment(order.created_at, "seconds").removesuffix(" UTC")

    def promised(self, order: Order) -> str:
        """Quoted amounts and the limit that the chain enforces."""
        if order.quoted_amount_in is None or order.quoted_amount_out is None or order.min_amount_out is None:
            return "–"
        given = amount(order.quoted_amount_in, order.decimals_in, order.token_in)
        got = amount(order.quoted_amount_out, order.decimals_out, order.token_out)
        if order.side == "exact_out":
            return f"{given} → {got}, at most {amount(order.max_amount_in, order.decimals_in, order.token_in)}"
        return f"{given} → {got}, at least {amount(order.min_amount_out, order.decimals_out, order.token_out)}"

    def executed(self, order: Order) -> str:
        """What the chain moved."""
        if order.amount_in is None or order.amount_out is None:
            return "–"
        given = amount(order.amount_in, order.decimals_in, order.token_in)
        return f"{given} → {amount(order.amount_out, order.decimals_out, order.token_out)}"

    @admin.display(description="part of")
    def family(self, order: Order) -> str:
        """The parent of a child; how far a parent is."""
        if order.parent_id is not None:
            page = reverse("admin:orders_order_change", args=[order.parent_id])
            return format_html('<a href="{}">{}</a>', page, order.parent_id)
        if not order.is_parent:
            return NOTHING
        given = amount(order.filled_amount_in, order.decimals_in, order.token_in)
        got = amount(order.filled_amount_out, order.decimals_out, order.token_out)
        done = f"{order.slices_done} of {slices_of(order.order_type, order)} slices have had their turns"
        return f"{done}; filled {given} → {got}"

    @admin.display(description="network fee, expected")
    def fee_expected(self, order: Order) -> str:
        """What its route is expected to cost, in the chain's own token and in that of the side that is not fixed."""
        plan = order.plan
        fee = None if plan is None else planned_fee(plan)
        if plan is None or fee is None:
            return "–"
        swaps = len(plan.route.hops)
        return f"{self._fee_in_words(order, fee)}, for {swaps} swap{'' if swaps == 1 else 's'}"

    @admin.display(description="network fee, paid")
    def fee_paid(self, order: Order) -> str:
        """What all its transactions have cost so far by their final receipts."""
        paid = paid_fee(order)
        return "–" if paid is None else self._fee_in_words(order, paid)

    @admin.display(description="left after the network fee")
    def net(self, order: Order) -> str:
        """As executed, or as quoted while it may still be."""
        left = net_amount(order)
        if left is None:
            return str(NOTHING)
        quoted = "" if order.status == "CONFIRMED" else ", as quoted"
        if order.side == "exact_in":
            return amount(left, order.decimals_out, order.token_out) + quoted
        return f"{amount(left, order.decimals_in, order.token_in)} given in all{quoted}"

    def _fee_in_words(self, order: Order, fee: dict[str, Any]) -> str:
        value_token = order.token_out if order.side == "exact_in" else order.token_in
        value = "" if fee["value"] is None else f", worth {units(fee['value'], value_token)}"
        return units(fee["amount"], fee["token"]) + value

    def explained(self, order: Order) -> SafeString:
        """As its owner is told: docs/explain.md."""
        told = EXPLANATION.render(explain_order(order, get_engine, get_policy()))
        sentences = [*told["waiting"], *told["ending"], *told["route"], *told["attempts"], *told["next"]]
        lines = format_html_join("", "<li>{}</li>", ((sentence["text"],) for sentence in sentences))
        return format_html("<p>{}</p><ul>{}</ul>", told["summary"]["text"], lines)

    def timeline(self, order: Order) -> SafeString:
        """Every event with the time since the one before and since the first, and why it waits or is tried again."""
        events = list(order.events.order_by("seq"))
        ms = timedelta(milliseconds=1)
        rows = [
            (e.seq, e.status, e.attempt, e.outcome or "", in_one_line(moment(e.at).removesuffix(" UTC")),
             in_one_line(f"+{e.took_ms:,} ms"), in_one_line(f"{(e.at - events[0].at) // ms:,} ms"),
             e.data.get("retry", {}).get("detail", ""))
            for e in events
        ]  # fmt: skip
        return table(("seq", "status", "attempt", "outcome", "at (UTC)", "after", "since placed", "why"), rows)

    @admin.display(description="how good")
    def route_proof(self, order: Order) -> str:
        """The route beside what nothing beats, and beside the best venue alone."""
        return "; ".join(proof_sentences(ROUTE.render(order.plan))) if order.plan else "–"

    @admin.display(description="picture")
    def route_picture(self, order: Order) -> SafeString:
        """How the route splits and merges."""
        if order.plan is None:
            return SafeString("–")
        # The picture escapes its words.
        return SafeString(route_svg(ROUTE.render(order.plan), f"route-{order.pk}", is_document=False))

    def route_legs(self, order: Order) -> SafeString:
        """Hops of every leg."""
        rows = [
            (f"{Decimal(leg['share']):.2%}", venue_title(hop["venue"]), hop["pool"],
             units(hop["amount_in"], hop["token_in"]), units(hop["amount_out"], hop["token_out"]))
            for leg in (legs_json(order.plan) if order.plan else ())
            for hop in leg["hops"]
        ]  # fmt: skip
        return table(("share", "venue", "pool", "in", "out"), rows)

    def venue_quotes(self, order: Order) -> SafeString:
        """What each venue alone would have given, and what of it would be left after its network fee."""
        plan = order.plan
        is_bought = order.side == "exact_out"
        rows = [
            (
                venue_title(alone.venue),
                amount(alone.amount_in, order.decimals_in, order.token_in),
                amount(alone.amount_out, order.decimals_out, order.token_out),
                amount(plan.venue_net(alone), order.decimals_in if is_bought else order.decimals_out),
                alone.code or "",
            )
            for alone in (plan.venue_quotes if plan else ())
            if plan is not None
        ]
        return table(("venue", "in", "out", "in with the fee" if is_bought else "out net of the fee", "refused"), rows)

    @admin.display(description="failure")
    def failure_shown(self, order: Order) -> SafeString:
        """Why it failed and what helps, in words."""
        failure = order.failure or {}
        names = ("code", "title", "detail", "try", "facts", "errors")
        return facts({"next" if name == "try" else name: failure.get(name) for name in names})

    @admin.display(description="terms")
    def terms_shown(self, order: Order) -> SafeString:
        """The owner's limits as they were accepted."""
        guards = guards_json(order.terms, order.decimals_in, order.decimals_out)
        others = {"time_in_force": order.terms.time_in_force, "tags": order.terms.tags}
        played = {} if order.terms.scenario == "none" else {"scenario": order.terms.scenario}
        expiry = {"expires_at": order.expires_at and moment(order.expires_at)}
        own = type_fields_json(order.order_type, order)
        fees = fee_limits_json(order.terms, order.native_decimals)
        fees["max_native"] = fees["max_native"] and units(fees["max_native"], order.native_token or "")
        limits = guards | {"network fees": fees} | ROUTE_LIMITS.render(order.terms)
        return facts(own | limits | others | expiry | played)

    @admin.display(description="placed, last changed")
    def times(self, order: Order) -> str:
        """Both ends of what is known of it."""
        return f"{moment(order.created_at)}, {moment(order.updated_at)}"

    def transactions(self, order: Order) -> SafeString:
        """Hashes and nonces; never the signed bytes."""
        signed = SignedTransaction.objects.filter(submission__order=order).select_related("submission").defer("raw")
        rows = [
            (code(t.tx_hash), t.submission.key, "cancel" if t.is_noop else "swap",
             amount(t.submission.fee_paid, order.native_decimals or 0, order.native_token or ""),
             f"{gwei(t.max_fee)}, {gwei(t.priority_fee)}", moment(t.created_at, "seconds").removesuffix(" UTC"),
             t.resend_count, "closed" if t.submission.closed_at else "open")
            for t in signed.order_by("id")
        ]  # fmt: skip
        heads = ("hash", "nonce", "does", "nonce cost", "max, priority fee", "signed (UTC)", "sent again", "hold")
        return table(heads, rows)

    @admin.display(description="fills")
    def fills_shown(self, order: Order) -> SafeString:
        """Executed amounts per leg."""
        rows = [
            (
                fill.leg,
                amount(fill.amount_in, order.decimals_in),
                amount(fill.amount_out, order.decimals_out),
                fill.block_number,
            )
            for fill in order.fills.order_by("leg")
        ]
        return table(("leg", order.token_in, order.token_out, "block"), rows)

    def acts(self, order: Order) -> SafeString:
        """Who did what by hand, and why."""
        rows = [
            (moment(act.at, "seconds"), act.actor, act.action, f"{act.before} → {act.after}",
             act.reason)
            for act in AuditEntry.objects.exclude(action=SIGNATURE).filter(subject=f"order:{order.id}").order_by("id")
        ]  # fmt: skip
        return table(("at", "who", "act", "status", "reason"), rows)
