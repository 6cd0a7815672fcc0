// Questions, as modal dialogs, and notes.

import { $, facts, h } from "./dom.js";

const EARLIEST_MS = 300;

/**
 * Ask once. `rows` are facts of the act, `reason` a label where a reason has to be given.
 * Resolves to null where it is called off, else to { reason }.
 */
export function confirm({ title, act, rows = [], note = "", reason = "", isDanger = false }) {
  const input = reason && h("input", { name: "reason", maxlength: 200, required: true, value: "From the desk" });
  const dialog = h("dialog", { "aria-labelledby": "ask-title" },
    h("form", { method: "dialog" },
      h("h2", { id: "ask-title" }, title),
      facts(rows),
      note && h("p", {}, note),
      input && h("label", { class: "field" }, h("span", {}, reason), input),
      h("div", { class: "acts" },
        h("button", { value: "yes", class: isDanger ? "danger solid" : "primary", autofocus: true }, act),
        h("button", { value: "no", type: "button", onclick: () => dialog.close("no") }, "Back"))));
  return open(dialog).then((answer) => (answer === "yes" ? { reason: input ? input.value.trim() : "" } : null));
}

/** Ask for what is typed into `content`. Resolves to whether it is to be done. */
export function ask({ title, act, content }) {
  const dialog = h("dialog", { "aria-labelledby": "ask-title" },
    h("form", { method: "dialog", novalidate: true },
      h("h2", { id: "ask-title" }, title), content,
      h("div", { class: "acts" }, h("button", { value: "yes", class: "primary" }, act), h("button", { value: "no", type: "button", onclick: () => dialog.close("no") }, "Back"))));
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
