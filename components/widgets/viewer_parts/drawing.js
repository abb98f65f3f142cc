// From numbers to the screen: panels, color bars, and the words beside them.

// ---------------------------------------------------------------- drawing

function schedule(view) {
  cancelAnimationFrame(view.frame);
  view.frame = requestAnimationFrame(() => render(view));
}

function render(view) {
  if (!view.picture) return;
  applyWindow(view);
  for (const panel of view.panels) {
    const pen = sized(panel.canvas, panel.stage);
    drawPanel(view, panel, pen);
    if (view.data.truth && view.look.truth && !view.plain) drawTruth(view, pen);
    drawEdges(view, pen);
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
  drawBorder(view, outlineOf(map, layer).path, layer.field, pen, "#fff");
}

/* The border of what is known to matter, in a color of its own. */
function drawTruth(view, pen) {
  drawBorder(view, new Path2D(view.data.truth.path), view.data.truth, pen, TRUTH);
}

/* A path in units of a grid, in a color that a black line sets off from any ground. */
function drawBorder(view, border, { width, height }, pen, color) {
  const path = new Path2D();
  path.addPath(border, placing(view, pen.canvas).scale(1 / width, 1 / height));
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.lineCap = "square";
  for (const [ink, wide] of [["#000", 3.4], [color, 1.6]]) {
    pen.strokeStyle = ink;
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
  return `x ${x}, y ${y} px${scanWords(view)}`;
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
