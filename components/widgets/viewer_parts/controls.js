// What a person moves: the toolbar, keys, mouse and touch.

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
  tools.toggles.truth = button("Truth", () => toggle(view, "truth"), "Border of the known truth");
  tools.out = button("−", () => zoomBy(view, 1 / 1.5), "Zoom out");
  tools.whole = button("1×", () => showWhole(view), "1×, show the whole picture");
  tools.in = button("+", () => zoomBy(view, 1.5), "Zoom in");
  const zooms = el("span", { class: "bs-group", role: "group", "aria-label": "Zoom" },
    tools.out, tools.whole, tools.in);
  tools.link = button("Copy link", () => copyLink(view));
  tools.help = button("Keys", () => toggleKeys(view), "List of keys");
  tools.window = buildWindow(view);
  tools.bar = el("div", { class: "bs-tools", role: "group", "aria-label": "Look of the maps" },
    modes, ...Object.values(tools.slides).map((one) => one.label), tools.window.bar,
    el("span", { class: "bs-buttons" },
      ...Object.values(tools.toggles), zooms, tools.link, tools.help));
  tools.words = el("p", { class: "bs-words" });
  tools.keys = el("dl", { class: "bs-keys", hidden: "" },
    ...KEYS.map(([key, does]) => el("div", {}, el("dt", {}, key), el("dd", {}, does))),
    ...tools.window.keys);
  return tools;
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
  tools.toggles.truth.hidden = !view.data?.truth;
  tools.toggles.outline.disabled = look.hide === 0 && look.keep === 100;
  tools.toggles.outline.title = tools.toggles.outline.disabled
    ? "Hide the low values first; the outline goes round what is left" : "";
  const zoom = `${Number(look.zoom.toPrecision(2))}×`;
  say(tools.whole, zoom);
  tools.whole.setAttribute("aria-label", `${zoom}, show the whole picture`);
  say(tools.words, scaleWords(view));
  tools.words.hidden = !tools.words.textContent;
  syncWindow(view);
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
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
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
    case "t": toggle(view, "truth"); return true;
    case "+": case "=": zoomBy(view, 1.5); return true;
    case "-": zoomBy(view, 1 / 1.5); return true;
    case "0": showWhole(view); return true;
    case "?": toggleKeys(view); return true;
    default: return onWindowKey(view, key.toLowerCase());
  }
}

function isControl(event) {
  return event.target.closest?.("button, input");
}

function isTyping(event) {
  return event.target.closest?.("input[type=number], select");
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
  if (view.windowing) {
    arrowWindow(view, dx, dy);
    return true;
  }
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
  stage.addEventListener("contextmenu", (event) => grayOf(view) && event.preventDefault());
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
  const windowing = isWindowing(view, event);
  view.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, windowing });
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
  view.pointers.set(event.pointerId, { ...last, x: event.clientX, y: event.clientY });
  if (spread) return zoomBy(view, reach(view) / spread, pointed(view, stage, event).on);
  if (last.windowing) return dragWindow(view, event.clientX - last.x, event.clientY - last.y);
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
