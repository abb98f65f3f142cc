// A large image on a canvas. Dragging, the wheel, two fingers, arrows and + − move it; each frame
// draws the overview first and over it the tiles that are there. What is missing is asked for when
// the hand rests.

const KEPT = 256; // tiles in the browser: 256 × 256 × 4 bytes each, 64 MB
const REST = 120; // ms
const STEP = 80; // px of an arrow key
const CLOSEST = 4; // screen px for a px of the image

const held = new WeakMap();

function fitted(view) {
  const { clientWidth: wide, clientHeight: high } = view.canvas;
  return Math.min(wide / view.data.width, high / view.data.height);
}

function whole(view) {
  view.scale = fitted(view);
  view.x = (view.data.width - view.canvas.clientWidth / view.scale) / 2;
  view.y = (view.data.height - view.canvas.clientHeight / view.scale) / 2;
  moved(view);
}

function bounded(view) {
  const least = fitted(view);
  view.scale = Math.min(CLOSEST, Math.max(least, view.scale));
  for (const [axis, size, room] of [
    ["x", view.data.width, view.canvas.clientWidth],
    ["y", view.data.height, view.canvas.clientHeight],
  ]) {
    const seen = room / view.scale;
    view[axis] = seen >= size ? (size - seen) / 2 : Math.min(size - seen, Math.max(0, view[axis]));
  }
}

function moved(view) {
  bounded(view);
  if (!view.frame) view.frame = requestAnimationFrame(() => draw(view));
  clearTimeout(view.rest);
  view.rest = setTimeout(() => want(view), REST);
}

function zoom(view, times, px, py) {
  const x = view.x + px / view.scale;
  const y = view.y + py / view.scale;
  view.scale *= times;
  bounded(view);
  view.x = x - px / view.scale;
  view.y = y - py / view.scale;
  moved(view);
}

function level(view) {
  const sharp = view.scale * (window.devicePixelRatio || 1);
  return Math.floor(Math.log2(1 / sharp) + 1e-6);
}

function inView(view) {
  const at = Math.max(0, level(view));
  if (at >= view.data.levels) return [];
  const size = view.data.side * 2 ** at;
  const right = Math.min(view.data.width, view.x + view.canvas.clientWidth / view.scale);
  const below = Math.min(view.data.height, view.y + view.canvas.clientHeight / view.scale);
  const names = [];
  for (let row = Math.floor(Math.max(0, view.y) / size); row * size < below; row += 1)
    for (let column = Math.floor(Math.max(0, view.x) / size); column * size < right; column += 1)
      names.push(`${at}/${column}/${row}`);
  return names;
}

function want(view) {
  const missing = inView(view).filter((name) => !view.tiles.has(name));
  const asked = missing.slice(0, 24);
  if (!asked.length || view.asked === asked.join()) return;
  view.asked = asked.join();
  view.ask(asked);
}

function keep(view, tiles) {
  for (const [name, source] of Object.entries(tiles)) {
    if (view.tiles.has(name)) continue;
    const image = new Image();
    view.tiles.set(name, image);
    image.onload = () => moved(view);
    if (source) image.src = source;
  }
  for (const name of view.tiles.keys()) {
    if (view.tiles.size <= KEPT) break;
    view.tiles.delete(name);
  }
}

function draw(view) {
  const begun = performance.now();
  view.frame = 0;
  view.frames += 1;
  const { canvas, data } = view;
  const sharp = window.devicePixelRatio || 1;
  const wide = Math.round(canvas.clientWidth * sharp);
  const high = Math.round(canvas.clientHeight * sharp);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const pen = canvas.getContext("2d");
  const scale = view.scale * sharp;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, wide, high);
  pen.setTransform(scale, 0, 0, scale, -view.x * scale, -view.y * scale);
  pen.imageSmoothingEnabled = true;
  if (view.overview.complete) pen.drawImage(view.overview, 0, 0, data.width, data.height);
  pen.imageSmoothingEnabled = view.scale < 1;
  for (const name of inView(view)) {
    const image = view.tiles.get(name);
    if (!image || !image.complete || !image.naturalWidth) continue;
    view.tiles.delete(name); // the last used stand last
    view.tiles.set(name, image);
    const [at, column, row] = name.split("/").map(Number);
    const size = data.side * 2 ** at;
    const times = 2 ** at;
    pen.drawImage(
      image, column * size, row * size, image.naturalWidth * times, image.naturalHeight * times,
    );
  }
  if (data.over) over(view, pen);
  view.spent += performance.now() - begun;
  Object.assign(canvas.dataset, { frames: view.frames, spent: view.spent, tiles: view.tiles.size });
}

function over(view, pen) {
  const { over: map } = view.data;
  if (view.map.complete && view.opacity > 0) {
    pen.globalAlpha = view.opacity;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(view.map, 0, 0, map.columns * map.tile, map.rows * map.tile);
    pen.globalAlpha = 1;
  }
  pen.lineWidth = 2 / view.scale;
  for (const [color, width] of [["#000", 3], ["#fff", 1.5]]) {
    pen.strokeStyle = color;
    pen.lineWidth = width / view.scale;
    for (const [row, column] of map.marked)
      pen.strokeRect(column * map.tile, row * map.tile, map.tile, map.tile);
  }
}

function hands(view) {
  const { canvas } = view;
  const fingers = new Map();
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
  };
  canvas.onpointermove = (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const others = [...fingers.values()].filter((one) => one.pointerId !== event.pointerId);
    if (others.length) {
      const far = (one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY);
      const box = canvas.getBoundingClientRect();
      zoom(view, far(event) / Math.max(1, far(before)), others[0].clientX - box.left,
        others[0].clientY - box.top);
    } else {
      view.x -= (event.clientX - before.clientX) / view.scale;
      view.y -= (event.clientY - before.clientY) / view.scale;
      moved(view);
    }
    fingers.set(event.pointerId, event);
  };
  canvas.onpointerup = (event) => fingers.delete(event.pointerId);
  canvas.onpointercancel = canvas.onpointerup;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(view, Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.onkeydown = (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const [across, down] = move[event.key] || [0, 0];
    const times = { "+": 1.5, "=": 1.5, "-": 1 / 1.5 }[event.key];
    if (!across && !down && !times) return;
    event.preventDefault();
    if (times) middle(view, times);
    view.x += (across * STEP) / view.scale;
    view.y += (down * STEP) / view.scale;
    moved(view);
  };
}

function middle(view, times) {
  zoom(view, times, view.canvas.clientWidth / 2, view.canvas.clientHeight / 2);
}

function pressed(text, label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.setAttribute("aria-label", label);
  made.title = label;
  made.onclick = act;
  return made;
}

function built(parent, data) {
  const root = document.createElement("div");
  root.className = "pan";
  const canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  const view = {
    root, canvas, data, tiles: new Map(), opacity: 0.45, frames: 0, spent: 0, asked: "",
    overview: new Image(), map: new Image(),
  };
  const bar = document.createElement("div");
  bar.className = "bar";
  bar.append(
    pressed("+", "Closer", () => middle(view, 1.5)),
    pressed("−", "Farther", () => middle(view, 1 / 1.5)),
    pressed("Whole", "The whole image", () => whole(view)),
  );
  view.legend = document.createElement("label");
  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = 0;
  slider.max = 1;
  slider.step = 0.05;
  slider.value = view.opacity;
  slider.setAttribute("aria-label", "Opacity of the map");
  slider.oninput = () => {
    view.opacity = Number(slider.value);
    moved(view);
  };
  view.ends = document.createElement("span");
  view.legend.append(slider, view.ends);
  bar.append(view.legend);
  root.append(canvas, bar);
  parent.append(root);
  hands(view);
  view.watch = new ResizeObserver(() => (view.scale ? moved(view) : whole(view)));
  view.watch.observe(canvas);
  return view;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let view = held.get(parentElement);
  if (!view || !view.root.isConnected || view.data.name !== data.name) {
    view?.watch.disconnect();
    view?.root.remove();
    view = built(parentElement, data);
    held.set(parentElement, view);
    view.overview.onload = () => moved(view);
    view.overview.src = data.overview;
  }
  view.data = data;
  view.asked = "";
  view.ask = (names) => setTriggerValue("wanted", names);
  view.canvas.setAttribute("aria-label", data.words);
  view.legend.hidden = !data.over;
  if (data.over) {
    view.ends.textContent = `${data.over.low} – ${data.over.high}`;
    view.map.onload = () => moved(view);
    view.map.src = data.over.src;
  }
  keep(view, data.tiles);
  if (!view.scale && view.canvas.clientWidth) whole(view);
  if (view.scale) moved(view);
}
