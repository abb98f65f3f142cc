// What a person moves: play, the slider, keys, and the pointer on a curve.

function buildTools(view) {
  const tools = {};
  tools.play = button("Play", () => play(view, !view.playing));
  tools.play.className = "bp-play";
  tools.slide = el("input", { type: "range", min: 0, step: 1, "aria-label": "Step of the walk" });
  tools.slide.addEventListener("input", () => moved(view, Number(tools.slide.value)));
  tools.step = el("output");
  tools.loud = button(`Differences ×${LOUD}`, () => amplify(view));
  tools.keys = el("p", { class: "bp-keys" }, KEYS);
  tools.bar = el("div", { class: "bp-tools" }, tools.play,
    el("label", { class: "bp-slide" }, tools.slide, tools.step), tools.loud);
  return tools;
}

function syncTools(view) {
  const { tools, stops, at } = view;
  const single = stops.length < 2;
  tools.slide.max = Math.max(1, stops.length - 1);
  tools.slide.value = at;
  tools.slide.disabled = tools.play.disabled = single;
  const words = `step ${stops[at]} of ${Math.max(stops.at(-1), ...view.walks.map((walk) => stepsOf(walk.sent)))}`;
  tools.slide.setAttribute("aria-valuetext", words);
  say(tools.step, sentence(words));
  say(tools.play, view.playing ? "❚❚ Pause" : "▶ Play");
  pressed(tools.loud, view.look.loud);
}

function remember(view, change) {
  view.look = { ...view.look, ...change };
  looks.set(view.key, view.look);
  syncTools(view);
  schedule(view);
}

function goTo(view, at) {
  view.at = clamp(at, 0, view.stops.length - 1);
  remember(view, { step: view.at === view.stops.length - 1 ? null : view.stops[view.at] });
}

/* A person moved it: playing ends, and what is seen is said. */
function moved(view, at) {
  play(view, false);
  goTo(view, at);
  speak(view);
}

function amplify(view) {
  remember(view, { loud: !view.look.loud });
}

// ---------------------------------------------------------------- playing

function play(view, on) {
  if (view.playing === on) return;
  view.playing = on;
  clearTimeout(view.timer);
  clearTimeout(view.speaking);
  if (on && view.at === view.stops.length - 1) goTo(view, 0);
  syncTools(view);
  if (on) view.timer = setTimeout(() => tick(view), pace(view));
  else speak(view);
}

function tick(view) {
  goTo(view, view.at + 1);
  if (view.at === view.stops.length - 1) play(view, false);
  else view.timer = setTimeout(() => tick(view), pace(view));
}

function pace(view) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return CALM_MS;
  return clamp(PLAY_MS / view.stops.length, ...TICK_MS);
}

/* What is seen, said once it stands still. */
function speak(view) {
  clearTimeout(view.speaking);
  view.speaking = setTimeout(() => {
    const many = view.walks.length > 1;
    say(view.live, view.walks.filter((walk) => walk.step !== undefined)
      .map((walk) => (many ? `${walk.sent.title}: ` : "") + finding(walk)).join(". "));
  }, SPEAK_MS);
}

// ---------------------------------------------------------------- keys and pointer

function listen(view) {
  if (!view.bare) view.root.addEventListener("keydown", (event) => onKey(view, event));
  view.root.addEventListener("pointerenter", () => (view.inside = true));
  view.root.addEventListener("pointerleave", () => (view.inside = false));
  view.onDocumentKey = (event) => {
    if (!view.bare && view.inside && document.activeElement === document.body) onKey(view, event);
  };
  document.addEventListener("keydown", view.onDocumentKey);
  view.resizing = new ResizeObserver(() => schedule(view));
  view.resizing.observe(view.root);
}

function onKey(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("details")) return;
  const done = event.key === " " ? onSpace(view, event) : onStep(view, event);
  if (!done) return;
  event.preventDefault();
  event.stopPropagation();
}

function onSpace(view, event) {
  if (event.target.closest?.("button") || view.stops.length < 2) return false; // it is pressed already
  play(view, !view.playing);
  return true;
}

function onStep(view, { key, target }) {
  const slider = target === view.tools.slide; // elsewhere up and down scroll the page
  switch (key) {
    case "ArrowLeft": moved(view, view.at - 1); return true;
    case "ArrowRight": moved(view, view.at + 1); return true;
    case "ArrowDown": if (slider) moved(view, view.at - 1); return slider;
    case "ArrowUp": if (slider) moved(view, view.at + 1); return slider;
    case "Home": moved(view, 0); return true;
    case "End": moved(view, view.stops.length - 1); return true;
    case "x": case "X": amplify(view); return true;
    default: return false;
  }
}

function listenToPlot(view, area) {
  const scrub = (event) => {
    const box = area.getBoundingClientRect();
    moved(view, stopNear(view, (view.last * clamp(event.clientX - box.left, 0, box.width)) / box.width));
  };
  area.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    area.setPointerCapture(event.pointerId);
    scrub(event);
  });
  area.addEventListener("pointermove", (event) => {
    if (area.hasPointerCapture(event.pointerId)) scrub(event);
  });
}
