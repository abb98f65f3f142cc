/* The edge is a slider, so that arrow keys move it too; the names are text and never markup. */

const views = new WeakMap(); // parent element → its parts

export default function ({ data, parentElement }) {
  const view = views.get(parentElement) ?? mount(parentElement);
  const [left, right] = data.names;
  view.stage.style.aspectRatio = `${data.width} / ${data.height}`;
  Object.assign(view.under, { src: data.sources[1], alt: right });
  Object.assign(view.over, { src: data.sources[0], alt: left });
  view.edge.setAttribute("aria-label", `Edge between ${left} on the left and ${right} on the right`);
  view.left.textContent = left;
  view.right.textContent = right;
  place(view);
}

function mount(parent) {
  const view = {};
  for (const [name, tag] of [["figure", "figure"], ["stage", "div"], ["under", "img"], ["over", "img"],
    ["line", "i"], ["edge", "input"], ["ends", "figcaption"], ["left", "span"], ["right", "span"]]) {
    view[name] = document.createElement(tag);
    view[name].className = `bs-swipe-${name}`;
  }
  Object.assign(view.edge, { type: "range", min: 0, max: 100, step: 1, value: 50 });
  view.edge.addEventListener("input", () => place(view));
  view.stage.append(view.under, view.over, view.line, view.edge);
  view.ends.append(view.left, view.right);
  view.figure.append(view.stage, view.ends);
  parent.append(view.figure);
  views.set(parent, view);
  return view;
}

function place(view) {
  const at = Number(view.edge.value);
  view.over.style.clipPath = `inset(0 ${100 - at}% 0 0)`;
  view.line.style.left = `${at}%`;
  view.edge.setAttribute("aria-valuetext", `${at} % of the left picture is shown`);
}
