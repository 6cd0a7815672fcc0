"""What an order has met so far, in the words of its events."""

from collections.abc import Callable, Mapping
from typing import Any

from orders.models import Order
from orders.presentation.explanation.sentences import Sentence, and_also, given, got
from orders.presentation.history import Attempt, Happening, History, QuoteSeen
from orders.problems import KINDS

Facts = Mapping[str, Any]
# Sentences of one explanation about what was met.
MOST = 200
# What waits are for, in the words of their owner.
_WAITED = {
    "chain": "the chain could not be asked",
    "fees": "the network's fees were above the most allowed",
    "funds": "other transactions of its wallet might have taken what it needs",
}


def attempt_sentences(order: Order, history: History) -> list[Sentence]:
    """One sentence for each thing that an attempt met, oldest first; what repeats in a row is said once.

    Of very many the newest.
    """
    found: list[Sentence] = []
    for attempt in history.attempts:
        found += _of_attempt(order, attempt)
    left_out = len(found) - MOST
    if left_out <= 0:
        return found
    path = f"/api/v1/orders/{order.id}/events"
    text = f"What came before is left out, {left_out:,} sentences: GET {path} has all of it."
    return [Sentence("earlier", text, {"left_out": left_out, "path": path}), *found[left_out:]]


def _of_attempt(order: Order, attempt: Attempt) -> list[Sentence]:
    met: list[Sentence] = []
    for happening in attempt.met:
        words = _words(order, attempt, happening)
        if words and not (met and met[-1].text == words):
            met.append(Sentence(happening.code, words, _facts(happening)))
    if attempt.result is not None and attempt.result.code == "tried_again":
        met.append(_tried_again(attempt.number, attempt.result))
    return met


def _tried_again(number: int, result: Happening) -> Sentence:
    told = result.facts
    title = KINDS[told["code"]].title if told.get("code") in KINDS else str(told.get("code"))
    in_ms = told.get("in_ms")
    pause = f" after {in_ms:,} ms" if isinstance(in_ms, int) else ""
    text = f"Attempt {number} came to nothing: {_lower(title)}; {told.get('detail', '')}. It was tried again{pause}."
    return Sentence("tried_again", text, {**_facts(result), "ended_attempt": number})


def _words(order: Order, attempt: Attempt, happening: Happening) -> str:
    if happening.code == "quoted":
        return _quoted(order, attempt.number, attempt.quote)
    say = _SAYINGS.get(happening.code)
    return say(happening.facts) if say else ""


def _quoted(order: Order, number: int, quote: QuoteSeen | None) -> str:
    if quote is None or quote.amount_in is None or quote.amount_out is None:
        return ""
    return f"Attempt {number} was quoted {got(order, quote.amount_out)} for {given(order, quote.amount_in)}."


def _facts(happening: Happening) -> dict[str, Any]:
    """Without what other sentences say, such as a route."""
    left_out = {"route", "failure", "venue_quotes"}
    told = {name: value for name, value in happening.facts.items() if name not in left_out}
    return {**told, "at": happening.at, "seq": happening.seq, "attempt": happening.attempt}


def _waited(told: Facts) -> str:
    why = _WAITED.get(told.get("waiting_for", ""), f"it waited for {told.get('waiting_for')}")
    return f"It had to wait: {why}; {told.get('detail', '')}."


def _triggered(told: Facts) -> str:
    seen = [
        f"{words} {told[name]}"
        for name, words in (("reference_price", "reference price"), ("mid_price", "mid price"), ("block", "block"))
        if told.get(name) is not None
    ]
    at = f" at {told['trigger_price']}" if told.get("trigger_price") else ""
    return f"Its trigger{at} was reached ({and_also(seen)})." if seen else f"Its trigger{at} was reached."


def _replaced(told: Facts) -> str:
    return f"Its owner has replaced {and_also(sorted(told))}."


def _reorg(told: Facts) -> str:
    return f"A reorganization took its transaction out of block {told.get('block_number')}; the bytes were sent again."


def _price_not_reached(told: Facts) -> str:
    return f"The market did not give it a route within its terms: {told.get('detail', '')}."


def _unclear(told: Facts) -> str:
    return f"The chain's answer to its transaction was unclear: {told.get('detail', '')}."


def _children(told: Facts) -> str:
    count = len(told.get("children") or [])
    return "An order of its own was placed for it." if count == 1 else f"{count} orders of its own were placed for it."


_SAYINGS: dict[str, Callable[[Facts], str]] = {
    "waited": _waited,
    "triggered": _triggered,
    "terms_replaced": _replaced,
    "cancel_requested": lambda _: "Its cancel was stored: from then on no swap was signed for it.",
    "fees_raised": lambda _: "No block took its transaction, so it was replaced by one that offers higher fees.",
    "cancellation_sent": lambda _: "A cancellation transaction was sent to take its nonce.",
    "reorg": _reorg,
    "armed": lambda _: "It was placed, or went on, as the order that it is linked with had ended.",
    "held_back": lambda _: "It was held back for an order that it is linked with.",
    "price_not_reached": _price_not_reached,
    "halted": lambda _: "Trading was paused before it was signed: it was routed again afterwards.",
    "wait_over": lambda _: "Its route was from before a wait, and was exchanged for one at new prices.",
    "withheld": lambda _: "Its transaction was signed and not sent, since its cancel was stored.",
    "answer_unclear": _unclear,
    "submitted": lambda _: "Its transaction was sent to the chain.",
    "children_placed": _children,
}


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]
