// The account stream: connects, acknowledges, and comes again with its cursor, so that no event is lost or doubled.

import { isSignedIn, subprotocols } from "./api.js";

const ACK_EVENTS = 64;
const ACK_MS = 1_000;
// The server closes a socket that sends more than ten frames a second.
const ACK_LEAST_MS = 125;
const SILENT_MS = 40_000; // heartbeats come each 15 s
const WAITS_MS = [500, 1_000, 2_000, 4_000, 8_000, 10_000];
const MALFORMED = 4400, UNAUTHORIZED = 4401, FORBIDDEN = 4403, SLOW = 4408, TOO_MANY = 4429, SIGNED_OUT = -1;

export class AccountStream {
  /**
   * `onMessage` gets each message but heartbeats, in order; a message counts as received once it returns.
   * `onState` gets { kind: "connecting" | "live" | "offline" | "refused", retryAt, reason }.
   */
  constructor(onMessage, onState) {
    this.onMessage = onMessage;
    this.onState = onState;
    this.cursor = null;
    this.isWhole = false;
    this.tries = 0;
    this.unacknowledged = 0;
    this.acknowledgedAt = 0;
    window.addEventListener("signed-out", () => {
      const socket = this.socket;
      if (socket) this.lost(SIGNED_OUT);
      socket?.close();
    });
    for (const event of ["online", "signed-in"]) window.addEventListener(event, () => this.retry());
  }

  start() {
    clearTimeout(this.timer);
    const after = this.cursor ? `?after=${encodeURIComponent(this.cursor)}` : "";
    // Stands in its place until there is a ticket.
    const opening = (this.socket = { close() {} });
    this.reason = "";
    this.unacknowledged = 0;
    this.onState({ kind: "connecting" });
    subprotocols().then((offered) => opening === this.socket && this.open(after, offered),
      (error) => opening === this.socket && this.lost(error.problem?.status === 401 ? SIGNED_OUT : 0));
  }

  open(after, offered) {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/v1/stream${after}`, offered);
    this.socket = socket;
    this.watch();
    socket.onmessage = (message) => socket === this.socket && this.take(JSON.parse(message.data));
    socket.onclose = (closed) => socket === this.socket && this.lost(closed.code);
  }

  /** Connect at once, where a wait is under way. */
  retry() {
    if (!this.socket) this.start();
  }

  take(message) {
    this.watch();
    if (message.type === "error") {
      this.reason = message.problem.title;
      return;
    }
    if (message.type === "hello") {
      this.tries = 0;
      this.onState({ kind: "live" });
    }
    if (message.type !== "heartbeat") this.onMessage(message);
    if (!message.cursor) return;
    // A snapshot comes in parts: cut off before the last one, it has to come again.
    if (message.type === "hello") this.isWhole = message.resumed;
    else if (message.is_last) this.isWhole = true;
    this.cursor = this.isWhole ? message.cursor : null;
    this.unacknowledged += 1;
    this.lastCursor = message.cursor;
    if (this.unacknowledged === ACK_EVENTS) this.acknowledgeIn(Math.max(0, this.acknowledgedAt + ACK_LEAST_MS - performance.now()));
    else if (this.unacknowledged === 1) this.acknowledgeIn(ACK_MS);
  }

  acknowledgeIn(ms) {
    clearTimeout(this.ackTimer);
    this.ackTimer = setTimeout(() => this.acknowledge(), ms);
  }

  acknowledge() {
    if (!this.unacknowledged || this.socket?.readyState !== WebSocket.OPEN) return;
    this.unacknowledged = 0;
    this.acknowledgedAt = performance.now();
    this.socket.send(JSON.stringify({ op: "ack", cursor: this.lastCursor }));
  }

  /** A connection may be dead without a word. */
  watch() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      const socket = this.socket;
      this.lost(0);
      socket?.close();
    }, SILENT_MS);
  }

  lost(code) {
    this.socket = null;
    clearTimeout(this.silence);
    clearTimeout(this.ackTimer);
    // The next ticket shows whether the session has ended, or only the role is another one.
    if (code === SIGNED_OUT || (!isSignedIn && (code === UNAUTHORIZED || code === FORBIDDEN))) {
      this.onState({ kind: "refused", reason: this.reason || "This page may not read the stream" });
      return;
    }
    if (code === MALFORMED) this.cursor = null;
    const base = code === SLOW ? 0 : code === TOO_MANY ? WAITS_MS.at(-1) : WAITS_MS[Math.min(this.tries, WAITS_MS.length - 1)];
    const wait = base * (0.75 + Math.random() / 2);
    this.tries += 1;
    this.timer = setTimeout(() => this.start(), wait);
    this.onState({ kind: "offline", retryAt: Date.now() + wait, reason: this.reason });
  }
}
