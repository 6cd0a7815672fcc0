// What orders cost: at other sizes than the ticket's, by one call that quotes them all on one market; over time; and on which venues, by the account's reports.

import { call, get } from "./api.js";
import { asTable, place, Plot, readable, renew, seconds, ticks, timeTicks } from "./chart.js";
import { $, h, problemNote, s } from "./dom.js";
import { amount, bps, fromScaled, scaled, venueColour, venueName, when, withToken } from "./words.js";

const HEIGHT = 230, LEAST_MS = 4_000, CURVE_MS = 20_000, EACH_MS = 60_000;
const DAY_MS = 86_400_000;
const SPANS = { hour: { back: 2 * DAY_MS, width: 3_600 }, day: { back: 60 * DAY_MS, width: 86_400 } };

// Of the ticket's amount, in tenths.
const SIZES = [1n, 2n, 4n, 7n, 10n, 20n, 30n, 50n, 100n];
const OWN = 4;

export class ImpactChart {
  constructor() {
    this.askedAt = -LEAST_MS;
  }

  /** `request` is the body of POST /quotes, null where nothing is asked for; `decimals` are those of its fixed token. */
  follow(request, decimals) {
    const said = JSON.stringify(request);
    if (said === this.said) return;
    Object.assign(this, { said, request, decimals, curve: null, problem: null });
    this.soon();
    this.paint();
  }

  show(isShown) {
    this.isShown = isShown;
    this.soon();
    if (isShown) this.paint();
  }

  /** Ask, but not more often than each few seconds, and only while it is looked at. */
  soon() {
    clearTimeout(this.timer);
    if (!this.isShown || !this.request) return;
    const since = performance.now() - this.askedAt;
    const wait = this.curve ? CURVE_MS : 400;
    this.timer = setTimeout(() => this.ask(), Math.max(wait, LEAST_MS - since));
  }

  async ask() {
    if (document.hidden) return this.soon();
    this.askedAt = performance.now();
    const { said } = this;
    const { amount: own, ...request } = this.request;
    const whole = scaled(own, this.decimals);
    const amounts = [...new Set(SIZES.map((size) => (whole * size) / 10n).filter(Boolean))].map((atoms) => fromScaled(atoms, this.decimals));
    try {
      const { body } = await call("POST", "/quotes/curve", { ...request, amounts });
      if (said === this.said) Object.assign(this, { curve: body, problem: null });
    } catch (error) {
      if (!error.problem) throw error;
      if (said === this.said) this.problem = error.problem;
    }
    this.paint();
    this.soon();
  }

  paint() {
    if (!this.isShown) return;
    const box = $("impact-chart");
    const { curve, problem } = this;
    const note = problem && h("p", { class: "problem" }, problemNote(problem));
    if (!this.request) renew(box, h("p", { class: "empty" }, "Enter an amount to see what it costs at other sizes."));
    else if (!curve) renew(box, note || h("p", { class: "empty" }, "Quoting nine sizes …"));
    else renew(box, this.picture(curve), note);
  }

  picture(curve) {
    const token = curve.side === "exact_in" ? curve.token_in : curve.token_out;
    const priced = curve.results.filter((point) => !point.problem);
    const refused = curve.results.filter((point) => point.problem);
    const table = asTable(`${curve.results.length} sizes as a table`, [curve.side === "exact_in" ? "Pays" : "Receives", "Price", "Impact", "All costs", "Swaps"], curve.results.map((point) => [withToken(point.amount, token),
      ...(point.problem ? [point.problem.title, "–", "–", "–"] : [amount(point.price), bps(point.price_impact_bps, { signed: false }), bps(point.cost_bps), `${point.swaps}`])]));
    if (!priced.length) return [h("p", { class: "problem" }, problemNote(refused[0].problem)), table];
    const costs = priced.flatMap((point) => [point.price_impact_bps, point.cost_bps]).filter((each) => each !== null).map(place);
    const y = [Math.min(0, ...costs), Math.max(1, ...costs) * 1.08], sizes = curve.results.map((point) => place(point.amount));
    const x = [sizes[0], sizes.at(-1)];
    const width = Math.max(300, $("impact-chart").clientWidth || 600);
    const plot = new Plot({ width, height: HEIGHT, x, y, isLog: true, unit: "bp", yTicks: ticks(...y, 5), xTicks: curve.results.filter((_, at) => width > 500 || at % 2 === 0).map((point, at) => [place(point.amount), amount(point.amount, false, 2)]),
      label: `Costs in basis points of ${curve.results.length} sizes; the table below has all values` });
    for (const [name, kind] of [["cost_bps", "line"], ["price_impact_bps", "line dashed"]]) plot.line(priced.map((point) => point[name] && [place(point.amount), place(point[name])]), { class: kind });
    for (const point of priced) if (point.cost_bps) plot.svg.append(s("circle", { cx: plot.px(place(point.amount)), cy: plot.py(place(point.cost_bps)), r: point.amount === this.own(curve) ? 6 : 3, class: "dot" }));
    for (const point of refused) plot.svg.append(s("text", { x: plot.px(place(point.amount)), y: plot.top + 12, "text-anchor": "middle", class: "refused" }, "✕"));
    const points = curve.results.map((point) => ({ x: plot.px(place(point.amount)), words: point.problem ? `${withToken(point.amount, token)}: ${point.problem.title}`
      : `${withToken(point.amount, token)} at ${amount(point.price)}: impact ${bps(point.price_impact_bps, { signed: false })}, all costs ${bps(point.cost_bps)}, ${point.swaps} ${point.swaps === 1 ? "swap" : "swaps"}` }));
    const reading = readable(plot, "Costs by size", points, { rest: `━ all costs against the mid price   ┅ impact of the size alone   ● this order${refused.length ? "   ✕ refused" : ""}`, at: this.reading?.current() ?? null });
    this.reading = reading;
    return [reading.box, reading.words, table];
  }

  own(curve) {
    return curve.results.length === SIZES.length ? curve.results[OWN].amount : null;
  }
}

/** Reads a report while it is looked at, and again each minute. */
class ReportChart {
  constructor(box) {
    this.box = $(box);
  }

  show(isShown) {
    this.isShown = isShown;
    clearTimeout(this.timer);
    if (isShown) this.refresh();
  }

  async refresh() {
    clearTimeout(this.timer);
    if (!this.report) renew(this.box, h("p", { class: "empty" }, "Loading …"));
    const asked = (this.asked = {});
    try {
      const report = await get(this.path);
      if (asked !== this.asked) return;
      this.report = report;
      this.paint();
    } catch (error) {
      if (!error.problem) throw error;
      if (asked === this.asked) renew(this.box, h("p", { class: "problem" }, problemNote(error.problem)));
    }
    if (this.isShown && asked === this.asked) this.timer = setTimeout(() => this.refresh(), EACH_MS);
  }

  get width() {
    return Math.max(300, this.box.clientWidth || 600);
  }

  foot() {
    const months = this.report.archived_months;
    return h("p", { class: "hint" }, h("a", { href: `/api/v1${this.path}&format=csv`, download: true }, "All sums as CSV"), months.length ? ` · Orders of ${months.join(", ")} are in the archive.` : "");
  }
}

export class CostChart extends ReportChart {
  constructor() {
    super("cost-chart");
    this.by = "hour";
    $("cost-by").addEventListener("change", (event) => {
      this.by = event.target.value;
      this.report = null;
      this.refresh();
    });
    $("cost-of").addEventListener("change", () => {
      this.chosen = $("cost-of").value;
      this.paint();
    });
  }

  get path() {
    const since = new Date(Date.now() - SPANS[this.by].back).toISOString();
    return `/reports/execution?group_by=${this.by}&created_after=${since}`;
  }

  follow({ side, pair: [token_in, token_out] }) {
    this.wanted = nameOf({ side, token_in, token_out });
  }

  /** Sums are of one pair and side each, so one of these is shown: the ticket's, else the one with most orders, unless another is chosen. */
  paint() {
    if (!this.report) return;
    const counts = new Map();
    for (const row of this.report.results) if (row.filled) counts.set(nameOf(row), (counts.get(nameOf(row)) ?? 0) + row.filled);
    const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
    const select = $("cost-of");
    select.hidden = !names.length;
    const chosen = [this.chosen, this.wanted, names[0]].find((name) => names.includes(name));
    if ([...select.options].map((option) => option.value).join() !== names.join()) select.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    if (!names.length) {
      renew(this.box, h("p", { class: "empty" }, `No order was filled in the last ${this.by === "hour" ? "two days" : "60 days"}.`), this.foot());
      return;
    }
    select.value = chosen;
    this.draw(this.report.results.filter((row) => row.filled && nameOf(row) === chosen));
  }

  draw(rows) {
    const { width: span } = SPANS[this.by];
    const at = (row) => seconds(this.by === "hour" ? row.group : `${row.group}T00:00:00Z`);
    const values = rows.flatMap((row) => [row.saved_bps, row.vs_quote_bps, row.vs_arrival_bps]).filter((each) => each !== null).map(place);
    const [low, high] = [Math.min(0, ...values), Math.max(1, ...values)];
    const y = [low - (high - low) * 0.05, high + (high - low) * 0.05];
    const x = [Math.min(at(rows[0]), at(rows.at(-1)) - 11 * span), at(rows.at(-1)) + span];
    const plot = new Plot({ width: this.width, height: HEIGHT, x, y, unit: "bp", yTicks: ticks(...y, 5), xTicks: timeTicks(...x, Math.max(3, Math.floor(this.width / 90))),
      label: "Savings and slippage over time, in basis points; the table below has all values" });
    const bar = Math.max(1, (plot.px(span) - plot.px(0)) * 0.36);
    for (const row of rows) {
      const middle = plot.px(at(row) + span / 2);
      if (row.vs_arrival_bps) plot.svg.append(s("circle", { cx: middle, cy: plot.py(place(row.vs_arrival_bps)), r: 3, class: "dot" }));
      for (const [value, kind, left] of [[row.saved_bps, "saved", middle - bar], [row.vs_quote_bps, "slipped", middle]]) {
        if (value === null) continue;
        const ends = [plot.py(0), plot.py(place(value))];
        plot.svg.append(s("rect", { x: left, y: Math.min(...ends), width: bar, height: Math.max(1, Math.abs(ends[0] - ends[1])), class: kind }));
      }
    }
    const begin = (row) => (this.by === "hour" ? when(row.group) : row.group);
    const words = (row) => `${begin(row)} · ${row.filled} filled · saved ${bps(row.saved_bps)} (${withToken(row.saved, row.cost_token)}) · lost against quote ${bps(row.vs_quote_bps)}, against arrival ${bps(row.vs_arrival_bps)}`;
    const reading = readable(plot, "Savings and slippage over time", rows.map((row) => ({ x: plot.px(at(row) + span / 2), words: words(row) })),
      { rest: "■ saved against the best venue alone   □ lost against the quote   ● lost against arrival", at: this.reading?.current() ?? null });
    this.reading = reading;
    renew(this.box, reading.box, reading.words, asTable(`As a table, by ${this.by}`, [this.by === "hour" ? "Hour" : "Day (UTC)", "Filled", "Saved", "bp", "vs quote, bp", "vs arrival, bp"],
      [...rows].reverse().map((row) => [begin(row), `${row.filled}`, withToken(row.saved, row.cost_token), bps(row.saved_bps), bps(row.vs_quote_bps), bps(row.vs_arrival_bps)])), this.foot());
  }
}

const nameOf = (row) => `${row.side === "exact_in" ? `Sell ${row.token_in} for` : `Buy ${row.token_out} with`} ${row.side === "exact_in" ? row.token_out : row.token_in}`;

export class ShareChart extends ReportChart {
  constructor() {
    super("share-chart");
  }

  get path() {
    return `/reports/execution?group_by=venue&created_after=${new Date(Date.now() - 30 * DAY_MS).toISOString()}`;
  }

  paint() {
    if (!this.report) return;
    const venues = new Map();
    for (const row of this.report.results) {
      const known = venues.get(row.group) ?? { swaps: 0, rows: [] };
      known.swaps += row.swaps;
      known.rows.push(row);
      venues.set(row.group, known);
    }
    const all = [...venues].sort(([, a], [, b]) => b.swaps - a.swaps);
    const total = all.reduce((sum, [, { swaps }]) => sum + swaps, 0);
    if (!total) {
      renew(this.box, h("p", { class: "empty" }, "Nothing was executed in the last 30 days."), this.foot());
      return;
    }
    const share = (swaps) => `${((swaps * 100) / total).toFixed(1)} %`;
    const most = all[0][1].swaps;
    renew(this.box,
      h("table", { class: "shares" }, h("thead", {}, h("tr", {}, ["Venue", "Share of swaps, 30 days", "Swaps"].map((name, at) => h("th", { scope: "col", class: at === 2 ? "number" : null }, name)))),
        h("tbody", {}, all.map(([venue, { swaps }]) => h("tr", {}, h("th", { scope: "row" }, venueName(venue)),
          h("td", {}, s("svg", { class: "bar-of", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, s("rect", { width: (swaps * 100) / most, height: 10, fill: venueColour(venue) })), share(swaps)),
          h("td", { class: "number" }, amount(`${swaps}`)))))),
      asTable("By pair, with amounts", ["Venue", "Swap", "Swaps", "Gave", "Got"], all.flatMap(([venue, { rows }]) => rows.map((row) => [venueName(venue), `${row.token_in} → ${row.token_out}`, `${row.swaps}`, withToken(row.amount_in, row.token_in), withToken(row.amount_out, row.token_out)]))),
      this.foot());
  }
}
