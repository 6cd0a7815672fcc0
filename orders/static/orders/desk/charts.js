// The panel of charts: one of four is shown, and only what is shown asks for anything. The first is of prices: of the ticket's pair over time, with the
// account's own fills, and the orders that wait at their prices.

import { call, find, get, known, load } from "./api.js";
import { isReplaceable } from "./book.js";
import { asTable, place, Plot, readable, renew, seconds, ticks, timeTicks } from "./chart.js";
import { $, announce, confirm, h, problemNote, refuse, s } from "./dom.js";
import { may } from "./people.js";
import { amount, bpsBetween, fromScaled, inverse, isTurned, percent, scaled, when, withToken } from "./words.js";

const HEIGHT = 260;
const EACH_MS = 15_000, SOON_MS = 500, LEAST_MS = 2_000;
const RANGES = [["15 m", 900], ["1 h", 3_600], ["1 d", 86_400], ["1 w", 604_800], ["1 mo", 2_592_000]];
// Prices are noted each 15 s: one that comes late is no gap yet.
const LATE_S = 45;
const FINE = 30, MOST = 40, NAMES = { limit_price: "Limit", trigger_price: "Stop", trails_at: "Trailing stop" };

export class Charts {
  /** `ticket` is followed from now; the others are as for the chart of prices. */
  constructor(ticket, orders, trailsAt, onOrder, onOpen) {
    this.ticket = ticket;
    this.prices = new PriceChart(orders, trailsAt, onOrder, onOpen);
    this.all = { price: this.prices };
    $("chart-tabs").addEventListener("change", (event) => this.show(event.target.value));
    document.addEventListener("visibilitychange", () => !document.hidden && this.show(this.shown));
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (width && contentRect.width !== width) requestAnimationFrame(() => this.all[this.shown]?.paint());
      width = contentRect.width;
    }).observe($("charts"));
    this.show("price");
    this.follow(ticket);
  }

  async show(name) {
    this.shown = name;
    for (const box of document.querySelectorAll("[data-chart]")) box.hidden = box.dataset.chart !== name;
    if (!this.all[name]) await this.loadOthers(name);
    for (const [each, chart] of Object.entries(this.all)) chart.show(each === this.shown);
  }

  /** The other three come when the first of them is looked at. */
  async loadOthers(name) {
    const box = document.querySelector(`[data-chart=${name}] > :last-child`);
    box.replaceChildren(h("p", { class: "empty" }, "Loading …"));
    try {
      const { CostChart, ImpactChart, ShareChart } = await load("costs");
      if (this.all.impact) return;
      Object.assign(this.all, { impact: new ImpactChart(), costs: new CostChart(), share: new ShareChart() });
      this.follow(this.ticket);
    } catch (error) {
      if (!error.problem) throw error;
      box.replaceChildren(h("p", { class: "problem" }, problemNote(error.problem)));
    }
  }

  /** What the ticket asks for now. */
  follow(ticket) {
    this.ticket = ticket;
    if (!ticket.pair) return;
    this.prices.follow(ticket.pair, ticket.body);
    const request = ticket.body && ticket.quoteRequest();
    const token = request && (request.side === "exact_in" ? request.token_in : request.token_out);
    this.all.costs?.follow(ticket);
    this.all.impact?.follow(request, request && ticket.tokens.get(token).decimals);
  }
}

class PriceChart {
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

// Orders that wait, as lines at their prices: moved by pointer or arrow keys, and replaced after one question.

/** Of orders between these two tokens, and of the order that is being typed. Prices are the pair's: of an order the other way round the inverse. */
function levelsOf(orders, pair, body, trailsAt) {
  const found = [];
  for (const order of orders) {
    if (order.status === "PENDING" && pair.includes(order.token_in) && pair.includes(order.token_out)) found.push(...pricesOf({ ...order, trails_at: order.trail_bps && trailsAt(order) }, pair));
  }
  if (body) found.push(...pricesOf({ ...body, id: "new" }, pair));
  return found.slice(-MOST);
}

function pricesOf(order, pair) {
  const isTurned = order.token_in !== pair[0];
  // Parts of another order go with that, and a trailing stop with the market.
  const canMove = order.id !== "new" && isReplaceable(order) && may("trade");
  return Object.keys(NAMES).filter((field) => order[field]).map((field) => ({
    key: `${order.id} ${field}`, order, field, isTurned, canMove: canMove && field !== "trails_at", price: isTurned ? inverse(order[field]) : order[field],
  }));
}

const actOf = ({ order, field }) => `${NAMES[field].toLowerCase()} of ${order.side === "exact_out" ? "buy" : "sell"} ${withToken(order.amount, order.side === "exact_out" ? order.token_out : order.token_in)}`;

class Levels {
  /** `onOrder` gets an order as the engine has it now, `onEnd` is called when a line rests again. */
  constructor(svg, onOrder, onEnd) {
    Object.assign(this, { svg, onOrder, onEnd, moved: null });
  }

  get isMoving() {
    return this.moved !== null;
  }

  clear() {
    this.svg.replaceChildren();
  }

  draw(plot, levels, outside, pair) {
    Object.assign(this, { plot, pair });
    const focused = this.svg.contains(document.activeElement) && document.activeElement.dataset.key;
    this.svg.setAttribute("viewBox", `0 0 ${plot.width} ${plot.height}`);
    this.labels = [];
    this.svg.replaceChildren(...levels.map((level) => this.line(level, outside.includes(level))));
    if (focused) this.svg.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  line(level, isOutside) {
    const isNew = level.order.id === "new";
    Object.assign(level, { isOutside, spot: null });
    const attributes = level.canMove ? { tabindex: 0, role: "slider", "aria-orientation": "vertical", "aria-label": `Move ${actOf(level)}`, "aria-valuenow": place(level.price), "aria-valuetext": `${amount(level.price)} ${this.pair[1]}. Arrow keys move it, Enter asks to replace it` } : {};
    const group = s("g", { class: `level${isNew ? " is-new" : ""}${level.canMove ? " can-move" : ""}`, "data-key": level.key, ...attributes });
    this.put(group, level, `${isNew ? "New" : level.isTurned ? "Buy" : "Sell"} ${NAMES[level.field].toLowerCase()} ${amount(level.price)}`);
    if (level.canMove) this.listen(group, level);
    return group;
  }

  put(group, level, text, price = level.price) {
    const { plot } = this;
    const height = plot.py(place(price));
    const wide = text.length * 5.9 + 10;
    level.spot ??= this.room(level.isOutside ? (height < plot.top ? plot.top : plot.bottom - 12) : height, wide, level.isOutside);
    const y = level.isOutside ? level.spot.y : Math.min(plot.bottom, Math.max(plot.top, height));
    const ends = { x1: plot.left, x2: plot.right, y1: y, y2: y };
    // One whose price is not in the picture has no line in it.
    const lines = level.isOutside ? [] : [s("line", { ...ends, class: "hit" }), s("line", { ...ends, class: level.field })];
    group.replaceChildren(...lines, s("rect", { x: level.spot.right - wide, y: y - 10, width: wide, height: 20, rx: 4 }),
      s("text", { x: level.spot.right - wide / 2, y: y + 4, "text-anchor": "middle" }, level.isOutside ? `${height < plot.top ? "↑" : "↓"} ${text}` : text));
  }

  /** Where a label ends, so that it lies over no other one: further left, or of those outside in another row. */
  room(y, wide, isOutside) {
    const { plot } = this;
    const beside = this.labels.filter((each) => Math.abs(each.y - y) < 20);
    const free = [plot.right, ...beside.map((each) => each.left - 4)].find((end) => end - wide >= plot.left && beside.every((each) => end <= each.left || end - wide >= each.right));
    if (isOutside && !free && this.labels.length < MOST) return this.room(y + (y < plot.height / 2 ? 21 : -21), wide, true);
    const spot = { y, right: free ?? plot.right, left: (free ?? plot.right) - wide };
    this.labels.push(spot);
    return spot;
  }

  /** The fifth digit of a price is what one step moves. */
  step(price) {
    const power = Math.floor(Math.log10(price)) - 4;
    return { power, of: (value) => (power >= 0 ? `${BigInt(Math.floor(value / 10 ** power + 0.5)) * 10n ** BigInt(power)}` : fromScaled(BigInt(Math.floor(value * 10 ** -power + 0.5)), -power)) };
  }

  listen(group, level) {
    const step = this.step(place(level.price));
    const to = (price) => {
      if (place(price) <= 0) return;
      this.moved = { level, price };
      level.isOutside = false;
      group.classList.add("is-moved");
      level.spot = { right: this.plot.right };
      this.put(group, level, `${level.isTurned ? "Buy" : "Sell"} ${NAMES[level.field].toLowerCase()} ${amount(level.price)} → ${amount(price)}`, price);
      group.setAttribute("aria-valuenow", place(price));
      group.setAttribute("aria-valuetext", `${amount(price)} ${this.pair[1]}`);
    };
    const rest = () => {
      this.moved = null;
      this.onEnd();
    };
    group.addEventListener("keydown", (event) => {
      const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (steps) to(step.of(place(this.moved?.price ?? level.price) + steps * 10 ** step.power));
      else if (event.key === "Enter") this.ask();
      else if (event.key === "Escape" && this.moved) rest();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    group.addEventListener("blur", () => this.moved && !this.isAsking && !this.isHeld && rest());
    group.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      group.focus({ preventScroll: true });
      group.setPointerCapture(event.pointerId);
      this.isHeld = true;
    });
    group.addEventListener("pointermove", (event) => {
      if (!this.isHeld) return;
      const box = this.svg.getBoundingClientRect();
      to(step.of(this.plot.back(((event.clientY - box.top) * this.plot.height) / box.height)));
    });
    group.addEventListener("pointerup", () => {
      this.isHeld = false;
      if (this.moved) this.ask();
    });
    group.addEventListener("pointercancel", () => {
      this.isHeld = false;
      rest();
    });
  }

  /** One question that names the act; then the line is where the engine has it. */
  async ask() {
    if (!this.moved || this.isAsking) return;
    this.isAsking = true;
    const { level, price } = this.moved;
    try {
      if (price !== level.price) await this.replace(level, price);
    } finally {
      this.isAsking = false;
      this.moved = null;
      this.onEnd();
    }
  }

  async replace({ order, field, isTurned, price: before }, price) {
    const [base, counter] = this.pair;
    const value = isTurned ? inverse(price) : price;
    const distance = bpsBetween(scaled(price, FINE), scaled(before, FINE));
    const answer = await confirm({ title: `Move ${actOf({ order, field })} from ${amount(before)} to ${amount(price)}`, act: `Move to ${amount(price)}`, rows: [
      [`${NAMES[field]} now`, `${amount(before)} ${counter} per ${base}`, before], ["Moved to", `${amount(price)} ${counter} per ${base}`, price],
      distance && ["Change", `${distance.startsWith("-") ? "−" : "+"}${percent(distance)}`], isTurned && ["As the order states it", `${value} ${base} per ${counter}`],
    ].filter(Boolean), note: "It keeps its id, amount and guards. Where the price is reached already, it executes at once." });
    if (!answer) return;
    try {
      const { body } = await call("PATCH", `/orders/${order.id}`, { [field]: value }, undefined, { "If-Match": `"${order.version}"` });
      this.onOrder(body);
      announce(`Moved ${actOf({ order, field })} to ${amount(price)}`);
    } catch (error) {
      if (!error.problem) throw error;
      refuse(error.problem);
      const now = await known(find(`/orders/${order.id}`));
      if (now) this.onOrder(now);
    }
  }
}
