"use strict";
// Draws the cells of one page: those that the controls let through, in their order.
const { page, figures, cells } = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const filters = ["label", "top", "model", "method", "settings"];
const sorts = [
  ["as planned", (cell) => cell.place], ["image", (cell) => cell.image],
  ["label", (cell) => cell.label], ["confidence", (cell) => cell.confidence],
  ["seconds", (cell) => cell.seconds],
  ...figures.map((name) => [name, (cell) => cell.figures[name]]),
];
let first = 0;

const made = (tag, text, kind) =>
  Object.assign(document.createElement(tag), { textContent: text, className: kind || "" });
const offer = (id, words) => words.forEach((word, at) => {
  by(id).append(Object.assign(made("option", word), { value: at ? word : "" }));
});
const percent = (share) => `${Math.round(100 * share)} %`;

function order(value, down) {
  const missing = (one) => one === null || one === undefined || one === "";
  return (a, b) => {
    const [left, right] = [value(a), value(b)];
    if (missing(left) || missing(right)) return missing(left) - missing(right);
    const sign = left < right ? -1 : left > right ? 1 : 0;
    return (down ? -sign : sign) || a.place - b.place;
  };
}

function drawn(cell) {
  const item = document.createElement("li");
  const link = document.createElement(cell.href ? "a" : "div");
  if (cell.href) Object.assign(link, { href: cell.href, target: "_blank", rel: "noopener" });
  link.title = cell.opens ? `Opens the view; then open ${cell.image} there.\n${cell.command}` : cell.command;
  const words = `${cell.method} of ${cell.image || cell.model}`;
  link.append(cell.picture
    ? Object.assign(new Image(), { src: `data:image/webp;base64,${cell.picture}`, alt: words })
    : made("div", "no picture", "none"));
  link.append(made("p", cell.image || cell.model, "name"));
  item.append(link);
  if (cell.top) {
    const sure = `${cell.top}, ${percent(cell.confidence)}`;
    const wrong = cell.correct === false;
    item.append(made("p", wrong ? `✗ ${sure}, not ${cell.label}` : sure, wrong ? "wrong" : "says"));
  }
  const rest = [cell.method.split(".").pop(), cell.settings, cell.image ? cell.model : ""];
  item.append(made("p", rest.filter(Boolean).join(" · ")));
  const named = by("sort").value;
  if (named in cell.figures) item.append(made("p", `${named} ${cell.figures[named].toPrecision(3)}`));
  return item;
}

function draw() {
  const right = new FormData(by("controls")).get("right");
  const value = sorts[Math.max(by("sort").selectedIndex, 0)][1];
  const chosen = cells.filter((cell) => (!right || String(cell.correct) === right)
    && filters.every((name) => !by(name).value || cell[name] === by(name).value));
  chosen.sort(order(value, by("down").checked));
  first = Math.max(0, Math.min(first, page * (Math.ceil(chosen.length / page) - 1)));
  by("cells").replaceChildren(...chosen.slice(first, first + page).map(drawn));
  by("said").textContent = chosen.length === cells.length
    ? `All ${cells.length} cells.` : `${chosen.length} of ${cells.length} cells.`;
  by("pages").hidden = chosen.length <= page;
  by("place").textContent = `Page ${1 + first / page} of ${Math.ceil(chosen.length / page)}`;
  by("before").disabled = !first;
  by("after").disabled = first + page >= chosen.length;
}

function turn(step) {
  first += step * page;
  draw();
  window.scrollTo(0, 0);
}

cells.forEach((cell, place) => { cell.place = place; });
filters.forEach((name) => {
  const words = [...new Set(cells.map((cell) => cell[name]))].filter(Boolean)
    .sort(new Intl.Collator("en", { numeric: true }).compare);
  offer(name, ["all", ...words]);
  by(name).closest("label").hidden = words.length < 2;
});
offer("sort", sorts.map(([name]) => name));
by("right").hidden = cells.every((cell) => cell.correct === null);
by("controls").hidden = false;
by("controls").addEventListener("input", () => { first = 0; draw(); });
by("controls").addEventListener("submit", (event) => event.preventDefault());
by("before").addEventListener("click", () => turn(-1));
by("after").addEventListener("click", () => turn(1));
draw();
