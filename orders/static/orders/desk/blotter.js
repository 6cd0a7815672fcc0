// The table of orders: at most sixty rows, keyed by order, at most one paint a frame.

import { $, h, setAttribute, setText } from "./dom.js";
import { act, result, shortId, stateOf, stepsLabel, utc, versusQuote, when } from "./words.js";

export const WINDOW = 60;

export class Blotter {
  /** `source` gives the orders to show, newest first; `known` holds them by id; `onOpen` gets an id; `distanceOf` says how far one has to go. */
  constructor(source, known, onOpen, distanceOf) {
    this.distanceOf = distanceOf;
    this.source = source;
    this.known = known;
    this.onOpen = onOpen;
    this.body = $("rows");
    this.rows = new Map();
    this.ids = [];
    this.current = null;
    this.isHeld = false;
    this.isAsked = false;
    const table = $("blotter");
    table.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && this.hold(true));
    table.addEventListener("pointerleave", () => this.hold(false));
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-id]");
      if (row && !String(getSelection())) this.choose(row.dataset.id, true);
    });
  }

  /** Rows do not move away under a pointer; what they say goes on. */
  hold(isHeld) {
    this.isHeld = isHeld;
    this.change();
  }

  change() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.paint();
    });
  }

  paint() {
    const orders = this.source(WINDOW);
    if (!orders) return;
    const isKept = this.isHeld && this.ids.length > 0;
    const fresh = isKept ? orders.filter((order) => !this.rows.has(order.id)).length : 0;
    const ids = isKept ? this.ids : orders.map((order) => order.id);
    this.body.classList.remove("loading");
    if (!isKept) this.arrange(ids);
    for (const id of ids) {
      const order = this.known.get(id);
      if (order) this.patch(this.rows.get(id), order);
    }
    setText($("paused-note"), fresh ? `${fresh === WINDOW ? "Many" : fresh} new, shown when the pointer leaves` : "");
  }

  arrange(ids) {
    const kept = new Set(ids);
    for (const [id, row] of this.rows) {
      if (kept.has(id)) continue;
      row.node.remove();
      this.rows.delete(id);
    }
    let next = this.body.firstElementChild;
    for (const id of ids) {
      let row = this.rows.get(id);
      if (!row) this.rows.set(id, (row = makeRow(id)));
      if (row.node === next) next = next.nextElementSibling;
      else this.body.insertBefore(row.node, next);
    }
    while (next) {
      const after = next.nextElementSibling;
      next.remove();
      next = after;
    }
    this.ids = ids;
  }

  patch(row, order) {
    const distance = this.distanceOf(order);
    if (row.order === order && row.distance === distance) return;
    Object.assign(row, { order, distance });
    const { node, cells } = row;
    const state = stateOf(order);
    setAttribute(node, "data-tone", state.tone);
    setAttribute(cells.steps, "data-step", state.step);
    setAttribute(cells.steps, "data-status", order.status);
    setAttribute(cells.steps, "aria-label", stepsLabel(order));
    setText(cells.sign, state.sign);
    setText(cells.word, state.word);
    setText(cells.swap, act(order));
    setText(cells.into, `${order.side === "exact_out" ? `with ${order.token_in}` : `for ${order.token_out}`} · ${order.parent_id ? "part" : order.type.replaceAll("_", " ")}`);
    setAttribute(cells.swap, "title", `${order.amount} ${order.side === "exact_out" ? order.token_out : order.token_in} · ${order.id}`);
    const got = result(order);
    const [away, now] = distance.split(" · ");
    setText(cells.got, away || got.text);
    setAttribute(cells.got, "title", got.title);
    const versus = versusQuote(order);
    setText(cells.quote, versus ? `${versus} vs quote` : now ?? "");
    setText(cells.time, when(order.created_at));
    setAttribute(cells.time, "title", utc(order.created_at));
  }

  /** Move the mark by rows, as J and K do. */
  move(by) {
    if (!this.ids.length) return;
    const at = this.ids.indexOf(this.current);
    this.choose(this.ids[Math.max(0, Math.min(this.ids.length - 1, at < 0 ? 0 : at + by))]);
  }

  choose(id, isOpened = false) {
    this.rows.get(this.current)?.node.removeAttribute("aria-current");
    this.current = id;
    const row = this.rows.get(id);
    if (row) {
      row.node.setAttribute("aria-current", "true");
      row.node.scrollIntoView({ block: "nearest" });
      row.cells.swap.focus({ preventScroll: true });
    }
    if (isOpened) this.onOpen(id);
  }

  /** Another selection: what is under the pointer need not stay. */
  renew() {
    this.ids = [];
    this.change();
  }

  /** The same, where the API is asked first. */
  clear() {
    this.arrange([]);
    this.body.append(...Array.from({ length: 6 }, () => h("tr", { class: "ghost" }, h("td", { colspan: 4 }, h("span", {})))));
    this.body.classList.add("loading");
  }
}

function makeRow(id) {
  const cells = {
    id: h("small", { class: "id", title: id }, shortId(id)),
    steps: h("span", { class: "steps", role: "img" }, Array.from({ length: 5 }, () => h("i", {}))),
    sign: h("span", { class: "sign", "aria-hidden": "true" }),
    word: h("span", {}),
    swap: h("button", { type: "button", class: "open" }),
    into: h("small", {}),
    got: h("span", {}),
    quote: h("small", {}),
    time: h("td", { class: "c-time number" }),
  };
  const node = h("tr", { "data-id": id },
    h("td", { class: "c-state" }, cells.id, cells.steps, h("div", {}, cells.sign, cells.word)),
    h("td", { class: "c-swap" }, cells.swap, cells.into), h("td", { class: "c-got number" }, cells.got, cells.quote), cells.time);
  return { node, cells, order: null };
}
