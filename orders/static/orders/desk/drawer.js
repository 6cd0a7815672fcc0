// One order in full: facts, failure, route, timeline, reports, raw JSON.

import { curl, find, get } from "./api.js";
import { copy, problemNote } from "./dialog.js";
import { $, facts, h } from "./dom.js";
import { amount, shortId, withToken } from "./format.js";
import { cancel, isReplaceable, replace, replay, save, showReceipt } from "./acts.js";
import { executed, explained, factsOf, timelineItem } from "./order_facts.js";
import { proofRows, routeView } from "./route.js";
import { act, progress, result, stateOf } from "./words.js";
import { isEnded } from "./book.js";

const EACH_MS = 250;

export class Drawer {
  /** `onChange` gets an order, `onOpen` an id; `linkedOf` gives the orders of the page that an order is linked with. */
  constructor(onChange, onOpen, linkedOf) {
    this.onChange = onChange;
    this.onOpen = onOpen;
    this.linkedOf = linkedOf;
    this.box = $("drawer");
    this.id = null;
    this.children = [];
    this.events = [];
  }

  get isOpen() {
    return this.id !== null;
  }

  async open(id) {
    if (!this.isOpen) this.before = document.activeElement;
    this.id = id;
    this.order = null;
    this.events = [];
    this.reports = {};
    this.children = [];
    this.problem = null;
    this.box.hidden = false;
    this.paint();
    this.box.querySelector("h2").focus();
    await this.read();
  }

  close() {
    if (!this.isOpen) return;
    this.id = null;
    this.box.hidden = true;
    this.box.replaceChildren();
    this.before?.focus?.();
  }

  /** An event of the account: of this order or one of its children it is news. */
  take(event) {
    if (!this.isOpen) return;
    if (event.order_id !== this.id && !this.children.some((child) => child.id === event.order_id)) return;
    if (event.order_id === this.id && this.events.length && event.seq === this.events.at(-1).seq + 1) {
      this.events.push(event);
      this.paint();
    }
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.read();
    }, EACH_MS);
  }

  /** The order and its history from the API; an answer for an order that is not shown any more is dropped. */
  async read() {
    const { id } = this;
    if (!id) return;
    try {
      const [order, { results: events }] = await Promise.all([get(`/orders/${id}`), get(`/orders/${id}/events`)]);
      if (id !== this.id) return;
      Object.assign(this, { order, events, problem: null });
      this.onChange(order);
      this.paint();
      await this.readMore(id, order);
    } catch (error) {
      if (!error.problem) throw error;
      if (id === this.id) this.problem = error.problem;
      this.paint();
    }
  }

  /** What not every engine and order has: left out where it is not there, and asked for again once the order has ended. */
  async readMore(id, order) {
    const report = (name) => (this.reports[name] === null && !isEnded(order) ? null : find(`/orders/${id}/${name}`).catch((error) => {
      if (!error.problem) throw error;
      return null;
    }));
    const [explain, execution, children] = await Promise.all([
      report("explain"), report("execution"),
      order.slices_done === null ? null : find(`/orders?parent=${id}&limit=50`),
    ]);
    if (id !== this.id) return;
    this.reports = { explain, execution };
    this.children = children?.results ?? [];
    this.paint();
  }

  paint() {
    if (!this.isOpen) return;
    const { order } = this;
    const open = new Set([...this.box.querySelectorAll("details[open]")].map((each) => each.dataset.name));
    const focused = this.box.contains(document.activeElement) && (document.activeElement.dataset.name ?? document.activeElement.parentElement?.dataset.name ?? "title");
    const top = this.box.scrollTop;
    this.box.replaceChildren(
      h("div", { class: "bar" }, h("h2", { id: "drawer-title", tabindex: -1, "data-name": "title" }, order ? act(order) : "Order"),
        h("button", { type: "button", class: "plain", "data-name": "close", "aria-label": "Close order", title: "Esc", onclick: () => this.close() }, "✕")),
      this.problem ? h("p", { class: "problem" }, problemNote(this.problem)) : "",
      ...(order ? this.sections(order) : this.problem ? [] : [h("p", { class: "empty" }, "Loading …")]));
    for (const each of this.box.querySelectorAll("details")) each.open = open.has(each.dataset.name);
    if (focused) this.box.querySelector(`[data-name="${CSS.escape(focused)}"]${focused.startsWith("of-") ? " summary" : ""}`)?.focus({ preventScroll: true });
    this.box.scrollTop = top;
  }

  sections(order) {
    const state = stateOf(order);
    const { explain, execution } = this.reports;
    return [
      h("p", { class: "state", "data-tone": state.tone }, h("span", { class: "sign", "aria-hidden": "true" }, state.sign), `${order.status} · ${state.word}`, order.attempt > 1 ? ` · attempt ${order.attempt}` : ""),
      this.buttons(order),
      order.failure ? h("p", { class: "problem" }, problemNote(order.failure)) : "",
      facts(factsOf(order)),
      order.route ? [h("h3", {}, "Route"), routeView(order.route, Math.max(280, Math.min(460, this.box.clientWidth - 34))), facts(proofRows(order.route))] : "",
      explain ? [h("h3", {}, "Explained"), explained(explain)] : "",
      execution && Object.values(execution.shortfall).some(Boolean) ? [h("h3", {}, "Execution"), executed(execution)] : "",
      order.slices_done !== null ? this.parts(order) : "",
      this.linked(order),
      h("h3", {}, "Timeline"),
      h("ol", { class: "timeline" }, this.events.map((event, at) => timelineItem(event, this.events[at - 1], order))),
      h("details", { "data-name": "of-raw" }, h("summary", {}, "Raw JSON"), h("pre", { tabindex: 0, "aria-label": "Order as JSON" }, JSON.stringify(order, null, 2))),
    ].flat(Infinity);
  }

  /** How far a parent is, and its children. */
  parts(order) {
    const { share, text } = progress(order);
    return [h("h3", {}, "Parts"), h("progress", { max: 1, value: share, "aria-label": "Filled" }), h("p", { class: "hint" }, text),
      h("ul", { class: "parts" }, this.children.map((child) => this.part(child)))];
  }

  /** Those that decide with it: what the page knows of them, else their ids from the explanation. */
  linked(order) {
    if (!order.link_id) return "";
    const known = this.linkedOf(order);
    const told = (this.reports.explain?.waiting ?? []).flatMap(({ facts: { orders = [], ahead = [], before = [] } }) => [...orders, ...ahead, ...before]);
    const others = told.filter(({ order_id: id }, at) => !known.some((each) => each.id === id) && told.findIndex((each) => each.order_id === id) === at);
    return [h("h3", {}, order.link === "then" ? "One after the other" : "One cancels the other"), h("ul", { class: "parts" }, known.map((each) => this.part(each)),
      others.map(({ order_id: id, status }) => h("li", {}, h("button", { type: "button", class: "open", "data-name": `part-${id}`, onclick: () => this.onOpen(id) }, shortId(id)), ` ${status}`)))];
  }

  part(child) {
    const state = stateOf(child);
    return h("li", { "data-tone": state.tone }, h("button", { type: "button", class: "open", "data-name": `part-${child.id}`, onclick: () => this.onOpen(child.id) }, act(child)),
      h("span", {}, " ", h("span", { class: "sign", "aria-hidden": "true" }, state.sign), state.word, " ", result(child).text));
  }

  buttons(order) {
    const button = (name, text, onclick, title, needs) => h("button", { type: "button", "data-name": name, "data-needs": needs, onclick, title }, text);
    const hasEnded = isEnded(order);
    const isRouted = hasEnded && order.route;
    return [h("div", { class: "acts" },
      hasEnded ? "" : h("button", { type: "button", class: "danger", "data-name": "cancel", "data-needs": "cancel", title: "X", onclick: () => cancel(order, (after) => this.changed(after)) }, "Cancel order"),
      isReplaceable(order) ? button("replace", "Replace", () => replace(order, (after) => this.changed(after)), "Other price, amount or expiry (R)", "trade") : "",
      hasEnded ? button("receipt", "Receipt", () => showReceipt(order), "What it asked for and what came of it, signed") : "",
      isRouted ? button("snapshot", "Market", () => save(`/orders/${order.id}/snapshot`, `${order.id}.market.json`), "The market that it was routed on, as a file") : "",
      isRouted ? button("replay", "Route again", () => replay(order), "The router on the same market; nothing is stored") : ""),
    h("div", { class: "acts small" },
      button("id", "Copy id", () => copy(order.id, "the order's id"), order.id),
      order.tx_hash ? button("tx", "Copy tx", () => copy(order.tx_hash, "the transaction's hash"), order.tx_hash) : "",
      button("curl", "Copy curl", () => copy(curl("GET", `/orders/${order.id}`), "the curl command")),
      h("a", { href: `/admin/orders/order/${order.id}/change/`, "data-needs": "staff" }, "Admin"))];
  }

  changed(order) {
    this.onChange(order);
    this.read();
  }

  /** R on an order that waits. */
  replace() {
    if (this.order && isReplaceable(this.order)) replace(this.order, (after) => this.changed(after));
  }
}
