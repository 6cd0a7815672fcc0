// What is known of one order, for the drawer: facts, timeline, explanation, what it has cost.

import { facts, h } from "./dom.js";
import { amount, bps, took, utc, when, withToken } from "./format.js";
import { isTurned, priceOf, priceUnit, result } from "./words.js";

export function factsOf(order) {
  const got = result(order, amount);
  const isIn = order.side !== "exact_out";
  return [
    ["Type", `${order.type.replaceAll("_", " ")}, ${order.time_in_force}${order.expires_at ? ` until ${when(order.expires_at)}` : ""}`],
    [isIn ? (got.isDone ? "Received" : "Receives") : got.isDone ? "Paid" : "Pays", got.text, got.title],
    order.average_price && ["Average price", `${priceOf(order, order.average_price)} ${priceUnit(order)}`, order.average_price],
    order.slices_done !== null && ["Parts", `${order.slices_done}${order.slices_total === null ? "" : ` of ${order.slices_total}`}`],
    order.limit_price && ["Limit price", `${priceOf(order, order.limit_price)} ${priceUnit(order)}`, order.limit_price],
    order.trigger_price && ["Trigger", `${(order.trigger === "above") === isTurned(order) ? "below" : "above"} ${priceOf(order, order.trigger_price)} ${priceUnit(order)}`, order.trigger_price],
    isIn ? order.min_amount_out && ["Receive at least", withToken(order.min_amount_out, order.token_out), order.min_amount_out]
      : order.max_amount_in && ["Pay at most", withToken(order.max_amount_in, order.token_in, true), order.max_amount_in],
    order.network_fee_paid ? ["Network fee paid", withToken(order.network_fee_paid.amount, order.network_fee_paid.token), order.network_fee_paid.amount]
      : order.network_fee && ["Network fee, estimated", withToken(order.network_fee.amount, order.network_fee.token), order.network_fee.amount],
    ["Guards", `slippage ${order.guards.max_slippage_bps} bps${order.guards.max_price_impact_bps ? `, impact ${order.guards.max_price_impact_bps} bps` : ""}`],
    ["Placed", when(order.created_at), utc(order.created_at)],
    order.client_order_id && ["Your id", order.client_order_id],
    ["Id", h("code", {}, order.id)],
    order.parent_id && ["Part of", h("code", {}, order.parent_id)],
    order.tx_hash && ["Transaction", h("code", {}, order.tx_hash)],
    ["Chain", order.chain],
  ].filter(Boolean);
}

export function timelineItem(event, before, order) {
  const { data } = event;
  const isSame = before && before.status === event.status && before.attempt === event.attempt;
  const notes = [
    data.retry && `${data.retry.code.replaceAll("_", " ")}: ${data.retry.detail}`,
    data.failure && (data.failure.detail ?? data.failure.title),
    data.replaced && `replaced ${Object.entries(data.replaced).map(([name, [was, is]]) => `${name} ${was} → ${is}`).join(", ")}`,
    data.block_number !== undefined && data.block_number !== null && `block ${data.block_number}`,
    data.slices_done !== undefined && `${data.slices_done} ${data.slices_done === 1 ? "part" : "parts"} placed`,
    data.filled_amount_in && data.filled_amount_in !== "0" && `filled ${withToken(data.filled_amount_in, order.token_in)} for ${withToken(data.filled_amount_out, order.token_out)}`,
    data.triggered && "trigger reached",
  ].filter(Boolean).join(" · ");
  const tone = { CONFIRMED: "good", FAILED: event.outcome === "cancelled" || event.outcome === "expired" ? "quiet" : "bad" }[event.status];
  return h("li", { "data-tone": tone }, h("span", { class: "delta" }, event.seq === 1 ? when(event.at) : `+${took(event.took_ms)}`),
    h("span", { title: utc(event.at) }, h("b", {}, isSame ? `${event.status} again` : event.status), event.outcome ? ` ${event.outcome.replaceAll("_", " ")}` : "", notes ? h("small", {}, notes) : ""));
}

/** GET /orders/{id}/explain: its sentences, what can be done first. */
export function explained({ summary, next, waiting, ending, route, attempts }) {
  const lists = [["Next", next], ["Waits", waiting], ["End", ending], ["Route", route], ["Attempts", attempts]];
  return [h("p", {}, summary.text), lists.filter(([, sentences]) => sentences.length).map(([name, sentences]) => [
    h("h4", {}, name), h("ul", {}, sentences.map(({ text }) => h("li", {}, text)))])];
}

/** GET /orders/{id}/execution: benchmarks, and what was lost on the way from one to the next. */
export function executed({ cost_token: token, shortfall, ...report }) {
  const amounts = ["arrival", "mid", "quoted", "executed"].map((name) => report[`${name}_amount`] !== null
    && [sentenceCase(name), withToken(report[`${name}_amount`], token), report[`${name}_amount`]]);
  const costs = Object.entries(shortfall).filter(([, cost]) => cost);
  return [facts([...amounts, report.saved !== null && ["Saved against the best venue alone", `${amount(report.saved)} ${token}, ${bps(report.saved_bps)}`, report.saved]]),
    h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Cost (− is gained)"), h("th", { scope: "col", class: "number" }, token), h("th", { scope: "col", class: "number" }, "bp"))),
      h("tbody", {}, costs.map(([name, cost]) => h("tr", {}, h("th", { scope: "row" }, sentenceCase(name.replace("_", " "))),
        h("td", { class: "number", title: cost.amount }, amount(cost.amount)), h("td", { class: "number", title: cost.bps }, bps(cost.bps).replace(" bp", "").replace("+", ""))))))];
}

const sentenceCase = (text) => text[0].toUpperCase() + text.slice(1);
