// Where the ticket's quotes come from: the quote stream, and POST /quotes while that is not there.
//
// The ticket knows only `watch`, so that this may change.

import { call, Lost, Refused, subprotocols } from "./api.js";

const DEBOUNCE_MS = 250;
const RETRY_MS = 2_000;
// The next quote is made when the last one is acknowledged: so often at most is the ticket painted.
const PACE_MS = 400;

export class Quotes {
  /**
   * `onQuote` gets { quote, from, until }: between these times of performance.now() the quote holds.
   * `onProblem` gets a problem object. Both are about what was watched last.
   */
  constructor(onQuote, onProblem) {
    this.onQuote = onQuote;
    this.onProblem = onProblem;
    document.addEventListener("visibilitychange", () => this.renew());
    window.addEventListener("signed-in", () => this.renew());
  }

  /** Quote this request until another one is watched; null: nothing. */
  watch(request) {
    this.request = request;
    this.wanted = -1;
    this.stop?.abort();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.renew(), request ? DEBOUNCE_MS : 0);
  }

  /** Subscribe, on a new socket where there is none; without a request or a reader let it go. */
  renew() {
    clearTimeout(this.timer);
    if (!this.request || document.hidden) {
      this.socket?.close();
      this.socket = null;
    } else if (!this.socket) this.connect();
    else if (this.socket.readyState === WebSocket.OPEN) this.subscribe();
  }

  connect() {
    // Stands in its place until there is a ticket.
    const opening = (this.socket = { close() {} });
    subprotocols().then((offered) => opening === this.socket && this.open(offered), (error) => {
      if (opening !== this.socket) return;
      this.socket = null;
      if (error.problem?.status === 401) this.onProblem(error.problem);
      else this.askInstead();
    });
  }

  open(offered) {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws/v1/quotes`, offered);
    this.socket = socket;
    this.sent = 0;
    socket.onopen = () => socket === this.socket && this.subscribe();
    socket.onmessage = ({ data }) => socket === this.socket && this.take(JSON.parse(data));
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.socket = null;
      this.askInstead();
    };
  }

  askInstead() {
    this.timer = setTimeout(() => this.renew(), RETRY_MS);
    this.ask();
  }

  /** The socket's answers say which subscription they are of: those before the last one are late. */
  subscribe() {
    if (this.acking) this.acknowledge(this.socket);
    this.socket.send(JSON.stringify({ op: "subscribe", quote: this.request }));
    this.wanted = this.sent += 1;
  }

  take(message) {
    if (message.type !== "quote" && message.type !== "error") return;
    const { socket } = this;
    this.acking = setTimeout(() => this.acknowledge(socket), PACE_MS);
    if (message.subscription !== this.wanted) return;
    if (message.quote) this.quoted(message.quote, performance.now());
    else this.onProblem(message.problem);
  }

  acknowledge(socket) {
    clearTimeout(this.acking);
    this.acking = null;
    if (socket.readyState === WebSocket.OPEN) socket.send('{"op":"ack"}');
  }

  /** The length of its life is the server's, the clock is ours: the two clocks are never compared. */
  quoted(quote, from) {
    this.onQuote({ quote, from, until: from + Date.parse(quote.expires_at) - Date.parse(quote.quoted_at) });
  }

  async ask() {
    const stop = (this.stop = new AbortController());
    const from = performance.now();
    try {
      const { body } = await call("POST", "/quotes", this.request, stop.signal);
      if (!stop.signal.aborted) this.quoted(body, from);
    } catch (error) {
      if (stop.signal.aborted) return;
      if (!(error instanceof Refused || error instanceof Lost)) throw error;
      this.onProblem(error.problem);
    }
  }
}
