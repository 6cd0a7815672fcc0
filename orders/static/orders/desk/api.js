// The API. Each call ends: with an answer, with a Refused (the engine said no, and why), or with Lost (nobody knows).

const ROOT = "/api/v1";
const TIMEOUT_MS = 8_000;
// Of a person's session: what shows that a request comes from a page of ours. Without one the desk is open to this machine.
let token = document.querySelector("meta[name=csrf-token]")?.content ?? null;
export const isSignedIn = token !== null;

// The first call of this address takes the answer that the page has asked for already.
let preloaded = document.getElementById("first-list")?.getAttribute("href");

/** The engine's own words: an RFC 9457 object. */
export class Refused extends Error {
  constructor(problem) {
    super(problem.title);
    this.problem = problem;
  }
}

/** No answer: what was asked for may have happened, or not. */
export class Lost extends Error {
  constructor() {
    super("No answer from the engine");
    this.problem = { title: this.message, try: "Check that the engine runs; the page tries again by itself" };
  }
}

/**
 * Ask. Returns { status, body, text }. Throws: Refused, Lost.
 *
 * Another tab may have signed in meanwhile, with another token: such a request was refused unread, and goes once more.
 */
export async function call(method, path, body, signal, more = {}) {
  try {
    return await once(method, path, body, signal, more);
  } catch (error) {
    if (error.problem?.status === 401 && isSignedIn) {
      window.dispatchEvent(new Event("signed-out"));
      error.problem = { status: 401, title: "You are signed out", try: "Sign in again in another tab, then come back" };
    }
    if (error.problem?.code !== "csrf") throw error;
  }
  await whoAmI();
  return once(method, path, body, signal, more);
}

/** GET /me, whose token counts from now on. Throws: Refused, Lost. */
export async function whoAmI() {
  const me = await get("/me");
  const { user, account } = document.documentElement.dataset;
  token = me.csrf_token;
  if (me.user === user && me.account === account) return me;
  // What is on this page, and what was about to be sent, is another one's.
  location.reload();
  throw new Refused({ title: "Another user has signed in" });
}

export async function signOut() {
  await whoAmI();
  await fetch("/sign-out", { method: "POST", headers: { "X-CSRFToken": token }, redirect: "manual" });
  location.assign("/sign-in");
}

/** What a new WebSocket offers: a ticket of the person. Throws: Refused, Lost. */
export async function subprotocols() {
  return isSignedIn ? ["oe.v1", `ticket.${(await call("POST", "/ws-tickets", {})).body.ticket}`] : [];
}

async function once(method, path, body, signal, more) {
  const stop = signal ? AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) : AbortSignal.timeout(TIMEOUT_MS);
  const headers = { Accept: "application/json", ...more };
  const isPreloaded = ROOT + path === preloaded;
  if (isPreloaded) preloaded = null;
  const request = { method, headers, signal: stop, cache: isPreloaded ? "default" : "no-store" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  if (isSignedIn && method !== "GET") headers["X-CSRFToken"] = token;
  let response, answer, text;
  try {
    response = await fetch(ROOT + path, request);
    text = await response.text();
    answer = JSON.parse(text);
  } catch (error) {
    if (signal?.aborted) throw error;
    if (!response || response.ok) throw new Lost();
    answer = {};
  }
  // The engine does not know itself whether it was done: for the caller the same as no answer.
  if (response.ok) return { status: response.status, body: answer, text };
  if (answer.code === "outcome_unknown" || (response.status >= 500 && !answer.title)) throw new Lost();
  throw new Refused({ title: `HTTP ${response.status}`, status: response.status, ...answer });
}

export const get = async (path, signal) => (await call("GET", path, undefined, signal)).body;

/** The bytes of an answer, as text. */
export const text = async (path) => (await call("GET", path)).text;

/** An answer, or null where there is no such thing. Throws: Refused, Lost. */
export async function find(path, signal) {
  try {
    return await get(path, signal);
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 404) return null;
    throw error;
  }
}

/** What was asked for, or null where there is no answer to it. */
export const known = (asked) => asked.catch((error) => {
  if (!error.problem) throw error;
  return null;
});

const loaded = new Map();

/**
 * A module that the page begins without; `others` are those that it brings along. Throws: Lost, and the next call tries again.
 *
 * Browsers keep a failed import for good, so the files are asked for first.
 */
export async function load(name, ...others) {
  if (!loaded.has(name)) {
    const files = [name, ...others].map((each) => new URL(`${each}.js`, import.meta.url));
    try {
      const answers = await Promise.all(files.map((file) => fetch(file, { signal: AbortSignal.timeout(TIMEOUT_MS) })));
      if (!answers.every(({ ok }) => ok)) throw new Lost();
      await Promise.all(answers.map((answer) => answer.blob()));
      loaded.set(name, await import(files[0]));
    } catch {
      throw Object.assign(new Lost(), { problem: { title: "This part of the page did not load", try: "Try again, or load the page again" } });
    }
  }
  return loaded.get(name);
}
