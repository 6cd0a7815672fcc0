"""What the admin shows of an order: where it stands, what was promised and paid, its route, transactions and acts."""

import json
from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from orders.admin_base import ReadOnly
from orders.amounts import format_units
from orders.models import AuditEntry, Order, SignedTransaction
from orders.pictures import route_svg
from orders.routes import proof_sentences, venue_title

SIGNS = {"CONFIRMED": "✓", "FAILED": "✕"}


def pretty(value: Any) -> SafeString:
    """JSON for people, escaped."""
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False)) if value else SafeString("–")


def rows_table(headings: tuple[str, ...], rows: list[tuple[Any, ...]]) -> SafeString:
    """A table of escaped cells."""
    if not rows:
        return SafeString("–")
    head = format_html_join("", "<th>{}</th>", ((heading,) for heading in headings))
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    )
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)


class OrderFacts(ReadOnly):
    """The columns and fields of an order's pages, in words and tables."""

    @admin.display(description="order", ordering="id")
    def short_id(self, order: Order) -> str:
        """The end of the id, which differs most."""
        return f"…{str(order.id)[-12:]}"

    @admin.display(description="status", ordering="status")
    def state(self, order: Order) -> str:
        """Sign, status, and outcome or what is to come: never colour alone."""
        sign = "–" if order.outcome == "cancelled" else SIGNS.get(order.status, "…")
        words = [f"{sign} {order.status}", order.outcome]
        if order.outcome is None:
            words.append("to be cancelled" if order.cancel_requested_at else None)
            words.append(f"waits for {order.waiting_for}" if order.waiting_for else None)
        return " · ".join(word for word in words if word)

    @admin.display(ordering="token_in")
    def pair(self, order: Order) -> str:
        """What for what."""
        return f"{order.token_in} → {order.token_out}"

    @admin.display(description="amount", ordering="amount")
    def stated(self, order: Order) -> str:
        """The fixed side in token units."""
        if order.side == "exact_in":
            return f"{format_units(order.amount, order.decimals_in)} {order.token_in}"
        return f"{format_units(order.amount, order.decimals_out)} {order.token_out} (exact out)"

    def promised(self, order: Order) -> str:
        """Quoted amounts and the limit that the chain enforces."""
        if order.quoted_amount_in is None or order.quoted_amount_out is None or order.min_amount_out is None:
            return "–"
        return (
            f"{format_units(order.quoted_amount_in, order.decimals_in)} {order.token_in} → "
            f"{format_units(order.quoted_amount_out, order.decimals_out)} {order.token_out}, "
            f"at least {format_units(order.min_amount_out, order.decimals_out)}"
        )

    def executed(self, order: Order) -> str:
        """What the chain moved."""
        if order.amount_in is None or order.amount_out is None:
            return "–"
        return (
            f"{format_units(order.amount_in, order.decimals_in)} {order.token_in} → "
            f"{format_units(order.amount_out, order.decimals_out)} {order.token_out}"
        )

    def timeline(self, order: Order) -> SafeString:
        """Every event with the time since the one before."""
        rows = [
            (e.seq, e.status, e.attempt, e.outcome or "", e.at.isoformat(timespec="milliseconds"), f"+{e.took_ms} ms")
            for e in order.events.order_by("seq")
        ]
        return rows_table(("seq", "status", "attempt", "outcome", "at", "after"), rows)

    @admin.display(description="how good")
    def route_proof(self, order: Order) -> str:
        """The route beside what nothing beats, and beside the best venue alone."""
        return "; ".join(proof_sentences(order.route)) if order.route else "–"

    @admin.display(description="picture")
    def route_picture(self, order: Order) -> SafeString:
        """How the route splits and merges."""
        if not order.route:
            return SafeString("–")
        return SafeString(route_svg(order.route, f"route-{order.pk}"))  # the picture escapes its words

    def route_legs(self, order: Order) -> SafeString:
        """Hops of every leg."""
        rows = [
            (f"{leg['share']:.2%}", venue_title(hop["venue"]), hop["pool"], f"{hop['amount_in']} {hop['token_in']}",
             f"{hop['amount_out']} {hop['token_out']}")
            for leg in (order.route or {}).get("legs", [])
            for hop in leg["hops"]
        ]  # fmt: skip
        return rows_table(("share", "venue", "pool", "in", "out"), rows)

    def venue_quotes(self, order: Order) -> SafeString:
        """What each venue alone would have given."""
        rows = [
            (venue_title(quote["venue"]), quote["amount_in"] or "–", quote["amount_out"] or "–", quote["code"] or "")
            for quote in (order.route or {}).get("venue_quotes", [])
        ]
        return rows_table(("venue", "in", "out", "refused"), rows)

    @admin.display(description="failure")
    def failure_shown(self, order: Order) -> SafeString:
        """The problem object."""
        return pretty(order.failure)

    def transactions(self, order: Order) -> SafeString:
        """Hashes and nonces; never the signed bytes."""
        signed = SignedTransaction.objects.filter(submission__order=order).select_related("submission").defer("raw")
        rows = [
            (t.tx_hash, t.submission.nonce, "nothing" if t.is_noop else "swap", t.max_fee, t.priority_fee,
             t.created_at.isoformat(timespec="milliseconds"), t.resend_count,
             "closed" if t.submission.closed_at else "open")
            for t in signed.order_by("id")
        ]  # fmt: skip
        heads = ("hash", "nonce", "does", "max fee", "priority fee", "signed", "sent again", "hold")
        return rows_table(heads, rows)

    @admin.display(description="fills")
    def fills_shown(self, order: Order) -> SafeString:
        """Executed amounts per leg."""
        rows = [
            (
                fill.leg,
                format_units(fill.amount_in, order.decimals_in),
                format_units(fill.amount_out, order.decimals_out),
                fill.block_number,
            )
            for fill in order.fills.order_by("leg")
        ]
        return rows_table(("leg", order.token_in, order.token_out, "block"), rows)

    def acts(self, order: Order) -> SafeString:
        """Who did what by hand, and why."""
        rows = [
            (act.at and act.at.isoformat(timespec="seconds"), act.actor, act.action, f"{act.before} → {act.after}",
             act.reason)
            for act in AuditEntry.objects.filter(subject=f"order:{order.id}").order_by("id")
        ]  # fmt: skip
        return rows_table(("at", "who", "act", "status", "reason"), rows)
