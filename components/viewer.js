/*
 * The viewer: one to four panels over the same picture, with one zoom, one cursor and one look.
 * Python sends the picture, and each map as indices between its own ends (viewer.py); from there
 * everything happens here. Streamlit calls the default function again whenever its data or the
 * theme changes, with the same parent element, so the view is kept and only brought up to date.
 * Titles, notes and units are other people's text and only ever go through textContent.
 */

const MODES = ["image", "overlay", "map"];
const PLAIN_LOOK = {
  mode: "overlay", opacity: 60, hide: 0, keep: 100,
  pixelated: false, outline: false, shared: false, zoom: 1, x: 0.5, y: 0.5,
};
const MOST_ZOOM = 40;
const SMOOTH_SIDE = 448; // px; smooth maps are interpolated as values up to about this size
const MOST_EDGES = 15000; // an outline with more is speckle, slow to draw and says nothing
const SAVED_WIDTH = 900; // px
const KEYS = [
  ["Space, held", "show the plain picture"],
  ["O", "overlay on and off"],
  ["M", "picture, overlay, map in turn"],
  ["[ and ]", "less, more opacity"],
  ["{ and }", "hide less, more of the low values; also comma and full stop"],
  ["P", "pixelated or smooth"],
  ["C", "outline of what is shown"],
  ["S", "same scale or one for each panel"],
  ["+ − 0", "zoom in, out, back to the whole"],
  ["Arrows", "move the read-out; with Shift, the zoomed picture"],
  ["?", "this list"],
];

const looks = new Map(); // key → look; outlives reruns and page changes
const views = new WeakMap(); // parent element → view

export default function ({ parentElement, data }) {
  const view = views.get(parentElement) ?? mount(parentElement, data.key);
  const call = {};
  view.call = call;
  update(view, data);
  return () => {
    if (view.call !== call) return; // a newer call has taken over
    unmount(view);
    views.delete(parentElement);
  };
}

// ---------------------------------------------------------------- mounting

function mount(parent, key) {
  const view = {
    key, look: looks.get(key) ?? { ...PLAIN_LOOK, ...readLook(location.search) },
    data: null, picture: null, pictureSrc: "", panels: [],
    cursor: null, plain: false, inside: false, frame: 0, pointers: new Map(),
  };
  looks.set(key, view.look);
  view.root = el("div", { class: "bs-viewer" });
  view.tools = buildTools(view);
  view.grid = el("div", { class: "bs-panels" });
  view.live = el("div", { class: "bs-unseen", role: "status", "aria-live": "polite" });
  view.root.append(view.tools.bar, view.tools.words, view.tools.keys, view.grid, view.live);
  parent.append(view.root);
  listen(view);
  views.set(parent, view);
  return view;
}

function listen(view) {
  view.root.addEventListener("keydown", (event) => onKey(view, event));
  view.root.addEventListener("keyup", (event) => onKeyUp(view, event));
  view.root.addEventListener("focusout", () => showPlain(view, false));
  view.root.addEventListener("pointerenter", () => (view.inside = true));
  view.root.addEventListener("pointerleave", () => (view.inside = false));
  view.onDocumentKey = (event) => {
    if (!view.inside || document.activeElement !== document.body) return;
    (event.type === "keydown" ? onKey : onKeyUp)(view, event);
  };
  document.addEventListener("keydown", view.onDocumentKey);
  document.addEventListener("keyup", view.onDocumentKey);
  view.resizing = new ResizeObserver(() => schedule(view));
  view.resizing.observe(view.root);
}

function unmount(view) {
  document.removeEventListener("keydown", view.onDocumentKey);
  document.removeEventListener("keyup", view.onDocumentKey);
  view.resizing.disconnect();
  cancelAnimationFrame(view.frame);
  view.root.remove();
}

function update(view, data) {
  view.data = data;
  view.ramps = Object.fromEntries(
    Object.entries(data.ramps).map(([name, text]) => [name, bytesOf(text)]),
  );
  fitPanels(view, data.panels.length);
  view.grid.dataset.count = data.panels.length;
  view.panels.forEach((panel, at) => fillPanel(view, panel, data.panels[at]));
  loadPicture(view);
  syncTools(view);
  schedule(view);
}

async function loadPicture(view) {
  const { src, width, height } = view.data.picture;
  for (const panel of view.panels) {
    panel.stage.style.aspectRatio = `${width} / ${height}`;
    panel.stage.style.width = `min(100%, ${78 * (width / height)}vh)`;
  }
  if (src === view.pictureSrc) return;
  view.pictureSrc = src;
  const picture = await bitmapOf(src);
  if (src !== view.pictureSrc) return;
  view.picture = picture;
  schedule(view);
}

// ---------------------------------------------------------------- panels

function fitPanels(view, count) {
  while (view.panels.length > count) view.panels.pop().figure.remove();
  while (view.panels.length < count) view.panels.push(buildPanel(view));
}

function buildPanel(view) {
  const panel = { map: null, mapSrc: "", layer: null };
  panel.title = el("strong");
  panel.save = el("button", { type: "button", title: "Save this panel as seen" }, "Save PNG");
  panel.canvas = el("canvas", { role: "img" });
  panel.wait = el("p", { class: "bs-wait", role: "status" });
  panel.stage = el("div", { class: "bs-stage", tabindex: "0", role: "group" }, panel.canvas, panel.wait);
  panel.read = el("p", { class: "bs-read" });
  panel.bar = el("canvas", { class: "bs-bar", "aria-hidden": "true" });
  panel.low = el("span");
  panel.middle = el("span");
  panel.high = el("span");
  panel.cut = el("p", { class: "bs-cut" });
  panel.legend = el("div", {}, panel.bar,
    el("div", { class: "bs-ends" }, panel.low, panel.middle, panel.high), panel.cut);
  panel.note = el("figcaption", { class: "bs-note" });
  panel.figure = el("figure", { class: "bs-panel" },
    el("div", { class: "bs-head" }, panel.title, panel.save),
    panel.stage, panel.read, panel.legend, panel.note);
  panel.save.addEventListener("click", () => savePanel(view, panel));
  listenToStage(view, panel.stage);
  view.grid.append(panel.figure);
  return panel;
}

function fillPanel(view, panel, sent) {
  panel.sent = sent;
  say(panel.title, sent.title);
  say(panel.note, sent.map ? sent.note : "");
  say(panel.wait, sent.map ? "" : sent.note || "Waiting");
  panel.save.setAttribute("aria-label", `Save PNG of ${sent.title}`);
  panel.stage.setAttribute("aria-label", `${sent.title}; arrow keys read the values`);
  const words = sent.map ? sent.map.finding : sent.note || "waiting";
  panel.canvas.setAttribute("aria-label", `${sent.title}: ${words}`);
  panel.note.hidden = !panel.note.textContent;
  panel.wait.hidden = Boolean(sent.map);
  panel.legend.hidden = panel.save.hidden = !sent.map;
  loadMap(view, panel, sent.map);
}

async function loadMap(view, panel, sent) {
  if (!sent) {
    panel.map = panel.layer = null;
    panel.mapSrc = "";
    return;
  }
  const name = [sent.src.length, sent.low, sent.high, sent.top, sent.unit, sent.signed, sent.src].join();
  if (name === panel.mapSrc) return;
  panel.mapSrc = name;
  const map = await decodeMap(sent);
  if (name !== panel.mapSrc) return;
  panel.map = map;
  panel.layer = null;
  syncTools(view);
  schedule(view);
}

// ---------------------------------------------------------------- decoding

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function bitmapOf(src) {
  const [head, body] = src.split(",");
  const blob = new Blob([bytesOf(body)], { type: head.slice(5, head.indexOf(";")) });
  return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/* A map as 32-bit values, with what scales and thresholds ask of it. */
async function decodeMap(sent) {
  const bitmap = await bitmapOf(sent.src);
  const { width, height } = bitmap;
  const pen = canvasOf(width, height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  const bytes = pen.getImageData(0, 0, width, height).data;
  const values = new Float32Array(width * height);
  const step = (sent.high - sent.low) / sent.top;
  for (let i = 0; i < values.length; i++) {
    const index = bytes[4 * i] * 256 + bytes[4 * i + 1];
    values[i] = bytes[4 * i + 2] > 127 ? NaN : sent.low + index * step;
  }
  const { low, high, flat, unit, signed } = sent;
  const field = { values, width, height };
  return { low, high, flat, unit, signed, field, smooth: interpolated(field), sorted: null };
}

/* The same values on a finer grid, between pixel centers; next to a gap, the nearest value. */
function interpolated({ values, width, height }) {
  const times = Math.max(1, Math.round(SMOOTH_SIDE / Math.max(width, height)));
  if (times === 1) return { values, width, height };
  const [wide, high] = [width * times, height * times];
  const fine = new Float32Array(wide * high);
  const across = Array.from({ length: wide }, (_, at) => between(at, times, width));
  for (let y = 0; y < high; y++) {
    const down = between(y, times, height);
    const [above, below] = [down.first * width, down.second * width];
    for (let x = 0; x < wide; x++) {
      const { first, second, share } = across[x];
      const top = values[above + first] * (1 - share) + values[above + second] * share;
      const bottom = values[below + first] * (1 - share) + values[below + second] * share;
      const mixed = top * (1 - down.share) + bottom * down.share;
      fine[y * wide + x] = Number.isNaN(mixed)
        ? values[Math.floor(y / times) * width + Math.floor(x / times)] : mixed;
    }
  }
  return { values: fine, width: wide, height: high };
}

function between(at, times, length) {
  const place = clamp((at + 0.5) / times - 0.5, 0, length - 1);
  const first = Math.floor(place);
  return { first, second: Math.min(first + 1, length - 1), share: place - first };
}

// ---------------------------------------------------------------- scales and thresholds

function maps(view) {
  return view.panels.map((panel) => panel.map).filter(Boolean);
}

function kindOf(map) {
  return `${map.unit}/${map.signed}`;
}

function scaleOf(view, map) {
  const group = view.look.shared ? maps(view).filter((one) => kindOf(one) === kindOf(map)) : [map];
  const low = Math.min(...group.map((one) => one.low));
  const high = Math.max(...group.map((one) => one.high));
  const flat = group.length === 1 ? map.flat : high - low <= 1e-6 * Math.max(Math.abs(low), Math.abs(high));
  if (flat) return { low, high, flat };
  if (!map.signed) return { low, high, flat };
  const most = Math.max(-low, high);
  return { low: -most, high: most, flat };
}

function strength(map, value) {
  return map.signed ? Math.abs(value) : value;
}

/* The strength below which nothing is shown; null when everything is. */
function cutOf(view, map, scale) {
  const { hide, keep } = view.look;
  const start = map.signed ? 0 : scale.low;
  const byValue = hide > 0 && !scale.flat ? start + ((scale.high - start) * hide) / 100 : null;
  const byShare = keep < 100 ? strongest(map, keep) : null;
  if (byValue === null || byShare === null) return byValue ?? byShare;
  return Math.max(byValue, byShare);
}

function strongest(map, percent) {
  map.sorted ??= map.field.values.filter((value) => !Number.isNaN(value))
    .map((value) => strength(map, value)).sort();
  const { sorted } = map;
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * (1 - percent / 100)))] ?? 0;
}

function shareShown(map, cut) {
  const known = map.field.values.filter((value) => !Number.isNaN(value));
  const shown = known.filter((value) => strength(map, value) >= cut).length;
  return known.length ? (100 * shown) / known.length : 0;
}

// ---------------------------------------------------------------- coloring

function isDark(view) {
  const [red, green, blue] = getComputedStyle(view.root).backgroundColor.match(/[\d.]+/g).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

function rampOf(view, map) {
  if (!map.signed) return view.ramps.sequential;
  return isDark(view) ? view.ramps.divergingDark : view.ramps.divergingLight;
}

function shade(scale, value) {
  if (scale.flat) return 127; // the middle: a flat map is no signal, whatever its value
  return clamp(Math.round((255 * (value - scale.low)) / (scale.high - scale.low)), 0, 255);
}

/* The colored map as a canvas of its own grid, made again only when its look changes. */
function layerOf(view, panel) {
  const { map } = panel;
  const scale = scaleOf(view, map);
  const cut = cutOf(view, map, scale);
  const { pixelated } = view.look;
  const name = [scale.low, scale.high, scale.flat, cut, pixelated, isDark(view)].join();
  if (panel.layer?.name === name) return panel.layer;
  const field = pixelated ? map.field : map.smooth;
  panel.layer = {
    name, scale, cut, field,
    canvas: colored(map, field, scale, cut, rampOf(view, map)),
    shown: cut === null ? 100 : shareShown(map, cut),
    outline: null,
  };
  return panel.layer;
}

function colored(map, field, scale, cut, ramp) {
  const canvas = canvasOf(field.width, field.height);
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(field.width, field.height);
  field.values.forEach((value, at) => {
    if (isHidden(map, value, cut)) return;
    const from = 3 * shade(scale, value);
    image.data[4 * at] = ramp[from];
    image.data[4 * at + 1] = ramp[from + 1];
    image.data[4 * at + 2] = ramp[from + 2];
    image.data[4 * at + 3] = 255;
  });
  pen.putImageData(image, 0, 0);
  return canvas;
}

function isHidden(map, value, cut) {
  return Number.isNaN(value) || (cut !== null && strength(map, value) < cut);
}

/* The border of what is shown, as a path in grid units; empty where all is speckle. */
function outlineOf(map, layer) {
  layer.outline ??= traced(map, layer);
  return layer.outline;
}

function traced(map, { field: { values, width, height }, cut }) {
  const shown = Uint8Array.from(values, (value) => !isHidden(map, value, cut));
  const path = new Path2D();
  let edges = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const right = x + 1 < width && shown[at] !== shown[at + 1];
      const below = y + 1 < height && shown[at] !== shown[at + width];
      if (right) line(path, x + 1, y, x + 1, y + 1);
      if (below) line(path, x, y + 1, x + 1, y + 1);
      edges += right + below;
      if (edges > MOST_EDGES) return { path: new Path2D(), speckled: true };
    }
  }
  return { path, speckled: false };
}

function line(path, x0, y0, x1, y1) {
  path.moveTo(x0, y0);
  path.lineTo(x1, y1);
}

// ---------------------------------------------------------------- drawing

function schedule(view) {
  cancelAnimationFrame(view.frame);
  view.frame = requestAnimationFrame(() => render(view));
}

function render(view) {
  if (!view.picture) return;
  for (const panel of view.panels) {
    const pen = sized(panel.canvas, panel.stage);
    drawPanel(view, panel, pen);
    if (view.cursor) drawCursor(view, pen);
    panel.stage.toggleAttribute("data-zoomed", view.look.zoom > 1);
    writePanel(view, panel);
  }
}

/* The canvas at the screen's own resolution, cleared. */
function sized(canvas, box) {
  const dense = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(box.clientWidth * dense));
  const height = Math.max(1, Math.round(box.clientHeight * dense));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

/* From the picture, as a unit square, to the canvas. */
function placing(view, { width, height }) {
  const { zoom, x, y } = view.look;
  return new DOMMatrix([
    width * zoom, 0, 0, height * zoom, width * (0.5 - x * zoom), height * (0.5 - y * zoom),
  ]);
}

function drawPanel(view, panel, pen) {
  const mode = view.plain || !panel.map ? "image" : view.look.mode;
  pen.setTransform(placing(view, pen.canvas));
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = "high";
  pen.globalAlpha = panel.map ? 1 : 0.45;
  if (mode !== "map") pen.drawImage(view.picture, 0, 0, 1, 1);
  pen.globalAlpha = 1;
  if (mode === "image") return;
  const layer = layerOf(view, panel);
  pen.imageSmoothingEnabled = !view.look.pixelated;
  pen.globalAlpha = mode === "map" ? 1 : view.look.opacity / 100;
  pen.drawImage(layer.canvas, 0, 0, 1, 1);
  pen.globalAlpha = 1;
  if (view.look.outline && layer.cut !== null) drawOutline(view, panel.map, layer, pen);
}

function drawOutline(view, map, layer, pen) {
  const path = new Path2D();
  const { width, height } = layer.field;
  path.addPath(outlineOf(map, layer).path, placing(view, pen.canvas).scale(1 / width, 1 / height));
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.lineCap = "square";
  for (const [color, wide] of [["#000", 3], ["#fff", 1.2]]) {
    pen.strokeStyle = color;
    pen.lineWidth = wide * (window.devicePixelRatio || 1);
    pen.stroke(path);
  }
}

function drawCursor(view, pen) {
  const at = placing(view, pen.canvas).transformPoint(view.cursor);
  const dense = window.devicePixelRatio || 1;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  for (const [color, wide] of [["#000", 4], ["#fff", 1.5]]) {
    pen.strokeStyle = color;
    pen.lineWidth = wide * dense;
    pen.beginPath();
    pen.arc(at.x, at.y, 6 * dense, 0, 2 * Math.PI);
    pen.stroke();
  }
}

function drawBar(view, panel, pen, width, height) {
  const { scale, cut } = panel.layer;
  const ramp = rampOf(view, panel.map);
  for (let x = 0; x < width; x++) {
    const value = scale.low + ((x + 0.5) / width) * (scale.high - scale.low);
    if (isHidden(panel.map, value, scale.flat ? null : cut)) continue;
    const from = 3 * shade(scale, value);
    pen.fillStyle = `rgb(${ramp[from]} ${ramp[from + 1]} ${ramp[from + 2]})`;
    pen.fillRect(x, 0, 1.5, height);
  }
}

function drawBarMark(view, panel, pen) {
  const value = valueAt(view, panel.map);
  const { scale } = panel.layer;
  if (value === null || Number.isNaN(value) || scale.flat) return;
  const { width, height } = pen.canvas;
  const x = ((value - scale.low) / (scale.high - scale.low)) * width;
  const dense = window.devicePixelRatio || 1;
  pen.fillStyle = "#000";
  pen.fillRect(x - 2.5 * dense, 0, 5 * dense, height);
  pen.fillStyle = "#fff";
  pen.fillRect(x - 1 * dense, 0, 2 * dense, height);
}

// ---------------------------------------------------------------- words beside the pictures

function writePanel(view, panel) {
  if (!panel.map) return say(panel.read, "");
  layerOf(view, panel);
  const pen = sized(panel.bar, panel.bar);
  drawBar(view, panel, pen, pen.canvas.width, pen.canvas.height);
  drawBarMark(view, panel, pen);
  const legend = legendOf(panel);
  say(panel.low, legend.low);
  say(panel.middle, legend.middle);
  say(panel.high, legend.high);
  say(panel.cut, legend.cut);
  panel.cut.hidden = !legend.cut;
  say(panel.read, view.cursor ? readOut(view, panel) : sentence(panel.sent.map.finding));
}

function legendOf(panel) {
  const { map, layer: { scale, cut, shown, outline } } = panel;
  return {
    low: number(scale.low),
    middle: scale.flat ? "the same everywhere" : map.signed ? "0" : "",
    high: withUnit(number(scale.high), map.unit),
    cut: cut === null ? "" : cutWords(map, cut, shown) + (outline?.speckled ? " Too speckled for an outline." : ""),
  };
}

function cutWords(map, cut, shown) {
  const hidden = map.signed
    ? `hidden between ${number(-cut)} and ${withUnit(number(cut), map.unit)}`
    : `hidden below ${withUnit(number(cut), map.unit)}`;
  return `${sentence(hidden)}; ${number(shown)} % of the map is shown.`;
}

function valueAt(view, map) {
  if (!view.cursor) return null;
  const { values, width, height } = map.field;
  const x = Math.min(width - 1, Math.floor(view.cursor.x * width));
  const y = Math.min(height - 1, Math.floor(view.cursor.y * height));
  return values[y * width + x];
}

function readOut(view, panel) {
  const value = valueAt(view, panel.map);
  const words = Number.isNaN(value) ? "no value" : withUnit(number(value), panel.map.unit);
  const hidden = !Number.isNaN(value) && isHidden(panel.map, value, panel.layer.cut);
  return `${words}${hidden ? " (hidden)" : ""} at ${place(view)}`;
}

function place(view) {
  const { width, height } = view.data.picture;
  const x = Math.min(width - 1, Math.floor(view.cursor.x * width));
  const y = Math.min(height - 1, Math.floor(view.cursor.y * height));
  return `x ${x}, y ${y} px`;
}

function scaleWords(view) {
  const all = maps(view);
  if (!view.look.shared || all.length < 2) return "";
  const groups = new Map();
  all.forEach((map) => groups.set(kindOf(map), [...(groups.get(kindOf(map)) ?? []), map]));
  const joined = [...groups.values()].filter((group) => group.length > 1);
  if (groups.size === 1) return "All panels share one scale.";
  if (!joined.length) return "The units or signs differ, so each panel keeps its own scale.";
  const names = joined.map(([map]) => `${map.signed ? "signed" : "unsigned"} maps in ${map.unit || "no unit"}`);
  return `One scale for the ${names.join(", and one for the ")}; units or signs differ elsewhere, so other panels keep their own.`;
}

function number(value) {
  const size = Math.abs(value);
  const text = size && (size < 1e-3 || size >= 1e5) ? value.toExponential(1).replace("e+", "e")
    : String(size >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
  return text.replace(/-/g, "−");
}

function withUnit(text, unit) {
  return unit ? `${text} ${unit}` : text;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// ---------------------------------------------------------------- the toolbar

function buildTools(view) {
  const tools = { modes: {}, toggles: {}, slides: {} };
  const modes = el("span", { class: "bs-group", role: "group", "aria-label": "What is shown" });
  for (const mode of MODES) {
    const name = mode === "image" ? "Picture" : sentence(mode);
    tools.modes[mode] = button(name, () => act(view, { mode }));
    modes.append(tools.modes[mode]);
  }
  tools.slides.opacity = slide("Opacity", 0, 100, 5, (opacity) => act(view, { opacity }));
  tools.slides.hide = slide("Hide below", 0, 100, 1, (hide) => act(view, { hide }));
  tools.slides.keep = slide("Show strongest", 1, 100, 1, (keep) => act(view, { keep }));
  tools.toggles.pixelated = button("Pixelated", () => toggle(view, "pixelated"));
  tools.toggles.outline = button("Outline", () => toggle(view, "outline"));
  tools.toggles.shared = button("Same scale", () => toggle(view, "shared"));
  tools.out = button("−", () => zoomBy(view, 1 / 1.5), "Zoom out");
  tools.whole = button("1×", () => showWhole(view), "1×, show the whole picture");
  tools.in = button("+", () => zoomBy(view, 1.5), "Zoom in");
  const zooms = el("span", { class: "bs-group", role: "group", "aria-label": "Zoom" },
    tools.out, tools.whole, tools.in);
  tools.link = button("Copy link", () => copyLink(view));
  tools.help = button("Keys", () => toggleKeys(view), "List of keys");
  tools.bar = el("div", { class: "bs-tools", role: "group", "aria-label": "Look of the maps" },
    modes, ...Object.values(tools.slides).map((one) => one.label),
    el("span", { class: "bs-buttons" },
      ...Object.values(tools.toggles), zooms, tools.link, tools.help));
  tools.words = el("p", { class: "bs-words" });
  tools.keys = el("dl", { class: "bs-keys", hidden: "" },
    ...KEYS.map(([key, does]) => el("div", {}, el("dt", {}, key), el("dd", {}, does))));
  return tools;
}

function button(name, press, label = "") {
  const made = el("button", { type: "button" }, name);
  if (label) Object.assign(made, { ariaLabel: label, title: label });
  made.addEventListener("click", press);
  return made;
}

function slide(name, min, max, step, move) {
  const input = el("input", { type: "range", min, max, step, "aria-label": name });
  const output = el("output");
  input.addEventListener("input", () => move(Number(input.value)));
  return { input, output, label: el("label", { class: "bs-slide" }, el("span", {}, name), output, input) };
}

function syncTools(view) {
  const { look, tools } = view;
  const all = maps(view);
  for (const mode of MODES) pressed(tools.modes[mode], look.mode === mode);
  for (const [name, made] of Object.entries(tools.toggles)) pressed(made, look[name]);
  setSlide(tools.slides.opacity, look.opacity, `${look.opacity} %`);
  setSlide(tools.slides.hide, look.hide, hideWords(view));
  setSlide(tools.slides.keep, look.keep, look.keep === 100 ? "everything" : `${look.keep} %`);
  tools.slides.opacity.input.disabled = look.mode !== "overlay";
  tools.toggles.shared.hidden = all.length < 2;
  tools.toggles.outline.disabled = look.hide === 0 && look.keep === 100;
  tools.toggles.outline.title = tools.toggles.outline.disabled
    ? "Hide the low values first; the outline goes round what is left" : "";
  const zoom = `${Number(look.zoom.toPrecision(2))}×`;
  say(tools.whole, zoom);
  tools.whole.setAttribute("aria-label", `${zoom}, show the whole picture`);
  say(tools.words, scaleWords(view));
  tools.words.hidden = !tools.words.textContent;
}

/* The threshold as a value where all panels have the same scale, else as a share of each. */
function hideWords(view) {
  const { hide } = view.look;
  if (!hide) return "nothing";
  const said = new Set(maps(view).map((map) => {
    const cut = cutOf({ look: { ...view.look, keep: 100 } }, map, scaleOf(view, map));
    return cut === null ? `${hide} % of scale` : withUnit(number(cut), map.unit);
  }));
  return said.size === 1 ? [...said][0] : `${hide} % of scale`;
}

function setSlide({ input, output }, value, words) {
  input.value = value;
  input.setAttribute("aria-valuetext", words);
  say(output, words);
}

function pressed(made, on) {
  made.setAttribute("aria-pressed", String(on));
}

function toggle(view, name) {
  act(view, { [name]: !view.look[name] });
}

function toggleKeys(view) {
  view.tools.keys.hidden = !view.tools.keys.hidden;
  view.tools.help.setAttribute("aria-expanded", String(!view.tools.keys.hidden));
}

function act(view, change) {
  view.look = bounded({ ...view.look, ...change });
  looks.set(view.key, view.look);
  syncTools(view);
  schedule(view);
}

function bounded(look) {
  const zoom = clamp(look.zoom, 1, MOST_ZOOM);
  const edge = 0.5 / zoom;
  return {
    ...look, zoom, x: clamp(look.x, edge, 1 - edge), y: clamp(look.y, edge, 1 - edge),
    opacity: clamp(look.opacity, 0, 100), hide: clamp(look.hide, 0, 100), keep: clamp(look.keep, 1, 100),
  };
}

// ---------------------------------------------------------------- keys

function onKey(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const done = event.key.startsWith("Arrow") ? onArrow(view, event)
    : event.key === " " ? onSpace(view, event) : onLetter(view, event.key);
  if (!done) return;
  event.preventDefault();
  event.stopPropagation();
}

function onLetter(view, key) {
  const { look } = view;
  switch (key.toLowerCase()) {
    case "o": act(view, { mode: look.mode === "overlay" ? "image" : "overlay" }); return true;
    case "m": act(view, { mode: MODES[(MODES.indexOf(look.mode) + 1) % MODES.length] }); return true;
    case "[": act(view, { opacity: look.opacity - 5 }); return true;
    case "]": act(view, { opacity: look.opacity + 5 }); return true;
    case "{": case ",": act(view, { hide: look.hide - 2 }); return true;
    case "}": case ".": act(view, { hide: look.hide + 2 }); return true;
    case "p": toggle(view, "pixelated"); return true;
    case "c": toggle(view, "outline"); return true;
    case "s": toggle(view, "shared"); return true;
    case "+": case "=": zoomBy(view, 1.5); return true;
    case "-": zoomBy(view, 1 / 1.5); return true;
    case "0": showWhole(view); return true;
    case "?": toggleKeys(view); return true;
    default: return false;
  }
}

function isControl(event) {
  return event.target.closest?.("button, input");
}

function onSpace(view, event) {
  if (isControl(event)) return false;
  showPlain(view, true);
  return true;
}

function onKeyUp(view, event) {
  if (event.key === " ") showPlain(view, false);
}

function showPlain(view, plain) {
  if (view.plain === plain) return;
  view.plain = plain;
  schedule(view);
}

function onArrow(view, event) {
  if (isControl(event)) return false;
  const [dx, dy] = {
    ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  }[event.key];
  const { look } = view;
  if (event.shiftKey) {
    act(view, { x: look.x + (0.1 * dx) / look.zoom, y: look.y + (0.1 * dy) / look.zoom });
    return true;
  }
  const { x, y } = view.cursor ?? look;
  const step = 0.02 / look.zoom;
  moveCursor(view, { x: clamp(x + dx * step, 0, 1), y: clamp(y + dy * step, 0, 1) });
  speakCursor(view);
  return true;
}

function moveCursor(view, at) {
  view.cursor = at;
  schedule(view);
}

function speakCursor(view) {
  const said = view.panels.filter((panel) => panel.map && panel.layer)
    .map((panel) => `${panel.sent.title}: ${readOut(view, panel)}`);
  say(view.live, said.join("; "));
}

// ---------------------------------------------------------------- mouse and touch

function listenToStage(view, stage) {
  stage.addEventListener("wheel", (event) => onWheel(view, stage, event), { passive: false });
  stage.addEventListener("dblclick", () => showWhole(view));
  stage.addEventListener("pointerdown", (event) => onDown(view, stage, event));
  stage.addEventListener("pointermove", (event) => onMove(view, stage, event));
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => view.pointers.delete(event.pointerId));
  }
  stage.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse") moveCursor(view, null);
  });
}

/* Where on the stage, and where on the picture, the pointer is; both as shares. */
function pointed(view, stage, { clientX, clientY }) {
  const box = stage.getBoundingClientRect();
  const on = { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
  const { zoom, x, y } = view.look;
  return { on, at: { x: x + (on.x - 0.5) / zoom, y: y + (on.y - 0.5) / zoom } };
}

function onWheel(view, stage, event) {
  if (view.look.zoom === 1 && event.deltaY > 0) return; // the page scrolls on
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 16 : 1;
  zoomBy(view, Math.exp(-event.deltaY * lines * 0.0015), pointed(view, stage, event).on);
}

function zoomBy(view, factor, on = { x: 0.5, y: 0.5 }) {
  const { zoom, x, y } = view.look;
  const next = clamp(zoom * factor, 1, MOST_ZOOM);
  const shift = 1 / zoom - 1 / next;
  act(view, { zoom: next, x: x + (on.x - 0.5) * shift, y: y + (on.y - 0.5) * shift });
}

function showWhole(view) {
  act(view, { zoom: 1, x: 0.5, y: 0.5 });
}

function onDown(view, stage, event) {
  stage.setPointerCapture(event.pointerId);
  view.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  moveCursor(view, pointed(view, stage, event).at);
}

function onMove(view, stage, event) {
  const last = view.pointers.get(event.pointerId);
  if (last) drag(view, stage, event, last);
  const { at } = pointed(view, stage, event);
  const inside = at.x >= 0 && at.x <= 1 && at.y >= 0 && at.y <= 1;
  moveCursor(view, inside ? at : null);
}

function drag(view, stage, event, last) {
  const spread = reach(view);
  view.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (spread) return zoomBy(view, reach(view) / spread, pointed(view, stage, event).on);
  const box = stage.getBoundingClientRect();
  const { zoom, x, y } = view.look;
  act(view, {
    x: x - (event.clientX - last.x) / box.width / zoom,
    y: y - (event.clientY - last.y) / box.height / zoom,
  });
}

/* The distance of two fingers; 0 with fewer. */
function reach(view) {
  const [a, b] = view.pointers.values();
  return b ? Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) : 0;
}

// ---------------------------------------------------------------- the look as a link

const SPELLING = [ // letter, name in the look, times
  ["o", "opacity", 1], ["h", "hide", 1], ["k", "keep", 1], ["p", "pixelated", 1], ["l", "outline", 1],
  ["s", "shared", 1], ["z", "zoom", 100], ["x", "x", 1000], ["y", "y", 1000],
];

/* "m2.o80.z250": only what differs from the plain look. */
function spellLook(look) {
  const parts = look.mode === PLAIN_LOOK.mode ? [] : [`m${MODES.indexOf(look.mode)}`];
  for (const [letter, name, times] of SPELLING) {
    if (look[name] !== PLAIN_LOOK[name]) parts.push(`${letter}${Math.round(Number(look[name]) * times)}`);
  }
  return parts.join(".");
}

function readLook(search) {
  const look = { ...PLAIN_LOOK };
  for (const part of (new URLSearchParams(search).get("look") ?? "").split(".")) {
    const [, letter, digits] = part.match(/^([a-z])(\d{1,6})$/) ?? [];
    const [, name, times] = SPELLING.find(([one]) => one === letter) ?? [];
    if (letter === "m") look.mode = MODES[Number(digits)] ?? look.mode;
    else if (name) look[name] = typeof look[name] === "boolean" ? digits !== "0" : Number(digits) / times;
  }
  return bounded(look);
}

async function copyLink(view) {
  const url = new URL(location.href);
  const spelled = spellLook(view.look);
  if (spelled) url.searchParams.set("look", spelled);
  else url.searchParams.delete("look");
  const done = await copied(url.href);
  say(view.tools.link, done ? "Copied" : "Not allowed");
  say(view.live, done ? "Link copied" : "The browser does not allow copying");
  setTimeout(() => say(view.tools.link, "Copy link"), 2000);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // no permission, or a page that is not served over https
    const field = el("textarea", { style: "position: fixed; opacity: 0" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

// ---------------------------------------------------------------- a panel as a file

function savePanel(view, panel) {
  if (!panel.map || !view.picture) return; // still being decoded
  composed(view, panel).toBlob((blob) => {
    const link = el("a", { href: URL.createObjectURL(blob), download: fileName(panel.sent.title) });
    document.body.append(link); // Firefox only follows links that are in the page
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

function fileName(title) {
  const plain = title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return `${plain || "panel"}.png`;
}

/* Title, picture as seen, color bar with its ends, and what was hidden. */
function composed(view, panel) {
  const margin = 24;
  const wide = SAVED_WIDTH - 2 * margin;
  const high = Math.round((wide * view.data.picture.height) / view.data.picture.width);
  const canvas = canvasOf(SAVED_WIDTH, high + 210);
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(view.root);
  pen.fillStyle = style.backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const inner = canvasOf(wide, high);
  drawPanel(view, panel, inner.getContext("2d"));
  pen.drawImage(inner, margin, 64);
  const write = writer(pen, style, wide);
  write(panel.sent.title, margin, 44, "left", "600 28px");
  const below = 64 + high + 16;
  pen.strokeStyle = style.color;
  pen.strokeRect(margin - 0.5, below - 0.5, wide + 1, 23);
  pen.save();
  pen.translate(margin, below);
  drawBar(view, panel, pen, wide, 22);
  pen.restore();
  const legend = legendOf(panel);
  write(legend.low, margin, below + 48, "left");
  write(legend.middle, margin + wide / 2, below + 48, "center");
  write(legend.high, margin + wide, below + 48, "right");
  write(`${sentence(panel.sent.map.finding)}.`, margin, below + 80, "left");
  write(legend.cut || "Nothing is hidden.", margin, below + 110, "left");
  return canvas;
}

function writer(pen, style, wide) {
  return (text, x, y, align, font = "400 20px") => {
    pen.fillStyle = style.color;
    pen.font = `${font} ${style.fontFamily}`;
    pen.textAlign = align;
    pen.fillText(text, x, y, wide);
  };
}

// ---------------------------------------------------------------- small parts

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function canvasOf(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
