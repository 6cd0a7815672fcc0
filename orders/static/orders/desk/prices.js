// The price of the ticket's pair over time, with the account's own fills, and the orders that wait at their prices.

import { get } from "./api.js";
import { asTable, place, Plot, readable, renew, seconds, ticks, timeTicks } from "./chart.js";
import { problemNote } from "./dialog.js";
import { $, h, s } from "./dom.js";
import { amount, when, withToken } from "./format.js";
import { Levels, levelsOf } from "./levels.js";
import { isTurned } from "./words.js";

const HEIGHT = 260;
const EACH_MS = 15_000, SOON_MS = 500, LEAST_MS = 2_000;
const RANGES = [["15 m", 900], ["1 h", 3_600], ["1 d", 86_400], ["1 w", 604_800], ["1 mo", 2_592_000]];
// Prices are noted each 15 s: one that comes late is no gap yet.
const LATE_S = 45;

export class PriceChart {
  /** `orders` holds those that are known, `trailsAt` says a trailing stop's trigger, `onOrder` gets one that was replaced, `onOpen` an id. */
  constructor(orders, trailsAt, onOrder, onOpen) {
    this.orders = orders;
    this.trailsAt = trailsAt;
    this.onOpen = onOpen;
    this.range = 3_600;
    this.clock = 0;
    this.levels = new Levels($("levels"), onOrder, () => this.paint());
    $("price-range").append(...RANGES.map(([name, range]) => h("label", {}, h("input", { type: "radio", name: "range", value: range, checked: range === this.range }), h("span", {}, name))));
    $("price-range").addEventListener("change", (event) => {
      this.range = RANGES.find(([, range]) => `${range}` === event.target.value)[1];
      this.data = null;
      this.refresh();
    });
    $("price-turn").addEventListener("click", () => this.use([...this.pair].reverse()));
    $("price-fit").addEventListener("change", () => this.paint());
  }

  /** What the ticket asks for. The other direction of the same two tokens is the same chart. */
  follow([token_in, token_out], body) {
    this.body = body;
    const pair = isTurned({ token_in, token_out }) ? [token_out, token_in] : [token_in, token_out];
    if (!this.pair || !pair.every((token) => this.pair.includes(token))) this.use(pair);
    else this.paint();
  }

  use(pair) {
    this.pair = pair;
    this.data = this.problem = null;
    this.refresh();
  }

  show(isShown) {
    this.isShown = isShown;
    clearTimeout(this.timer);
    if (isShown) this.refresh();
  }

  /** Orders have changed; `isFill`: one was filled. However often that is, it costs a look twice a second. */
  changed(isFill = false) {
    this.isStale ||= isFill;
    if (!this.isShown || !this.data) return;
    this.look ??= setTimeout(() => {
      this.look = null;
      const isStale = this.isStale && performance.now() > this.readAt + LEAST_MS;
      if (isStale) this.refresh();
      else if (this.drawn !== this.said()) this.paint();
      if (this.isStale) this.changed();
    }, SOON_MS);
  }

  waiting() {
    return levelsOf(this.orders.values(), this.pair, this.body, this.trailsAt);
  }

  /** What of the orders is drawn. */
  said() {
    return this.waiting().map(({ key, price, order }) => `${key} ${price} ${order.version}`).join();
  }

  async refresh() {
    clearTimeout(this.timer);
    if (!this.isShown || !this.pair || document.hidden) return;
    const asked = (this.asked = {});
    this.isStale = false;
    this.readAt = performance.now();
    this.paint();
    const after = new Date(Date.now() + this.clock - this.range * 1_000).toISOString();
    const query = new URLSearchParams({ pair: this.pair.join("/"), after, points: `${Math.max(60, Math.min(300, Math.floor(this.width / 3)))}` });
    try {
      const data = await get(`/prices?${query}`);
      if (asked !== this.asked) return;
      // The range is the server's time, and this clock may be another.
      this.clock = Date.parse(data.to) - Date.now();
      Object.assign(this, { data, problem: null });
    } catch (error) {
      if (!error.problem) throw error;
      if (asked !== this.asked) return;
      this.problem = error.problem;
    }
    this.paint();
    this.timer = setTimeout(() => this.refresh(), EACH_MS);
  }

  get width() {
    return Math.max(300, $("price-chart").clientWidth || 600);
  }

  paint() {
    if (!this.isShown || !this.pair || this.levels.isMoving) return;
    const [base, counter] = this.pair;
    $("price-pair").textContent = `${counter} per ${base}`;
    const { data, problem } = this;
    const note = problem && h("p", { class: "problem" }, problemNote(problem), data ? "Shown is what was known before." : "");
    if (!data) {
      this.levels.clear();
      renew($("price-chart"), note || h("p", { class: "empty" }, "Loading …"));
      return;
    }
    const levels = this.waiting();
    const buckets = data.results;
    const { plot, outside } = this.plot(data, levels);
    const points = buckets.map((bucket) => ({ x: plot.px(middle(bucket, data)), words: wordsOf(bucket, this.pair), bucket }));
    const last = buckets.findLast((bucket) => bucket.market)?.market.last;
    const rest = last ? `${amount(last)} ${counter} for 1 ${base}, mid price` : buckets.length ? "Only fills: no pool trades this pair directly" : "";
    const chosen = this.reading?.current() ?? null;
    this.reading = readable(plot, `Price of ${base} in ${counter} over time`, points, { rest, at: chosen, onChoose: (at) => this.open(buckets[at]) });
    renew($("price-chart"), this.reading.box, this.reading.words, note,
      buckets.length ? "" : h("p", { class: "empty" }, "No price is known of this time yet. Prices are noted every 15 seconds while the engine runs."),
      data.fills_since ? h("p", { class: "hint" }, `Fills from before ${when(data.fills_since)} are too many to be shown.`) : "",
      data.archived_months.length ? h("p", { class: "hint" }, `Fills of ${data.archived_months.join(", ")} are in the archive.`) : "",
      asTable(`${buckets.length} points as a table`, ["From", "Low", "High", "Last", "Sold", "Bought"], [...buckets].reverse().map((bucket) => [when(bucket.at),
        ...["low", "high", "last"].map((name) => (bucket.market ? amount(bucket.market[name]) : "–")), fillText(bucket.sold, "amount_in", base), fillText(bucket.bought, "amount_out", base)])));
    // At the edge is room for the nearest.
    const edge = nearest(outside, plot, Math.max(1, Math.floor(this.width / 180)));
    const left = outside.length - edge.length;
    $("levels-note").textContent = left ? `${left} more further away` : "";
    this.levels.draw(plot, [...levels.filter((level) => !outside.includes(level)), ...edge], edge, this.pair);
    this.drawn = this.said();
  }

  plot(data, levels) {
    const [base, counter] = this.pair;
    const seen = data.results.flatMap(({ market, sold, bought }) => [market?.low, market?.high, sold?.average_price, bought?.average_price].filter(Boolean).map(place));
    const isFitting = $("price-fit").checked || !seen.length;
    const reach = seen.length ? Math.max(...seen) - Math.min(...seen) : 0;
    // Orders far away would press the price into a line: they stand at the edge, unless asked for.
    const near = levels.filter(({ price }) => isFitting || (place(price) >= Math.min(...seen) - reach && place(price) <= Math.max(...seen) + reach));
    const all = [...seen, ...near.map(({ price }) => place(price))];
    const [low, high] = all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
    const pad = (high - low) * 0.08 || high * 0.001;
    const y = [low - pad, high + pad], x = [seconds(data.from), seconds(data.to)];
    const plot = new Plot({ width: this.width, height: HEIGHT, x, y, yTicks: ticks(...y, 5), xTicks: timeTicks(...x, Math.max(3, Math.floor(this.width / 90))),
      label: `Price of ${base} in ${counter}, with own fills; the table below has all values` });
    const lines = [];
    let before = null;
    const bands = [];
    for (const bucket of data.results) {
      if (!bucket.market) continue;
      const at = middle(bucket, data);
      if (before !== null && at - before > Math.max(LATE_S, data.bucket_s) * 1.01) lines.push(null);
      before = at;
      lines.push([at, place(bucket.market.last)]);
      const half = Math.max(0.5, ((plot.px(data.bucket_s) - plot.px(0)) * 0.7) / 2);
      bands.push(`M${(plot.px(at) - half).toFixed(1)},${plot.py(place(bucket.market.high)).toFixed(1)}h${(2 * half).toFixed(1)}V${plot.py(place(bucket.market.low)).toFixed(1)}h${(-2 * half).toFixed(1)}z`);
    }
    plot.svg.append(s("path", { d: bands.join(""), class: "band" }));
    if (lines.length) plot.line(lines, { class: "line" });
    for (const bucket of data.results) {
      for (const [fills, isSale] of [[bucket.sold, true], [bucket.bought, false]]) if (fills) plot.svg.append(mark(plot.px(middle(bucket, data)), plot.py(place(fills.average_price)), isSale));
    }
    return { plot, outside: levels.filter((level) => !near.includes(level)) };
  }

  open({ sold, bought }) {
    const fills = sold ?? bought;
    if (fills) this.onOpen(fills.newest_order_id);
  }
}

const middle = (bucket, data) => Math.min(seconds(bucket.at) + data.bucket_s / 2, seconds(data.to));

/** Of those above and of those below the plot the `most` nearest. */
function nearest(outside, plot, most) {
  const isAbove = ({ price }) => place(price) > plot.y[1];
  const above = outside.filter(isAbove).sort((a, b) => place(a.price) - place(b.price));
  const below = outside.filter((level) => !isAbove(level)).sort((a, b) => place(b.price) - place(a.price));
  return [...above.slice(0, most), ...below.slice(0, most)];
}

/** A fill by its shape: sales point down, purchases up. */
const mark = (x, y, isSale) => s("path", { d: isSale ? `M${x - 6},${y - 10}h12l-6,10z` : `M${x - 6},${y + 10}h12l-6,-10z`, class: isSale ? "sold" : "bought" });

const fillText = (fills, name, token) => (fills ? `${withToken(fills[name], token)} at ${amount(fills.average_price)}` : "–");

function wordsOf({ at, market, sold, bought }, [base]) {
  const range = market && (market.low === market.high ? amount(market.last) : `${amount(market.last)}, ${amount(market.low)} to ${amount(market.high)}`);
  const fills = [[sold, "▼ sold", "amount_in"], [bought, "▲ bought", "amount_out"]].filter(([found]) => found)
    .map(([found, verb, name]) => `${verb} ${fillText(found, name, base)}${found.orders > 1 ? ` in ${found.orders} orders` : ""}`);
  return [when(at), range, ...fills, fills.length ? "Enter opens the order" : ""].filter(Boolean).join(" · ");
}
