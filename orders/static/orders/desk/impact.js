// What the ticket's order would cost at other sizes: one call that quotes them all on one market.

import { call } from "./api.js";
import { asTable, place, Plot, readable, renew, ticks } from "./chart.js";
import { problemNote } from "./dialog.js";
import { $, h, s } from "./dom.js";
import { amount, bps, fromScaled, scaled, withToken } from "./format.js";

const HEIGHT = 240, LEAST_MS = 4_000, EACH_MS = 20_000;
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
    const wait = this.curve ? EACH_MS : 400;
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
