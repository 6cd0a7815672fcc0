// Placing what is asked for exactly once, and saying so where it is not known whether that was done.

import { call, find, known, Lost, Refused } from "./api.js";
import { $, h, toast } from "./dom.js";

const REPEATS_MS = [0, 700, 2_000, 5_000];

export class Placing {
  /** `onPlaced` gets the orders, `onProblem` a problem object, `onBusy` whether a request is under way. */
  constructor(onPlaced, onProblem, onBusy) {
    this.onPlaced = onPlaced;
    this.onProblem = onProblem;
    this.onBusy = onBusy;
    this.unknown = null;
  }

  /** `request` is { path, body, title }; each of its orders has a client_order_id. */
  async place(request) {
    this.onBusy(true);
    this.onProblem(null);
    this.setUnknown(null);
    try {
      this.onPlaced(await surely(request));
    } catch (error) {
      if (!error.problem) throw error;
      if (error.problem.code === "quote_expired" && request.body.quote_id) {
        // Its limit stands among the guards: it holds without the quote too.
        const { quote_id, ...body } = request.body;
        return await this.place({ ...request, body });
      }
      if (isUnclear(error)) await this.lookUp(request);
      else this.onProblem(error.problem);
    } finally {
      this.onBusy(false);
    }
  }

  /** What became of it; where not even that is answered it stays unknown. */
  async lookUp(request) {
    // Linked orders are taken all or none: the first one says it of all.
    const order = await known(find(`/orders/by-client-id/${encodeURIComponent(idOf(request))}`));
    if (order) this.onPlaced([order]);
    else this.setUnknown(request);
  }

  /** An order from elsewhere on the page: perhaps the one whose answer was lost. */
  see(order) {
    if (!this.unknown || order.client_order_id !== idOf(this.unknown)) return;
    this.setUnknown(null);
    this.onPlaced([order]);
  }

  /** Said until it is known, also when something else is typed meanwhile. */
  setUnknown(request) {
    this.unknown = request;
    const box = $("ticket-unknown");
    box.hidden = !request;
    box.replaceChildren(...(request ? [h("p", {}, "It is not known whether this order was taken. To ask again cannot place it twice."),
      h("button", { type: "button", onclick: () => this.place(request) }, `Ask again: ${request.title}`)] : []));
  }
}

const idOf = ({ body }) => (body.orders?.[0] ?? body).client_order_id;

/** The same request again while no answer comes: its ids make it one. Resolves to the orders. Throws: Refused, Lost. */
async function surely({ path, body }) {
  for (const wait of REPEATS_MS) {
    if (wait) toast("No answer yet: asking again for the same order");
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      const answer = (await call("POST", path, body)).body;
      return answer.results ? answer.results.map(({ order }) => order) : [answer];
    } catch (error) {
      if (!isUnclear(error) || wait === REPEATS_MS.at(-1)) throw error;
    }
  }
  throw new Lost();
}

/** Whether the order may have been taken all the same, or may be by a repeat. */
const isUnclear = (error) => error instanceof Lost || (error instanceof Refused && ["request_in_progress", "not_ready"].includes(error.problem.code));
