// Orders that wait, as lines at their prices: moved by pointer or arrow keys, and replaced after one question.

import { isReplaceable } from "./acts.js";
import { call, find } from "./api.js";
import { place } from "./chart.js";
import { announce, confirm, refuse } from "./dialog.js";
import { s } from "./dom.js";
import { amount, bpsBetween, fromScaled, inverse, percent, scaled, withToken } from "./format.js";
import { may } from "./people.js";

const FINE = 30, MOST = 40, NAMES = { limit_price: "Limit", trigger_price: "Stop", trails_at: "Trailing stop" };

/** Of orders between these two tokens, and of the order that is being typed. Prices are the pair's: of an order the other way round the inverse. */
export function levelsOf(orders, pair, body, trailsAt) {
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

export class Levels {
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
      const now = await find(`/orders/${order.id}`).catch((late) => {
        if (!late.problem) throw late;
        return null;
      });
      if (now) this.onOrder(now);
    }
  }
}
