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
  pixelated: false, outline: false, shared: false, truth: true, zoom: 1, x: 0.5, y: 0.5, window: null,
};
const MOST_ZOOM = 40;
const SMOOTH_SIDE = 448; // px; smooth maps are interpolated as values up to about this size
const MOST_EDGES = 15000; // an outline with more is speckle, slow to draw and says nothing
const TRUTH = "#ff7f2a"; // the border of what is known to matter
const KEYS = [
  ["Space, held", "show the plain picture"],
  ["O", "overlay on and off"],
  ["M", "picture, overlay, map in turn"],
  ["[ and ]", "less, more opacity"],
  ["{ and }", "hide less, more of the low values; also comma and full stop"],
  ["P", "pixelated or smooth"],
  ["C", "outline of what is shown"],
  ["S", "same scale or one for each panel"],
  ["T", "border of the known truth, where there is one"],
  ["+ − 0", "zoom in, out, back to the whole"],
  ["Arrows", "move the read-out; with Shift, the zoomed picture"],
  ["?", "this list"],
];

const looks = new Map(); // key → look; outlives reruns and page changes
const views = new WeakMap(); // parent element → view

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  const view = views.get(parentElement) ?? mount(parentElement, data);
  Object.assign(view, { sendState: setStateValue, sendTrigger: setTriggerValue });
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

function mount(parent, { key, bare }) {
  const view = {
    key, bare, look: looks.get(key) ?? { ...PLAIN_LOOK, ...readLook(location.search) },
    data: null, picture: null, pictureSrc: "", deep: null, panels: [],
    cursor: null, plain: false, windowing: false, inside: false, frame: 0, pointers: new Map(),
  };
  looks.set(key, view.look);
  view.root = el("div", { class: "bs-viewer" });
  view.tools = buildTools(view);
  view.grid = el("div", { class: "bs-panels" });
  view.live = el("div", { class: "bs-unseen", role: "status", "aria-live": "polite" });
  const { bar, words, window, keys } = view.tools;
  view.root.append(view.grid, bar, words, window.words, keys, view.live); // the picture comes first
  view.root.toggleAttribute("data-bare", Boolean(bare));
  parent.append(view.root);
  listen(view);
  views.set(parent, view);
  return view;
}

function listen(view) {
  if (!view.bare) listenToKeys(view);
  view.onPress = (event) => tellLook(view, event);
  document.addEventListener("click", view.onPress, true); // before Streamlit sends the press
  view.root.addEventListener("focusout", () => showPlain(view, false));
  view.root.addEventListener("pointerenter", () => (view.inside = true));
  view.root.addEventListener("pointerleave", () => (view.inside = false));
  view.resizing = new ResizeObserver(() => schedule(view));
  view.resizing.observe(view.root);
}

function listenToKeys(view) {
  view.root.addEventListener("keydown", (event) => onKey(view, event));
  view.root.addEventListener("keyup", (event) => onKeyUp(view, event));
  view.onDocumentKey = (event) => {
    if (!view.inside || document.activeElement !== document.body) return;
    (event.type === "keydown" ? onKey : onKeyUp)(view, event);
  };
  document.addEventListener("keydown", view.onDocumentKey);
  document.addEventListener("keyup", view.onDocumentKey);
}

function unmount(view) {
  document.removeEventListener("keydown", view.onDocumentKey);
  document.removeEventListener("keyup", view.onDocumentKey);
  document.removeEventListener("click", view.onPress, true);
  view.resizing.disconnect();
  cancelAnimationFrame(view.frame);
  view.root.remove();
}

function update(view, data) {
  view.data = data;
  ownScan(view);
  view.ramps = Object.fromEntries(
    Object.entries(data.ramps).map(([name, text]) => [name, bytesOf(text)]),
  );
  fitPanels(view, data.panels.length);
  view.grid.dataset.count = data.panels.length;
  view.panels.forEach((panel, at) => fillPanel(view, panel, data.panels[at]));
  loadPicture(view);
  syncTools(view);
  schedule(view);
  takeSaved(view);
}

/* A window belongs to its scan: another file begins with its own. */
function ownScan(view) {
  const name = view.data.picture.scan?.name ?? "";
  const { look } = view;
  const other = look.scan !== undefined && look.scan !== name;
  view.look = { ...look, scan: name, window: other ? null : look.window };
  looks.set(view.key, view.look);
}

async function loadPicture(view) {
  const { src, width, height, scan } = view.data.picture;
  for (const panel of view.panels) {
    panel.stage.style.aspectRatio = `${width} / ${height}`;
    panel.stage.style.width = `min(100%, ${78 * (width / height)}vh)`;
  }
  if (src === view.pictureSrc) return;
  view.pictureSrc = src;
  const deep = scan?.gray ? await decodeScan(src) : null;
  const picture = deep?.canvas ?? await bitmapOf(src);
  if (src !== view.pictureSrc) return;
  Object.assign(view, { deep, picture });
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
  panel.save = el("button", { type: "button", title: "Save this panel as seen, at the picture's own resolution" }, "Save PNG");
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
  panel.stage.setAttribute("aria-label", `${sent.title}; arrow keys read the values${edgesLabel(view)}`);
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
