// Elements from code. Text is always text: nothing here reads HTML.

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
