// One order in full: facts, failure, route, timeline, reports, raw JSON, and what can be done with it.

import { cancel, isReplaceable, replace, replay, save, showReceipt } from "./acts.js";
import { curl, find, get } from "./api.js";
import { isEnded } from "./book.js";
import { copy, problemNote } from "./dialog.js";
import { $, facts, h } from "./dom.js";
import { amount, bps, shortId, took, utc, when, withToken } from "./format.js";
import { proofRows, routeView } from "./route.js";
import { act, isTurned, priceOf, priceUnit, progress, result, stateOf } from "./words.js";

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

function factsOf(order) {
  const got = result(order, amount);
  const isIn = order.side !== "exact_out";
  return [
    ["Type", `${order.type.replaceAll("_", " ")}, ${order.time_in_force}${order.expires_at ? ` until ${when(order.expires_at)}` : ""}`],
    [isIn ? (got.isDone ? "Received" : "Receives") : got.isDone ? "Paid" : "Pays", got.text, got.title],
    order.average_price && ["Average price", `${priceOf(order, order.average_price)} ${priceUnit(order)}`, order.average_price],
    order.slices_done !== null && ["Parts", `${order.slices_done}${order.slices_total === null ? "" : ` of ${order.slices_total}`}`],
    order.limit_price && ["Limit price", `${priceOf(order, order.limit_price)} ${priceUnit(order)}`, order.limit_price],
    order.trigger_price && ["Trigger", `${(order.trigger === "above") === isTurned(order) ? "below" : "above"} ${priceOf(order, order.trigger_price)} ${priceUnit(order)}`, order.trigger_price],
    isIn ? order.min_amount_out && ["Receive at least", withToken(order.min_amount_out, order.token_out), order.min_amount_out]
      : order.max_amount_in && ["Pay at most", withToken(order.max_amount_in, order.token_in, true), order.max_amount_in],
    order.network_fee_paid ? ["Network fee paid", withToken(order.network_fee_paid.amount, order.network_fee_paid.token), order.network_fee_paid.amount]
      : order.network_fee && ["Network fee, estimated", withToken(order.network_fee.amount, order.network_fee.token), order.network_fee.amount],
    ["Guards", `slippage ${order.guards.max_slippage_bps} bps${order.guards.max_price_impact_bps ? `, impact ${order.guards.max_price_impact_bps} bps` : ""}`],
    ["Placed", when(order.created_at), utc(order.created_at)],
    order.client_order_id && ["Your id", order.client_order_id],
    ["Id", h("code", {}, order.id)],
    order.parent_id && ["Part of", h("code", {}, order.parent_id)],
    order.tx_hash && ["Transaction", h("code", {}, order.tx_hash)],
    ["Chain", order.chain],
  ].filter(Boolean);
}

function timelineItem(event, before, order) {
  const { data } = event;
  const isSame = before && before.status === event.status && before.attempt === event.attempt;
  const notes = [
    data.retry && `${data.retry.code.replaceAll("_", " ")}: ${data.retry.detail}`,
    data.failure && (data.failure.detail ?? data.failure.title),
    data.replaced && `replaced ${Object.entries(data.replaced).map(([name, [was, is]]) => `${name} ${was} → ${is}`).join(", ")}`,
    data.block_number !== undefined && data.block_number !== null && `block ${data.block_number}`,
    data.slices_done !== undefined && `${data.slices_done} ${data.slices_done === 1 ? "part" : "parts"} placed`,
    data.filled_amount_in && data.filled_amount_in !== "0" && `filled ${withToken(data.filled_amount_in, order.token_in)} for ${withToken(data.filled_amount_out, order.token_out)}`,
    data.triggered && "trigger reached",
  ].filter(Boolean).join(" · ");
  const tone = { CONFIRMED: "good", FAILED: event.outcome === "cancelled" || event.outcome === "expired" ? "quiet" : "bad" }[event.status];
  return h("li", { "data-tone": tone }, h("span", { class: "delta" }, event.seq === 1 ? when(event.at) : `+${took(event.took_ms)}`),
    h("span", { title: utc(event.at) }, h("b", {}, isSame ? `${event.status} again` : event.status), event.outcome ? ` ${event.outcome.replaceAll("_", " ")}` : "", notes ? h("small", {}, notes) : ""));
}

/** GET /orders/{id}/explain: its sentences, what can be done first. */
function explained({ summary, next, waiting, ending, route, attempts }) {
  const lists = [["Next", next], ["Waits", waiting], ["End", ending], ["Route", route], ["Attempts", attempts]];
  return [h("p", {}, summary.text), lists.filter(([, sentences]) => sentences.length).map(([name, sentences]) => [
    h("h4", {}, name), h("ul", {}, sentences.map(({ text }) => h("li", {}, text)))])];
}

/** GET /orders/{id}/execution: benchmarks, and what was lost on the way from one to the next. */
function executed({ cost_token: token, shortfall, ...report }) {
  const amounts = ["arrival", "mid", "quoted", "executed"].map((name) => report[`${name}_amount`] !== null
    && [sentenceCase(name), withToken(report[`${name}_amount`], token), report[`${name}_amount`]]);
  const costs = Object.entries(shortfall).filter(([, cost]) => cost);
  return [facts([...amounts, report.saved !== null && ["Saved against the best venue alone", `${amount(report.saved)} ${token}, ${bps(report.saved_bps)}`, report.saved]]),
    h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Cost (− is gained)"), h("th", { scope: "col", class: "number" }, token), h("th", { scope: "col", class: "number" }, "bp"))),
      h("tbody", {}, costs.map(([name, cost]) => h("tr", {}, h("th", { scope: "row" }, sentenceCase(name.replace("_", " "))),
        h("td", { class: "number", title: cost.amount }, amount(cost.amount)), h("td", { class: "number", title: cost.bps }, bps(cost.bps).replace(" bp", "").replace("+", ""))))))];
}

const sentenceCase = (text) => text[0].toUpperCase() + text.slice(1);
