// A picture with a button over each filter; Tab enters, arrows move, Enter or a click picks.

function button(spot, pick) {
  const made = document.createElement("button");
  const [left, top, width, height] = spot.box;
  made.type = "button";
  made.className = "spot";
  made.title = spot.label;
  made.setAttribute("aria-label", spot.label);
  made.setAttribute("aria-pressed", String(spot.chosen));
  made.style.left = `${100 * left}%`;
  made.style.top = `${100 * top}%`;
  made.style.width = `${100 * width}%`;
  made.style.height = `${100 * height}%`;
  made.onclick = () => pick(spot.id);
  return made;
}

function moved(event, wall) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const all = [...wall.querySelectorAll(".spot")];
  const next = all[all.indexOf(event.target) + step];
  if (!next) return;
  event.preventDefault();
  for (const one of all) one.tabIndex = one === next ? 0 : -1;
  next.focus();
}

export default function ({ data, parentElement, setTriggerValue }) {
  const before = parentElement.querySelector(".wall");
  const held = parentElement.getRootNode().activeElement;
  const focused = before ? [...before.querySelectorAll(".spot")].indexOf(held) : -1;
  const wall = document.createElement("div");
  wall.className = "wall";
  wall.style.maxWidth = `${data.width}px`;
  wall.setAttribute("role", "group");
  wall.setAttribute("aria-label", data.words);
  const image = document.createElement("img");
  image.src = data.source;
  image.alt = data.words;
  wall.append(image);
  for (const spot of data.spots) wall.append(button(spot, (id) => setTriggerValue("picked", id)));
  const all = [...wall.querySelectorAll(".spot")];
  const first = Math.max(0, focused >= 0 ? focused : data.spots.findIndex((spot) => spot.chosen));
  for (const [at, one] of all.entries()) one.tabIndex = at === first ? 0 : -1;
  wall.onkeydown = (event) => moved(event, wall);
  before?.remove();
  parentElement.append(wall);
  if (focused >= 0) all[focused]?.focus();
}
