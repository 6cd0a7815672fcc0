// One order in full: facts, failure, route, timeline, reports, raw JSON, and what can be done with it.

import { call, find, get, known, text } from "./api.js";
import { isEnded, isReplaceable } from "./book.js";
import { $, ask, attempt, confirm, copy, facts, h, problemNote, refuse, show, toast } from "./dom.js";
import { proofRows, routeView } from "./route.js";
import { curl } from "./snippets.js";
import { act, amount, bps, isTurned, priceOf, priceUnit, readAmount, result, shortId, stateOf, took, turned, utc, when, withToken } from "./words.js";

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
    const report = (name) => (this.reports[name] === null && !isEnded(order) ? null : known(find(`/orders/${id}/${name}`)));
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
    const here = this.linkedOf(order);
    const told = (this.reports.explain?.waiting ?? []).flatMap(({ facts: { orders = [], ahead = [], before = [] } }) => [...orders, ...ahead, ...before]);
    const others = told.filter(({ order_id: id }, at) => !here.some((each) => each.id === id) && told.findIndex((each) => each.order_id === id) === at);
    return [h("h3", {}, order.link === "then" ? "One after the other" : "One cancels the other"), h("ul", { class: "parts" }, here.map((each) => this.part(each)),
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

/** How far a parent is: { share, text }. The share draws a bar. */
function progress(order) {
  const [done, token] = order.side === "exact_out" ? [order.filled_amount_out_raw, order.token_out] : [order.filled_amount_in_raw, order.token_in];
  const bpsDone = (BigInt(done ?? 0) * 10_000n) / BigInt(order.amount_raw);
  const slices = order.slices_total === null ? `${order.slices_done} parts` : `${order.slices_done} of ${order.slices_total} parts`;
  const filled = order.side === "exact_out" ? order.filled_amount_out : order.filled_amount_in;
  return { share: String(bpsDone / 100n) / 100, text: `${slices} placed, ${withToken(filled ?? "0", token)} of ${withToken(order.amount, token)} filled` };
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

// What can be done with it: cancel and replace it, keep what it proves

/** Ask once, cancel, and say what came of it. `onDone` gets the order. */
export async function cancel(order, onDone) {
  const answer = await confirm({ title: `Cancel: ${act(order)}`, act: "Cancel order", isDanger: true, rows: [["Order", shortId(order.id), order.id], ["Status", order.status]],
    note: order.status === "SUBMITTED" ? "It was sent to the chain: money may have moved, and a cancel may come too late." : "" });
  if (!answer) return;
  await attempt(async () => {
    const { status, body } = await call("DELETE", `/orders/${order.id}`);
    toast(status === 202 ? "Too late to promise: it may still execute" : "Cancelled");
    onDone(body);
  });
}

// Terms that may be replaced, with the names that the API has for them.
const TERMS = {
  limit_price: ["Limit price", "price"], trigger_price: ["Trigger price", "price"], trail_bps: ["Trails by", "bps"],
  min_liquidity: ["Pool holds at least", ""], max_age_s: ["Pool at most old", "seconds"], amount: ["Amount", "fixed"],
};

/** Ask for other terms, with what was read as the version; where it has moved meanwhile, show how it is now and ask again. */
async function replace(order, onDone) {
  let now = order;
  let problem = null;
  let typed = null;
  for (;;) {
    const inputs = inputsOf(now, typed ?? {});
    const names = Object.keys(inputs);
    const isDone = await ask({
      title: `Replace: ${act(now)}`, act: "Replace order",
      content: [problem ? h("p", { class: "problem", role: "alert" }, problemNote(problem)) : "", h("div", { class: "fields" }, names.map((name) => inputs[name].node)),
        h("p", { class: "hint" }, "What is not changed stays. It keeps its id and its place.")],
    });
    if (!isDone) return;
    typed = Object.fromEntries(names.map((name) => [name, inputs[name].input.value]));
    try {
      const body = changes(now, inputs);
      const answer = await call("PATCH", `/orders/${order.id}`, body, undefined, { "If-Match": `"${now.version}"` });
      toast(`Replaced: ${act(answer.body)}`);
      onDone(answer.body);
      return;
    } catch (error) {
      if (!error.problem) throw error;
      problem = error.problem;
      // Also after a lost answer its version says whether the change was made.
      now = await get(`/orders/${order.id}`).catch(() => now);
      if (now.version !== order.version) onDone(now);
      if (!isReplaceable(now)) return refuse(problem);
    }
  }
}

/** By name: { node, input, was }; what is shown is what the order has now, or what was typed before. */
function inputsOf(order, typed) {
  const fixed = order.side === "exact_out" ? order.token_out : order.token_in;
  const units = { price: priceUnit(order), fixed };
  const rows = Object.entries(TERMS).filter(([name]) => order[name] !== null && order[name] !== undefined).map(([name, [label, unit]]) => [name, label, units[unit] ?? unit, unit === "price" ? priceOf(order, order[name]).replaceAll(",", "") : String(order[name]), "text"]);
  rows.push(["expires_at", "Good until", "empty: until cancelled", localTime(order.expires_at), "datetime-local"]);
  return Object.fromEntries(rows.map(([name, label, unit, was, type]) => {
    const input = h("input", { name, type, value: typed[name] ?? was, maxlength: 80, inputmode: type === "text" ? "decimal" : null });
    return [name, { was, input, node: h("label", { class: "field" }, h("span", {}, `${label} `, h("small", {}, unit)), input, typed[name] !== undefined && typed[name] !== was ? h("small", {}, `now ${was || "none"}`) : "") }];
  }));
}

/** The body of the PATCH. Throws: an error with a problem, where nothing is changed or something cannot be read. */
function changes(order, inputs) {
  const body = {};
  for (const [name, { was, input }] of Object.entries(inputs)) {
    if (input.value === was) continue;
    if (name === "expires_at") {
      body.expires_at = input.value ? new Date(input.value).toISOString() : null;
      continue;
    }
    const { value, error } = readAmount(input.value);
    if (error || !value) throw unsaid(error ?? "A value is missing");
    body[name] = name === "max_age_s" ? Number(value) : TERMS[name][1] === "price" ? turned(order, value) : value; // whole seconds
  }
  if (!Object.keys(body).length) throw unsaid("Nothing was changed");
  return body;
}

const unsaid = (title) => Object.assign(new Error(title), { problem: { title } });

/** As an input of the kind datetime-local takes it, in seconds. */
function localTime(iso) {
  if (!iso) return "";
  const at = new Date(iso);
  const two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

// What it proves

/** The signed receipt: looked at, copied, or kept as a file with the bytes that were signed. */
async function showReceipt(order) {
  await attempt(async () => {
    const receipt = await text(`/orders/${order.id}/receipt`);
    const { format, key_id: key } = JSON.parse(receipt);
    const button = (words, onclick) => h("button", { type: "button", onclick }, words);
    await show("Signed receipt", facts([["Format", format], ["Key", h("code", {}, key)]]),
      h("pre", { tabindex: 0, "aria-label": "Receipt as JSON" }, JSON.stringify(JSON.parse(receipt), null, 2)),
      h("div", { class: "acts" }, button("Save as file", () => keep(receipt, `${order.id}.receipt.json`)), button("Copy", () => copy(receipt, "the receipt"))),
      h("p", { class: "hint" }, "manage.py receipt verify checks it, on any machine."));
  });
}

/** An answer of the API as a file. */
const save = (path, name) => attempt(async () => keep(await text(path), name));

/** The router on the order's own market, now: whether it finds the same route. */
async function replay(order) {
  await attempt(async () => {
    const { body } = await call("POST", `/orders/${order.id}/replay`, {});
    const isIn = order.side !== "exact_out";
    await show("Routed again", facts([
      ["Route", body.is_same_route ? "the same" : "another one"],
      [isIn ? "Would receive" : "Would pay", isIn ? withToken(body.amount_out, order.token_out) : withToken(body.amount_in, order.token_in, true)],
      ["Better than quoted then", bps(body.better_than_quoted_bps), body.better_than_quoted_bps],
      body.better_than_executed_bps !== null && ["Better than executed", bps(body.better_than_executed_bps), body.better_than_executed_bps],
    ]), h("p", { class: "hint" }, "On the market that it was routed on; nothing was stored."));
  });
}

function keep(content, name) {
  const address = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  toast(`Saved ${name}`);
}
