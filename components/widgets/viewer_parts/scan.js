// A scan behind the picture: its window at full bit depth, and the patient's sides at the edges.

const KEYS_OF_SCANS = [
  ["Right-drag", "window: up and down the center, left and right the width"],
  ["W", "window mode: a plain drag, and the arrows, move the window"],
  ["1 to 9", "the windows of the list, in its order"],
];
const HALF_LIFE = 150; // px of drag that widen the window e times
const DIGITS = 6; // of a center or width, as in components/sidebar/medical.py
const WINDOW_STEP = 8; // px of drag that one press of an arrow stands for

// ---------------------------------------------------------------- decoding and windowing

function grayOf(view) {
  return view.data?.picture.scan?.gray ?? null;
}

/* The indices of a slice, 0 to 65535, and where it has no value. */
async function decodeScan(sent) {
  const bitmap = await bitmapOf(sent);
  const { width, height } = bitmap;
  const pen = canvasOf(width, height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  const bytes = pen.getImageData(0, 0, width, height).data;
  const indices = new Uint16Array(width * height);
  const known = new Uint8Array(width * height);
  for (let i = 0; i < indices.length; i++) {
    indices[i] = bytes[4 * i] * 256 + bytes[4 * i + 1];
    known[i] = bytes[4 * i + 2] < 128;
  }
  return { indices, known, width, height, canvas: canvasOf(width, height), name: "" };
}

function windowOf(view) {
  return view.look.window ?? grayOf(view).window;
}

/* DICOM's formulas, as in engine/vision/images/window.py: 0 is black, 1 is white. */
function brightness({ center, width, shape, table }, value) {
  switch (shape) {
    case "linear":
      return width === 1 ? Number(value > center - 0.5) : (value - (center - 0.5)) / (width - 1) + 0.5;
    case "sigmoid": return 1 / (1 + Math.exp((-4 * (value - center)) / width));
    case "table": {
      const at = Math.floor(((value - center) / width + 0.5) * table.length);
      return table[clamp(at, 0, table.length - 1)];
    }
    default: return (value - center) / width + 0.5;
  }
}

/* Paints the slice through the window; nothing is done while the window stays. */
function applyWindow(view) {
  const gray = grayOf(view);
  const { deep } = view;
  if (!gray || !deep) return;
  const shown = windowOf(view);
  const name = [shown.center, shown.width, shown.shape, gray.inverted, gray.low, gray.step].join();
  if (name === deep.name) return;
  deep.name = name;
  const levels = new Uint8ClampedArray(gray.top + 1);
  for (let index = 0; index <= gray.top; index++) {
    const share = clamp(brightness(shown, gray.low + index * gray.step), 0, 1);
    levels[index] = 255 * (gray.inverted ? 1 - share : share);
  }
  const pen = deep.canvas.getContext("2d");
  const image = pen.createImageData(deep.width, deep.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) {
    const level = deep.known[i] ? levels[deep.indices[i]] : 0;
    pixels[i] = 0xff000000 | (level << 16) | (level << 8) | level;
  }
  pen.putImageData(image, 0, 0);
}

/* The scan's own value under the cursor, in words; "" without one. */
function scanWords(view) {
  const gray = grayOf(view);
  if (!gray || !view.deep || !view.cursor) return "";
  const { indices, known, width, height } = view.deep;
  const x = Math.min(width - 1, Math.floor(view.cursor.x * width));
  const y = Math.min(height - 1, Math.floor(view.cursor.y * height));
  const at = y * width + x;
  if (!known[at]) return ", no value in the scan";
  return `, scan ${withUnit(number(gray.low + indices[at] * gray.step), gray.unit)}`;
}

// ---------------------------------------------------------------- moving the window

function setWindow(view, center, width) {
  const gray = grayOf(view);
  if (!Number.isFinite(center) || !(width > 0)) return;
  const span = gray.step * gray.top || 1;
  const now = windowOf(view);
  const shape = now.shape === "table" || (now.shape === "linear" && width < 1) ? "linear exact" : now.shape;
  act(view, {
    window: {
      center: clamp(center, gray.low - 2 * span, gray.low + 3 * span),
      width: clamp(width, Math.min(gray.step || 1, 1), 8 * span), shape, table: [],
    },
  });
}

function dragWindow(view, dx, dy) {
  const { center, width } = windowOf(view);
  const digits = clamp(Math.ceil(3 - Math.log10(width)), 0, 100); // finer steps are not seen
  const moved = (value, by) => (by ? Number((value + by).toFixed(digits)) : value);
  setWindow(view, moved(center, (dy * width) / (2 * HALF_LIFE)), moved(width, width * Math.expm1(dx / HALF_LIFE)));
}

function choosePreset(view, at) {
  const gray = grayOf(view);
  if (!gray || at < 0 || at > gray.presets.length) return false;
  act(view, { window: at === 0 ? null : gray.presets[at - 1] });
  return true;
}

/* The place in the list: 0 is the model's, the last one an own window. */
function chosenPreset(view) {
  const { window } = view.look;
  const { presets } = grayOf(view);
  if (!window) return 0;
  const same = presets.findIndex((one) => one.center === window.center
    && one.width === window.width && one.shape === window.shape);
  return same < 0 ? presets.length + 1 : same + 1;
}

function isWindowing(view, event) {
  return Boolean(grayOf(view)) && (event.button === 2 || view.windowing);
}

function toggleWindowing(view) {
  if (!grayOf(view)) return false;
  view.windowing = !view.windowing;
  syncWindow(view);
  return true;
}

function onWindowKey(view, key) {
  if (key === "w") return toggleWindowing(view);
  return /^[1-9]$/.test(key) && choosePreset(view, Number(key) - 1);
}

function arrowWindow(view, dx, dy) {
  dragWindow(view, dx * WINDOW_STEP, dy * WINDOW_STEP);
  say(view.live, sentence(spokenWindow(windowOf(view), "")));
}

// ---------------------------------------------------------------- its controls

function buildWindow(view) {
  const made = { list: el("select"), listed: "" };
  made.list.addEventListener("change", () => choosePreset(view, made.list.selectedIndex));
  made.center = el("input", { type: "number", step: "any" });
  made.width = el("input", { type: "number", step: "any", min: "0" });
  made.center.addEventListener("input", () =>
    setWindow(view, made.center.valueAsNumber, windowOf(view).width));
  made.width.addEventListener("input", () =>
    setWindow(view, windowOf(view).center, made.width.valueAsNumber));
  for (const input of [made.center, made.width]) input.addEventListener("blur", () => syncWindow(view));
  made.drag = button("Drag", () => toggleWindowing(view), "Window by dragging on the picture");
  made.keys = KEYS_OF_SCANS.map(([key, does]) => el("div", {}, el("dt", {}, key), el("dd", {}, does)));
  made.units = [el("span"), el("span")];
  const labeled = (words, input, unit = "") =>
    el("label", { class: "bs-field" }, el("span", {}, words, unit), input);
  made.bar = el("div", { class: "bs-window", role: "group", "aria-label": "Window of the scan" },
    labeled("Window", made.list), labeled("Center", made.center, made.units[0]),
    labeled("Width", made.width, made.units[1]), made.drag);
  made.words = el("p", { class: "bs-words" });
  return made;
}

function syncWindow(view) {
  const { window: made } = view.tools;
  const scan = view.data?.picture.scan;
  const gray = grayOf(view);
  made.bar.hidden = !gray;
  for (const row of made.keys) row.hidden = !gray;
  say(made.words, [gray ? windowWords(view) : "", scan ? sidesWords(scan) : ""].filter(Boolean).join(" "));
  made.words.hidden = !scan;
  view.windowing &&= Boolean(gray);
  view.root.toggleAttribute("data-windowing", view.windowing);
  if (!gray) return;
  pressed(made.drag, view.windowing);
  for (const unit of made.units) say(unit, gray.unit ? ` (${gray.unit})` : "");
  const names = ["As the model sees it", ...gray.presets.map((one) => one.name), "Your own"];
  if (made.listed !== names.join("\n")) {
    made.listed = names.join("\n");
    made.list.replaceChildren(...names.map((name) => el("option", {}, name)));
  }
  made.list.selectedIndex = chosenPreset(view);
  made.list.lastChild.hidden = chosenPreset(view) < names.length - 1;
  const { center, width } = windowOf(view);
  fillField(made.center, center);
  fillField(made.width, width);
}

/* Fields that are being typed in are left alone. */
function fillField(input, value) {
  if (input.getRootNode().activeElement === input) return;
  input.value = String(Number(value.toPrecision(DIGITS)));
}

/* A window in words, to as many digits as its fields. */
function spokenWindow({ center, width }, unit) {
  const [middle, across] = [center, width].map((value) =>
    String(Number(value.toPrecision(DIGITS))).replace(/-/g, "−"));
  return `center ${middle}, width ${withUnit(across, unit)}`;
}

function windowWords(view) {
  const { window, unit } = grayOf(view);
  const model = spokenWindow(window, unit);
  return view.look.window
    ? `The model saw another window: ${model}.`
    : `This is the window that the model saw: ${model}.`;
}

function sidesWords({ edges }) {
  if (!edges) return "Orientation unknown.";
  return edges.left.startsWith("R") ? "Radiological convention: the patient's right is on the left." : "";
}

// ---------------------------------------------------------------- the patient's sides

/* Letters on the picture itself, as saved panels have them (as_seen.py). */
function drawEdges(view, pen) {
  const scan = view.data.picture.scan;
  if (!scan) return;
  const { width, height } = pen.canvas;
  const dense = window.devicePixelRatio || 1;
  const size = clamp(Math.min(width, height) / 18, 12 * dense, 22 * dense);
  const margin = size * 0.4;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.font = `600 ${size}px ${getComputedStyle(view.root).fontFamily}`;
  pen.lineJoin = "round";
  pen.lineWidth = size / 4;
  pen.strokeStyle = "#000";
  pen.fillStyle = "#fff";
  const write = (text, x, y, align, baseline) => {
    Object.assign(pen, { textAlign: align, textBaseline: baseline });
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  };
  if (!scan.edges) {
    pen.font = `400 ${size * 0.7}px ${getComputedStyle(view.root).fontFamily}`;
    return write("orientation unknown", width / 2, height - margin, "center", "bottom");
  }
  write(scan.edges.left, margin, height / 2, "left", "middle");
  write(scan.edges.right, width - margin, height / 2, "right", "middle");
  write(scan.edges.top, width / 2, margin, "center", "top");
  write(scan.edges.bottom, width / 2, height - margin, "center", "bottom");
}

function edgesLabel(view) {
  const edges = view.data.picture.scan?.edges;
  return edges
    ? `; left ${edges.left}, right ${edges.right}, top ${edges.top}, bottom ${edges.bottom}` : "";
}
