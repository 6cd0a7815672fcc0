// The API. Each call ends: with an answer, with a Refused (the engine said no, and why), or with Lost (nobody knows).

const ROOT = "/api/v1";
const TIMEOUT_MS = 8_000;

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

/** Ask. Returns { status, body, text }. Throws: Refused, Lost. */
export async function call(method, path, body, signal, more = {}) {
  const stop = signal ? AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) : AbortSignal.timeout(TIMEOUT_MS);
  const headers = { Accept: "application/json", ...more };
  const request = { method, headers, signal: stop, cache: "no-store" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
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

/** The shell command for the same call; `isKeyed`: with the key that a program needs. */
export function curl(method, path, body, isKeyed = false) {
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const parts = ["curl -s", method === "GET" || method === "POST" ? "" : `-X ${method}`, `${location.origin}${ROOT}${path}`];
  if (isKeyed) parts.push('-H "Authorization: Bearer $ORDER_ENGINE_API_KEY"');
  if (body !== undefined) parts.push("-H 'Content-Type: application/json'", "-d", quote(JSON.stringify(body)));
  return parts.filter(Boolean).join(" ");
}
