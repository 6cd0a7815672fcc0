// What the ticket shows of a quote: its figures, how long it holds, its route.

import { $, factRows, facts, h } from "./dom.js";
import { amount, bps, bpsBetween, percent, scaled, withToken } from "./format.js";
import { proofRows, routeView, venueName } from "./route.js";
import { priceOf, priceUnit, turned } from "./words.js";

// Of a price per token, compared exactly with this many decimals.
export const FINE = 30;

export class QuoteView {
  /** `onExpiry` is called when a quote stops to hold. */
  constructor(onExpiry) {
    this.onExpiry = onExpiry;
  }

  /** `taken` is { quote, from, until }, `body` the order that it is for. */
  show(taken, body) {
    $("quote").replaceChildren(...factRows(quoteRows(taken.quote, body)));
    this.showRoute(taken.quote.route);
    this.runBar(taken);
  }

  /** Nothing, and why. */
  clear(why) {
    this.stopBar();
    $("quote").replaceChildren();
    $("route").replaceChildren(h("p", { class: "empty" }, why));
  }

  /** The bar shrinks while the quote holds; behind its end nothing is sent at its price. */
  runBar(taken) {
    const { from, until } = taken;
    this.stopBar();
    const left = until - performance.now();
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const share = Math.max(0, left / (until - from));
    const steps = [{ transform: `scaleX(${share})` }, { transform: `scaleX(${isCalm ? share : 0})` }];
    this.bar = $("validity-bar").animate(steps, { duration: Math.max(1, left) });
    this.expiry = setTimeout(() => this.onExpiry(taken), left);
  }

  stopBar() {
    this.bar?.cancel();
    clearTimeout(this.expiry);
  }

  showRoute(route) {
    const box = $("route");
    const isOpen = box.querySelector("details")?.open;
    const focused = box.contains(document.activeElement);
    box.replaceChildren(...routeView(route, Math.max(280, Math.min(560, box.clientWidth || 380))), facts(proofRows(route)));
    const details = box.querySelector("details");
    if (isOpen) details.open = true;
    if (focused) details.querySelector("summary").focus();
  }
}

function quoteRows(quote, { type, ...body }) {
  const isIn = quote.side === "exact_in";
  const { route } = quote;
  const fee = quote.network_fee;
  const alone = type !== "market" && type !== "limit";
  return [
    ["Price", `${priceOf(quote, quote.price)} ${priceUnit(quote)}`, `${quote.price} ${quote.token_out} per ${quote.token_in}`],
    distanceRow("Trigger", body.trigger_price, quote),
    distanceRow(type === "limit" ? "Limit" : "Worst price", body.limit_price, quote),
    distanceRow("First step", body.from, quote),
    distanceRow("Last step", body.to, quote),
    quote.waiting_for && ["An order now would wait for", quote.waiting_for],
    alone && ["All at once, now", isIn ? withToken(quote.amount_out, quote.token_out) : withToken(quote.amount_in, quote.token_in, true)],
    type === "market" && (isIn
      ? ["Receive at least", withToken(quote.min_amount_out, quote.token_out), `${quote.min_amount_out} ${quote.token_out}`]
      : ["Pay at most", withToken(quote.max_amount_in, quote.token_in, true), `${quote.max_amount_in} ${quote.token_in}`]),
    ["Price impact", bps(route.price_impact_bps, { signed: false })],
    fee && ["Network fee", withToken(fee.amount, fee.token) + (fee.value ? ` ≈ ${withToken(fee.value, isIn ? quote.token_out : quote.token_in)}` : ""), `${fee.amount} ${fee.token}`],
    route.saved_bps !== null && [`Saved vs ${venueName(route.best_single_venue)} alone`, bps(route.saved_bps), `${route.saved_bps} bp`],
  ];
}

function distanceRow(name, price, quote) {
  const distance = price && bpsBetween(scaled(turned(quote, price), FINE), scaled(turned(quote, quote.price), FINE));
  if (!distance) return null;
  const isBelow = distance.startsWith("-");
  return [`${name} against now`, `${percent(distance)} ${isBelow ? "below" : "above"}`];
}
