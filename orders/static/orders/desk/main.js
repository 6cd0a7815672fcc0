// The desk: joins the parts.

import { find, get, isSignedIn, known, load } from "./api.js";
import { Blotter, WINDOW } from "./blotter.js";
import { Book, isEnded } from "./book.js";
import { Distances } from "./distances.js";
import { $, announce, attempt, copy, facts, h, isAsking, problemNote, setText, show } from "./dom.js";
import { look, may } from "./people.js";
import { AccountStream } from "./stream.js";
import { Ticket } from "./ticket.js";
import { Venues } from "./venues.js";
import { act, amount, result, stateOf } from "./words.js";

const REFRESH_MS = 400;
const RETRY_MS = 2_000;
const SINGLE_READS = 8;
// Orders are seen once their transaction has ended, a little after the time of their creation.
const OVERLAP_MS = 10_000;
const LIVE = ["PENDING", "ROUTING", "BUILDING", "SUBMITTED"];

const book = new Book();
// Orders placed on this page: their ends are read out.
const own = new Set();
// Loaded when they are needed: the drawer with the first order that is opened, charts behind the first rows.
let drawer = null;
let charts = null;
const view = { which: "", text: "", cursor: null, page: null, problem: null };

const blotter = new Blotter(shownOrders, book.orders, openOrder, (order) => distances.of(order));
const distances = new Distances(() => blotter.ids.map((id) => book.orders.get(id)).filter(Boolean), () => {
  blotter.change();
  charts?.prices.changed();
});
const ticket = new Ticket((quote) => venues.show(quote), (order) => {
  own.add(order.id);
  put([order]);
  if (isHalted) {
    book.wanted.add(order.id);
    refreshSoon();
  }
  // After a lost answer its end may have come first.
  const known = book.orders.get(order.id);
  if (known && isEnded(known) && !known.isPatched) tellOwn(known);
});
ticket.onChange = () => charts?.follow(ticket);
ticket.isKeyed = isSignedIn;
let isHalted = false;
const venues = new Venues(
  (market) => {
    const isSimulated = market.chain === "simulated";
    setText($("badge"), market.moves_real_money ? "LIVE" : isSimulated ? "SIMULATED" : "TEST CHAIN");
    $("badge").classList.toggle("live", market.moves_real_money);
    $("badge").title = `Chain ${market.chain}`;
    ticket.setMarket(market);
  },
  (halted) => {
    // What orders wait for has changed, and no event tells of it.
    if (halted !== isHalted) readList(asked ?? listPath());
    isHalted = halted;
  },
);

function openOrder(id) {
  return attempt(async () => {
    const { Drawer } = await load("drawer", "route", "snippets");
    drawer ??= new Drawer((order) => put([order]), openOrder, (order) => [...book.orders.values()].filter((each) => each.link_id === order.link_id && each.id !== order.id));
    await drawer.open(id);
  });
}

async function startCharts() {
  try {
    const { Charts } = await load("charts", "chart");
    charts = new Charts(ticket, book.orders, (order) => distances.trigger(order), (order) => put([order]), openOrder);
  } catch (error) {
    if (!error.problem) throw error;
    $("price-chart").replaceChildren(h("p", { class: "problem" }, problemNote(error.problem)));
    setTimeout(startCharts, RETRY_MS);
  }
}

// Which orders are shown

/** The orders of the table, newest first; null while the first answer is not there. */
function shownOrders(most) {
  if (view.isLoading) return null;
  const words = view.text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (order) => (!view.page || view.page.has(order.id)) && isWanted(order) && words.every((word) => textOf(order).includes(word));
  const orders = book.newest(fits, most);
  note(orders.length);
  return orders;
}

function isWanted(order) {
  if (view.which === "open") return !isEnded(order);
  return !view.which || order.status === view.which;
}

const textOf = (order) => `${order.token_in}/${order.token_out} ${order.type} ${order.status} ${order.outcome ?? ""} ${order.waiting_for ?? ""} ${order.id} ${order.client_order_id ?? ""} ${order.tx_hash ?? ""} ${stateOf(order).word}`.toLowerCase();

function note(count) {
  const box = $("orders-note");
  const text = count ? "" : view.problem ? `${view.problem.title}. ${view.problem.try ?? ""}`
    : view.text || view.which ? "No order fits." : "No orders yet. Press N, or run manage.py seed.";
  box.hidden = !text;
  setText(box, text);
}

/** What the API is asked for: it knows pairs, types and statuses; other words narrow what came. */
function listPath() {
  const query = new URLSearchParams({ limit: String(WINDOW) });
  for (const status of view.which === "open" ? LIVE : view.which ? [view.which] : []) query.append("status", status);
  const known = new Map([...(ticket.tokens?.keys() ?? [])].map((symbol) => [symbol.toLowerCase(), symbol]));
  const pair = view.text.trim().toLowerCase().split("/").map((each) => known.get(each));
  if (pair.length === 2 && pair[0] && pair[1]) query.set("pair", pair.join("/"));
  return `/orders?${query}`;
}

/** Read the list, or one of its pages, until there is an answer; a later call for another list wins. */
let asked = null;
let listRetry = null;
async function readList(path = listPath()) {
  asked = path;
  try {
    const page = await get(path);
    if (path !== asked) return;
    view.problem = null;
    view.isLoading = false;
    view.next = page.next;
    view.results = page.results;
    book.kept = new Set(page.results.map((order) => order.id));
    if (view.page) view.page = book.kept;
    $("older").hidden = !page.next;
    $("newest").hidden = !view.page;
    if (book.isCounting && !view.which && !view.page) {
      book.countEnded(page.results);
      showCounts();
    }
    put(page.results);
  } catch (error) {
    if (!error.problem) throw error;
    if (path === asked) {
      view.problem = error.problem;
      view.isLoading = false;
      blotter.change();
      clearTimeout(listRetry);
      listRetry = setTimeout(() => path === asked && readList(path), RETRY_MS);
    }
  }
}

/** The list that began to load before the stream's snapshot may lack what happened meanwhile: mostly only what is newer, if anything. */
async function catchUp() {
  const isFirst = first !== null;
  await first;
  first = null;
  const [newest] = view.results ?? [];
  const isBehind = [...book.orders.values()].some((order) => !isEnded(order) && !book.open.has(order.id));
  const since = isFirst && newest && !isBehind && asked === `/orders?limit=${WINDOW}` && asked === listPath() && new Date(Date.parse(newest.created_at) - OVERLAP_MS).toISOString();
  const newer = since && (await known(get(`${asked}&created_after=${since}`)));
  if (!newer) return readList(view.page ? asked : listPath());
  put(newer.results);
  if (book.isCounting) book.countEnded(book.newest(() => true, WINDOW));
  showCounts();
}

function put(orders) {
  for (const order of orders) {
    const before = book.orders.get(order.id);
    if (book.put(order)) tellOwn(order, before);
    ticket.see(order);
  }
  blotter.change();
  charts?.prices.changed();
}

/** Read out how an order of this page has ended, once its figures are there. */
function tellOwn(order, before) {
  if (!own.has(order.id) || !isEnded(order) || (before && isEnded(before) && !before.isPatched)) return;
  own.delete(order.id);
  const state = stateOf(order);
  const { text, isDone } = result(order);
  ticket.wallet.refresh();
  announce(`${act(order)}: ${state.sign} ${state.word}${isDone ? `, ${text}` : ""}`, state.tone);
}

// Refreshing what events told of

let refreshTimer = null;
function refreshSoon() {
  refreshTimer ??= setTimeout(refresh, REFRESH_MS);
}

/** One read of the list, however many events told of it; then the few that are shown and older. */
async function refresh() {
  const wanted = [...book.wanted];
  book.wanted.clear();
  if (wanted.length && !view.page) await readList();
  const shown = new Set([...blotter.ids, ...own]);
  const missing = wanted.filter((id) => shown.has(id) && (book.orders.get(id)?.isPatched ?? true)).slice(0, SINGLE_READS);
  const found = await Promise.all(missing.map((id) => find(`/orders/${id}`).catch((error) => {
    if (!error.problem) throw error;
    book.wanted.add(id);
    return null;
  })));
  put(found.filter(Boolean));
  refreshTimer = null;
  if (book.wanted.size) refreshSoon();
}

// The stream

function onMessage(message) {
  if (message.type === "hello" && !message.resumed) {
    book.startCounts();
  } else if (message.type === "snapshot") {
    message.orders.forEach((order) => book.open.add(order.id));
    put(message.orders);
    showCounts();
    if (message.is_last) catchUp();
  } else if (message.type === "event") {
    if (book.take(message)) blotter.change();
    drawer?.take(message);
    charts?.prices.changed(message.status === "CONFIRMED");
    if (book.wanted.size) refreshSoon();
    showCountsSoon();
  }
}

const stream = new AccountStream(onMessage, (state) => {
  const words = { connecting: "Connecting", live: "Live", offline: "Offline", refused: isSignedIn ? "Signed out" : "Not allowed" };
  $("link").dataset.state = state.kind;
  setText($("link"), words[state.kind]);
  // While it tries again it is as far away as before.
  if (state.kind !== "connecting") ticket.setOffline(state.kind !== "live");
  if (state.kind === "live") {
    hideBanner();
    venues.refresh();
    if (isSignedIn) look(); // the role may be another one
  } else if (state.kind === "refused" && isSignedIn) hideBanner(); // another one says so
  else if (state.kind !== "connecting") showBanner(state);
});

let countdown = null;
function showBanner({ kind, retryAt, reason }) {
  clearInterval(countdown);
  const banner = $("link-banner");
  const text = h("span", {});
  const tick = () => {
    const left = Math.max(0, Math.ceil((retryAt - Date.now()) / 1_000));
    setText(text, kind === "refused" ? ` ${reason}.` : ` ${reason ? `${reason}. ` : ""}Trying again ${left ? `in ${left} s` : "now"}. Accepted orders go on.`);
  };
  banner.hidden = false;
  banner.replaceChildren(h("strong", {}, kind === "refused" ? "The stream was refused:" : "The engine cannot be reached."), text,
    kind === "refused" ? "" : h("button", { type: "button", class: "plain", onclick: () => stream.retry() }, "Try now"));
  tick();
  if (kind !== "refused") countdown = setInterval(tick, 250);
}

function hideBanner() {
  clearInterval(countdown);
  $("link-banner").hidden = true;
}

let countsAsked = false;
function showCountsSoon() {
  if (countsAsked) return;
  countsAsked = true;
  requestAnimationFrame(showCounts);
}

function showCounts() {
  countsAsked = false;
  for (const [name, count] of [["open", book.open.size], ["confirmed", book.ended.CONFIRMED], ["failed", book.ended.FAILED]]) setText($(`count-${name}`), amount(`${count}`));
}

// Controls

function narrow() {
  view.page = null;
  view.isLoading = true;
  blotter.clear();
  readList();
}

let typing = null;
$("filter").addEventListener("input", () => {
  view.text = $("filter").value;
  view.page = null;
  blotter.renew();
  clearTimeout(typing);
  typing = setTimeout(() => readList(), 250);
});
for (const input of document.querySelectorAll("input[name=which]")) {
  input.addEventListener("change", () => {
    view.which = input.value;
    narrow();
  });
}
$("older").addEventListener("click", () => {
  const next = new URL(view.next);
  view.page ??= new Set();
  readList(next.pathname.replace(/^\/api\/v1/, "") + next.search);
});
$("newest").addEventListener("click", narrow);

const KEYS = [
  ["N", "New order"], ["Ctrl+Enter", "Send the order"], ["F", "Flip"], ["/", "Filter orders"], ["J K", "Move down, up"], ["Enter", "Open the order"],
  ["C", "Copy its id"], ["X", "Cancel it"], ["R", "Replace the open order's terms"], ["Esc", "Close"], ["Ctrl+Alt+H", "Halt or resume"], ["?", "This list"],
];
const showKeys = () => show("Keys", facts(KEYS.map(([key, does]) => [h("kbd", {}, key), does])));
$("keys-open").addEventListener("click", showKeys);

const chosen = () => (drawer?.isOpen ? drawer.id : blotter.current);
const single = {
  n: () => {
    ticket.fixed.focus();
    ticket.fixed.select();
  },
  f: () => ticket.flip(),
  "/": () => $("filter").focus(),
  j: () => blotter.move(1),
  k: () => blotter.move(-1),
  c: () => chosen() && copy(chosen(), "the order's id"),
  x: () => {
    const order = book.orders.get(chosen());
    if (order && !isEnded(order) && may("cancel")) attempt(async () => (await load("drawer", "route", "snippets")).cancel(order, (after) => put([after])));
  },
  r: () => may("trade") && drawer?.replace(),
  "?": showKeys,
};

document.addEventListener("keydown", (event) => {
  if (isAsking()) return;
  if (event.ctrlKey && event.altKey && event.code === "KeyH") {
    event.preventDefault();
    if (may("cancel")) venues.toggleHalt();
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    if (may("trade")) ticket.send();
    return;
  }
  if (event.key === "Escape") {
    if (drawer?.isOpen) drawer.close();
    else document.activeElement?.blur?.();
    return;
  }
  const isTyping = event.target.closest("input:not([type=radio]):not([type=checkbox]), select");
  if (isTyping || event.ctrlKey || event.altKey || event.metaKey) return;
  const doIt = single[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (doIt) {
    event.preventDefault();
    doIt();
  }
});

// Begin

async function start() {
  try {
    ticket.offer((await get("/tokens")).results);
  } catch (error) {
    if (!error.problem) throw error;
    ticket.problem(error.problem);
    setTimeout(start, RETRY_MS);
  }
}

blotter.clear();
view.isLoading = true;
let first = readList();
first.finally(() => setTimeout(startCharts));
venues.refresh();
start();
stream.start();
