/*
 * The path player: one to three walks under one step slider. Python sends each walk's images as
 * two sheets and a number for every step (player.py); from there everything happens here.
 * Streamlit calls the default function again whenever its data or the theme changes, with the
 * same parent element, so the view is kept and only brought up to date. Titles, notes and labels
 * are other people's text and only ever go through textContent.
 */

const PLAIN_LOOK = { step: null, loud: false }; // no step: the end, however far the walk gets
const LOUD = 10;
const PLAY_MS = 7000; // for the whole walk
const TICK_MS = [70, 300]; // the shortest and longest time for one image
const CALM_MS = 1200; // for one image, where less motion is asked for
const SPEAK_MS = 500;
const KEYS = "Space plays, arrow keys step, Home and End go to the ends, X shows differences ×10.";

const looks = new Map(); // key → look; outlives reruns and page changes
const views = new WeakMap(); // parent element → view

export default function ({ parentElement, data }) {
  const view = views.get(parentElement) ?? mount(parentElement, data);
  const call = {};
  view.call = call;
  update(view, data);
  return () => {
    if (view.call !== call) return; // a newer call has taken over
    unmount(view);
    views.delete(parentElement);
  };
}

function mount(parent, { key, bare }) {
  const view = {
    key, bare, look: looks.get(key) ?? { ...PLAIN_LOOK }, walks: [], stops: [0], at: 0, last: 1,
    playing: false, timer: 0, frame: 0, speaking: 0, inside: false,
  };
  view.root = el("div", { class: "bp-player", role: "group", "aria-label": "Path player" });
  view.tools = buildTools(view);
  view.grid = el("div", { class: "bp-walks" });
  view.live = el("div", { class: "bp-unseen", role: "status", "aria-live": "polite" });
  view.root.append(view.tools.bar, view.grid, view.tools.keys, view.live);
  view.root.toggleAttribute("data-bare", Boolean(bare));
  parent.append(view.root);
  listen(view);
  views.set(parent, view);
  return view;
}

function unmount(view) {
  document.removeEventListener("keydown", view.onDocumentKey);
  view.resizing.disconnect();
  clearTimeout(view.timer);
  clearTimeout(view.speaking);
  cancelAnimationFrame(view.frame);
  view.root.remove();
}

function update(view, data) {
  view.ramp = bytesOf(data.ramp);
  view.root.toggleAttribute("data-dark", isDark(view));
  while (view.walks.length > data.walks.length) view.walks.pop().box.remove();
  while (view.walks.length < data.walks.length) view.walks.push(buildWalk(view));
  view.grid.dataset.count = data.walks.length;
  view.stops = [...new Set(data.walks.flatMap((sent) => sent.steps))].sort((a, b) => a - b);
  view.last = Math.max(1, ...data.walks.map(stepsOf));
  view.scale = Math.max(...data.walks.map(({ residues }) => residues.scale));
  view.farthest = Math.max(0, ...data.walks.flatMap(({ curves }) =>
    [...curves.toTarget, ...curves.toSource].filter(isNumber)));
  view.walks.forEach((walk, at) => fillWalk(view, walk, data.walks[at]));
  view.at = stopNear(view, view.look.step ?? Infinity);
  syncTools(view);
  schedule(view);
  if (view.bare && !view.begun) begin(view);
}

/* A bare player plays once by itself, from the start. */
function begin(view) {
  view.begun = true;
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play(view, true);
}

/* How many steps a walk has taken. */
function stepsOf(sent) {
  return Math.max(sent.curves.source.length - 1, sent.steps.at(-1));
}

function stopNear(view, step) {
  let best = 0;
  view.stops.forEach((stop, at) => {
    if (Math.abs(stop - step) <= Math.abs(view.stops[best] - step)) best = at;
  });
  return step === Infinity ? view.stops.length - 1 : best;
}

// ---------------------------------------------------------------- one walk

function buildWalk(view) {
  const walk = { frames: null, residues: null, sheetNames: {} };
  walk.title = el("strong", { class: "bp-title" });
  walk.note = el("span", { class: "bp-note" });
  walk.said = el("p", { class: "bp-said" });
  walk.source = buildEnd("source", "Changed so far");
  walk.target = buildEnd("target", "Still missing");
  walk.canvas = el("canvas", { role: "img", class: "bp-frame" });
  walk.verdict = el("p", { class: "bp-verdict" });
  walk.way = el("p", { class: "bp-way" });
  walk.bars = el("ol", { class: "bp-bars", "aria-label": "Most probable classes" });
  walk.scale = buildScale();
  walk.which = el("span");
  const now = el("div", { class: "bp-now" },
    el("p", { class: "bp-over" }, el("b", {}, "You see"), walk.which), walk.canvas);
  const says = el("div", { class: "bp-says" },
    el("p", { class: "bp-over" }, el("b", {}, "The model says")), walk.verdict, walk.way,
    el("p", { class: "bp-over" }, "Its five most probable classes"), walk.bars);
  walk.stage = el("div", { class: "bp-stage" }, walk.source.box, now, says, walk.target.box);
  walk.confidence = buildPlot(view, "confidence");
  walk.distance = buildPlot(view, "distance");
  walk.table = buildTable(view, walk);
  walk.box = el("section", { class: "bp-walk" },
    el("div", { class: "bp-head" }, walk.title, walk.note), walk.said, walk.stage, walk.scale.box,
    el("div", { class: "bp-plots" }, walk.confidence.box, walk.distance.box), walk.table.box);
  view.grid.append(walk.box);
  return walk;
}

/* An end of the walk: its picture, and how far from it the walk is now. */
function buildEnd(kind, missing) {
  const end = { kind, name: el("b") };
  end.image = el("img", { class: "bp-thumb" });
  end.label = el("span");
  end.heat = el("canvas", { role: "img", class: "bp-thumb" });
  end.box = el("div", { class: `bp-end bp-${kind}` },
    el("figure", {}, el("figcaption", {}, end.name, end.label), end.image),
    el("figure", {}, el("figcaption", {}, el("b", {}, missing)), end.heat));
  return end;
}

function fillWalk(view, walk, sent) {
  walk.sent = sent;
  say(walk.title, sent.title);
  say(walk.note, sent.partial ? ["so far", sent.note].filter(Boolean).join("; ") : sent.note);
  walk.box.setAttribute("aria-label", sent.title);
  walk.box.toggleAttribute("data-small", sent.small);
  walk.box.style.setProperty("--aspect", `${sent.width} / ${sent.height}`);
  const began = decimals(sent.reference);
  fillEnd(walk.source, sent.source, sent.source.label && `${sent.source.label} ${began}`);
  fillEnd(walk.target, sent.target, sent.target.seen);
  fillPlots(view, walk);
  fillTable(view, walk);
  loadSheets(view, walk);
}

function fillEnd(end, sent, words) {
  if (end.image.getAttribute("src") !== sent.src) end.image.setAttribute("src", sent.src);
  say(end.name, sent.name);
  end.image.setAttribute("alt", `The ${end.kind}${words ? `, seen by the model as ${words}` : ""}`);
  say(end.label, words);
  end.label.title = words;
}
