/*
 * Triangles of blends with one point that moves in all of them. Python sends three pictures and
 * the values on a triangular grid (triangle.py); the pictures are blended and the colors between
 * the grid's points are filled in here. The point always lies on the grid, so that the blend shown
 * and its value belong together. Labels are other people's text: they only go through textContent.
 */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const NEIGHBORS = [[1, 0], [-1, 0], [0, 1], [0, -1], [1, -1], [-1, 1]];
const AHEAD = 0.3; // cosine between an arrow and the way to a neighbor that it may take
const SAY_AFTER = 300; // ms without moving
const HALF = 0.5; // where the line runs

const places = new Map(); // key → point and dots; outlives reruns and page changes
const boards = new WeakMap(); // parent element → board

export default function ({ parentElement, data }) {
  const board = boards.get(parentElement) ?? mount(parentElement, data.key);
  const call = {};
  board.call = call;
  update(board, data);
  return () => {
    if (board.call !== call) return; // a newer call has taken over
    clearTimeout(board.timer);
    board.resizing.disconnect();
    board.root.remove();
    boards.delete(parentElement);
  };
}

// ---------------------------------------------------------------- mounting

function mount(parent, key) {
  // at the second corner: there the picture and the class differ most
  const board = { at: places.get(key) ?? { weights: [0, 1, 0], dots: false }, said: "", timer: 0, figures: [] };
  places.set(key, board.at);
  board.row = el("div", { class: "bs-row" });
  board.bar = el("div", { class: "bs-bar" });
  board.unit = el("p");
  board.dots = el("button", { type: "button" }, "Points looked at");
  board.dots.addEventListener("click", () => { board.at.dots = !board.at.dots; draw(board); });
  board.lowest = el("button", { type: "button" }, "Lowest point");
  board.lowest.addEventListener("click", () => { go(board, lowest(board)); });
  board.words = el("span");
  board.live = el("p", { class: "bs-unseen", role: "status", "aria-live": "polite" });
  const ends = el("div", { class: "bs-ends" }, el("span", {}, "0"), el("span", {}, "0.5 (line)"), el("span", {}, "1"));
  board.root = el("div", { class: "bs-triangles" }, board.row,
    el("div", { class: "bs-scale" }, board.unit, board.bar, ends),
    el("div", { class: "bs-tools" }, board.dots, board.lowest, board.words), board.live);
  board.resizing = new ResizeObserver(() => draw(board));
  board.resizing.observe(board.row);
  parent.append(board.root);
  boards.set(parent, board);
  return board;
}

function update(board, data) {
  board.data = data;
  board.ramp = Uint8Array.from(atob(data.ramp), (sign) => sign.charCodeAt(0));
  const stops = Array.from({ length: 17 }, (_, k) => color(board, k / 16));
  board.bar.style.background = `linear-gradient(90deg, ${stops.join(", ")})`;
  board.unit.textContent = sentence(data.unit);
  const said = JSON.stringify(data);
  if (said !== board.said) {
    board.said = said;
    board.figures = data.triangles.map((triangle) => buildFigure(board, triangle));
    board.row.replaceChildren(...board.figures.map((figure) => figure.root));
    const counts = [...new Set(data.triangles.map((triangle) => triangle.values.length))].join(" and ");
    board.words.textContent =
      `${counts} images were looked at in each triangle; between them the color is filled in. ` +
      "Point, tap, or use the arrow keys: the picture is the blend at the nearest image looked at.";
  }
  draw(board);
}

function buildFigure(board, triangle) {
  const figure = { triangle, grid: gridOf(triangle), images: [] };
  figure.canvas = el("canvas", { "aria-hidden": "true" });
  figure.here = el("div", { class: "bs-here" });
  figure.plot = el("div", {
    class: "bs-plot", tabindex: "0", role: "group", "aria-roledescription": "triangle to explore",
    "aria-label": `${triangle.title}. ${triangle.finding} Arrow keys move over the triangle, Home goes to ${triangle.labels[0]}.`,
    style: `aspect-ratio: 1 / ${triangle.height}`,
  }, figure.canvas, figure.here);
  const top = triangle.places.findIndex(([, y]) => y === 0);
  const corners = triangle.labels.map((label, corner) => buildCorner(board, figure, label, corner));
  const drawing = el("div", { class: "bs-drawing", style: `--height: ${Math.max(triangle.height, 0.6)}` },
    el("div", { class: "bs-corners bs-above" }, corners[top]), figure.plot,
    el("div", { class: "bs-corners bs-below" }, ...corners.filter((_, corner) => corner !== top)));
  figure.blend = el("canvas", { role: "img" });
  figure.value = el("span", { class: "bs-value" });
  figure.fill = el("i");
  figure.mix = el("div", { class: "bs-mix" });
  const reading = el("div", { class: "bs-reading" }, figure.blend,
    el("div", {}, el("span", {}, sentence(board.data.unit)), figure.value, el("span", { class: "bs-level" }, figure.fill), figure.mix));
  figure.root = el("figure", { class: "bs-one" }, el("h3", { class: "bs-title" }, triangle.title),
    el("p", { class: "bs-finding" }, triangle.finding), drawing, reading,
    ...(triangle.note ? [el("p", { class: "bs-note" }, triangle.note)] : []));
  listen(board, figure);
  return figure;
}

function buildCorner(board, figure, label, corner) {
  const { triangle } = figure;
  const image = el("img", { alt: "", src: board.data.pictures[triangle.pictures[corner]] });
  image.addEventListener("load", () => drawReading(board, figure));
  figure.images.push(image);
  const weights = [0, 1, 2].map((at) => Number(at === corner));
  const value = valueAt(figure, node(figure, weights));
  const button = el("button", {
    type: "button", class: "bs-corner", style: `--x: ${triangle.places[corner][0]}`,
    "aria-label": `Go to ${label}: ${probability(value)}`,
  }, image, el("span", {}, label), el("b", {}, probability(value)));
  button.addEventListener("click", () => go(board, weights));
  return button;
}

// ---------------------------------------------------------------- the grid

/* Index of each point by its steps towards the second and third corner. */
function gridOf({ cells }) {
  const starts = [];
  for (let i = 0, at = 0; i <= cells; at += cells + 1 - i, i += 1) starts.push(at);
  return starts;
}

function value({ triangle, grid }, i, j) {
  const held = triangle.values[grid[i] + j];
  return held ?? NaN; // an unknown value comes as null
}

function valueAt(figure, [i, j]) {
  return value(figure, i, j);
}

/* The nearest point of the grid, [i, j], to weights that add up to one. */
function node({ triangle: { cells } }, weights) {
  const whole = weights.map((weight) => Math.round(Math.max(0, weight) * cells));
  const over = whole[0] + whole[1] + whole[2] - cells;
  if (over) { // the number that rounding moved most gives way
    const moved = whole.map((count, k) => (count - weights[k] * cells) * Math.sign(over));
    whole[moved.indexOf(Math.max(...moved))] -= over;
  }
  return [whole[1], whole[2]];
}

function weightsOf({ triangle: { cells } }, [i, j]) {
  return [(cells - i - j) / cells, i / cells, j / cells];
}

function placeOf({ triangle: { places: corners } }, weights) {
  return [0, 1].map((axis) => weights.reduce((sum, weight, k) => sum + weight * corners[k][axis], 0));
}

/* Weights of a place in the drawing; outside the triangle some are negative. */
function weightsAt({ triangle: { places: [a, b, c] } }, x, y) {
  const area = (b[1] - c[1]) * (a[0] - c[0]) + (c[0] - b[0]) * (a[1] - c[1]);
  const first = ((b[1] - c[1]) * (x - c[0]) + (c[0] - b[0]) * (y - c[1])) / area;
  const second = ((c[1] - a[1]) * (x - c[0]) + (a[0] - c[0]) * (y - c[1])) / area;
  return [first, second, 1 - first - second];
}

function inside(weights) {
  const kept = weights.map((weight) => Math.max(0, weight));
  const sum = kept[0] + kept[1] + kept[2];
  return kept.map((weight) => weight / sum);
}

/* Linear between the three points around. */
function between(figure, weights) {
  const { cells } = figure.triangle;
  const u = weights[1] * cells;
  const v = weights[2] * cells;
  const i = Math.min(Math.floor(u), cells - 1);
  const j = Math.min(Math.floor(v), cells - 1 - i);
  if (j < 0) return value(figure, i, 0);
  const [fu, fv] = [u - i, v - j];
  if (fu + fv <= 1 || i + j + 2 > cells) {
    return mixed([1 - fu - fv, fu, fv], [value(figure, i, j), value(figure, i + 1, j), value(figure, i, j + 1)]);
  }
  return mixed([fu + fv - 1, 1 - fv, 1 - fu],
    [value(figure, i + 1, j + 1), value(figure, i + 1, j), value(figure, i, j + 1)]);
}

function mixed(shares, values) {
  return shares.reduce((sum, share, k) => (share > 1e-9 ? sum + share * values[k] : sum), 0);
}

/* Weights of the lowest point, looked for where it falls lowest. */
function lowest(board) {
  let best = { value: Infinity, weights: board.at.weights };
  for (const figure of board.figures) {
    for (const weights of nodes(figure)) {
      const here = valueAt(figure, node(figure, weights));
      if (here < best.value) best = { value: here, weights };
    }
  }
  return best.weights;
}

function* nodes(figure) {
  const { cells } = figure.triangle;
  for (let i = 0; i <= cells; i += 1) for (let j = 0; j <= cells - i; j += 1) yield weightsOf(figure, [i, j]);
}

// ---------------------------------------------------------------- moving

function listen(board, figure) {
  const point = (event) => {
    if (event.type === "pointermove" && event.pointerType !== "mouse" && !event.buttons) return;
    const box = figure.plot.getBoundingClientRect();
    const weights = weightsAt(figure, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.width);
    if (event.type === "pointermove" && Math.min(...weights) < -0.08) return; // only passing by
    go(board, weightsOf(figure, node(figure, inside(weights))));
  };
  figure.plot.addEventListener("pointerdown", point);
  figure.plot.addEventListener("pointermove", point);
  figure.plot.addEventListener("keydown", (event) => onKey(board, figure, event));
}

function onKey(board, figure, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (!arrow && event.key !== "Home") return;
  event.preventDefault();
  event.stopPropagation();
  go(board, arrow ? step(figure, node(figure, board.at.weights), arrow) : [1, 0, 0]);
}

/* The neighbor that lies most in the arrow's direction; none, and the point stays. */
function step(figure, [i, j], [right, down]) {
  const { cells } = figure.triangle;
  const [x, y] = placeOf(figure, weightsOf(figure, [i, j]));
  let best = { ahead: AHEAD, at: [i, j] };
  for (const [di, dj] of NEIGHBORS) {
    const at = [i + di, j + dj];
    if (at[0] < 0 || at[1] < 0 || at[0] + at[1] > cells) continue;
    const [toX, toY] = placeOf(figure, weightsOf(figure, at));
    const ahead = ((toX - x) * right + (toY - y) * down) / Math.hypot(toX - x, toY - y);
    if (ahead > best.ahead + 1e-9) best = { ahead, at };
  }
  return weightsOf(figure, best.at);
}

function go(board, weights) {
  if (String(weights) === String(board.at.weights)) return;
  board.at.weights = weights;
  board.figures.forEach((figure) => drawReading(board, figure));
  clearTimeout(board.timer);
  board.timer = setTimeout(() => (board.live.textContent = spoken(board)), SAY_AFTER);
}

function spoken(board) {
  return board.figures.map((figure) => `${figure.triangle.title}: ${figure.value.textContent}, ${figure.mix.textContent}`).join(". ");
}

// ---------------------------------------------------------------- drawing

function draw(board) {
  board.dots.setAttribute("aria-pressed", String(board.at.dots));
  board.figures.forEach((figure) => { drawField(board, figure); drawReading(board, figure); });
}

function drawField(board, figure) {
  const { triangle, canvas, plot } = figure;
  const width = Math.round(plot.clientWidth * Math.min(devicePixelRatio, 2));
  if (!width) return;
  const height = Math.max(1, Math.round(width * triangle.height));
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const corners = triangle.places.map(([x, y]) => [x * width, y * width]);
  context.drawImage(fieldImage(board, figure, width, height), 0, 0);
  context.globalCompositeOperation = "destination-in"; // smooth edges
  outline(context, corners);
  context.fill();
  context.globalCompositeOperation = "source-over";
  const unit = width / plot.clientWidth;
  stroke(context, halfLine(figure, width), unit);
  context.strokeStyle = getComputedStyle(board.root).getPropertyValue("--st-text-color");
  context.lineWidth = unit;
  context.setLineDash([]);
  outline(context, corners);
  context.stroke();
  if (board.at.dots) for (const weights of nodes(figure)) dot(context, placeOf(figure, weights), width, unit);
}

function fieldImage(board, figure, width, height) {
  const pixels = new ImageData(width, height);
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 4) {
      const weights = weightsAt(figure, (x + 0.5) / width, (y + 0.5) / width);
      if (Math.min(...weights) < -0.05) continue;
      const here = between(figure, inside(weights));
      if (Number.isNaN(here)) { // unknown: gray stripes
        pixels.data.set((x + y) % 12 < 6 ? [128, 128, 128, 255] : [168, 168, 168, 255], at);
        continue;
      }
      const step = 3 * Math.round(255 * Math.min(1, Math.max(0, here)));
      pixels.data.set([board.ramp[step], board.ramp[step + 1], board.ramp[step + 2], 255], at);
    }
  }
  const held = document.createElement("canvas");
  Object.assign(held, { width, height });
  held.getContext("2d").putImageData(pixels, 0, 0);
  return held;
}

/* The line on which the value is one half: a piece for each small triangle that it crosses. */
function halfLine(figure, width) {
  const { cells } = figure.triangle;
  const path = new Path2D();
  for (let i = 0; i < cells; i += 1) {
    for (let j = 0; j < cells - i; j += 1) {
      cross(figure, path, width, [[i, j], [i + 1, j], [i, j + 1]]);
      if (i + j + 2 <= cells) cross(figure, path, width, [[i + 1, j + 1], [i + 1, j], [i, j + 1]]);
    }
  }
  return path;
}

function cross(figure, path, width, around) {
  const values = around.map((at) => valueAt(figure, at));
  if (values.some(Number.isNaN)) return;
  const met = [];
  for (let k = 0; k < 3; k += 1) {
    const next = (k + 1) % 3;
    if (values[k] >= HALF === values[next] >= HALF) continue;
    const share = (HALF - values[k]) / (values[next] - values[k]);
    const [from, to] = [around[k], around[next]].map((at) => placeOf(figure, weightsOf(figure, at)));
    met.push([0, 1].map((axis) => width * (from[axis] + share * (to[axis] - from[axis]))));
  }
  if (met.length !== 2) return;
  path.moveTo(...met[0]);
  path.lineTo(...met[1]);
}

function stroke(context, path, unit) {
  context.lineCap = "round";
  for (const [shade, wide] of [["#000", 3.5], ["#fff", 1.75]]) {
    context.strokeStyle = shade;
    context.lineWidth = wide * unit;
    context.stroke(path);
  }
}

function outline(context, corners) {
  context.beginPath();
  corners.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}

function dot(context, [x, y], width, unit) {
  context.beginPath();
  context.arc(x * width, y * width, 2 * unit, 0, 7);
  context.fillStyle = "#fff";
  context.strokeStyle = "#000";
  context.fill();
  context.stroke();
}

function drawReading(board, figure) {
  const at = node(figure, board.at.weights);
  const weights = weightsOf(figure, at);
  const [x, y] = placeOf(figure, weights);
  Object.assign(figure.here.style, { left: `${100 * x}%`, top: `${(100 * y) / figure.triangle.height}%` });
  const here = valueAt(figure, at);
  figure.value.textContent = probability(here);
  figure.fill.style.width = Number.isNaN(here) ? "0" : `${100 * Math.min(1, Math.max(0, here))}%`;
  figure.mix.textContent = mixWords(weights, figure.triangle.labels);
  figure.blend.setAttribute("aria-label", `The picture at this point: ${figure.mix.textContent}`);
  blend(figure, weights);
}

/* The sum of weights times pictures: each picture covers its share of what lies there already. */
function blend({ blend: canvas, images }, weights) {
  if (!images.every((image) => image.complete && image.naturalWidth)) return;
  const [{ naturalWidth: width, naturalHeight: height }] = images;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  let sum = 0;
  images.forEach((image, k) => {
    sum += weights[k];
    context.globalAlpha = sum > 0 ? weights[k] / sum : 0;
    context.drawImage(image, 0, 0, width, height);
  });
}

// ---------------------------------------------------------------- small parts

function mixWords(weights, labels) {
  const parts = weights
    .map((weight, k) => [Math.round(100 * weight), labels[k]])
    .filter(([percent]) => percent > 0);
  return parts.length === 1 ? `${sentence(parts[0][1])} alone` : parts.map(([percent, label]) => `${percent} % ${label}`).join(", ");
}

function probability(number) {
  if (Number.isNaN(number)) return "no value";
  if (number < 0.005) return "below 0.01";
  return number > 0.995 ? "above 0.99" : number.toFixed(2);
}

function color({ ramp }, share) {
  const step = 3 * Math.round(255 * share);
  return `rgb(${ramp[step]} ${ramp[step + 1]} ${ramp[step + 2]})`;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, held] of Object.entries(attributes)) made.setAttribute(name, held);
  made.append(...children);
  return made;
}
