// What all charts share: scales, axes, a reader for pointer and keyboard, the table. Floats draw pictures only: what is said in words is the API's own text.

import { h, s } from "./dom.js";
import { amount } from "./words.js";

const LETTER = 6.4, TOP = 10, BOTTOM = 18, RIGHT = 8;
const MINUTE = 60, HOUR = 3_600, DAY = 86_400;
const TIME_STEPS = [15, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY];
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** A decimal string as a place in a picture. */
export const place = (text) => Number(text);
/** RFC 3339 as seconds. */
export const seconds = (iso) => Date.parse(iso) / 1_000;

/** Round numbers from `low` to `high`, about `count` of them: [[value, label]]. */
export function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let n = Math.ceil(low / step - 1e-6); n * step <= high + step * 1e-6; n += 1) found.push([n * step, amount((n * step).toFixed(digits), false, 18)]);
  return found;
}

/** Round local times between two, in seconds. */
export function timeTicks(from, to, count) {
  const step = TIME_STEPS.find((each) => each * count >= to - from) ?? TIME_STEPS.at(-1);
  const shift = new Date(from * 1_000).getTimezoneOffset() * MINUTE;
  const found = [];
  for (let n = Math.ceil((from - shift) / step); n * step + shift <= to; n += 1) {
    const at = new Date((n * step + shift) * 1_000);
    found.push([n * step + shift, step >= DAY || at.getHours() + at.getMinutes() === 0 ? DATE.format(at) : CLOCK.format(at)]);
  }
  return found;
}

/** A plot of `width` by `height` pixels; `x` and `y` are [from, to], `yTicks` and `xTicks` [[value, label]]. */
export class Plot {
  constructor({ width, height, x, y, xTicks, yTicks, unit = "", label, isLog = false }) {
    Object.assign(this, { width, height, isLog, top: TOP, bottom: height - BOTTOM, right: width - RIGHT });
    this.left = 10 + LETTER * Math.max(3, ...yTicks.map(([, text]) => text.length));
    this.x = x.map((value) => this.scaled(value));
    this.y = y;
    this.svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label, class: "plot" });
    for (const [value, text] of yTicks) {
      this.svg.append(s("line", { x1: this.left, x2: this.right, y1: this.py(value), y2: this.py(value), class: "grid" }),
        s("text", { x: this.left - 5, y: this.py(value) + 4, "text-anchor": "end" }, text));
    }
    for (const [value, text] of xTicks) {
      const at = this.px(value), half = (text.length * LETTER) / 2;
      if (at - half < 0 || at > this.right + 1) continue;
      this.svg.append(s("line", { x1: at, x2: at, y1: TOP, y2: this.bottom, class: "grid" }),
        s("text", { x: Math.min(at, width - half), y: height - 4, "text-anchor": "middle" }, text));
    }
    if (unit) this.svg.append(s("text", { x: 2, y: 8, class: "unit" }, unit));
  }

  scaled(value) {
    return this.isLog ? Math.log(value) : value;
  }

  px(value) {
    return this.left + ((this.scaled(value) - this.x[0]) / (this.x[1] - this.x[0] || 1)) * (this.right - this.left);
  }

  py(value) {
    return TOP + (1 - (value - this.y[0]) / (this.y[1] - this.y[0] || 1)) * (this.bottom - TOP);
  }

  /** The value at a height. */
  back(pixel) {
    return this.y[0] + (1 - (pixel - TOP) / (this.bottom - TOP)) * (this.y[1] - this.y[0]);
  }

  /** A line through points [x, y]; null ends it, and another one begins. */
  line(points, attributes) {
    let isOn = false;
    const path = points.map((point) => {
      const step = point && `${isOn ? "L" : "M"}${this.px(point[0]).toFixed(1)},${this.py(point[1]).toFixed(1)}`;
      isOn = Boolean(point);
      return step ?? "";
    }).join("");
    // A point alone is seen too.
    this.svg.append(s("path", { d: path.replace(/M([^ML]+)(?=M|$)/g, "M$1h.01"), fill: "none", ...attributes }));
  }
}

/**
 * The picture with what reads it: pointer and arrow keys go from point to point, whose words stand below and are read out.
 * `points` are { x, words }, `x` in pixels; `onChoose` gets the number of a point that is clicked or entered.
 */
export function readable(plot, label, points, { rest = "", onChoose, at = null } = {}) {
  const cross = s("line", { y1: plot.top, y2: plot.bottom, class: "cross", visibility: "hidden" });
  plot.svg.append(cross);
  const words = h("p", { class: "read" }, rest);
  let current = at !== null && at < points.length ? at : null;
  const reader = h("div", { class: "reader", tabindex: points.length ? 0 : null, role: "slider", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": Math.max(0, points.length - 1), "aria-valuenow": 0, "aria-valuetext": rest || "No value" });
  const show = (number) => {
    current = number;
    cross.setAttribute("visibility", number === null ? "hidden" : "visible");
    words.textContent = number === null ? rest : points[number].words;
    if (number === null) return;
    for (const end of ["x1", "x2"]) cross.setAttribute(end, points[number].x);
    reader.setAttribute("aria-valuenow", number);
    reader.setAttribute("aria-valuetext", points[number].words);
  };
  const nearest = (event) => {
    const box = reader.getBoundingClientRect();
    const x = ((event.clientX - box.left) * plot.width) / box.width;
    return points.reduce((best, point, number) => (best === null || Math.abs(point.x - x) < Math.abs(points[best].x - x) ? number : best), null);
  };
  const keys = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
  reader.addEventListener("pointermove", (event) => show(nearest(event)));
  reader.addEventListener("pointerleave", () => document.activeElement !== reader && show(null));
  reader.addEventListener("click", (event) => onChoose?.(nearest(event)));
  reader.addEventListener("focus", () => show(current ?? points.length - 1));
  reader.addEventListener("blur", () => show(null));
  reader.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && current !== null) onChoose?.(current);
    else if (event.key in keys) show(Math.min(points.length - 1, Math.max(0, (current ?? points.length) + keys[event.key])));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  if (current !== null) show(current);
  reader.dataset.reader = "";
  return { box: h("div", { class: "chart" }, plot.svg, reader), words, reader, current: () => current };
}

/** The same as a table: `rows` of texts, the first of which names the row. */
export const asTable = (name, head, rows) => h("details", { class: "as-table" }, h("summary", {}, name),
  h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": name }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((text, at) => h("th", { scope: "col", class: at ? "number" : null }, text)))),
    h("tbody", {}, rows.map(([first, ...others]) => h("tr", {}, h("th", { scope: "row" }, first), others.map((text) => h("td", { class: "number" }, text))))))));

/** Put new content in place of the old one; what was focused and open stays so. */
export function renew(box, ...content) {
  const isReading = box.querySelector("[data-reader]") === document.activeElement;
  const isOpen = box.querySelector("details")?.open;
  box.replaceChildren(...content.flat(Infinity).filter(Boolean));
  if (isOpen && box.querySelector("details")) box.querySelector("details").open = true;
  if (isReading) box.querySelector("[data-reader]")?.focus({ preventScroll: true });
}
