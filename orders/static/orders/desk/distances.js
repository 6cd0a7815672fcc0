// How far the price is that a waiting order waits for: what GET /orders/{id}/explain says of one order of each pair and kind of price.

import { find, known } from "./api.js";
import { bpsBetween, brief, percent, scaled, turned } from "./words.js";

const EACH_MS = 10_000;
const MOST_READS = 6;
const SOON_MS = 700;
const FINE = 30;

/** Which price it is compared with; null: it waits for none that is known. A trailing stop's trigger is its own. */
function keyOf(order) {
  if (order.waiting_for !== "price") return null;
  return order.trail_bps ? order.id : `${order.token_in}/${order.token_out} ${order.trigger_price ? order.trigger_source : "limit"}`;
}

export class Distances {
  /** `shown` gives the orders on the screen; `onChange` is called when distances have changed. */
  constructor(shown, onChange) {
    this.shown = shown;
    this.onChange = onChange;
    this.prices = new Map();
    setInterval(() => this.refresh(), EACH_MS);
  }

  refreshSoon() {
    this.soon = null;
    this.refresh();
  }

  /** Read the prices again, oldest first, a few at a time. */
  async refresh() {
    if (document.hidden || this.isReading) return;
    this.isReading = true;
    const wanted = new Map(this.shown().map((order) => [keyOf(order), order.id]));
    wanted.delete(null);
    const due = [...wanted].sort(([a], [b]) => (this.prices.get(a)?.at ?? 0) - (this.prices.get(b)?.at ?? 0)).slice(0, MOST_READS);
    await Promise.all(due.map(async ([key, id]) => {
      const told = await known(find(`/orders/${id}/explain`));
      const found = told?.waiting.find(({ facts }) => facts.price_now)?.facts;
      this.prices.set(key, { at: Date.now(), now: found?.price_now, wanted: found?.trigger_price });
    }));
    for (const key of this.prices.keys()) if (!wanted.has(key)) this.prices.delete(key);
    this.isReading = false;
    this.onChange();
  }

  /** Where a trailing stop's trigger is; undefined: not known. */
  trigger(order) {
    return this.prices.get(keyOf(order))?.wanted;
  }

  /** "4.22 % away · now 143.93"; "" where it is not known. */
  of(order) {
    const key = keyOf(order);
    const price = this.prices.get(key);
    if (key && !price) this.soon ??= setTimeout(() => this.refreshSoon(), SOON_MS);
    const wanted = order.trigger_price ?? order.limit_price ?? price?.wanted;
    const away = price?.now && wanted && bpsBetween(scaled(wanted, FINE), scaled(price.now, FINE));
    return away ? `${percent(away.replace("-", ""))} away · now ${brief(turned(order, price.now))}` : "";
  }
}
