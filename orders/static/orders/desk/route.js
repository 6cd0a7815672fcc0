// A route as a picture: tokens in columns, swaps as bands as wide as their share of the order; and as a table.

import { h, s } from "./dom.js";
import { amount, venueColour, venueName, withToken } from "./words.js";

const LABEL = 11, LETTER = 6.2, LINE = 14, GAP = 10, BAR = 8, SWEEPS = 24;

/** Picture and table of a route's public JSON, or of the legs that an event carries. */
export function routeView(route, width) {
  const swaps = route.swaps;
  const flow = shares(swaps, route.token_in);
  return [draw(swaps, flow, route, width), table(swaps, flow)];
}

const shareText = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(1)} %`);

/** Each swap's share of the order, and each token's longest way from the source in swaps. Drawing only: floats will do. */
function shares(swaps, source) {
  const through = new Map([[source, 1]]);
  const column = new Map([[source, 0]]);
  const sold = new Map();
  for (const swap of swaps) sold.set(swap.token_in, (sold.get(swap.token_in) ?? 0n) + BigInt(swap.amount_in_raw));
  // The API lists a swap after everything that buys what it sells.
  const share = swaps.map((swap) => {
    const part = Number((BigInt(swap.amount_in_raw) * 1_000_000_000n) / (sold.get(swap.token_in) || 1n)) / 1e9;
    const flows = (through.get(swap.token_in) ?? 0) * part;
    through.set(swap.token_out, (through.get(swap.token_out) ?? 0) + flows);
    column.set(swap.token_out, Math.max(column.get(swap.token_out) ?? 0, (column.get(swap.token_in) ?? 0) + 1));
    return flows;
  });
  return { share, through, column };
}

function draw(swaps, { share, through, column }, route, width) {
  const full = Math.min(120, 60 + 18 * swaps.length);
  const last = Math.max(...column.values());
  // Tokens stand in even layers; between them each swap has a place of its own, as tall as its text.
  const layers = Array.from({ length: 2 * last + 1 }, () => []);
  const links = [];
  const place = (layer, size, tall) => {
    const made = { layer, size, half: Math.max(size, tall) / 2, y: 0, before: [], after: [] };
    layers[layer].push(made);
    return made;
  };
  const tokens = new Map([...column].map(([token, at]) => [token, place(2 * at, Math.max(LINE, full * through.get(token)), full * through.get(token) + 2 * LINE)]));
  const lanes = swaps.map((swap, number) => {
    const from = tokens.get(swap.token_in), to = tokens.get(swap.token_out), size = Math.max(1, full * share[number]);
    const lane = [from];
    for (let layer = from.layer + 1; layer < to.layer; layer += 1) lane.push(place(layer, size, layer % 2 ? 2 * LINE : size));
    lane.push(to);
    lane.slice(1).forEach((right, at) => {
      const link = { left: lane[at], right, size };
      links.push(link);
      lane[at].after.push(link);
      right.before.push(link);
    });
    return lane;
  });
  arrange(layers);
  const all = layers.flat();
  const top = Math.min(...all.map((each) => each.y - each.half)) - 2;
  const height = Math.max(...all.map((each) => each.y + each.half)) - top + 2;
  const x = (layer) => (layer * (width - BAR)) / (2 * last);
  const picture = s("svg", { viewBox: `0 0 ${width} ${height.toFixed(0)}`, role: "img", class: "sankey", "font-size": LABEL,
    "aria-label": `Route from ${route.token_in} to ${route.token_out}: ${swaps.map((swap, n) => `${shareText(share[n])} ${venueName(swap.venue)}, ${swap.token_in} to ${swap.token_out}`).join("; ")}` });
  const texts = [];
  swaps.forEach((swap, number) => {
    const size = Math.max(1, full * share[number]), lane = lanes[number];
    const points = [];
    for (let at = 1; at < lane.length; at += 1) {
      const link = links.find((each) => each.left === lane[at - 1] && each.right === lane[at] && each.size === size && !each.isDrawn);
      link.isDrawn = true;
      points.push([x(link.left.layer) + (link.left.layer % 2 ? 0 : BAR), link.left.y + link.out - top], [x(link.right.layer), link.right.y + link.in - top]);
    }
    const colour = venueColour(swap.venue);
    picture.append(s("path", { d: outline(points, size / 2), fill: colour, "fill-opacity": 0.38, stroke: colour, "stroke-width": 0.7 },
      s("title", {}, `${venueName(swap.venue)} ${swap.pool}: ${swap.amount_in} ${swap.token_in} → ${swap.amount_out} ${swap.token_out}`)));
    const middle = lane[1 + 2 * Math.floor((lane.length - 2) / 4)];
    const inside = size >= 2 * LINE;
    const y = middle.y - top + (inside ? 0 : -size / 2 - 4);
    texts.push(s("text", { x: x(middle.layer), y: y + (inside ? 4 : 0), "text-anchor": "middle" }, fitting(venueName(swap.venue), shareText(share[number]), (inside ? x(lane.at(-1).layer - lane[0].layer) : x(2)) - BAR - 40)));
  });
  for (const [token, at] of tokens) {
    const left = x(at.layer), anchor = at.layer === 0 ? "start" : at.layer === 2 * last ? "end" : "middle";
    picture.append(s("rect", { x: left, y: at.y - at.size / 2 - top, width: BAR, height: at.size, rx: 2, fill: "currentColor", "fill-opacity": 0.75 }));
    texts.push(s("text", { x: anchor === "end" ? left + BAR : anchor === "start" ? left : left + BAR / 2, y: at.y - at.size / 2 - top - 4, "text-anchor": anchor, "font-weight": 600 }, token));
  }
  picture.append(...texts);
  return picture;
}

/** As much of a label as fits between two tokens; the title of its band and the table have all of it. */
function fitting(name, share, room) {
  const labels = [`${name} ${share}`, `${name.split(" ")[0]} ${share}`, name.split(" ")[0]];
  return labels.find((label) => label.length * LETTER < room) ?? "";
}

/** An order of each layer with few crossings, then heights at which bands run straight. */
function arrange(layers) {
  layers.forEach((layer) => settle(layer, layer.map(() => 0)));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const layer of sweep % 2 ? [...layers].reverse() : layers) {
      attach(layer);
      const aim = new Map(layer.map((each) => [each, aimOf(each)]));
      if (sweep < SWEEPS / 2) layer.sort((a, b) => aim.get(a) - aim.get(b));
      settle(layer, layer.map((each) => aim.get(each)));
    }
  }
  layers.forEach(attach);
}

function attach(layer) {
  for (const each of layer) {
    for (const [side, end, key] of [["after", "right", "out"], ["before", "left", "in"]]) {
      let edge = -each[side].reduce((sum, link) => sum + link.size, 0) / 2;
      for (const link of [...each[side]].sort((a, b) => a[end].y - b[end].y)) {
        link[key] = edge + link.size / 2;
        edge += link.size;
      }
    }
  }
}

function aimOf(each) {
  let sum = 0, weight = 8;
  for (const link of each.before) { sum += (link.left.y + (link.out ?? 0) - (link.in ?? 0)) * (link.size + 8); weight += link.size + 8; }
  for (const link of each.after) { sum += (link.right.y + (link.in ?? 0) - (link.out ?? 0)) * (link.size + 8); weight += link.size + 8; }
  return sum / weight;
}

/** As near to their aims as fits without overlap, in the order given: least squares, by pooling what would overlap. */
function settle(layer, aims) {
  const blocks = [];
  const room = [0];
  layer.forEach((each, at) => at && room.push(room[at - 1] + layer[at - 1].half + GAP + each.half));
  aims.forEach((aim, at) => {
    let block = { mean: aim - room[at], count: 1 };
    while (blocks.length && blocks.at(-1).mean > block.mean) {
      const above = blocks.pop();
      const count = above.count + block.count;
      block = { mean: (above.mean * above.count + block.mean * block.count) / count, count };
    }
    blocks.push(block);
  });
  let at = 0;
  for (const { mean, count } of blocks) for (let n = 0; n < count; n += 1, at += 1) layer[at].y = mean + room[at];
}

function outline(points, half) {
  const edge = (list) => list.map(([x, y], at) => {
    if (at === 0) return `${x.toFixed(1)},${y.toFixed(2)}`;
    const [px, py] = list[at - 1], bend = ((px + x) / 2).toFixed(1);
    return at % 2 ? `C${bend},${py.toFixed(2)} ${bend},${y.toFixed(2)} ${x.toFixed(1)},${y.toFixed(2)}` : `L${x.toFixed(1)},${y.toFixed(2)}`;
  }).join("");
  return `M${edge(points.map(([x, y]) => [x, y - half]))}L${edge([...points].reverse().map(([x, y]) => [x, y + half]))}Z`;
}

function table(swaps, { share }) {
  return h("details", { class: "as-table" }, h("summary", {}, `${swaps.length} ${swaps.length === 1 ? "swap" : "swaps"} as a table`),
    h("table", {},
      h("thead", {}, h("tr", {}, ["Venue", "Share", "Gives", "Gets"].map((name, at) => h("th", { scope: "col", class: at ? "number" : null }, name)))),
      h("tbody", {}, swaps.map((swap, number) => h("tr", {},
        h("th", { scope: "row", title: swap.pool }, venueName(swap.venue)), h("td", { class: "number" }, shareText(share[number])),
        h("td", { class: "number", title: `${swap.amount_in} ${swap.token_in}` }, withToken(swap.amount_in, swap.token_in)),
        h("td", { class: "number", title: `${swap.amount_out} ${swap.token_out}` }, withToken(swap.amount_out, swap.token_out)))))));
}

/** What a route proves and saves, as rows of facts. */
export function proofRows(route) {
  const isIn = route.upper_bound !== undefined;
  const bound = isIn ? route.upper_bound : route.lower_bound;
  const token = isIn ? route.token_out : route.token_in;
  return [
    bound && [isIn ? "Net of fees no route pays more than" : "With fees no route costs less than", withToken(bound, token), `${bound} ${token}`],
    route.gap_bps !== null && route.gap_bps !== undefined && ["Distance from that, at most", `${amount(route.gap_bps)} bp`],
  ].filter(Boolean);
}
