// Where the ticket's quotes come from. Today: POST /quotes, asked again before a quote ends.
//
// The ticket knows only this interface, so that another source (a stream) can take its place.

import { Lost, Refused, call } from "./api.js";

const DEBOUNCE_MS = 250;
const RETRY_MS = 2_000;
// A quote is asked for again when this share of its life has passed.
const RENEW_AT = 0.7;

export class Quotes {
  /**
   * `onQuote` gets { quote, from, until }: between these times of performance.now() the quote holds.
   * `onProblem` gets a problem object. Both are about what was watched last.
   */
  constructor(onQuote, onProblem) {
    this.onQuote = onQuote;
    this.onProblem = onProblem;
    document.addEventListener("visibilitychange", () => !document.hidden && this.request && this.ask());
  }

  /** Quote this request until another one is watched; null: nothing. */
  watch(request) {
    this.request = request;
    this.stop?.abort();
    clearTimeout(this.timer);
    if (request) this.timer = setTimeout(() => this.ask(), DEBOUNCE_MS);
  }

  async ask() {
    clearTimeout(this.timer);
    this.stop?.abort();
    const stop = (this.stop = new AbortController());
    const from = performance.now();
    let next = RETRY_MS;
    try {
      const { body: quote } = await call("POST", "/quotes", this.request, stop.signal);
      if (stop.signal.aborted) return;
      // The length is the server's, the clock is ours: the two clocks are never compared.
      const life = Date.parse(quote.expires_at) - Date.parse(quote.quoted_at);
      next = Math.max(500, life * RENEW_AT);
      this.onQuote({ quote, from, until: from + life });
    } catch (error) {
      if (stop.signal.aborted) return;
      if (!(error instanceof Refused || error instanceof Lost)) throw error;
      this.onProblem(error.problem);
      if (error.problem.status === 400) return;
    }
    if (!document.hidden) this.timer = setTimeout(() => this.ask(), next);
  }
}
