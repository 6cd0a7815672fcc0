// Elements from code, questions as modal dialogs, and notes. Text is always text: nothing here reads HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `on…` are listeners, `data-…`, `aria-…` and the rest attributes; null and false leave one out. */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** The same in SVG. */
export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

export const $ = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Where it differs, so that nothing is painted or announced without need. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** A definition list: rows of [name, value, title of the value]; null rows are left out. */
export const facts = (rows) => h("dl", { class: "facts" }, factRows(rows));

export function factRows(rows) {
  return rows.filter(Boolean).map(([name, value, title]) => h("div", {}, h("dt", {}, name), h("dd", { title }, value)));
}

const EARLIEST_MS = 300;

/**
 * Ask once. `rows` are facts of the act, `reason` a label where a reason has to be given.
 * Resolves to null where it is called off, else to { reason }.
 */
export function confirm({ title, act, rows = [], note = "", reason = "", isDanger = false }) {
  const input = reason && h("input", { name: "reason", maxlength: 200, required: true, value: "From the desk" });
  const content = [facts(rows), note && h("p", {}, note), input && h("label", { class: "field" }, h("span", {}, reason), input)];
  return question(title, content, act, { class: isDanger ? "danger solid" : "primary", autofocus: true }).then((isYes) => (isYes ? { reason: input ? input.value.trim() : "" } : null));
}

/** Ask for what is typed into `content`. Resolves to whether it is to be done. */
export const ask = ({ title, act, content }) => question(title, content, act, { class: "primary", formnovalidate: true });

function question(title, content, act, button) {
  const dialog = h("dialog", { "aria-labelledby": "ask-title" },
    h("form", { method: "dialog" }, h("h2", { id: "ask-title" }, title), content,
      h("div", { class: "acts" }, h("button", { value: "yes", ...button }, act), h("button", { value: "no", type: "button", onclick: () => dialog.close("no") }, "Back"))));
  return open(dialog).then((answer) => answer === "yes");
}

export function show(title, ...content) {
  return open(h("dialog", { "aria-labelledby": "show-title" },
    h("form", { method: "dialog" }, h("h2", { id: "show-title" }, title), content,
      h("div", { class: "acts" }, h("button", { value: "no", autofocus: true }, "Close")))));
}

export const isAsking = () => document.querySelector("dialog[open]") !== null;

function open(dialog) {
  const before = document.activeElement;
  const from = performance.now();
  // The second half of a double click, or a key that is held down, is no answer.
  dialog.addEventListener("submit", (event) => performance.now() - from < EARLIEST_MS && event.preventDefault());
  dialog.addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      // What was painted again meanwhile is another element with the same name.
      const back = before?.isConnected ? before : before?.dataset?.name && document.querySelector(`[data-name="${CSS.escape(before.dataset.name)}"]`);
      back?.focus?.();
      resolve(dialog.returnValue);
    });
  });
}

export function toast(text, kind = "") {
  const note = h("div", { class: `toast ${kind}` }, text);
  $("toasts").append(note);
  setTimeout(() => note.remove(), 6_000);
}

/** Why an act was refused. */
export const refuse = ({ title, detail }) => toast(detail ? `${title}: ${detail}` : title, "bad");

/** Do it, or say why it was refused. */
export async function attempt(action) {
  try {
    await action();
  } catch (error) {
    if (!error.problem) throw error;
    refuse(error.problem);
  }
}

/** A note that is read out politely: for the caller's own orders alone. */
export function announce(text, kind) {
  toast(text, kind);
  $("announce").textContent = text;
}

/** What a problem object says, and what to do next. */
export function problemNote(problem) {
  const said = problem.errors?.length ? problem.errors.map((error) => error.detail).join("; ") : problem.detail;
  return [h("strong", {}, problem.title), said ? `: ${said}. ` : ". ", problem.try && h("span", { class: "try" }, problem.try, ".")];
}

export async function copy(text, name) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`Copied ${name}`);
  } catch {
    show(`Copy ${name}`, h("pre", {}, text));
  }
}
