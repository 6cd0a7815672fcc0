// Orders that the ticket's order brings along: exits once it has filled, or another one in its place.

import { $, h, setText } from "./dom.js";
import { mark } from "./fields.js";
import { TYPES } from "./order_types.js";
import { amount, inverse, isTurned, priceUnit, readAmount, turned } from "./words.js";

// What all orders of a request share; limits in amounts are those of one order.
const SHARED = ["venues", "fee", "tags", "sim"];
const AMOUNTS = ["min_amount_out", "max_amount_in"];

export class Links {
  constructor(form) {
    this.form = form;
    const field = (name, label) => h("label", { class: "field" }, h("span", {}, `${label} `, h("small", {})), h("input", { name, inputmode: "decimal", maxlength: 80 }));
    this.exits = [field("take_profit", "Take profit at"), field("stop_loss", "Stop loss at"), field("exit_amount", "Of the amount")];
    this.or = field("or_price", "");
    $("links-fields").append(...this.exits, this.or);
  }

  /** `least` is what the exits may count on, or null. */
  arrange(type, [tokenIn, tokenOut], least) {
    const { or } = TYPES[type];
    this.or.hidden = !or;
    setText(this.or.querySelector("span").firstChild, or === "stop" ? "Or a stop at " : "Or a limit at ");
    const unit = priceUnit({ token_in: tokenIn, token_out: tokenOut });
    [...this.exits, this.or].forEach((node, n) => setText(node.querySelector("small"), n === 2 ? tokenOut : unit));
    this.form.elements.exit_amount.placeholder = least ? amount(least) : "";
  }

  /** The body of POST /orders/batch with this order first; null: it stands alone. Throws: Error with a hint. */
  batch(order, least) {
    const { links, or } = TYPES[order.type];
    if (!links) return null;
    const [profit, loss, stated, other] = ["take_profit", "stop_loss", "exit_amount", "or_price"].map((name) => this.number(name));
    const isOr = or && other;
    if (order.allow_partial && (isOr || profit || loss)) throw new Error("An order that is filled in parts goes alone");
    if (isOr && (profit || loss)) throw new Error("Either exits, or another order in its place");
    setText($("links-now"), isOr ? "one cancels the other" : profit && loss ? "take profit and stop" : profit ? "take profit" : loss ? "stop" : "");
    if (isOr) return { link: "one_cancels_other", orders: [order, { ...sameSwap(order), ...(or === "stop" ? { type: "stop", trigger_price: turned(order, other) } : { type: "limit", limit_price: turned(order, other) }) }] };
    if (!profit && !loss) return null;
    const size = stated ?? least;
    if (!size) throw new Error("Enter the amount of the exits");
    const exit = { token_in: order.token_out, token_out: order.token_in, amount: size, side: "exact_in", ...shared(order) };
    // Prices are typed in one unit for all; an exit swaps the other way.
    const back = (price) => (isTurned(order) ? price : inverse(price));
    const exits = [profit && { ...exit, type: "limit", limit_price: back(profit) }, loss && { ...exit, type: "stop", trigger_price: back(loss) }].filter(Boolean);
    return { link: exits.length > 1 ? "bracket" : "then", orders: [order, ...exits] };
  }

  clear() {
    for (const node of [...this.exits, this.or]) node.querySelector("input").value = "";
  }

  number(name) {
    const input = this.form.elements[name];
    const { value, error } = readAmount(input.value);
    input.setAttribute("aria-invalid", String(Boolean(error)));
    if (error) throw new Error(error);
    return value && /[1-9]/.test(value) ? value : undefined;
  }

  /** Mark what is refused of an order that goes along. */
  mark(order, errors) {
    const isExit = order.token_in === $("token-out").value;
    const names = { "/limit_price": isExit ? "take_profit" : "or_price", "/trigger_price": isExit ? "stop_loss" : "or_price", ...(isExit ? { "/amount": "exit_amount" } : {}) };
    for (const { pointer, detail } of errors) if (names[pointer]) mark(this.form.elements[names[pointer]], detail);
  }
}

/** The same swap, with a condition of its own. */
function sameSwap({ token_in, token_out, amount: size, side, time_in_force, expires_at, ...order }) {
  const life = expires_at ? { time_in_force: "gtd", expires_at } : {};
  return { token_in, token_out, amount: size, side, ...life, ...shared(order) };
}

function shared(order) {
  const guards = Object.fromEntries(Object.entries(order.guards ?? {}).filter(([name]) => !AMOUNTS.includes(name)));
  const kept = Object.fromEntries(SHARED.filter((name) => order[name]).map((name) => [name, order[name]]));
  return { ...kept, ...(Object.keys(guards).length ? { guards } : {}) };
}
