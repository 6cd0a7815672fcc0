// The inputs of a request's fields: made from the data of order_types.js, read into a body, marked where the API refuses.

import { $, h, setText } from "./dom.js";
import { FIELDS, MORE, nameOf, TYPES } from "./order_types.js";
import { isTurned, readAmount, turned } from "./words.js";

const TIMES = {
  ioc: [["ioc", "now or not at all"]], fok: [["fok", "whole now or not at all"]], gtc: [["gtc", "until cancelled"]],
  gtd: [["gtd:3600", "for an hour"], ["gtd:86400", "for a day"], ["gtd:604800", "for a week"], ["gtd", "until a time …"]],
};
const inMs = (seconds) => new Date(Date.now() + seconds * 1_000).toISOString();
const decimal = (text, field, words) => {
  const { value, error } = readAmount(text);
  return error || !value || /[1-9]/.test(value) || field.kind === "bps" ? { value, error } : { error: `${words} must be above zero` };
};

// What was typed, as the API takes it: { value } or { error }; neither is nothing.
const READ = {
  price: decimal, amount: decimal, bps: decimal,
  // "90", "15m", "1h", "7d".
  seconds: (text) => {
    const [, count, unit = "s"] = /^(\d{1,9})\s*([smhdw]?)$/.exec(text.trim().toLowerCase()) ?? [];
    if (!count) return text.trim() ? { error: "Use seconds, or 15m, 1h, 7d" } : {};
    return { value: Number(count) * { "": 1, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }[unit] }; // seconds
  },
  whole: (text) => (/^\d{0,9}$/.test(text.trim()) ? { value: text.trim() ? Number(text) : undefined } : { error: "Use a whole number" }),
  choice: (text, { words }) => ({ value: text === Object.keys(words)[0] ? undefined : text }),
  names: (text) => ({ value: text.split(/[\s,]+/).filter(Boolean) }),
  text: (text) => ({ value: text.trim() || undefined }),
  time: (text) => ({ value: text ? new Date(text).toISOString() : undefined }),
  tags: (text) => {
    const pairs = text.split(",").map((each) => each.trim()).filter(Boolean).map((each) => each.split("=", 2).map((part) => part.trim()));
    return pairs.some((pair) => pair.length < 2 || !pair[0] || !pair[1]) ? { error: "Write tags as book=eu, desk=3" } : { value: Object.fromEntries(pairs) };
  },
};

export class Fields {
  /** `form` holds the inputs, under the names that the API has for them. */
  constructor(form) {
    this.form = form;
    this.nodes = new Map(Object.entries(FIELDS).map(([pointer, field]) => [pointer, made(pointer, field)]));
    this.groups = MORE.map(([title, pointers]) => ({ pointers, node: h("div", { class: "fields" }), title: h("h3", {}, title) }));
    this.ofType = h("div", { class: "fields" });
    $("more-fields").append(this.ofType, ...this.groups.flatMap(({ title, node }) => [title, node]));
    this.isSimulated = false;
  }

  input(pointer) {
    return this.nodes.get(pointer).querySelector("input, select");
  }

  /** Show those that this type takes on this side; values that were typed stay with their fields. */
  arrange(type, side) {
    const { needs, takes, rare, times } = TYPES[type];
    this.main = [...needs, ...takes];
    this.needs = needs;
    if (type !== this.type) {
      // What the type before needed is not asked for here: a price that was meant for it would limit this one unseen.
      for (const pointer of takes) if (FIELDS[pointer].kind === "price") this.input(pointer).value = "";
      const isUsual = !this.type || this.input("/time_in_force").value === TYPES[this.type].times[0];
      this.type = type;
      place($("of-type"), this.main.map((pointer) => this.nodes.get(pointer)));
      place(this.ofType, rare.map((pointer) => this.nodes.get(pointer)));
      for (const { pointers, node } of this.groups) place(node, pointers.filter((pointer) => !this.main.includes(pointer)).map((pointer) => this.nodes.get(pointer)));
      const life = this.nodes.get("/time_in_force").querySelector("select");
      const before = life.value;
      const options = times.flatMap((time) => TIMES[time]);
      life.replaceChildren(...options.map(([value, text]) => h("option", { value }, text)));
      if (!isUsual && options.some(([value]) => value === before)) life.value = before;
      this.input("/limit_price").closest("label").querySelector("span").firstChild.data = needs.includes("/limit_price") ? "Limit price " : "Worst price ";
    }
    const until = this.input("/time_in_force").value === "gtd";
    for (const [pointer, field] of Object.entries(FIELDS)) {
      const isLeftOut = (field.side && field.side !== side) || (field.chain && !this.isSimulated) || (pointer === "/expires_at" && !until);
      this.nodes.get(pointer).hidden = Boolean(isLeftOut);
    }
    this.ofType.hidden = !rare.some((pointer) => !this.nodes.get(pointer).hidden);
  }

  /** Units beside the labels: `units` by what the data name. */
  label(units) {
    for (const [pointer, { kind, unit }] of Object.entries(FIELDS)) {
      const text = kind === "price" ? units.price : kind === "bps" ? "bps" : units[unit] ?? unit ?? "";
      const isFree = kind === "price" && this.main.includes(pointer) && !this.needs.includes(pointer);
      const small = this.nodes.get(pointer).querySelector("small");
      if (small) setText(small, isFree ? `${text}, optional` : text);
    }
  }

  /** What is shown goes into `body`. Returns what is missing or wrong, "" where nothing is. */
  read(body) {
    let hint = "";
    // What the type needs first, so that the hint names it first.
    for (const pointer of new Set([...this.main, ...Object.keys(FIELDS)])) {
      const field = FIELDS[pointer];
      const node = this.nodes.get(pointer);
      if (node.hidden || !node.isConnected) continue;
      const input = this.input(pointer);
      if (field.kind === "life") {
        readLife(input.value, this.type, body);
        continue;
      }
      const { value, error } = field.kind === "flag" ? { value: input.checked || undefined } : READ[field.kind](input.value, field, field.label);
      const isMissing = value === undefined && !error && (this.needs.includes(pointer) || pointer === "/expires_at");
      input.setAttribute("aria-invalid", String(Boolean(error)));
      if (error) hint ||= error;
      else if (isMissing) hint ||= `Enter: ${field.label.toLowerCase()}`;
      else if (field.kind === "price" && value !== undefined) put(body, pointer, turned(body, value));
      else if (value !== undefined && !(typeof value === "object" && !Object.keys(value).length)) put(body, pointer, value);
    }
    // Above a price is below its inverse.
    if (this.main.includes("/trigger") && isTurned(body)) body.trigger = body.trigger === "above" ? "below" : "above";
    return hint;
  }

  clear(pointers) {
    for (const pointer of pointers) this.input(pointer).value = "";
  }

  /** How many of those under "More" are stated. */
  count(body) {
    return Object.keys(FIELDS).filter((pointer) => !this.main.includes(pointer) && pointer !== "/guards/max_slippage_bps" && at(body, pointer) !== undefined).length;
  }

  /** Put the API's words beside the fields that they are about; the rest is returned. */
  mark(errors) {
    for (const note of this.form.querySelectorAll(".wrong")) note.remove();
    return errors.filter(({ pointer, detail }) => {
      const known = pointer && Object.keys(FIELDS).find((each) => pointer === each || (pointer.startsWith(`${each}/`)));
      const node = known && this.nodes.get(known);
      if (!node?.isConnected || node.hidden) return true;
      mark(this.input(known), detail);
      return false;
    });
  }
}

/** Mark an input as wrong, with the reason behind it. */
export function mark(input, detail) {
  input.setAttribute("aria-invalid", "true");
  const id = `wrong-${input.name}`;
  input.setAttribute("aria-describedby", id);
  (input.closest("label") ?? input.closest(".side")).append(h("small", { class: "wrong", id }, detail));
  const more = input.closest("details");
  if (more) more.open = true;
}

function made(pointer, field) {
  const name = nameOf(pointer);
  if (field.kind === "flag") return h("label", { class: "check" }, h("input", { type: "checkbox", name }), " ", h("span", {}, field.label));
  const input = field.kind === "choice" || field.kind === "life"
    ? h("select", { name }, Object.entries(field.words ?? {}).map(([value, text]) => h("option", { value }, text)))
    : h("input", { name, value: field.begins, list: field.list, maxlength: 200, type: field.kind === "time" ? "datetime-local" : "text",
      inputmode: { price: "decimal", amount: "decimal", bps: "decimal", whole: "numeric" }[field.kind] });
  return h("label", { class: "field" }, h("span", {}, `${field.label} `, h("small", {})), input);
}

/** Only where it differs: an input that is moved loses the focus. */
function place(box, nodes) {
  if (nodes.length !== box.children.length || nodes.some((node, n) => box.children[n] !== node)) box.replaceChildren(...nodes);
}

function readLife(word, type, body) {
  const [time, seconds] = word.split(":");
  if (time === "gtd") body.time_in_force = "gtd";
  else if (time !== TYPES[type].times[0]) body.time_in_force = time;
  if (seconds) body.expires_at = inMs(Number(seconds)); // seconds from now
}

function put(body, pointer, value) {
  const [first, second] = pointer.slice(1).split("/");
  if (second) (body[first] ??= {})[second] = value;
  else body[first] = value;
}

const at = (body, pointer) => pointer.slice(1).split("/").reduce((value, name) => value?.[name], body);
