// The ticket's order as a program: for a shell, for the Python client, for JavaScript.

import { isSignedIn } from "./api.js";

const INDENT = "    ";
const TIMES = ["expires_at", "start_at"];

/** { name: text }. `path` is below /api/v1; `isKeyed`: the caller needs a key. */
export function snippets(path, body, isKeyed) {
  return { curl: curl("POST", path, body, isKeyed), python: python(path, body), javascript: javascript(path, body, isKeyed) };
}

/** The shell command of a call; `isKeyed`: with the key that a program needs. */
export function curl(method, path, body, isKeyed = isSignedIn) {
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const parts = ["curl -s", method === "GET" || method === "POST" ? "" : `-X ${method}`, `${location.origin}/api/v1${path}`];
  if (isKeyed) parts.push('-H "Authorization: Bearer $ORDER_ENGINE_API_KEY"');
  if (body !== undefined) parts.push("-H 'Content-Type: application/json'", "-d", quote(JSON.stringify(body)));
  return parts.filter(Boolean).join(" ");
}

function python(path, body) {
  const isBatch = path.endsWith("/batch");
  const text = isBatch
    ? `results = client.place_many(${literal(body.orders.map(named))}, link=${literal(body.link)})\n${INDENT}print([each.order.id for each in results])`
    : `order = client.place(${[...["token_in", "token_out", "amount"].map((name) => literal(body[name])), ...keywords(body)].join(", ")})\n${INDENT}print(client.wait(order.id, timeout_s=60).outcome)`;
  const imports = text.includes("datetime.") ? "from datetime import datetime\n\n" : "";
  return `${imports}from orderengine_client import Client\n\nwith Client(${literal(location.origin)}) as client:\n${INDENT}${text}\n`;
}

/** A name that is a word of Python's own ends in `_`. */
const word = (name) => (name === "from" ? "from_" : name);
const named = (order) => Object.fromEntries(Object.entries(order).map(([name, value]) => [word(name), value]));

function keywords({ token_in, token_out, amount, ...terms }) {
  return Object.entries(terms).map(([name, value]) => `${word(name)}=${literal(value, name)}`);
}

function literal(value, name = "") {
  if (value === true || value === false) return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map((each) => literal(each)).join(", ")}]`;
  if (value && typeof value === "object") return `{${Object.entries(value).map(([key, each]) => `${literal(key)}: ${literal(each, name === "tags" ? "" : key)}`).join(", ")}}`;
  return TIMES.includes(name) ? `datetime.fromisoformat(${JSON.stringify(value)})` : JSON.stringify(value);
}

function javascript(path, body, isKeyed) {
  const key = isKeyed ? `, Authorization: \`Bearer \${process.env.ORDER_ENGINE_API_KEY}\`` : "";
  return `const answer = await fetch("${location.origin}/api/v1${path}", {
  method: "POST",
  headers: { "Content-Type": "application/json"${key} },
  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll("\n", "\n  ")}),
});
console.log(answer.status, await answer.json());
`;
}
