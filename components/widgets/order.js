// A list that is put in an order: a row is dragged, or moved by its arrow keys or its two buttons.

const REST = 500; // ms for which the hand rests before the page is told
const STEPS = { ArrowUp: -1, ArrowDown: 1 };
const views = new WeakMap(); // parent element → view

function made(tag, properties, ...inside) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
}

function words(view) {
  return [...view.list.children].map((row) => row.word);
}

function label(view) {
  const rows = [...view.list.children];
  rows.forEach((row, at) => {
    const place = `${row.word}, place ${at + 1} of ${rows.length}`;
    row.grip.setAttribute("aria-label", `${place}: arrow keys move it`);
    row.grip.title = "Drag it, or press an arrow key";
    row.earlier.disabled = at === 0;
    row.later.disabled = at === rows.length - 1;
  });
}

/* The others are moved around the row, which so keeps focus and pointer. */
function shift(view, row, step) {
  const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (step < 0) row.after(other);
  else row.before(other);
  label(view);
  view.told.textContent = `${row.word} is now ${words(view).indexOf(row.word) + 1}.`;
  clearTimeout(view.rest);
  view.rest = setTimeout(() => {
    view.rest = 0;
    view.send(words(view));
  }, REST);
}

function button(view, row, step) {
  const [sign, way] = step < 0 ? ["↑", "earlier"] : ["↓", "later"];
  const pressed = made("button", { type: "button", onclick: () => shift(view, row, step) }, sign);
  pressed.setAttribute("aria-label", `Move ${row.word} ${way}`);
  return pressed;
}

function drawn(view, word) {
  const row = made("li", { word });
  row.grip = made("button", { type: "button", className: "grip" }, made("span", {}, word));
  row.earlier = button(view, row, -1);
  row.later = button(view, row, 1);
  row.grip.onkeydown = (event) => {
    if (!STEPS[event.key]) return;
    event.preventDefault();
    shift(view, row, STEPS[event.key]);
  };
  row.grip.onpointerdown = (event) => row.grip.setPointerCapture(event.pointerId);
  row.grip.onpointermove = ({ pointerId, clientY }) => {
    if (!row.grip.hasPointerCapture(pointerId)) return;
    const { top, bottom } = row.getBoundingClientRect();
    if (clientY < top) shift(view, row, -1);
    else if (clientY > bottom) shift(view, row, 1);
  };
  row.append(row.grip, row.earlier, row.later);
  return row;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view?.list.isConnected) {
    view = { list: made("ol", {}), told: made("p", {}), rest: 0 };
    view.told.setAttribute("role", "status");
    parentElement.append(view.list, view.told);
    views.set(parentElement, view);
  }
  view.send = (order) => setTriggerValue("order", order);
  view.list.setAttribute("aria-label", data.label);
  if (view.rest || String(words(view)) === String(data.words)) return;
  view.list.replaceChildren(...data.words.map((word) => drawn(view, word)));
  label(view);
}
