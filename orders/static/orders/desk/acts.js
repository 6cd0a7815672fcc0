// What can be done with one order: cancel and replace it, keep what it proves.

import { call, get, text } from "./api.js";
import { ask, confirm, copy, problemNote, refuse, show, toast } from "./dialog.js";
import { facts, h } from "./dom.js";
import { bps, readAmount, shortId, withToken } from "./format.js";
import { act, priceOf, priceUnit, turned } from "./words.js";

/** Ask once, cancel, and say what came of it. `onDone` gets the order. */
export async function cancel(order, onDone) {
  const answer = await confirm({ title: `Cancel: ${act(order)}`, act: "Cancel order", isDanger: true, rows: [["Order", shortId(order.id), order.id], ["Status", order.status]],
    note: order.status === "SUBMITTED" ? "It was sent to the chain: money may have moved, and a cancel may come too late." : "" });
  if (!answer) return;
  try {
    const { status, body } = await call("DELETE", `/orders/${order.id}`);
    toast(status === 202 ? "Too late to promise: it may still execute" : "Cancelled");
    onDone(body);
  } catch (error) {
    if (!error.problem) throw error;
    refuse(error.problem);
  }
}

// Terms that may be replaced, with the names that the API has for them.
const TERMS = {
  limit_price: ["Limit price", "price"], trigger_price: ["Trigger price", "price"], trail_bps: ["Trails by", "bps"],
  min_liquidity: ["Pool holds at least", ""], max_age_s: ["Pool at most old", "seconds"], amount: ["Amount", "fixed"],
};

/** Whether the API takes other terms of it: it waits, and not all of it is placed as parts. */
export function isReplaceable(order) {
  const isPlaced = order.slices_total !== null && order.slices_done === order.slices_total;
  return order.status === "PENDING" && !order.parent_id && !isPlaced && !order.cancel_requested_at && (order.type !== "market" || Boolean(order.link_id));
}

/** Ask for other terms, with what was read as the version; where it has moved meanwhile, show how it is now and ask again. */
export async function replace(order, onDone) {
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
export async function showReceipt(order) {
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
export const save = (path, name) => attempt(async () => keep(await text(path), name));

/** The router on the order's own market, now: whether it finds the same route. */
export async function replay(order) {
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

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    if (!error.problem) throw error;
    refuse(error.problem);
  }
}
