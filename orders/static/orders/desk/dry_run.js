// What came of a dry run.

import { $, facts, h, problemNote } from "./dom.js";
import { utc, when, withToken } from "./words.js";

export function showDryRun(order) {
  const isIn = order.side === "exact_in";
  const token = isIn ? order.token_out : order.token_in;
  const quoted = isIn ? order.quoted_amount_out : order.quoted_amount_in;
  const slices = order.outline ?? [];
  const fixed = isIn ? order.token_in : order.token_out;
  $("dry-result").hidden = false;
  $("dry-result").replaceChildren(h("h3", {}, "Dry run: nothing was stored"),
    order.failure ? h("p", { class: "problem" }, problemNote(order.failure)) : "",
    facts([
      ["It would be", order.waiting_for && !order.failure ? `${order.status}, waiting for ${order.waiting_for}` : `${order.status}${order.outcome ? `, ${order.outcome}` : ""}`],
      quoted && [slices.length > 1 ? "First slice, quoted" : "Quoted", withToken(quoted, token), `${quoted} ${token}`],
      isIn ? order.min_amount_out && ["Least that the chain would allow", withToken(order.min_amount_out, order.token_out), order.min_amount_out]
        : order.max_amount_in && ["Most that the chain would allow", withToken(order.max_amount_in, order.token_in, true), order.max_amount_in],
    ].filter(Boolean)),
    slices.length ? h("ol", { class: "slices" }, slices.slice(0, 20).map((slice) => h("li", { title: slice.at ? utc(slice.at) : null }, `${slice.at ? `${when(slice.at)} ` : ""}${withToken(slice.amount, fixed)}`))) : "",
    slices.length > 20 ? h("p", { class: "hint" }, `and ${slices.length - 20} more`) : "");
}
