// A play button: asks for the next step when the one before is drawn and was seen for a while.

const PACE_MS = 1000; // for one step
const CALM_MS = 2500; // where less motion is asked for
const PATIENCE_MS = 30000; // for a step to be drawn; it may never be

const views = new WeakMap(); // parent element → view

function pace() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? CALM_MS : PACE_MS;
}

function mount(parent) {
  const button = document.createElement("button");
  button.type = "button";
  const view = { button, playing: false, wanted: null, timer: 0 };
  button.onclick = () => play(view, !view.playing);
  parent.append(button);
  views.set(parent, view);
  return view;
}

function play(view, on) {
  const { at, last } = view.data;
  clearTimeout(view.timer);
  view.playing = on;
  view.wanted = null;
  sync(view);
  if (on) ask(view, at === last ? 0 : at + 1);
}

/* The step it goes from is sent too: the person may have moved since, and then it is not taken. */
function ask(view, to) {
  view.wanted = to;
  view.send({ from: view.data.at, to });
}

/* While a step is drawn, Pause works; Play waits for something to go on from. */
function sync({ button, playing, data }) {
  const words = `${playing ? "❚❚ Pause" : "▶ Play"} ${data.label}`;
  if (button.textContent !== words) button.textContent = words;
  button.disabled = !playing && !data.drawn;
}

/* What is drawn now: go on after a while, or stop where a person has moved it, and at the end. */
function update(view, data) {
  view.data = data;
  clearTimeout(view.timer);
  if (view.playing && !data.drawn) {
    view.timer = setTimeout(() => play(view, false), PATIENCE_MS);
  } else if (view.playing) {
    const moved = view.wanted !== null && data.at !== view.wanted;
    if (moved || data.at === data.last) view.playing = false;
    else view.timer = setTimeout(() => ask(view, data.at + 1), pace());
  }
  sync(view);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const view = views.get(parentElement) ?? mount(parentElement);
  view.send = (step) => setTriggerValue("step", step);
  update(view, data);
  const call = {};
  view.call = call;
  return () => {
    if (view.call !== call) return; // a newer call has taken over
    clearTimeout(view.timer);
    view.button.remove();
    views.delete(parentElement);
  };
}
