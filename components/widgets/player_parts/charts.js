// Curves over the steps, what was accepted, and the table of the same numbers.

const SVG = "http://www.w3.org/2000/svg";
const PLOTS = {
  confidence: { title: "Confidence of the model (probability)", curves: ["source", "target"], strip: true },
  distance: { title: "Distance, RMSE of pixel values (0 to 1)", curves: ["toTarget", "toSource"], strip: false },
};
const ROLES = { source: "source", target: "target", toSource: "source", toTarget: "target" };
const COLUMNS = [
  ["Confidence, source's class", "source", decimals], ["Confidence, target's class", "target", decimals],
  ["RMSE to target", "toTarget", short], ["RMSE to source", "toSource", short],
  ["Accepted", "accepted", (value) => (isNumber(value) ? (value > 0 ? "yes" : "no") : "")],
];

function shape(tag, attributes = {}) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function drawing(role = "img") {
  return shape("svg", { viewBox: "0 0 1000 1000", preserveAspectRatio: "none", role });
}

function buildPlot(view, kind) {
  const plot = { kind, ...PLOTS[kind], dots: {}, values: {}, names: {} };
  plot.svg = drawing();
  plot.stripes = drawing();
  plot.marker = el("div", { class: "bp-marker" });
  plot.lines = el("div", { class: "bp-lines" }, plot.svg);
  plot.area = el("div", { class: "bp-area" }, plot.lines);
  plot.legend = el("ul", { class: "bp-legend" });
  for (const name of plot.curves) {
    plot.dots[name] = el("div", { class: "bp-dot", "data-is": ROLES[name] });
    plot.names[name] = el("span");
    plot.values[name] = el("b");
    plot.legend.append(el("li", {}, el("span", { class: "bp-swatch", "data-is": ROLES[name] }),
      plot.names[name], plot.values[name]));
  }
  plot.lines.append(...Object.values(plot.dots));
  plot.band = el("li", {}, el("span", { class: "bp-swatch", "data-is": "band" }), el("span"));
  plot.taken = el("li", {}, el("span", { class: "bp-swatch", "data-is": "strip" }), el("span"));
  if (plot.strip) {
    plot.area.append(el("div", { class: "bp-strip" }, plot.stripes));
    plot.legend.append(plot.band, plot.taken);
  }
  plot.area.append(plot.marker);
  plot.y = el("div", { class: "bp-y", "aria-hidden": "true" }, el("span"), el("span"), el("span"));
  plot.end = el("span");
  plot.x = el("div", { class: "bp-x", "aria-hidden": "true" },
    el("span", {}, "0"), el("span", {}, "step"), plot.end);
  plot.box = el("figure", { class: "bp-plot" }, el("figcaption", {}, plot.title), plot.legend,
    el("div", { class: "bp-chart" }, plot.y, plot.area, plot.x));
  listenToPlot(view, plot.area);
  return plot;
}

function fillPlots(view, walk) {
  const { source, target } = walk.sent;
  fillPlot(view, walk, walk.confidence, 1, {
    source: source.label || "source's class", target: target.label || "target's class",
  });
  fillPlot(view, walk, walk.distance, ceiling(view.farthest), { toTarget: "to the target", toSource: "to the source" });
  fillStrip(view, walk);
}

/* The next round number. */
function ceiling(value) {
  if (!value) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 6, 8, 10].find((times) => times * unit >= value * 0.9999) * unit;
}

function fillPlot(view, walk, plot, top, names) {
  plot.top = top;
  plot.svg.replaceChildren();
  if (plot.strip) drawBand(walk, plot);
  for (const name of [...plot.curves].reverse()) {
    plot.svg.append(shape("path", {
      d: trace(walk.sent.curves[name], view.last, top), "data-is": ROLES[name], "data-curve": name,
    }));
    say(plot.names[name], names[name]);
    plot.names[name].parentElement.hidden = !walk.sent.curves[name].some(isNumber);
  }
  plot.svg.setAttribute("aria-label", `${plot.title}: ${plot.curves
    .filter((name) => walk.sent.curves[name].some(isNumber))
    .map((name) => spanOf(names[name], walk.sent.curves[name])).join("; ")}`);
  [top, top / 2, 0].forEach((value, at) => say(plot.y.children[at], String(Number(value.toPrecision(2)))));
  say(plot.end, String(view.last));
}

function spanOf(name, values) {
  const known = values.filter(isNumber);
  if (!known.length) return `${name} unknown`;
  return `${name} from ${short(known[0])} to ${short(known.at(-1))}, lowest ${short(Math.min(...known))}`;
}

/* A curve in the unit of the drawing, broken where nothing is known. */
function trace(values, last, top) {
  let pen = "M";
  return values.map((value, step) => {
    if (!isNumber(value)) {
      pen = "M";
      return "";
    }
    const place = `${pen}${((1000 * step) / last).toFixed(1)} ${(1000 * (1 - value / top)).toFixed(1)}`;
    pen = "L";
    return values.length === 1 ? `${place}h6` : place;
  }).join("");
}

function drawBand({ sent: { reference, fall } }, plot) {
  const known = isNumber(reference);
  plot.band.hidden = !known;
  if (!known) return;
  const low = Math.max(0, reference - (fall ?? 0));
  if (isNumber(fall)) {
    plot.svg.append(shape("rect", {
      class: "bp-band", x: 0, width: 1000, y: 1000 * (1 - reference), height: 1000 * (reference - low),
    }));
  }
  plot.svg.append(shape("path", { class: "bp-reference", d: `M0 ${1000 * (1 - reference)}H1000` }));
  plot.band.firstChild.dataset.is = isNumber(fall) ? "band" : "reference";
  say(plot.band.lastChild, isNumber(fall)
    ? `allowed fall: from p0 ${decimals(reference)} to ${decimals(low)}`
    : `p0 ${decimals(reference)}; nothing holds this walk`);
}

/* Runs of accepted steps are low, rejected ones high and dark. */
function fillStrip(view, walk) {
  const { accepted } = walk.sent.curves;
  const { stripes, taken } = walk.confidence;
  const wide = 1000 / view.last;
  stripes.replaceChildren();
  for (let from = 1; from < accepted.length; ) {
    let to = from + 1;
    while (to < accepted.length && accepted[to] === accepted[from]) to++;
    const yes = accepted[from] > 0;
    if (isNumber(accepted[from])) {
      stripes.append(shape("rect", {
        class: yes ? "bp-yes" : "bp-no", x: (from - 1) * wide, width: (to - from) * wide,
        y: yes ? 550 : 0, height: yes ? 450 : 1000,
      }));
    }
    from = to;
  }
  const rejected = accepted.slice(1).filter((value) => value === 0).length;
  const words = `steps accepted ${Math.max(0, accepted.length - 1 - rejected)}, rejected ${rejected} (tall)`;
  stripes.setAttribute("aria-label", words);
  say(taken.lastChild, words);
  taken.hidden = accepted.length < 2;
}

function movePlots(view, walk, step) {
  for (const plot of [walk.confidence, walk.distance]) {
    const left = `${(100 * step) / view.last}%`;
    plot.marker.style.left = left;
    for (const name of plot.curves) {
      const value = walk.sent.curves[name][walk.step];
      plot.dots[name].hidden = !isNumber(value);
      plot.dots[name].style.left = `${(100 * walk.step) / view.last}%`;
      plot.dots[name].style.top = `${100 * (1 - (value ?? 0) / plot.top)}%`;
      say(plot.values[name], plot.kind === "confidence" ? decimals(value) : short(value));
    }
  }
}

// ---------------------------------------------------------------- the same as a table

function buildTable(view, walk) {
  const table = { heads: el("tr"), body: el("tbody") };
  const whole = el("table", {}, el("thead", {}, table.heads), table.body);
  table.box = el("details", { class: "bp-table" }, el("summary", {}, "Numbers as a table"),
    el("div", { tabindex: "0", role: "group", "aria-label": "Table of the images' steps" }, whole));
  table.box.addEventListener("toggle", () => fillTable(view, walk));
  return table;
}

/* A curve of confidence by its class, where that is known. */
function headOf(head, label) {
  return label ? `Confidence in ${label}` : head;
}

function fillTable(view, walk) {
  if (!walk.table.box.open) return;
  const { steps, top, curves } = walk.sent;
  const columns = COLUMNS.filter(([, name]) => curves[name].some(isNumber));
  const heads = ["Step", "The model says", ...columns.map(([head, name]) => headOf(head, walk.sent[name]?.label))];
  walk.table.heads.replaceChildren(...heads.map((head) => el("th", { scope: "col" }, head)));
  walk.table.body.replaceChildren(...steps.map((step, at) => el("tr", {},
    el("th", { scope: "row" }, String(step)),
    el("td", {}, top[at].length ? `${top[at][0][0]} ${decimals(top[at][0][1])}` : ""),
    ...columns.map(([, name, spell]) => el("td", {}, spell(curves[name][step]))))));
}
