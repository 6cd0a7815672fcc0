// Numbers, times and orders in words: the same everywhere on the page. Amounts are decimal strings from the API and stay strings or BigInt: no floats.

const MINUS = "−";
const SHOWN = 6;

/** "35983158654.12" → "35,983,158,654.12". */
function group(text) {
  const sign = text.startsWith("-") ? MINUS : "";
  const [whole, fraction] = text.replace("-", "").split(".");
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + (fraction ? `.${fraction}` : "");
}

/** An amount with at most `most` decimals, cut towards zero; `up` is for the most that may be paid. The full one goes into a title. */
export function amount(text, up = false, most = SHOWN) {
  if (text === null || text === undefined) return "–";
  const [whole, fraction = ""] = text.split(".");
  if (fraction.length <= most) return group(text);
  const cut = `${whole}.${fraction.slice(0, most)}`;
  const isLess = /[1-9]/.test(fraction.slice(most));
  if (/^[-0.]*$/.test(cut) && isLess) return `< 0.${"0".repeat(most - 1)}1`;
  return group(fromScaled(scaled(cut, most) + (up && isLess ? 1n : 0n), most));
}

/** For tables of many amounts: the more figures before the point, the fewer behind it. */
export const brief = (text) => amount(text, false, /^\d{4}/.test(text) ? 2 : /^\d{2}/.test(text) ? 4 : SHOWN);

/** A decimal string as an integer of 10^-decimals; more decimals are cut. */
export function scaled(text, decimals) {
  const [whole, fraction = ""] = text.split(".");
  return BigInt(whole + fraction.slice(0, decimals).padEnd(decimals, "0"));
}

export function fromScaled(value, decimals) {
  const digits = String(value < 0n ? -value : value).padStart(decimals + 1, "0");
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return (value < 0n ? "-" : "") + digits.slice(0, digits.length - decimals) + (fraction ? `.${fraction}` : "");
}

/** One by a price: a price per token of the other one, at 45 decimals, rounded up. */
export function inverse(text) {
  const price = scaled(text, 30);
  return price && fromScaled((10n ** 75n + price - 1n) / price, 45);
}

/** How far a is above b in basis points, as a decimal string with two decimals; null where b is zero. Exact integers in. */
export function bpsBetween(a, b) {
  if (b === 0n) return null;
  const hundredths = ((a - b) * 1_000_000n) / b;
  return fromScaled(hundredths, 2);
}

/** Basis points with one decimal and a sign. */
export function bps(text, { signed = true } = {}) {
  if (text === null || text === undefined) return "–";
  const hundredths = scaled(text, 2);
  const size = hundredths < 0n ? -hundredths : hundredths;
  const tenths = (size + 5n) / 10n;
  if (tenths === 0n) return /[1-9]/.test(text) ? "< 0.1 bp" : "0.0 bp";
  const sign = hundredths < 0n ? MINUS : signed ? "+" : "";
  return `${sign}${group(`${tenths / 10n}`)}.${tenths % 10n} bp`;
}

/** Basis points as a percentage. */
export function percent(bpsText) {
  const hundredths = scaled(bpsText, 0);
  const size = hundredths < 0n ? -hundredths : hundredths;
  return `${group(`${size / 100n}`)}.${`${size % 100n}`.padStart(2, "0")} %`;
}

/** What was typed as an amount: { value } as the API takes it, or { error }. Empty is neither. */
export function readAmount(typed) {
  const text = typed.trim().replace(/[\s_]/g, "");
  if (!text) return {};
  const plain = /^\d{1,3}(,\d{3})+(\.\d*)?$/.test(text) ? text.replaceAll(",", "") : text;
  if (!/^(\d+\.?\d*|\.\d+)$/.test(plain)) return { error: plain.includes(",") ? "Use a point for decimals" : "Not a number" };
  const [whole, fraction = ""] = plain.split(".");
  const digits = fraction.replace(/0+$/, "");
  return { value: (whole.replace(/^0+(?=\d)/, "") || "0") + (digits ? `.${digits}` : "") };
}

const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Local time, with the day where it is another one; UTC belongs into the title. */
export function when(iso) {
  const at = new Date(iso);
  const time = TIME.format(at);
  return at.toDateString() === new Date().toDateString() ? time : `${DAY.format(at)} ${time.slice(0, 5)}`;
}

export const utc = (iso) => iso.replace("T", " ").replace("Z", " UTC");

export function took(ms) {
  if (ms < 1_000) return `${ms} ms`;
  const s = Math.floor(ms / 1_000);
  if (s < 60) return `${s}.${Math.floor((ms % 1_000) / 100)} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ""}`;
  return `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min`;
}

export const shortId = (id) => `…${id.slice(-7)}`;

export const withToken = (text, token, up = false) => (text === null || text === undefined ? "–" : `${amount(text, up)} ${token}`);

// Orders

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

/** Executed against quoted, in bps; positive is better for the owner. */
export function versusQuote(order) {
  const isIn = order.side !== "exact_out";
  const [done, quoted] = isIn ? [order.amount_out_raw, order.quoted_amount_out_raw] : [order.amount_in_raw, order.quoted_amount_in_raw];
  if (!done || !quoted) return "";
  const difference = isIn ? bpsBetween(BigInt(done), BigInt(quoted)) : bpsBetween(BigInt(quoted), BigInt(done));
  return difference === null ? "" : bps(difference);
}

// Distinct for colour-blind eyes too, and of middle lightness. Source: https://jfly.uni-koeln.de/color/
const COLOURS = ["#0090d0", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#7a6ff0", "#56b4e9", "#a8a020"];
const named = new Map();

/** Names of venues for people, and a colour each that stays. */
export function nameVenues(venues) {
  venues.forEach(({ venue, name }, place) => named.set(venue, { name, colour: COLOURS[place % COLOURS.length] }));
}

export const venueName = (venue) => named.get(venue)?.name ?? venue;
export const venueColour = (venue) => named.get(venue)?.colour ?? COLOURS[0];
