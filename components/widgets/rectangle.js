/*
 * A picture with one frame to drag, resize and nudge. While it moves, only this file knows; when
 * it is let go, Python is told once. Python's own box counts when the question (the tag) changes.
 */

const CORNERS = [["top left", 0, 0], ["top right", 1, 0], ["bottom left", 0, 1], ["bottom right", 1, 1]];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 0.01;
const FAR_STEP = 0.05;
const PAUSE = 400; // ms after the last arrow key; then it counts as let go

const frames = new WeakMap(); // parent element → frame

export default function ({ parentElement, data, setStateValue }) {
  const frame = frames.get(parentElement) ?? mount(parentElement);
  const call = {};
  frame.call = call;
  frame.send = (box) => setStateValue("box", { tag: frame.data.tag, box });
  update(frame, data);
  return () => {
    if (frame.call !== call) return; // a newer call has taken over
    clearTimeout(frame.timer);
    frame.root.remove();
    frames.delete(parentElement);
  };
}

function mount(parent) {
  const frame = { data: null, box: null, sent: "", timer: 0, grip: null };
  frame.words = el("p", { class: "bs-words" });
  frame.image = el("img", { class: "bs-picture", draggable: "false", alt: "" });
  frame.handle = el("div", { class: "bs-frame", tabindex: "0", role: "group", "aria-roledescription": "movable frame" });
  frame.corners = CORNERS.map((corner) => buildCorner(frame, corner));
  frame.handle.append(...frame.corners);
  frame.stage = el("div", { class: "bs-stage" }, frame.image, frame.handle);
  frame.hint = el("p", { class: "bs-hint" });
  frame.live = el("p", { class: "bs-unseen", role: "status", "aria-live": "polite" });
  frame.root = el("div", { class: "bs-rectangle" }, frame.words, frame.stage, frame.hint, frame.live);
  listen(frame, frame.handle, (box, dx, dy) => moved(box, dx, dy));
  parent.append(frame.root);
  frames.set(parent, frame);
  return frame;
}

function buildCorner(frame, [name, right, bottom]) {
  const corner = el("button", {
    type: "button", class: "bs-corner", "aria-label": `Resize at the ${name}`,
    style: `left: ${100 * right}%; top: ${100 * bottom}%; cursor: ${right === bottom ? "nwse" : "nesw"}-resize`,
  });
  listen(frame, corner, (box, dx, dy) => resized(frame.data, box, right, bottom, dx, dy));
  return corner;
}

function update(frame, data) {
  const before = frame.data?.tag;
  frame.data = data;
  if (frame.image.src !== data.src) frame.image.src = data.src;
  frame.stage.style.aspectRatio = `${data.width} / ${data.height}`;
  frame.stage.style.maxWidth = `${60 * (data.width / data.height)}vh`;
  frame.root.classList.toggle("bs-fixed", data.fixed);
  frame.corners.forEach((corner) => (corner.hidden = data.fixed));
  frame.words.textContent = data.words;
  frame.handle.setAttribute("aria-label", data.words);
  frame.handle.title = "Arrow keys move it; with Shift they go further.";
  frame.hint.textContent = data.fixed
    ? "Drag the frame, or use the arrow keys."
    : "Drag the frame or a corner, or use the arrow keys; Shift goes further.";
  if (before !== data.tag) {
    clearTimeout(frame.timer);
    frame.grip = null;
    frame.box = data.box;
    frame.sent = String(rounded(data.box));
  }
  draw(frame);
}

function draw(frame) {
  const [left, top, width, height] = frame.box.map((share) => `${100 * share}%`);
  Object.assign(frame.handle.style, { left, top, width, height });
}

// ---------------------------------------------------------------- moving

function moved([left, top, width, height], dx, dy) {
  return [clamp(left + dx, 0, 1 - width), clamp(top + dy, 0, 1 - height), width, height];
}

/* The box with one corner pulled; the opposite corner stays. */
function resized({ square, width: wide, height: high, smallest }, box, right, bottom, dx, dy) {
  const [left, top, width, height] = box;
  const roomX = right ? 1 - left : left + width;
  const roomY = bottom ? 1 - top : top + height;
  let newWidth = clamp(width + (right ? dx : -dx), Math.min(smallest, roomX), roomX);
  let newHeight = clamp(height + (bottom ? dy : -dy), Math.min(smallest, roomY), roomY);
  if (square) {
    const aspect = wide / high;
    const byWidth = Math.abs(newWidth - width) * aspect >= Math.abs(newHeight - height);
    newWidth = Math.min(byWidth ? newWidth : newHeight / aspect, roomX, roomY / aspect);
    newHeight = newWidth * aspect;
  }
  return [right ? left : left + width - newWidth, bottom ? top : top + height - newHeight, newWidth, newHeight];
}

function listen(frame, handle, change) {
  handle.addEventListener("pointerdown", (event) => grab(frame, handle, change, event));
  handle.addEventListener("pointermove", (event) => pull(frame, event));
  handle.addEventListener("pointerup", (event) => letGo(frame, event));
  handle.addEventListener("pointercancel", (event) => letGo(frame, event));
  handle.addEventListener("keydown", (event) => nudge(frame, change, event));
}

function grab(frame, handle, change, event) {
  if (event.button !== 0 || frame.grip) return;
  event.stopPropagation();
  handle.setPointerCapture(event.pointerId);
  frame.grip = { id: event.pointerId, x: event.clientX, y: event.clientY, box: frame.box, change };
}

function pull(frame, event) {
  const { grip } = frame;
  if (grip?.id !== event.pointerId) return;
  const { width, height } = frame.stage.getBoundingClientRect();
  frame.box = grip.change(grip.box, (event.clientX - grip.x) / width, (event.clientY - grip.y) / height);
  draw(frame);
}

function letGo(frame, event) {
  if (frame.grip?.id !== event.pointerId) return;
  frame.grip = null;
  tell(frame);
}

function nudge(frame, change, event) {
  const arrow = ARROWS[event.key];
  if (!arrow || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  const step = event.shiftKey ? FAR_STEP : STEP;
  frame.box = change(frame.box, arrow[0] * step, arrow[1] * step);
  draw(frame);
  clearTimeout(frame.timer);
  frame.timer = setTimeout(() => tell(frame), PAUSE);
}

/* Python is told once for each place. */
function tell(frame) {
  const box = rounded(frame.box);
  if (String(box) === frame.sent) return; // a click moved nothing
  frame.sent = String(box);
  const [left, top, width, height] = box.map((share) => Math.round(100 * share));
  frame.live.textContent = `Left ${left} %, top ${top} %, ${width} % wide, ${height} % high`;
  frame.send(box);
}

// ---------------------------------------------------------------- small parts

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/* As it is sent; what came from Python is more exact, and must not be told back as another box. */
function rounded(box) {
  return box.map((share) => Number(share.toFixed(4)));
}

function clamp(value, low, high) {
  return Math.min(Math.max(low, high), Math.max(low, value));
}
