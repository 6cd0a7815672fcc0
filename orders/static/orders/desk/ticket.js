// The ticket: what is typed becomes one request, which is quoted, tried dry, and sent once.

import { call, load } from "./api.js";
import { $, announce, attempt, confirm, copy, h, isAsking, problemNote, setAttribute, setText, toast } from "./dom.js";
import { Fields, mark } from "./fields.js";
import { TYPES } from "./order_types.js";
import { Placing } from "./placing.js";
import { Quotes } from "./quotes.js";
import { confirmRows, limitAmount, meaning, QuoteView } from "./ticket_view.js";
import { Wallet } from "./wallet.js";
import { act, amount, brief, priceUnit, readAmount } from "./words.js";

export class Ticket {
  /** `onQuote` gets a quote or null, `onPlaced` an order. */
  constructor(onQuote, onPlaced) {
    this.onQuote = onQuote;
    this.onPlaced = onPlaced;
    this.form = $("ticket-form");
    $("ticket-types").append(...Object.entries(TYPES).map(([value, { name }]) => h("label", {}, h("input", { type: "radio", name: "type", value, checked: value === "market" }), h("span", {}, name))));
    this.fields = new Fields(this.form);
    $("links").addEventListener("toggle", () => this.loadLinks());
    this.wallet = new Wallet(() => this.showBalance());
    this.view = new QuoteView((taken) => {
      // A timer may fire a moment early: the quote is over then all the same.
      taken.until = 0;
      this.update();
    });
    this.placing = new Placing((orders) => this.placed(orders), (problem) => this.problem(problem, false, this.edits !== this.sentEdits), (isBusy) => this.setBusy(isBusy));
    this.quotes = new Quotes((taken) => this.quoted(taken), (problem) => this.refused(problem));
    this.side = "exact_in";
    this.edits = 0;
    this.isOffline = false;
    this.form.addEventListener("input", (event) => this.changed(event.target));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    $("flip").addEventListener("click", () => this.flip());
    $("dry-run").addEventListener("click", () => this.dryRun());
    for (const [id, isHalf] of [["half", true], ["most", false]]) $(id).addEventListener("click", () => this.take(isHalf));
    for (const name of ["curl", "python", "javascript"]) $(`copy-${name}`).addEventListener("click", () => this.copy(name));
  }

  offer(tokens) {
    this.tokens = new Map(tokens.map((token) => [token.symbol, token]));
    for (const [id, first] of [["token-in", "SOL"], ["token-out", "USDC"]]) {
      const select = $(id);
      select.replaceChildren(...tokens.map(({ symbol, name }) => h("option", { value: symbol, title: name }, symbol)));
      select.value = this.tokens.has(first) ? first : tokens[id === "token-in" ? 0 : tokens.length - 1]?.symbol;
    }
    this.changed();
    this.wallet.refresh();
  }

  /** What GET /venues says of the market. */
  setMarket({ chain, moves_real_money: isLive, results }) {
    this.isLive = isLive;
    this.fields.isSimulated = chain === "simulated";
    $("venue-names").replaceChildren(...results.map(({ venue, name }) => h("option", { value: venue }, name)));
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

  /** Half or all of what the wallet holds is paid: of the other side it is not known what is needed. */
  async take(isHalf) {
    const [token_in, token_out] = this.pair;
    const token = this.tokens.get(token_in);
    const parts = this.stated.twap?.slices ?? this.stated.steps ?? 1;
    const taken = await this.wallet.portion(token, isHalf, this.fee, parts, { token_in, token_out, amount: "1" });
    if (token_in !== this.pair[0]) return;
    if (!taken) return toast(this.wallet.reason, "bad");
    if (taken.note) toast(taken.note);
    this.side = "exact_in";
    this.form.amount_in.value = taken.amount;
    this.changed();
    this.form.amount_in.focus();
  }

  showBalance() {
    if (!this.pair) return;
    const held = this.wallet.balance(this.pair[0]);
    setText($("balance"), held === null ? "Balance –" : brief(held));
    $("balance").title = held === null ? this.wallet.reason : `Balance ${held} ${this.pair[0]}`;
    for (const [id, words] of [["half", "½: pay half of the balance"], ["most", "Max: pay all of the balance, less network fees"]]) {
      $(id).title = held === null ? this.wallet.reason : words;
      setAttribute($(id), "aria-label", held === null ? `${words}: ${this.wallet.reason}` : words);
    }
  }

  changed(field) {
    if (!this.tokens) return;
    this.edits += 1;
    if (field?.name === "amount_in") this.side = "exact_in";
    if (field?.name === "amount_out") this.side = "exact_out";
    this.keepApart(field);
    this.pair = [$("token-in").value, $("token-out").value];
    this.fields.arrange(this.type, this.side);
    const isIn = this.side === "exact_in";
    setText($("fixed-in"), isIn ? "exactly" : "about");
    setText($("fixed-out"), isIn ? "about" : "exactly");
    this.problem(null);
    this.read();
    this.labels();
    this.showBalance();
    this.dropQuote();
    $("dry-result").hidden = true;
    this.quotes.watch(this.body && this.quoteRequest());
    this.onChange?.();
    this.update();
  }

  /** Two different tokens: the other side takes what this one had. */
  keepApart(field) {
    const other = { "token-in": "token-out", "token-out": "token-in" }[field?.id];
    if (other && this.pair && $("token-in").value === $("token-out").value) $(other).value = this.pair[field.id === "token-in" ? 0 : 1];
  }

  labels() {
    const [token_in, token_out] = this.pair;
    const liquidity = this.form.elements.liquidity_token?.value === "token_out" ? token_out : token_in;
    this.fields.label({ price: priceUnit({ token_in, token_out }), token_in, token_out, liquidity, native: this.fee?.token ?? "native token" });
    $("links").hidden = !TYPES[this.type].links;
    this.links?.arrange(this.type, this.pair, this.least());
  }

  /** The form as the order that is asked for, without its id; null with a hint where something is missing. */
  read() {
    this.body = null;
    const { value: size, error } = readAmount(this.fixed.value);
    this.fixed.setAttribute("aria-invalid", String(Boolean(error)));
    this.open.removeAttribute("aria-invalid");
    const body = { token_in: this.pair[0], token_out: this.pair[1], amount: size, side: this.side, type: this.type };
    const missing = this.fields.read(body);
    this.stated = body;
    this.hint = error || (!size || !/[1-9]/.test(size) ? "Enter an amount" : missing);
    if (!this.hint) this.body = body;
  }

  quoteRequest() {
    const { token_in, token_out, amount: size, side, guards, venues, fee } = this.body;
    // What waits is not judged by the market of now.
    const { min_amount_out, max_amount_in, ...others } = guards ?? {};
    const kept = this.type === "market" ? guards : others;
    return { token_in, token_out, amount: size, side, ...(kept && Object.keys(kept).length ? { guards: kept } : {}), ...(venues ? { venues } : {}), ...(fee ? { fee } : {}) };
  }

  // Quotes

  quoted(taken) {
    this.taken = taken;
    const { quote } = taken;
    this.fee = quote.network_fee ?? this.fee;
    this.open.value = amount(this.side === "exact_in" ? quote.amount_out : quote.amount_in).replaceAll(",", "");
    this.open.title = this.side === "exact_in" ? `${quote.amount_out} ${quote.token_out}` : `${quote.amount_in} ${quote.token_in}`;
    if (this.isQuoteProblem) this.problem(null);
    this.view.show(taken, this.body);
    this.onQuote(quote);
    this.labels();
    this.update();
  }

  refused(problem) {
    this.dropQuote();
    this.view.clear("No quote.");
    this.problem(problem, true);
    this.update();
  }

  dropQuote() {
    this.taken = null;
    if (this.open.title) this.open.value = "";
    this.open.title = "";
    this.view.clear(this.body ? "Asking for a quote …" : "Enter an amount to see how it would be split.");
    this.onQuote(null);
  }

  get isFresh() {
    return Boolean(this.taken) && performance.now() < this.taken.until;
  }

  /** What is received in any case, as far as that is known: exits sell it. */
  least() {
    const { body } = this;
    if (!body) return null;
    if (body.side === "exact_out") return body.amount;
    if (body.limit_price) return limitAmount(body, this.tokens.get(body.token_out).decimals);
    return this.taken?.quote.min_amount_out ?? body.guards?.min_amount_out ?? null;
  }

  // Buttons and hints

  update() {
    const { body } = this;
    const linked = this.linked();
    const needsQuote = this.type === "market";
    const isReady = Boolean(body) && !linked.hint && !this.isOffline && !this.isBusy && !this.isMalformed && (!needsQuote || this.isFresh);
    $("send").disabled = !isReady;
    $("dry-run").disabled = !body || this.isOffline || this.isBusy;
    for (const name of ["curl", "python", "javascript"]) $(`copy-${name}`).disabled = !body || Boolean(linked.hint);
    const label = this.isBusy ? "Sending …" : !body ? this.hint || "Enter an amount" : linked.hint
      || (this.isOffline ? "Offline" : needsQuote && !this.isFresh && !this.isQuoteProblem ? "Waiting for a quote" : titleOf(body, linked.batch));
    setText($("send"), label);
    setText($("hint"), body ? meaning(body, (token) => this.tokens.get(token).decimals) : "");
    this.showGuards();
  }

  /** What is set where it cannot be seen. */
  showGuards() {
    const given = this.taken?.quote.guards ?? {};
    const { guards = {} } = this.body ?? {};
    const slippage = this.form.elements.max_slippage_bps;
    if (slippage) slippage.placeholder = given.max_slippage_bps ?? "50";
    const count = this.body ? this.fields.count(this.body) : 0;
    setText($("more-now"), `slippage ${guards.max_slippage_bps ?? given.max_slippage_bps ?? "–"} bps${count ? `, ${count} more set` : ""}`);
  }

  /** Fields of linked orders come with the first look at them. */
  loadLinks() {
    return attempt(async () => {
      const { Links } = await load("links");
      if (this.links) return;
      this.links = new Links(this.form);
      if (this.pair) this.labels();
    });
  }

  batch(order) {
    return this.links?.batch(order, this.least()) ?? null;
  }

  /** { batch } or { hint }: the orders that go with this one. */
  linked() {
    if (!this.body) return {};
    try {
      return { batch: this.batch(this.body) };
    } catch (error) {
      return { hint: error.message };
    }
  }

  /** `isOld`: what it is about was typed over meanwhile, so no field is marked. */
  problem(problem, isOfQuote = false, isOld = false) {
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
    this.fields.mark([]);
    const [own, ...others] = problem?.facts?.results ?? [];
    const errors = isOld ? [] : [...(problem?.errors ?? []), ...(own?.error?.errors ?? [])];
    for (const { pointer, detail } of this.fields.mark(errors)) if (pointer === "/amount") mark(this.fixed, detail);
    if (!isOld) others.forEach((each, at) => each.error && this.links?.mark(this.sent.orders[at + 1], each.error.errors ?? []));
    const refusals = [own, ...others].filter((each) => each?.error);
    if (refusals.length) box.append(h("ul", {}, refusals.map(({ error }) => h("li", {}, problemNote(error)))));
  }

  // Acts

  /** { path, body, title }: what is sent. A market order names the quote that was shown, and carries its limit. */
  request(isNaming = true) {
    this.read(); // what counts from now, counts from now
    const body = { ...this.body };
    const { quote } = this.taken ?? {};
    if (body.type === "market" && quote) {
      const name = body.side === "exact_in" ? "min_amount_out" : "max_amount_in";
      body.guards = { ...body.guards, [name]: quote[name] };
      if (isNaming) body.quote_id = quote.quote_id;
    }
    // Made before the first try: a repeat after a lost answer is the same order.
    body.client_order_id ??= `desk-${randomId()}`;
    const batch = this.batch(body);
    const title = titleOf(body, batch);
    if (!batch) return { path: "/orders", body, title };
    batch.orders.forEach((order, at) => at && (order.client_order_id = `${body.client_order_id}-${at + 1}`));
    return { path: "/orders/batch", body: batch, title };
  }

  copy(name) {
    const { path, body } = this.request(false);
    attempt(async () => copy((await load("snippets")).snippets(path, body, this.isKeyed)[name], { curl: "the curl command", python: "the Python program", javascript: "the JavaScript" }[name]));
  }

  async dryRun() {
    if (!this.body || this.isBusy) return;
    this.setBusy(true);
    try {
      const { body: order } = await call("POST", "/orders?dry_run=true", this.body);
      const { showDryRun } = await load("dry_run");
      this.problem(null);
      showDryRun(order);
    } catch (error) {
      if (!error.problem) throw error;
      this.problem(error.problem);
    } finally {
      this.setBusy(false);
    }
  }

  async send() {
    if ($("send").disabled || isAsking()) return;
    const request = this.request();
    const rows = confirmRows(request, this.taken?.quote, this.isLive);
    const answer = await confirm({ title: request.title, act: request.title, rows, note: $("hint").textContent });
    if (!answer) return;
    this.sent = request.body;
    this.sentEdits = this.edits;
    await this.placing.place(request);
  }

  placed(orders) {
    announce(`Placed: ${titleOf(orders[0], { orders })}`);
    orders.forEach(this.onPlaced);
    this.fixed.value = "";
    // What belongs to this one order alone does not go into the next.
    this.fields.clear(["/client_order_id", "/guards/min_amount_out", "/guards/max_amount_in"]);
    this.links?.clear();
    this.changed();
  }

  /** An order from elsewhere on the page. */
  see(order) {
    this.placing.see(order);
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.update();
  }
}

/** What sending does, in words. */
const titleOf = (order, batch) => `${act(order)}${batch?.orders.length > 1 ? `, and ${batch.orders.length - 1} linked` : ""}`;

// randomUUID exists in secure contexts alone.
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
