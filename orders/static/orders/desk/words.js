// An order in words: the same everywhere on the page.

import { amount, bps, bpsBetween, brief, inverse, withToken } from "./format.js";

const STEPS = ["PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"];
const WAITS = {
  price: "waits for price", pool: "waits for a pool", schedule: "waits for its turn", children: "parts under way", halt: "halted",
  chain: "waits for the chain", fees: "waits for lower fees", funds: "waits for funds", sibling: "linked, waits", worker: "queued",
};
// Ends that their owner chose, or the clock: grey, not red.
const QUIET = new Set(["cancelled", "expired"]);

/** { sign, word, tone, step }: never by colour alone. `step` counts 1 to 5. */
export function stateOf(order) {
  const outcome = (order.outcome ?? "").replaceAll("_", " ");
  if (order.status === "CONFIRMED") {
    const isWhole = order.outcome !== "partially_filled";
    return { sign: isWhole ? "✓" : "◐", word: outcome || "confirmed", tone: isWhole ? "good" : "warn", step: 5 };
  }
  if (order.status === "FAILED") {
    const isQuiet = QUIET.has(order.outcome);
    return { sign: isQuiet ? "–" : "✕", word: outcome || "failed", tone: isQuiet ? "quiet" : "bad", step: order.tx_hash ? 4 : order.route ? 3 : 1 };
  }
  const word = WAITS[order.waiting_for] ?? order.status.toLowerCase();
  const tone = order.waiting_for === "halt" ? "bad" : "live";
  return { sign: order.waiting_for && order.waiting_for !== "worker" ? "◷" : "…", word, tone, step: STEPS.indexOf(order.status) + 1 };
}

export function stepsLabel(order) {
  const { word, step } = stateOf(order);
  return `${order.status}: ${word}${order.status === "FAILED" ? "" : `, step ${step} of 5`}`;
}

const MONEY = /USD|DAI/;

/** The API's prices are token_out per token_in. Where money is paid for a token, people read and type them the other way round. */
export const isTurned = ({ token_in: paid, token_out: got }) => MONEY.test(paid) && !MONEY.test(got);
export const priceUnit = (order) => (isTurned(order) ? `${order.token_in} per ${order.token_out}` : `${order.token_out} per ${order.token_in}`);
/** A price of the API as people read it, or the other way: the same function. */
export const turned = (order, price) => (isTurned(order) ? inverse(price) : price);
export const priceOf = (order, price) => amount(turned(order, price));

/** "Sell 250 SOL" or "Buy 1,000 USDC", with the condition of its type. */
export function act(order) {
  const isIn = order.side !== "exact_out";
  return `${isIn ? "Sell" : "Buy"} ${withToken(order.amount, isIn ? order.token_in : order.token_out)}${condition(order)}`;
}

function condition(order) {
  if (order.twap) return ` in ${order.twap.slices} slices`;
  if (order.steps) return ` in ${order.steps} steps from ${priceOf(order, order.from)} to ${priceOf(order, order.to)}`;
  if (order.min_liquidity) return " from a new pool";
  if (order.limit_price && order.trigger_price) return ` at stop ${priceOf(order, order.trigger_price)}, limit ${priceOf(order, order.limit_price)}`;
  if (order.limit_price) return ` at ${priceOf(order, order.limit_price)}`;
  if (order.trigger_price) return ` at stop ${priceOf(order, order.trigger_price)}`;
  if (order.trail_bps) return `, trailing ${bps(order.trail_bps, { signed: false })}`;
  return "";
}

/** What it has got, or given where that was open: { text, title }. Executed first, then parts, then as quoted. */
export function result(order, shown = brief) {
  const isIn = order.side !== "exact_out";
  const token = isIn ? order.token_out : order.token_in;
  const done = isIn ? order.amount_out ?? order.filled_amount_out : order.amount_in ?? order.filled_amount_in;
  if (done && /[1-9]/.test(done)) return { text: `${shown(done)} ${token}`, title: `${done} ${token}`, isDone: true };
  const quoted = isIn ? order.quoted_amount_out : order.quoted_amount_in;
  if (quoted && order.status !== "FAILED") return { text: `≈ ${shown(quoted)} ${token}`, title: `quoted ${quoted} ${token}` };
  return { text: "–", title: "" };
}

/** How far a parent is: { share, text }. The share draws a bar. */
export function progress(order) {
  const [done, token] = order.side === "exact_out" ? [order.filled_amount_out_raw, order.token_out] : [order.filled_amount_in_raw, order.token_in];
  const bpsDone = (BigInt(done ?? 0) * 10_000n) / BigInt(order.amount_raw);
  const slices = order.slices_total === null ? `${order.slices_done} parts` : `${order.slices_done} of ${order.slices_total} parts`;
  const filled = order.side === "exact_out" ? order.filled_amount_out : order.filled_amount_in;
  return { share: String(bpsDone / 100n) / 100, text: `${slices} placed, ${withToken(filled ?? "0", token)} of ${withToken(order.amount, token)} filled` };
}

/** Executed against quoted, in bps; positive is better for the owner. */
export function versusQuote(order) {
  const isIn = order.side !== "exact_out";
  const [done, quoted] = isIn ? [order.amount_out_raw, order.quoted_amount_out_raw] : [order.amount_in_raw, order.quoted_amount_in_raw];
  if (!done || !quoted) return "";
  const difference = isIn ? bpsBetween(BigInt(done), BigInt(quoted)) : bpsBetween(BigInt(quoted), BigInt(done));
  return difference === null ? "" : bps(difference);
}
