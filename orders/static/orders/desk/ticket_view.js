// What the ticket shows: figures, life and route of a quote; its order in words, the facts of the question before it is sent, a dry run.

import { load } from "./api.js";
import { $, factRows, facts, h, problemNote } from "./dom.js";
import { act, amount, bps, bpsBetween, fromScaled, inverse, isTurned, percent, priceOf, priceUnit, scaled, took, turned, utc, venueName, when, withToken } from "./words.js";

// Of a price per token, compared exactly with this many decimals.
const FINE = 30;

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
    this.route = null;
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

  async showRoute(route) {
    this.route = route;
    const box = $("route");
    const made = await load("route").catch((error) => error);
    // Another one, or none, is shown by now.
    if (route !== this.route) return;
    if (made.problem) return box.replaceChildren(h("p", { class: "problem" }, problemNote(made.problem)));
    const { proofRows, routeView } = made;
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

/** What the type of an order means for these terms. `decimals` are by token. */
export const meaning = (body, decimals) => (MEANINGS[body.type] ?? (() => ""))(body, decimals);

const MEANINGS = {
  limit: limitPromise,
  stop: (body) => `A market order once the price is ${side(body)} ${priceOf(body, body.trigger_price)} or at it. Guards alone limit its price then.`,
  stop_limit: (body) => `From the moment that the price is ${side(body)} ${priceOf(body, body.trigger_price)} or at it, a limit order at ${priceOf(body, body.limit_price)}.`,
  trailing_stop: (body) => `A market order once the price is ${bps(body.trail_bps, { signed: false })} below the best since it was placed. Guards alone limit its price then.`,
  twap: (body, decimals) => {
    const { slices, interval_s } = body.twap;
    const token = fixedToken(body);
    const each = slices > 0 && scaled(body.amount, decimals(token)) / BigInt(slices);
    return each ? `${slices} slices of about ${withToken(fromScaled(each, decimals(token)), token)}, the last one ${took((slices - 1) * interval_s * 1_000)} after the first.` : "";
  },
  ladder: (body, decimals) => {
    const token = fixedToken(body);
    const each = body.steps > 0 && scaled(body.amount, decimals(token)) / BigInt(body.steps);
    return each ? `${body.steps} limit orders of about ${withToken(fromScaled(each, decimals(token)), token)}, from ${priceOf(body, body.from)} to ${priceOf(body, body.to)} in even steps of ${body.token_out} per ${body.token_in}.` : "";
  },
  sniper: (body) => `A market order once a pool of the pair is at most ${body.max_age_s} s old and holds ${amount(body.min_liquidity)} ${body[body.liquidity_token ?? "token_in"]}.`,
};

const side = (body) => ((body.trigger === "above") === isTurned(body) ? "below" : "above");
const fixedToken = (body) => (body.side === "exact_in" ? body.token_in : body.token_out);

/** What a limit price makes of an amount, exactly: amount times price, or amount by price, cut to so many decimals. Null where it makes nothing. */
export function limitAmount(body, decimals = FINE) {
  const price = scaled(body.limit_price, FINE), size = scaled(body.amount, FINE);
  if (price === 0n) return null;
  const made = body.side === "exact_in" ? fromScaled(size * price, 2 * FINE) : fromScaled((size * 10n ** BigInt(FINE)) / price, FINE);
  return fromScaled(scaled(made, decimals), decimals);
}

function limitPromise(body) {
  const limit = limitAmount(body);
  if (limit === null) return "";
  const promise = body.side === "exact_in" ? `Receives at least ${withToken(limit, body.token_out)}` : `Pays at most ${withToken(limit, body.token_in, true)}`;
  const waits = body.time_in_force === "ioc" || body.time_in_force === "fok" ? "now or not at all" : "waits until then";
  return `${promise}, whole${body.allow_partial ? " or in parts" : ""}, network fee counted; ${waits}.`;
}

/** Whether the price that an order would wait for is there, by the quote's price. */
function isReached(order, quote) {
  const price = order.trigger_price ?? order.limit_price;
  if (!price || !quote) return false;
  const above = scaled(order.token_in === quote.token_in ? quote.price : inverse(quote.price), FINE) - scaled(price, FINE);
  return order.trigger_price && order.trigger !== "above" ? above <= 0n : above >= 0n;
}

/** The facts of the one question before an order is sent. */
export function confirmRows(request, quote, isLive) {
  const orders = request.body.orders ?? [request.body];
  const [body, ...others] = orders;
  const { guards = {} } = body;
  return [
    ["Order", `${body.type.replaceAll("_", " ")}, ${body.token_in} → ${body.token_out}`],
    body.trigger_price && ["Trigger", `${side(body)} ${priceOf(body, body.trigger_price)} ${priceUnit(body)}`, body.trigger_price],
    body.limit_price && ["Limit price", `${priceOf(body, body.limit_price)} ${priceUnit(body)}`, body.limit_price],
    guards.min_amount_out && ["Receive at least", withToken(guards.min_amount_out, body.token_out), guards.min_amount_out],
    guards.max_amount_in && ["Pay at most", withToken(guards.max_amount_in, body.token_in, true), guards.max_amount_in],
    quote && ["Quoted now", body.side === "exact_in" ? withToken(quote.amount_out, body.token_out) : withToken(quote.amount_in, body.token_in, true)],
    body.time_in_force && ["Time in force", body.time_in_force.toUpperCase()],
    body.expires_at && ["Good until", when(body.expires_at), utc(body.expires_at)],
    isReached(body, quote) && ["Its price", "is reached now: it executes at once"],
    ...others.map((other) => [request.body.link === "one_cancels_other" ? "Or instead" : "Once it has filled", `${act(other)}${isReached(other, quote) ? ", whose price is reached now" : ""}`]),
    body.sim && ["Simulated", body.sim.scenario],
    isLive && ["Chain", "LIVE: moves real money"],
  ].filter(Boolean);
}
