/*
 * The bar of a story: dots, keys and the note. Python sends the story's titles and the step that
 * is shown (presenter.py) and is told the step that is wanted. A second window of the same story
 * follows the first, and the other way round. Texts only ever go through textContent.
 */

const STEPS = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };
const bars = new WeakMap(); // parent element → bar

export default function ({ parentElement, data, setTriggerValue }) {
  const bar = bars.get(parentElement) ?? mount(parentElement);
  const call = {};
  Object.assign(bar, { call, data, tell: setTriggerValue });
  if (bar.wanted === data.at || bar.story !== data.story) bar.wanted = null;
  bar.story = data.story;
  fill(bar);
  return () => {
    if (bar.call !== call) return; // a newer call has taken over
    document.removeEventListener("keydown", bar.onKey);
    bar.channel.close();
    bar.root.remove();
    bars.delete(parentElement);
  };
}

function mount(parent) {
  const bar = { wanted: null, story: "", noted: false };
  bar.note = el("p", "note");
  bar.window = link("The notes in a window of their own");
  bar.aside = el("aside", "aside");
  bar.aside.append(bar.note, bar.window);
  bar.back = button("‹", "Step back", () => step(bar, -1));
  bar.on = button("›", "Next step", () => step(bar, 1));
  bar.dots = el("span", "dots");
  bar.words = el("span", "words");
  bar.notes = button("Notes", "What to say at this step (N)", () => note(bar));
  bar.open = link("Open this in the workbench");
  bar.leave = button("Leave", "Leave the story (Esc)", () => bar.tell("leave", Date.now()));
  const row = el("nav", "row");
  row.setAttribute("aria-label", "Steps of the story");
  row.append(bar.back, bar.dots, bar.on, bar.words, bar.notes, bar.open, bar.leave);
  bar.root = el("div", "bar");
  bar.root.append(bar.aside, row);
  parent.append(bar.root);
  bar.onKey = (event) => onKey(bar, event);
  document.addEventListener("keydown", bar.onKey);
  bar.channel = new BroadcastChannel("blindspot.stories");
  bar.channel.onmessage = ({ data: { story, at } }) => {
    if (story === bar.data.story && at !== here(bar)) go(bar, at, false);
  };
  bars.set(parent, bar);
  return bar;
}

function fill(bar) {
  const { data } = bar;
  bar.note.textContent = data.note;
  bar.aside.hidden = data.notes || !bar.noted;
  bar.notes.hidden = bar.open.hidden = data.notes;
  bar.notes.setAttribute("aria-expanded", String(bar.noted));
  bar.open.href = data.open;
  bar.window.href = `?story=${encodeURIComponent(data.story)}&step=${here(bar)}&notes=1`;
  bar.words.textContent = `${data.title} · ${here(bar)} of ${data.steps.length}`;
  bar.back.disabled = here(bar) === 1;
  bar.on.disabled = here(bar) === data.steps.length;
  bar.dots.replaceChildren(...data.steps.map((title, at) => {
    const dot = button("", `Step ${at + 1}: ${title}`, () => go(bar, at + 1));
    if (at + 1 === here(bar)) dot.setAttribute("aria-current", "step");
    return dot;
  }));
}

/* The step that is shown, or is on its way. */
function here(bar) {
  return bar.wanted ?? bar.data.at;
}

function step(bar, by) {
  go(bar, here(bar) + by);
}

function go(bar, to, telling = true) {
  const at = Math.min(Math.max(to, 1), bar.data.steps.length);
  if (at === here(bar)) return;
  bar.wanted = at;
  fill(bar);
  bar.tell("move", at);
  if (telling) bar.channel.postMessage({ story: bar.data.story, at });
}

function note(bar) {
  bar.noted = !bar.noted;
  fill(bar);
}

function onKey(bar, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const { key } = event;
  if ((key === " " || key === "Enter") && focused(bar)) return; // it presses that
  if (key in STEPS) step(bar, STEPS[key]);
  else if (key === " ") step(bar, event.shiftKey ? -1 : 1);
  else if (key === "Home") go(bar, 1);
  else if (key === "End") go(bar, bar.data.steps.length);
  else if (key === "Escape") bar.tell("leave", Date.now());
  else if (key.toLowerCase() === "n" && !bar.data.notes) note(bar);
  else return;
  event.preventDefault();
}

/* Whether Tab has put a button or link of the bar in focus. */
function focused(bar) {
  return Boolean(bar.root.getRootNode().activeElement?.matches(":focus-visible"));
}

function el(tag, name, text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

function button(text, words, press) {
  const made = el("button", "", text);
  made.type = "button";
  made.title = words;
  made.setAttribute("aria-label", words);
  made.addEventListener("click", () => { press(); made.blur(); });
  return made;
}

function link(text) {
  const made = el("a", "", text);
  made.target = "_blank";
  return made;
}
