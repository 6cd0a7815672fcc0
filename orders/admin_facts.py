"""What the admin shows of an order: where it stands, what was promised and paid, its route, transactions and acts."""

from django.contrib import admin
from django.utils.safestring import SafeString

from orders.admin_base import ReadOnly
from orders.admin_cells import amount, code, facts, gwei, moment, table, units
from orders.models import AuditEntry, Order, SignedTransaction
from orders.pictures import route_svg
from orders.representation import guards_json, venues_json
from orders.routes import proof_sentences, venue_title

SIGNS = {"CONFIRMED": "✓", "FAILED": "✕"}


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
            return amount(order.amount, order.decimals_in, order.token_in)
        return f"{amount(order.amount, order.decimals_out, order.token_out)} (exact out)"

    @admin.display(description="swap", ordering="amount")
    def swap(self, order: Order) -> str:
        """What is given for what; of exact_out what is bought."""
        if order.side == "exact_in":
            return f"{amount(order.amount, order.decimals_in, order.token_in)} → {order.token_out}"
        return f"{order.token_in} → {amount(order.amount, order.decimals_out, order.token_out)}"

    @admin.display(description="got", ordering="amount_out")
    def got(self, order: Order) -> str:
        """What the chain paid out."""
        return amount(order.amount_out, order.decimals_out, order.token_out)

    @admin.display(description="placed (UTC)", ordering="created_at")
    def placed_at(self, order: Order) -> str:
        """To the second; sorting goes by the exact time."""
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

    def timeline(self, order: Order) -> SafeString:
        """Every event with the time since the one before."""
        rows = [
            (e.seq, e.status, e.attempt, e.outcome or "", moment(e.at), f"+{e.took_ms:,} ms")
            for e in order.events.order_by("seq")
        ]
        return table(("seq", "status", "attempt", "outcome", "at", "after"), rows)

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
            (f"{leg['share']:.2%}", venue_title(hop["venue"]), hop["pool"], units(hop["amount_in"], hop["token_in"]),
             units(hop["amount_out"], hop["token_out"]))
            for leg in (order.route or {}).get("legs", [])
            for hop in leg["hops"]
        ]  # fmt: skip
        return table(("share", "venue", "pool", "in", "out"), rows)

    def venue_quotes(self, order: Order) -> SafeString:
        """What each venue alone would have given."""
        rows = [
            (
                venue_title(quote["venue"]),
                units(quote["amount_in"], order.token_in),
                units(quote["amount_out"], order.token_out),
                quote["code"] or "",
            )
            for quote in (order.route or {}).get("venue_quotes", [])
        ]
        return table(("venue", "in", "out", "refused"), rows)

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
        others = {name: order.terms.get(name) for name in ("time_in_force", "tags")}
        scenario = order.terms.get("scenario", "none")
        played = {} if scenario == "none" else {"scenario": scenario}
        expiry = {"expires_at": order.expires_at and moment(order.expires_at)}
        return facts(guards | venues_json(order.terms) | others | expiry | played)

    @admin.display(description="placed, last changed")
    def times(self, order: Order) -> str:
        """Both ends of what is known of it."""
        return f"{moment(order.created_at)}, {moment(order.updated_at)}"

    def transactions(self, order: Order) -> SafeString:
        """Hashes and nonces; never the signed bytes."""
        signed = SignedTransaction.objects.filter(submission__order=order).select_related("submission").defer("raw")
        rows = [
            (code(t.tx_hash), t.submission.nonce, "cancel" if t.is_noop else "swap", gwei(t.max_fee),
             gwei(t.priority_fee), moment(t.created_at), t.resend_count,
             "closed" if t.submission.closed_at else "open")
            for t in signed.order_by("id")
        ]  # fmt: skip
        heads = ("hash", "nonce", "does", "max fee", "priority fee", "signed", "sent again", "hold")
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
            for act in AuditEntry.objects.filter(subject=f"order:{order.id}").order_by("id")
        ]  # fmt: skip
        return table(("at", "who", "act", "status", "reason"), rows)
