/*
 * Bars of normal scores, the outline of unknown ones, the image's place, and a line to drag. While
 * the line moves only this file counts; when it is let go, Python is told once.
 */

const SVG = "http://www.w3.org/2000/svg";
const HIGH = 230; // px of the bars; the drawing is as wide as its place, so that letters keep their size
const TOP = 46; // room for the labels
const FOOT = 24; // and for the axis
const NARROW = 500; // px below which fewer numbers stand at the axis
const PAUSE = 400; // ms after the last arrow key; then it counts as let go

const charts = new WeakMap(); // parent element → chart

export default function ({ parentElement, data, setStateValue }) {
  const chart = charts.get(parentElement) ?? mount(parentElement);
  const call = {};
  chart.call = call;
  chart.send = (line) => setStateValue("line", { tag: chart.data.tag, line });
  update(chart, data);
  return () => {
    if (chart.call !== call) return; // a newer call has taken over
    clearTimeout(chart.timer);
    chart.sight.disconnect();
    chart.root.remove();
    charts.delete(parentElement);
  };
}

function mount(parent) {
  const chart = { data: null, wide: 1, line: 0, sent: null, timer: 0, held: null };
  chart.legend = html("ul", { class: "bs-legend" });
  chart.svg = svg("svg", { role: "img" });
  chart.title = html("p", { class: "bs-title" });
  chart.counts = html("p", { class: "bs-counts" });
  chart.live = html("p", { class: "bs-unseen", role: "status", "aria-live": "polite" });
  chart.root = html("div", { class: "bs-histogram" }, chart.legend, chart.svg, chart.title, chart.counts, chart.live);
  chart.handle = handle(chart);
  parent.append(chart.root);
  charts.set(parent, chart);
  chart.sight = new ResizeObserver(() => fit(chart));
  chart.sight.observe(chart.svg);
  return chart;
}

function handle(chart) {
  chart.rod = svg("line", { y1: TOP - 14, y2: TOP + HIGH });
  chart.grip = svg("rect", { class: "bs-grip", y: TOP - 26, width: 22, height: 24, rx: 5 });
  chart.target = svg("rect", { class: "bs-target", y: TOP - 30, width: 48, height: HIGH + 30 });
  const made = svg("g", { class: "bs-line", tabindex: "0", role: "slider", "aria-label": "Line between usual and unusual" });
  made.append(chart.target, chart.rod, chart.grip);
  made.addEventListener("pointerdown", (event) => grab(chart, event));
  made.addEventListener("pointermove", (event) => pull(chart, event));
  made.addEventListener("pointerup", (event) => letGo(chart, event));
  made.addEventListener("pointercancel", (event) => letGo(chart, event));
  made.addEventListener("keydown", (event) => nudge(chart, event));
  return made;
}

function update(chart, data) {
  const before = chart.data?.tag;
  chart.data = data;
  if (before !== data.tag) {
    clearTimeout(chart.timer);
    chart.held = null;
    chart.line = data.line;
    chart.sent = data.line;
  }
  chart.svg.setAttribute("aria-label", data.words);
  chart.title.textContent = `score (${data.unit}): further right is more unusual`;
  chart.legend.replaceChildren(...legend(data));
  paint(chart);
}

/* Another width: the drawing is made anew for it. */
function fit(chart) {
  if (chart.data && Math.round(chart.svg.clientWidth) !== chart.wide) paint(chart);
}

// ---------------------------------------------------------------- drawing

function paint(chart) {
  chart.wide = Math.round(chart.svg.clientWidth) || 1;
  const focused = chart.root.getRootNode().activeElement === chart.handle;
  chart.svg.setAttribute("viewBox", `0 0 ${chart.wide} ${TOP + HIGH + FOOT}`);
  chart.svg.replaceChildren(...bars(chart), ...outline(chart), ...axis(chart), ...subject(chart), chart.handle);
  if (focused) chart.handle.focus();
  draw(chart);
}

function across({ data, wide }, value) {
  const [low, high] = [data.edges[0], data.edges.at(-1)];
  return (wide * (value - low)) / (high - low);
}

function tallest(data) {
  return Math.max(...data.bars.normal, ...data.bars.unknown, 1e-9);
}

function bars(chart) {
  const { data } = chart;
  const most = tallest(data);
  return data.bars.normal.map((share, at) => {
    const [left, right] = [across(chart, data.edges[at]), across(chart, data.edges[at + 1])];
    const gap = Math.min(2, (right - left) / 5);
    const height = (HIGH * share) / most;
    const tail = data.edges[at] >= data.subject ? " bs-tail" : "";
    return svg("rect", { class: `bs-normal${tail}`, x: left + gap / 2, width: Math.max(right - left - gap, 1), y: TOP + HIGH - height, height });
  });
}

function outline(chart) {
  const { data } = chart;
  if (!data.unknown.length) return [];
  const most = tallest(data);
  const places = data.bars.unknown.flatMap((share, at) => {
    const y = TOP + HIGH - (HIGH * share) / most;
    return [`${across(chart, data.edges[at])},${y}`, `${across(chart, data.edges[at + 1])},${y}`];
  });
  return [svg("polyline", { class: "bs-unknown", points: places.join(" ") })];
}

function axis(chart) {
  const { data, wide } = chart;
  const made = [svg("line", { class: "bs-axis", x1: 0, x2: wide, y1: TOP + HIGH, y2: TOP + HIGH })];
  const marks = wide < NARROW ? 3 : 5;
  for (let at = 0; at < marks; at += 1) {
    const value = data.edges[0] + ((data.edges.at(-1) - data.edges[0]) * at) / (marks - 1);
    const anchor = at === 0 ? "start" : at === marks - 1 ? "end" : "middle";
    made.push(label(short(value), across(chart, value), TOP + HIGH + 18, anchor));
  }
  return made;
}

function subject(chart) {
  const x = across(chart, chart.data.subject);
  const anchor = x < 45 ? "start" : x > chart.wide - 45 ? "end" : "middle";
  return [
    svg("line", { class: "bs-subject", x1: x, x2: x, y1: TOP - 2, y2: TOP + HIGH }),
    svg("path", { class: "bs-subject-mark", d: `M ${x - 8} ${TOP - 2} h 16 l -8 12 z` }),
    label("this image", x, 14, anchor),
  ];
}

function legend(data) {
  const normal = svg("svg", { viewBox: "0 0 24 14", "aria-hidden": "true" });
  normal.append(svg("rect", { class: "bs-normal", width: 12, height: 14 }), svg("rect", { class: "bs-normal bs-tail", x: 12, width: 12, height: 14 }));
  const rows = [[normal, `${data.normal.length} normal images; full color: at least as unusual as this one`]];
  if (data.unknown.length) {
    const other = svg("svg", { viewBox: "0 0 24 14", "aria-hidden": "true" });
    other.append(svg("polyline", { class: "bs-unknown", points: "0,12 6,12 6,3 18,3 18,12 24,12" }));
    rows.push([other, `${data.unknown.length} unknown images`]);
  }
  return rows.map(([picture, words]) => html("li", {}, picture, words));
}

function draw(chart) {
  const { data, line } = chart;
  const x = across(chart, line);
  chart.rod.setAttribute("x1", x);
  chart.rod.setAttribute("x2", x);
  chart.grip.setAttribute("x", x - 11);
  chart.target.setAttribute("x", x - 24);
  const words = counted(data, line);
  chart.counts.textContent = words;
  chart.handle.setAttribute("aria-valuemin", short(data.edges[0]));
  chart.handle.setAttribute("aria-valuemax", short(data.edges.at(-1)));
  chart.handle.setAttribute("aria-valuenow", short(line));
  chart.handle.setAttribute("aria-valuetext", words);
}

function counted(data, line) {
  const parts = [`Line at ${short(line)}: above it ${part(data.normal, line, "normal")}`];
  if (data.held.length) parts.push(`${part(data.held, line, "other normal")}`);
  if (data.unknown.length) parts.push(`${part(data.unknown, line, "unknown")}`);
  const where = data.subject > line ? "above" : "not above";
  return `${parts.join(", ")} images. This image is ${where} it.`;
}

function part(scores, line, word) {
  const count = scores.length - firstAbove(scores, line);
  return `${count} of ${scores.length} ${word} (${short((100 * count) / scores.length)} %)`;
}

/* The place of the first score above the line, in sorted scores. */
function firstAbove(scores, line) {
  let [low, high] = [0, scores.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scores[middle] > line) high = middle;
    else low = middle + 1;
  }
  return low;
}

// ---------------------------------------------------------------- moving

function grab(chart, event) {
  if (event.button !== 0 || chart.held !== null) return;
  chart.handle.setPointerCapture(event.pointerId);
  chart.held = event.pointerId;
}

function pull(chart, event) {
  if (chart.held !== event.pointerId) return;
  const { left, width } = chart.svg.getBoundingClientRect();
  place(chart, (event.clientX - left) / width);
}

function letGo(chart, event) {
  if (chart.held !== event.pointerId) return;
  chart.held = null;
  tell(chart);
}

function nudge(chart, event) {
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
  const step = steps[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  place(chart, across(chart, chart.line) / chart.wide + (step * (event.shiftKey ? 5 : 1)) / 200);
  clearTimeout(chart.timer);
  chart.timer = setTimeout(() => tell(chart), PAUSE);
}

function place(chart, share) {
  const { edges } = chart.data;
  chart.line = edges[0] + (edges.at(-1) - edges[0]) * Math.min(1, Math.max(0, share));
  draw(chart);
}

/* Python is told once for each place. */
function tell(chart) {
  if (chart.line === chart.sent) return;
  chart.sent = chart.line;
  chart.live.textContent = chart.counts.textContent;
  chart.send(chart.line);
}

// ---------------------------------------------------------------- small parts

function label(words, x, y, anchor) {
  const made = svg("text", { x, y, "text-anchor": anchor });
  made.textContent = words;
  return made;
}

function short(value) {
  return Number(value.toPrecision(3)).toString().replace("-", "−");
}

function svg(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function html(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
