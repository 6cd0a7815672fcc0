// Venues: whether routes use them, and what each alone would give for the ticket's amount. And pauses.

import { call, find, get } from "./api.js";
import { $, confirm, h, problemNote, refuse, s, setText, toast } from "./dom.js";
import { bps, bpsBetween, brief, nameVenues, percent, took, utc, venueColour, when } from "./words.js";

const EACH_MS = 10_000;
const REFUSALS = { insufficient_liquidity: "too little", no_route: "no route" };

export class Venues {
  /** `onMarket` gets the answer of GET /venues once, `onHalt` whether orders of this account wait now. */
  constructor(onMarket, onHalt) {
    this.onMarket = onMarket;
    this.onHalt = onHalt;
    this.venues = null;
    this.pauses = [];
    this.quote = null;
    $("halt").addEventListener("click", () => this.toggleHalt());
    document.addEventListener("visibilitychange", () => !document.hidden && this.refresh());
  }

  /** Read again; while that is under way another call is the same one. */
  refresh() {
    this.reading ??= this.read().finally(() => (this.reading = null));
    return this.reading;
  }

  async read() {
    try {
      if (!this.venues) {
        const market = await get("/venues");
        this.venues = market.results;
        this.chain = market.chain;
        nameVenues(this.venues);
        this.onMarket(market);
      }
      this.took((await get("/halt")).results);
      this.record(await get("/reports/recent"));
    } catch (error) {
      if (!error.problem) throw error;
      if (!this.venues) $("venues").replaceChildren(h("p", { class: "problem" }, problemNote(error.problem)));
    }
    clearTimeout(this.timer);
    if (!document.hidden) this.timer = setTimeout(() => this.refresh(), this.venues ? EACH_MS : 2_000);
  }

  /** How the newest orders went: by venue, and in the header. */
  record(recent) {
    this.recent = new Map(recent.venues.map((each) => [each.venue, each]));
    for (const name of ["p50", "p99"]) setText($(`took-${name}`), recent[`took_ms_${name}`] === null ? "–" : took(recent[`took_ms_${name}`]));
    $("took").title = recent.measured ? `From acceptance to the end, of ${recent.measured} market orders since ${when(recent.since)}` : "No market order has ended yet";
    this.paint();
  }

  took(pauses) {
    this.pauses = pauses;
    const halts = pauses.filter((pause) => !pause.venue && (!pause.chain || pause.chain === this.chain));
    this.halts = halts;
    document.documentElement.classList.toggle("is-halted", halts.length > 0);
    $("halt").disabled = false;
    $("halt").textContent = halts.length ? "Resume trading" : "Halt trading";
    const banner = $("halt-banner");
    banner.hidden = !halts.length;
    const words = halts.map((pause) => `${scopeName(pause)} since ${when(pause.since)}: ${pause.reason}`).join(" · ");
    if (halts.length && banner.dataset.words !== words) {
      banner.dataset.words = words;
      banner.replaceChildren(h("strong", {}, "Trading is halted"), ` (${words}). Nothing new is signed; what was sent goes on.`);
    }
    if (!halts.length) banner.dataset.words = "";
    this.onHalt(halts.length > 0);
    this.paint();
  }

  /** What the ticket's quote says of each venue; null: nothing. */
  show(quote) {
    this.quote = quote;
    this.paint();
  }

  paint() {
    if (!this.venues) return;
    const focused = document.activeElement.closest("#venues tr")?.dataset.venue;
    const quotes = new Map((this.quote?.route.venue_quotes ?? []).map((each) => [each.venue, each]));
    $("venues").replaceChildren(h("table", { class: "venues" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Venue"),
        FIGURES.map(([name, title]) => h("th", { scope: "col", class: "number", title }, name)),
        h("th", { scope: "col", class: "number", title: "And against the route, in basis points" }, this.alone()), h("th", { scope: "col" }, h("span", { class: "unseen" }, "Pause")))),
      h("tbody", {}, this.venues.map((venue) => this.row(venue, quotes.get(venue.venue))))));
    if (focused) document.querySelector(`#venues tr[data-venue="${CSS.escape(focused)}"] button`)?.focus();
  }

  alone() {
    const quote = this.quote;
    return !quote ? "Alone" : quote.side === "exact_in" ? `Gives, ${quote.token_out}` : `Takes, ${quote.token_in}`;
  }

  row({ venue, name, pools }, alone) {
    const pause = this.pauses.find((each) => each.venue === venue);
    const [text, title, versus] = this.compared(alone);
    return h("tr", { "data-venue": venue, class: pause && "paused" },
      h("th", { scope: "row" }, h("span", { class: "dot" }, dot(venueColour(venue))), name,
        h("small", { title: pause && `${pause.reason}, since ${utc(pause.since)}` }, pause ? "paused" : `${pools.length} pools`)),
      figures(this.recent?.get(venue), venueColour(venue)).map((figure) => h("td", { class: "number" }, figure)),
      h("td", { class: "number", title }, text, h("small", {}, versus)),
      h("td", { class: "number" }, h("button", { type: "button", class: "plain", "data-name": `pause-${venue}`, "data-needs": "admin", "aria-label": `${pause ? "Resume" : "Pause"} ${name}`, title: `${pause ? "Resume" : "Pause"} ${name}`, onclick: () => this.toggleVenue(venue, name, pause) }, pause ? "▶" : "❚❚")));
  }

  /** What a venue alone gives, net of network fees where they are known; positive is better than the route. */
  compared(alone) {
    const quote = this.quote;
    if (!alone || !quote) return ["", null, ""];
    if (alone.code) return [REFUSALS[alone.code] ?? alone.code.replaceAll("_", " "), alone.code, ""];
    const isIn = quote.side === "exact_in";
    const name = isIn ? "amount_out" : "amount_in";
    const isNet = Boolean(alone[`net_${name}_raw`] && quote[`net_${name}_raw`]);
    const key = isNet ? `net_${name}` : name;
    const token = isIn ? quote.token_out : quote.token_in;
    const [its, ours] = [BigInt(alone[`${key}_raw`]), BigInt(quote[`${key}_raw`])];
    const difference = isIn ? bpsBetween(its, ours) : bpsBetween(ours, its);
    return [brief(alone[key]), `${alone[key]} ${token}${isNet ? ", net of network fees" : ""}`, difference === null ? "" : bps(difference)];
  }

  async toggleHalt() {
    if ($("halt").disabled) return;
    if (!this.halts?.length) {
      const answer = await confirm({ title: "Halt trading", act: "Halt now", isDanger: true, reason: "Reason, kept in the audit log",
        note: "Nothing new of this account is signed until you resume. What was sent goes on." });
      if (answer) await this.act("POST", { scope: "account", reason: answer.reason }, "Trading is halted");
      return;
    }
    const answer = await confirm({ title: "Resume trading", act: "Resume now", reason: "Reason, kept in the audit log", rows: this.halts.map((pause) => [scopeName(pause), pause.reason]),
      note: "Waiting orders go on, at the prices of now." });
    if (!answer) return;
    for (const pause of this.halts) {
      const name = await this.nameOf(pause);
      if (!(await this.act("DELETE", { scope: pause.scope, ...(name ? { name } : {}), reason: answer.reason }, `Resumed: ${scopeName(pause)}`))) return;
    }
  }

  /** What DELETE /halt calls it; undefined for everything, which has no name. */
  async nameOf(pause) {
    if (pause.scope !== "wallet") return { account: pause.account, chain: pause.chain }[pause.scope];
    const wallets = await find("/wallets");
    return wallets?.results.find((wallet) => wallet.is_paused && wallet.chain === pause.chain)?.address;
  }

  async toggleVenue(venue, name, pause) {
    const answer = await confirm(pause
      ? { title: `Resume ${name}`, act: `Resume ${name}`, reason: "Reason, kept in the audit log", rows: [["Paused for", pause.reason]], note: "Routes may trade there again." }
      : { title: `Pause ${name}`, act: `Pause ${name}`, isDanger: true, reason: "Reason, kept in the audit log", note: "Routes of all accounts go round it until it is resumed." });
    if (answer) await this.act(pause ? "DELETE" : "POST", { scope: "venue", name: venue, reason: answer.reason }, `${name} ${pause ? "resumed" : "paused"}`);
  }

  async act(method, body, done) {
    try {
      this.took((await call(method, "/halt", body)).body.results);
      toast(done);
      return true;
    } catch (error) {
      if (!error.problem) throw error;
      refuse(error.problem);
      this.refresh();
      return false;
    }
  }
}

// Of the newest orders that went through a venue.
const FIGURES = [["Use", "Of each tenth of the newest orders, how many went through it"], ["Quote", "Median time until a route was found"],
  ["Filled", "Of filled and failed orders"], ["Slip", "Median cost against the quote: + is lost"]];

function figures(record, colour) {
  if (!record) return FIGURES.map(() => "–");
  return [sparkline(record.trend, colour), record.quote_ms_p50 === null ? "–" : took(record.quote_ms_p50),
    record.fill_rate_bps === null ? "–" : percent(record.fill_rate_bps.split(".")[0]).replace(/\.\d+/, ""), record.vs_quote_bps === null ? "–" : bps(record.vs_quote_bps).replace(" bp", "")];
}

function sparkline(counts, colour) {
  const top = Math.max(1, ...counts);
  return s("svg", { viewBox: "0 0 36 14", class: "spark", role: "img", "aria-label": counts.join(", ") },
    s("polyline", { points: counts.map((count, at) => `${at * 4},${13 - (12 * count) / top}`).join(" "), fill: "none", stroke: colour, "stroke-width": 1.5 }));
}

const scopeName = (pause) => ({ global: "everything", chain: `chain ${pause.chain}`, account: `account ${pause.account}`, wallet: "wallet" })[pause.scope] ?? pause.scope;

const dot = (colour) => s("svg", { viewBox: "0 0 8 8", "aria-hidden": "true" }, s("circle", { cx: 4, cy: 4, r: 4, fill: colour }));
