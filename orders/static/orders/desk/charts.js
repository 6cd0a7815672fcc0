// The panel of charts: one of four is shown, and only what is shown asks for anything.

import { $ } from "./dom.js";
import { CostChart, ImpactChart, ShareChart } from "./costs.js";
import { PriceChart } from "./prices.js";

export class Charts {
  /** As for the chart of prices. */
  constructor(orders, trailsAt, onOrder, onOpen) {
    this.prices = new PriceChart(orders, trailsAt, onOrder, onOpen);
    this.impact = new ImpactChart();
    this.all = { price: this.prices, impact: this.impact, costs: new CostChart(), share: new ShareChart() };
    $("chart-tabs").addEventListener("change", (event) => this.show(event.target.value));
    document.addEventListener("visibilitychange", () => !document.hidden && this.show(this.shown));
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (width && contentRect.width !== width) requestAnimationFrame(() => this.all[this.shown].paint?.());
      width = contentRect.width;
    }).observe($("charts"));
    this.show("price");
  }

  show(name) {
    this.shown = name;
    for (const [each, chart] of Object.entries(this.all)) {
      $("charts").querySelector(`[data-chart=${each}]`).hidden = each !== name;
      chart.show(each === name);
    }
  }

  /** What the ticket asks for now. */
  follow(ticket) {
    if (!ticket.pair) return;
    this.all.costs.follow(ticket);
    this.prices.follow(ticket.pair, ticket.body);
    const request = ticket.body && ticket.quoteRequest();
    const token = request && (request.side === "exact_in" ? request.token_in : request.token_out);
    this.impact.follow(request, request && ticket.tokens.get(token).decimals);
  }
}
