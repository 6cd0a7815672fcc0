// Who is at the desk. The page comes with it, on the root element: data-user, data-account, and data-lacks, the scopes
// that the role does not have, and "staff" for who may not open the admin. Elements with data-needs are left out by the style sheet where that is lacking.

import { isSignedIn, signOut, whoAmI } from "./api.js";
import { $, h, setText, toast } from "./dom.js";

const SCOPES = ["trade", "cancel", "webhooks", "admin"];
const root = document.documentElement;
let isOut = false;

export const may = (scope) => !(root.dataset.lacks ?? "").split(" ").includes(scope);

/** Look again who it is; one who has signed in again goes on where the page was. */
export async function look() {
  try {
    const me = await whoAmI();
    const lacks = SCOPES.filter((scope) => !me.scopes.includes(scope));
    root.dataset.lacks = (may("staff") ? lacks : [...lacks, "staff"]).join(" ");
    setText($("role"), me.role.replace("_", "-"));
    if (!isOut) return;
    isOut = false;
    $("session-banner").hidden = true;
    window.dispatchEvent(new Event("signed-in"));
  } catch (error) {
    if (!error.problem) throw error; // 401 has told of itself; else a later look will do
  }
}

if (isSignedIn) {
  window.addEventListener("signed-out", () => {
    if (isOut) return;
    isOut = true;
    $("session-banner").hidden = false;
    $("session-banner").replaceChildren(h("strong", {}, "You are signed out."), " What you typed stays, and accepted orders go on. ",
      h("a", { href: "/sign-in", target: "_blank", rel: "noopener" }, "Sign in"), " in another tab, then come back.");
  });
  const again = () => isOut && !document.hidden && look();
  window.addEventListener("focus", again);
  document.addEventListener("visibilitychange", again);
  $("sign-out").addEventListener("click", () => signOut().catch((error) => {
    if (!error.problem) throw error;
    toast(error.problem.title, "bad");
  }));
}
// Also by Enter in a field, and by Ctrl+Enter.
document.addEventListener("submit", (event) => {
  if (event.target.id !== "ticket-form" || may("trade")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
