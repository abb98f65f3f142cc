// Pictures: opening the sheets, drawing a step's image and how far it is from both ends.

async function loadSheets(view, walk) {
  const { frames, residues } = walk.sent;
  if (walk.sheetNames.frames === frames.src && walk.sheetNames.residues === residues.src) return;
  walk.sheetNames = { frames: frames.src, residues: residues.src };
  const [colors, codes] = await Promise.all([bitmapOf(frames.src), codesOf(residues.src)]);
  if (walk.sheetNames.frames !== frames.src || walk.sheetNames.residues !== residues.src) return;
  Object.assign(walk, { frames: colors, residues: codes });
  schedule(view);
}

/* A gray sheet as its bytes. */
async function codesOf(src) {
  const bitmap = await bitmapOf(src);
  const { width, height } = bitmap;
  const pen = canvasOf(width, height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  const { data } = pen.getImageData(0, 0, width, height);
  return { width, codes: Uint8Array.from({ length: width * height }, (_, at) => data[4 * at]) };
}

function schedule(view) {
  cancelAnimationFrame(view.frame);
  view.frame = requestAnimationFrame(() => render(view));
}

function render(view) {
  const step = view.stops[view.at];
  for (const walk of view.walks) {
    const { sent } = walk;
    walk.at = Math.max(0, sent.steps.filter((one) => one <= step).length - 1);
    walk.step = sent.steps[walk.at];
    drawFrame(walk);
    drawHeat(view, walk, walk.target, walk.at);
    drawHeat(view, walk, walk.source, sent.steps.length + walk.at);
    writeWalk(view, walk);
    movePlots(view, walk, step);
    drawScale(view, walk);
  }
}

/* The upper left corner of an image in its sheet. */
function cornerOf({ columns, cell: [width, height] }, at) {
  return [(at % columns) * width, Math.floor(at / columns) * height];
}

function drawFrame(walk) {
  if (!walk.frames) return;
  const { frames, small } = walk.sent;
  const dense = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(walk.canvas.clientWidth * dense));
  const height = Math.max(1, Math.round((width * walk.sent.height) / walk.sent.width));
  if (walk.canvas.width !== width || walk.canvas.height !== height) Object.assign(walk.canvas, { width, height });
  const pen = walk.canvas.getContext("2d");
  pen.imageSmoothingEnabled = !small;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(walk.frames, ...cornerOf(frames, walk.at), ...frames.inner, 0, 0, width, height);
}

function drawHeat(view, walk, end, at) {
  if (!walk.residues) return;
  const { residues } = walk.sent;
  const [wide, high] = residues.inner;
  if (end.heat.width !== wide || end.heat.height !== high) Object.assign(end.heat, { width: wide, height: high });
  const pen = end.heat.getContext("2d");
  const image = pen.createImageData(wide, high);
  const [left, top] = cornerOf(residues, at);
  const shades = shadesOf(view, residues);
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const code = walk.residues.codes[(top + y) * walk.residues.width + left + x];
      if (code === 255) continue; // not known
      const [to, from] = [4 * (y * wide + x), 3 * shades[code]];
      image.data[to] = view.ramp[from];
      image.data[to + 1] = view.ramp[from + 1];
      image.data[to + 2] = view.ramp[from + 2];
      image.data[to + 3] = 255;
    }
  }
  pen.putImageData(image, 0, 0);
}

/* From a code to a place in the ramp: its value's share of all walks' scale, or ten times that. */
function shadesOf(view, { top, scale }) {
  const times = (view.look.loud ? LOUD : 1) * (scale / (view.scale || 1));
  return Array.from({ length: top + 1 }, (_, code) =>
    clamp(Math.round(255 * times * (code / top) ** 2), 0, 255));
}

// ---------------------------------------------------------------- the scale of both heat maps

function buildScale() {
  const scale = { bar: el("canvas", { class: "bp-bar", "aria-hidden": "true", width: 256, height: 1 }) };
  scale.high = el("span");
  scale.words = el("span", { class: "bp-note" });
  scale.box = el("p", { class: "bp-scale" }, "Difference to source and to target: 0", scale.bar, scale.high, scale.words);
  return scale;
}

function drawScale(view, walk) {
  const pen = walk.scale.bar.getContext("2d");
  const image = pen.createImageData(256, 1);
  for (let at = 0; at < 256; at++) {
    image.data.set([...view.ramp.subarray(3 * at, 3 * at + 3), 255], 4 * at);
  }
  pen.putImageData(image, 0, 0);
  const { look: { loud }, scale } = view;
  say(walk.scale.high, loud ? `${short(scale / LOUD)} and more` : short(scale));
  say(walk.scale.words, loud
    ? "of 1, black against white; drawn ten times as strong."
    : "of 1, black against white; one scale for all steps.");
}

// ---------------------------------------------------------------- words

function writeWalk(view, walk) {
  const { sent, at, step } = walk;
  const [best, ...rest] = sent.top[at];
  const told = finding(walk);
  say(walk.which, `the image at step ${step}`);
  say(walk.said, told);
  walk.canvas.setAttribute("aria-label", `The image at ${told.charAt(0).toLowerCase()}${told.slice(1)}`);
  const [name, value] = best ?? ["no classes", null];
  walk.verdict.replaceChildren(el("b", {}, name), ` ${decimals(value)}`);
  walk.verdict.dataset.is = roleOf(sent, name);
  say(walk.way, wayOf(sent, step));
  for (const [end, curve] of [[walk.source, "toSource"], [walk.target, "toTarget"]]) {
    const apart = sent.curves[curve][step];
    const known = isNumber(apart) ? `, RMSE ${short(apart)}` : "";
    end.heat.setAttribute("aria-label", `Difference to the ${end.kind} at step ${step}${known}`);
  }
  fillBars(walk, [best, ...rest].filter(Boolean));
}

function finding({ sent, at, step }) {
  const [best] = sent.top[at];
  const says = best ? `the model says ${best[0]} ${decimals(best[1])}` : "no classes";
  const apart = sent.curves.toTarget[step];
  const residue = isNumber(apart) ? `; RMSE to target ${short(apart)}` : "";
  return `Step ${step} of ${stepsOf(sent)}: ${says}${residue}`;
}

/* How much of the distance to the target is gone. */
function wayOf({ curves: { toTarget } }, step) {
  const [whole, left] = [toTarget[0], toTarget[step]];
  if (!isNumber(left) || !whole) return "";
  return `${Math.floor(100 * clamp(1 - left / whole, 0, 1))} % of the way to the target image`;
}

function roleOf(sent, name) {
  if (name === sent.source.label) return "source";
  return name === sent.target.label ? "target" : "other";
}

function fillBars(walk, rows) {
  const { sent, step } = walk;
  const own = sent.source.label;
  const lost = own && !rows.some(([name]) => name === own);
  if (lost) rows = [...rows, [own, sent.curves.source[step]]];
  walk.bars.replaceChildren(...rows.map(([name, value], at) => {
    const is = roleOf(sent, name);
    const tag = is === "other" ? [] : [el("i", {}, sent.tags[is])];
    const fill = el("span", { class: "bp-fill" });
    fill.style.width = `${100 * (value ?? 0)}%`;
    const bar = el("li", { "data-is": is }, fill,
      el("span", { class: "bp-name" }, name, ...tag), el("span", { class: "bp-value" }, decimals(value)));
    bar.title = name;
    bar.toggleAttribute("data-lost", Boolean(lost) && at === rows.length - 1);
    return bar;
  }));
}

function isNumber(value) {
  return value !== null && value !== undefined;
}

/* A probability; more digits where two would say none or all. */
function decimals(value) {
  if (!isNumber(value)) return "";
  return value > 0.995 || value < 0.005 ? value.toFixed(3) : value.toFixed(2);
}

function short(value) {
  if (!isNumber(value)) return "unknown";
  return value && value < 1e-3 ? value.toExponential(0).replace("-", "−") : String(Number(value.toPrecision(2)));
}
