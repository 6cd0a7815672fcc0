// The orders that the page knows, from two sources that overlap: objects from REST, and events. Pure.
//
// Each order's seq says which is newer, so nothing counts twice and nothing old wins, in any order.

const TERMINAL = new Set(["CONFIRMED", "FAILED"]);
export const isEnded = (order) => TERMINAL.has(order.status);

/** Whether the API takes other terms of it: it waits, and not all of it is placed as parts. */
export function isReplaceable(order) {
  const isPlaced = order.slices_total !== null && order.slices_done === order.slices_total;
  return order.status === "PENDING" && !order.parent_id && !isPlaced && !order.cancel_requested_at && (order.type !== "market" || Boolean(order.link_id));
}

const newestFirst = (a, b) => (a.created_at === b.created_at ? (a.id < b.id ? 1 : -1) : a.created_at < b.created_at ? 1 : -1);

export class Book {
  constructor(most = 400) {
    this.most = most;
    this.orders = new Map();
    this.open = new Set();
    this.ended = { CONFIRMED: 0, FAILED: 0 };
    this.counted = new Set();
    // What the last list showed stays, however old.
    this.kept = new Set();
    // To be read: events do not carry all figures.
    this.wanted = new Set();
  }

  /** An order object. True where it is news. */
  put(order) {
    const known = this.orders.get(order.id);
    if (known && known.seq > order.seq) return false;
    this.wanted.delete(order.id);
    if (known && known.seq === order.seq && !known.isPatched && known.waiting_for === order.waiting_for) return false;
    this.orders.set(order.id, order);
    this.trim();
    return true;
  }

  /** An event of the account stream. True where an order that is known has changed. */
  take(event) {
    this.count(event);
    const known = this.orders.get(event.order_id);
    if (known && event.seq <= known.seq) return false;
    if (!known || TERMINAL.has(event.status) || event.status === "PENDING" || event.status === "BUILDING") this.wanted.add(event.order_id);
    if (!known) return false;
    const { order_id: id, seq, status, outcome, attempt, at, data } = event;
    this.orders.set(id, {
      ...known, seq, version: seq, status, outcome, attempt, updated_at: at, waiting_for: data.waiting_for ?? null,
      tx_hash: data.tx_hash ?? known.tx_hash, isPatched: true,
    });
    return true;
  }

  /** Each order begins on the stream in a snapshot or with its first event, and ends once. */
  count(event) {
    if (!TERMINAL.has(event.status)) this.open.add(event.order_id);
    else if (this.open.delete(event.order_id) && !this.counted.has(event.order_id)) this.countEnd(event.order_id, event.status);
  }

  /** The open orders of a snapshot come next; the list has those that have ended already. */
  startCounts() {
    this.isCounting = true;
    this.open.clear();
    this.counted.clear();
    this.ended = { CONFIRMED: 0, FAILED: 0 };
  }

  countEnded(orders) {
    for (const order of orders) {
      if (!isEnded(order) || this.counted.has(order.id)) continue;
      this.countEnd(order.id, order.status);
      this.open.delete(order.id);
    }
    this.isCounting = false;
  }

  /** Until the list has come it may hold what an event has told of, and after it events may tell of what it held. */
  countEnd(id, status) {
    if (this.isCounting) this.counted.add(id);
    this.ended[status] += 1;
  }

  /** The newest that fit, at most `most`. */
  newest(fits, most) {
    return [...this.orders.values()].filter(fits).sort(newestFirst).slice(0, most);
  }

  trim() {
    if (this.orders.size <= this.most * 1.5) return;
    for (const { id } of [...this.orders.values()].sort(newestFirst).slice(this.most)) if (!this.kept.has(id)) this.orders.delete(id);
  }
}
