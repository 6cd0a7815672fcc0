// Two pictures of the account's reports: what orders saved and lost over time, and which venues they traded on.

import { get } from "./api.js";
import { asTable, place, Plot, readable, renew, seconds, ticks, timeTicks } from "./chart.js";
import { problemNote } from "./dialog.js";
import { $, h, s } from "./dom.js";
import { amount, bps, when, withToken } from "./format.js";
import { venueColour, venueName } from "./route.js";

const HEIGHT = 220, EACH_MS = 60_000;
const DAY_MS = 86_400_000;
const SPANS = { hour: { back: 2 * DAY_MS, width: 3_600 }, day: { back: 60 * DAY_MS, width: 86_400 } };

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
