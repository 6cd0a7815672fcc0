// The ticket: what is typed becomes one request, which is quoted, tried dry, and sent once.

import { Lost, Refused, call, curl, find } from "./api.js";
import { announce, confirm, copy, isAsking, problemNote, toast } from "./dialog.js";
import { $, factRows, facts, h, setText } from "./dom.js";
import { amount, bps, bpsBetween, fromScaled, percent, readAmount, scaled, took, utc, when, withToken } from "./format.js";
import { Quotes } from "./quotes.js";
import { proofRows, routeView, venueName } from "./route.js";
import { act } from "./words.js";

const REPEATS_MS = [0, 700, 2_000, 5_000];
// Of a price per token, compared exactly with this many decimals.
const FINE = 30;

export class Ticket {
  /** `onQuote` gets a quote or null, `onPlaced` an order. */
  constructor(onQuote, onPlaced) {
    this.onQuote = onQuote;
    this.onPlaced = onPlaced;
    this.form = $("ticket-form");
    this.side = "exact_in";
    this.isOffline = false;
    this.quotes = new Quotes((taken) => this.quoted(taken), (problem) => this.refused(problem));
    this.form.addEventListener("input", (event) => this.changed(event.target));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    $("flip").addEventListener("click", () => this.flip());
    $("dry-run").addEventListener("click", () => this.dryRun());
    $("copy-curl").addEventListener("click", () => this.body && copy(curl("POST", "/orders", this.request()), "the curl command"));
  }

  offer(tokens) {
    this.tokens = new Map(tokens.map((token) => [token.symbol, token]));
    for (const [id, first] of [["token-in", "SOL"], ["token-out", "USDC"]]) {
      const select = $(id);
      select.replaceChildren(...tokens.map(({ symbol, name }) => h("option", { value: symbol, title: name }, symbol)));
      select.value = this.tokens.has(first) ? first : tokens[id === "token-in" ? 0 : tokens.length - 1]?.symbol;
    }
    this.changed();
  }

  setOffline(isOffline) {
    this.isOffline = isOffline;
    $("ticket").classList.toggle("is-off", isOffline);
    this.update();
  }

  get type() {
    return this.form.type.value;
  }

  get fixed() {
    return this.side === "exact_in" ? this.form.amount_in : this.form.amount_out;
  }

  get open() {
    return this.side === "exact_in" ? this.form.amount_out : this.form.amount_in;
  }

  /** Sell becomes buy, of the same amount of the same token. */
  flip() {
    const [a, b] = [$("token-in"), $("token-out")];
    [a.value, b.value] = [b.value, a.value];
    const typed = this.fixed.value;
    this.side = this.side === "exact_in" ? "exact_out" : "exact_in";
    this.fixed.value = typed;
    this.changed();
  }

  changed(field) {
    if (!this.tokens) return;
    if (field?.name === "amount_in") this.side = "exact_in";
    if (field?.name === "amount_out") this.side = "exact_out";
    // Two different tokens: the other side takes what this one had.
    if (field?.tagName === "SELECT" && $("token-in").value === $("token-out").value) {
      const other = field.id === "token-in" ? $("token-out") : $("token-in");
      const before = field.id === "token-in" ? this.pair?.[0] : this.pair?.[1];
      if (field.id.startsWith("token-") && before) other.value = before;
    }
    this.pair = [$("token-in").value, $("token-out").value];
    for (const type of ["limit", "stop", "twap"]) $(`of-${type}`).hidden = this.type !== type;
    $("of-waiting").hidden = this.type !== "limit" && this.type !== "stop";
    for (const node of this.form.querySelectorAll(".per")) setText(node, `${this.pair[1]} per ${this.pair[0]}`);
    const isIn = this.side === "exact_in";
    setText($("fixed-in"), isIn ? "exactly" : "about");
    setText($("fixed-out"), isIn ? "about" : "exactly");
    this.read();
    this.dropQuote();
    this.problem(null);
    $("dry-result").hidden = true;
    this.quotes.watch(this.body && this.quoteRequest());
    this.update();
  }

  /** The form as the body of POST /orders, without its id; null with a hint where something is missing. */
  read() {
    this.body = null;
    this.hint = "";
    const fields = {};
    const number = (name, text = this.form[name].value) => {
      const { value, error } = readAmount(text);
      const isBad = Boolean(error);
      this.form[name].setAttribute("aria-invalid", String(isBad));
      if (isBad) this.hint ||= error;
      return value;
    };
    fields.amount = number(this.fixed.name);
    this.open.removeAttribute("aria-invalid");
    const guards = {};
    for (const name of ["max_slippage_bps", "max_price_impact_bps"]) {
      const value = number(name);
      if (value) guards[name] = value;
    }
    const own = this.ownFields(number);
    if (this.hint) return;
    if (!fields.amount || !/[1-9]/.test(fields.amount)) return void (this.hint = "Enter an amount");
    if (!own) return void (this.hint = this.type === "twap" ? "Enter slices and seconds" : `Enter a ${this.type === "limit" ? "limit" : "trigger"} price`);
    const scenario = this.form.scenario.value;
    this.body = {
      token_in: this.pair[0], token_out: this.pair[1], amount: fields.amount, side: this.side, type: this.type, ...own,
      ...(Object.keys(guards).length ? { guards } : {}), ...(scenario === "none" ? {} : { sim: { scenario } }),
    };
  }

  /** The fields of the type, null where one is missing. */
  ownFields(number) {
    if (this.type === "limit") {
      const limit_price = number("limit_price");
      return limit_price && { limit_price, ...(this.form.allow_partial.checked ? { allow_partial: true } : {}), ...life(this.form.life.value) };
    }
    if (this.type === "stop") {
      const trigger_price = number("trigger_price");
      return trigger_price && { trigger_price, trigger: this.form.trigger.value, ...life(this.form.life.value) };
    }
    if (this.type === "twap") {
      const slices = number("slices"), interval = number("interval_s"), limit_price = number("twap_limit");
      return slices && interval && { twap: { slices: Number(slices), interval_s: Number(interval) }, ...(limit_price ? { limit_price } : {}) };
    }
    return {};
  }

  quoteRequest() {
    const { token_in, token_out, amount: fixed, side, guards } = this.body;
    return { token_in, token_out, amount: fixed, side, ...(guards ? { guards } : {}) };
  }

  // Quotes

  quoted(taken) {
    this.taken = taken;
    this.quoteProblem = null;
    const { quote } = taken;
    this.open.value = amount(this.side === "exact_in" ? quote.amount_out : quote.amount_in).replaceAll(",", "");
    this.open.title = this.side === "exact_in" ? `${quote.amount_out} ${quote.token_out}` : `${quote.amount_in} ${quote.token_in}`;
    if (this.isQuoteProblem) this.problem(null);
    $("quote").replaceChildren(...factRows(this.quoteRows(quote)));
    this.showRoute(quote.route);
    this.onQuote(quote);
    this.runBar();
    this.update();
  }

  refused(problem) {
    this.dropQuote();
    $("route").replaceChildren(h("p", { class: "empty" }, "No quote."));
    this.problem(problem, true);
    this.update();
  }

  dropQuote() {
    this.taken = null;
    this.stopBar();
    if (this.open.title) this.open.value = "";
    this.open.title = "";
    $("quote").replaceChildren();
    this.onQuote(null);
    $("route").replaceChildren(h("p", { class: "empty" }, this.body ? "Asking for a quote …" : "Enter an amount to see how it would be split."));
  }

  get isFresh() {
    return this.taken !== null && this.taken !== undefined && performance.now() < this.taken.until;
  }

  /** The bar shrinks while the quote holds; behind its end nothing is sent at its price. */
  runBar() {
    this.stopBar();
    const left = this.taken.until - performance.now();
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const share = Math.max(0, left / (this.taken.until - this.taken.from));
    const steps = [{ transform: `scaleX(${share})` }, { transform: `scaleX(${isCalm ? share : 0})` }];
    this.bar = $("validity-bar").animate(steps, { duration: Math.max(1, left) });
    this.expiry = setTimeout(() => this.update(), left);
  }

  stopBar() {
    this.bar?.cancel();
    clearTimeout(this.expiry);
  }

  quoteRows(quote) {
    const isIn = quote.side === "exact_in";
    const { route } = quote;
    const fee = quote.network_fee;
    return [
      ["Price", `1 ${quote.token_in} = ${amount(quote.price)} ${quote.token_out}`, quote.price],
      this.type === "limit" && this.distanceRow("Limit", this.body.limit_price, quote.price),
      this.type === "stop" && this.distanceRow("Trigger", this.body.trigger_price, quote.price),
      quote.waiting_for && ["An order now would wait for", quote.waiting_for],
      this.type === "twap" && ["All at once, now", isIn ? withToken(quote.amount_out, quote.token_out) : withToken(quote.amount_in, quote.token_in, true)],
      this.type === "market" && (isIn
        ? ["Receive at least", withToken(quote.min_amount_out, quote.token_out), `${quote.min_amount_out} ${quote.token_out}`]
        : ["Pay at most", withToken(quote.max_amount_in, quote.token_in, true), `${quote.max_amount_in} ${quote.token_in}`]),
      ["Price impact", bps(route.price_impact_bps, { signed: false })],
      fee && ["Network fee", withToken(fee.amount, fee.token) + (fee.value ? ` ≈ ${withToken(fee.value, isIn ? quote.token_out : quote.token_in)}` : ""), `${fee.amount} ${fee.token}`],
      route.saved_bps !== null && [`Saved vs ${venueName(route.best_single_venue)} alone`, bps(route.saved_bps), `${route.saved_bps} bp`],
    ];
  }

  distanceRow(name, price, now) {
    const distance = bpsBetween(scaled(price, FINE), scaled(now, FINE));
    if (distance === null) return null;
    const isBelow = distance.startsWith("-");
    return [`${name} against now`, `${percent(distance)} ${isBelow ? "below" : "above"}`];
  }

  showRoute(route) {
    const box = $("route");
    const isOpen = box.querySelector("details")?.open;
    const focused = box.contains(document.activeElement);
    box.replaceChildren(...routeView(route, Math.max(280, Math.min(560, box.clientWidth || 380))), facts(proofRows(route)));
    const details = box.querySelector("details");
    if (isOpen) details.open = true;
    if (focused) details.querySelector("summary").focus();
  }

  // Buttons and hints

  update() {
    const body = this.body;
    const needsQuote = this.type === "market";
    const isReady = Boolean(body) && !this.isOffline && !this.isBusy && !this.isMalformed && (!needsQuote || this.isFresh);
    $("send").disabled = !isReady;
    $("dry-run").disabled = !body || this.isOffline || this.isBusy;
    $("copy-curl").disabled = !body;
    const label = this.isBusy ? "Sending …" : !body ? this.hint || "Enter an amount"
      : this.isOffline ? "Offline" : needsQuote && !this.isFresh && !this.isQuoteProblem ? "Waiting for a quote" : act(body);
    setText($("send"), label);
    setText($("hint"), this.explain());
    const guards = body?.guards ?? {};
    const given = this.taken?.quote.guards;
    this.form.max_slippage_bps.placeholder = given?.max_slippage_bps ?? "50";
    this.form.max_price_impact_bps.placeholder = given?.max_price_impact_bps ?? "none";
    setText($("guards-now"), `slippage ${guards.max_slippage_bps ?? given?.max_slippage_bps ?? "–"} bps, impact ${guards.max_price_impact_bps ?? given?.max_price_impact_bps ?? "–"} bps`);
  }

  explain() {
    const body = this.body;
    if (!body) return "";
    if (this.type === "limit") return this.limitHint(body);
    if (this.type === "stop") return `A market order once the price is ${body.trigger} ${amount(body.trigger_price)} or at it. Guards alone limit its price then.`;
    if (this.type === "twap") {
      const { slices, interval_s } = body.twap;
      const token = body.side === "exact_in" ? body.token_in : body.token_out;
      const { decimals } = this.tokens.get(token);
      const each = Number.isInteger(slices) && slices > 0 && scaled(body.amount, decimals) / BigInt(slices);
      return each ? `${slices} slices of about ${withToken(fromScaled(each, decimals), token)}, the last one ${took((slices - 1) * interval_s * 1_000)} after the first.` : "";
    }
    return "";
  }

  /** What the limit promises, exactly: amount times price, or amount by price. */
  limitHint(body) {
    const isIn = body.side === "exact_in";
    const price = scaled(body.limit_price, FINE), size = scaled(body.amount, FINE);
    if (price === 0n) return "";
    const [least, most] = [size * price, (size * 10n ** BigInt(FINE)) / price];
    const promise = isIn ? `Receives at least ${withToken(fromScaled(least, 2 * FINE), body.token_out)}` : `Pays at most ${withToken(fromScaled(most, FINE), body.token_in, true)}`;
    return `${promise}, whole${body.allow_partial ? " or in parts" : ""}, network fee counted; waits until then.`;
  }

  problem(problem, isOfQuote = false) {
    const box = $("ticket-problem");
    // The same again is not read out again.
    const said = JSON.stringify(problem);
    if (said === this.said) return;
    this.said = said;
    this.isQuoteProblem = isOfQuote && problem !== null;
    // What cannot be read is no order either; a market without a route may have one later.
    this.isMalformed = this.isQuoteProblem && problem.status === 400;
    box.hidden = problem === null;
    box.replaceChildren(...(problem ? problemNote(problem).filter(Boolean) : []));
    for (const error of problem?.errors ?? []) {
      // Fields of the form have the names that the API has for them.
      const name = error.pointer.split("/").pop();
      (name === "amount" ? this.fixed : this.form[name])?.setAttribute?.("aria-invalid", "true");
    }
  }

  // Acts

  async dryRun() {
    if (!this.body || this.isBusy) return;
    this.setBusy(true);
    try {
      const { body: order } = await call("POST", "/orders?dry_run=true", this.body);
      this.problem(null);
      this.showDryRun(order);
    } catch (error) {
      if (!error.problem) throw error;
      this.problem(error.problem);
    } finally {
      this.setBusy(false);
    }
  }

  showDryRun(order) {
    const token = order.side === "exact_in" ? order.token_out : order.token_in;
    const quoted = order.side === "exact_in" ? order.quoted_amount_out : order.quoted_amount_in;
    const slices = order.outline ?? [];
    const fixed = order.side === "exact_in" ? order.token_in : order.token_out;
    $("dry-result").hidden = false;
    $("dry-result").replaceChildren(h("h3", {}, "Dry run: nothing was stored"),
      order.failure ? h("p", { class: "problem" }, problemNote(order.failure)) : "",
      facts([
        ["It would be", order.waiting_for && !order.failure ? `${order.status}, waiting for ${order.waiting_for}` : `${order.status}${order.outcome ? `, ${order.outcome}` : ""}`],
        quoted && [slices.length > 1 ? "First slice, quoted" : "Quoted", withToken(quoted, token), `${quoted} ${token}`],
        order.side === "exact_in"
          ? order.min_amount_out && ["Least that the chain would allow", withToken(order.min_amount_out, order.token_out), order.min_amount_out]
          : order.max_amount_in && ["Most that the chain would allow", withToken(order.max_amount_in, order.token_in, true), order.max_amount_in],
      ].filter(Boolean)),
      slices.length ? h("ol", { class: "slices" }, slices.slice(0, 20).map((slice) => h("li", { title: slice.at ? utc(slice.at) : null }, `${slice.at ? `${when(slice.at)} ` : ""}${withToken(slice.amount, fixed)}`))) : "",
      slices.length > 20 ? h("p", { class: "hint" }, `and ${slices.length - 20} more`) : "");
  }

  async send() {
    if ($("send").disabled || isAsking()) return;
    const body = this.request();
    const { quote } = this.taken ?? {};
    const answer = await confirm({ title: act(body), act: act(body), rows: this.confirmRows(body, quote), note: this.explain() });
    if (answer) await this.place(body);
  }

  /** The order as it is sent. */
  request() {
    this.read(); // what counts from now, counts from now
    const body = { ...this.body };
    const { quote } = this.taken ?? {};
    // What was shown is what holds: the quote's own limit goes along, so a market that moves meanwhile cannot undercut it.
    if (body.type === "market" && quote) {
      body.guards = { ...body.guards, ...(body.side === "exact_in" ? { min_amount_out: quote.min_amount_out } : { max_amount_in: quote.max_amount_in }) };
    }
    // Made before the first try: a repeat after a lost answer is the same order.
    body.client_order_id = `desk-${randomId()}`;
    return body;
  }

  confirmRows(body, quote) {
    const { guards = {} } = body;
    return [
      ["Order", `${body.type}, ${body.token_in} → ${body.token_out}`],
      guards.min_amount_out && ["Receive at least", withToken(guards.min_amount_out, body.token_out), guards.min_amount_out],
      guards.max_amount_in && ["Pay at most", withToken(guards.max_amount_in, body.token_in, true), guards.max_amount_in],
      quote && ["Quoted now", body.side === "exact_in" ? withToken(quote.amount_out, body.token_out) : withToken(quote.amount_in, body.token_in, true)],
      body.expires_at && ["Good until", when(body.expires_at), utc(body.expires_at)],
      this.isLive && ["Chain", "LIVE: moves real money"],
      body.sim && ["Simulated", body.sim.scenario],
    ].filter(Boolean);
  }

  async place(body) {
    this.setBusy(true);
    this.problem(null);
    this.setUnknown(null);
    try {
      this.placed(await this.placeSurely(body));
    } catch (error) {
      if (!error.problem) throw error;
      if (isUnclear(error)) await this.lookUp(body);
      else this.problem(error.problem);
    } finally {
      this.setBusy(false);
    }
  }

  placed(order) {
    announce(`Placed: ${act(order)}`);
    this.onPlaced(order);
    this.fixed.value = "";
    this.changed();
  }

  /** What became of an order whose answer was lost; where not even that is answered it stays unknown. */
  async lookUp(body) {
    const order = await find(`/orders/by-client-id/${body.client_order_id}`).catch((error) => {
      if (!error.problem) throw error;
      return null;
    });
    if (order) this.placed(order);
    else this.setUnknown(body);
  }

  /** An order from elsewhere on the page: perhaps the one whose answer was lost. */
  see(order) {
    if (!this.unknown || order.client_order_id !== this.unknown.client_order_id) return;
    this.setUnknown(null);
    this.placed(order);
  }

  /** An order of which it is not known whether it was taken: said until it is known, also when something else is typed meanwhile. */
  setUnknown(body) {
    this.unknown = body;
    const box = $("ticket-unknown");
    box.hidden = !body;
    box.replaceChildren(...(body ? [h("p", {}, "It is not known whether this order was taken. To ask again cannot place it twice."),
      h("button", { type: "button", onclick: () => this.place(body) }, `Ask again: ${act(body)}`)] : []));
  }

  /** The same request again while no answer comes: its client_order_id makes it one order. Throws: Refused, Lost. */
  async placeSurely(body) {
    for (const wait of REPEATS_MS) {
      if (wait) toast("No answer yet: asking again for the same order");
      await new Promise((resolve) => setTimeout(resolve, wait));
      try {
        return (await call("POST", "/orders", body)).body;
      } catch (error) {
        if (!isUnclear(error) || wait === REPEATS_MS.at(-1)) throw error;
      }
    }
    throw new Lost();
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.update();
  }
}

/** Whether the order may have been taken all the same, or may be by a repeat. */
const isUnclear = (error) => error instanceof Lost || (error instanceof Refused && ["request_in_progress", "not_ready"].includes(error.problem.code));

const life = (seconds) => (seconds ? { time_in_force: "gtd", expires_at: new Date(Date.now() + Number(seconds) * 1_000).toISOString() } : {});

// randomUUID exists in secure contexts alone.
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
