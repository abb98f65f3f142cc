// What leaves the page: the look as a link, a panel as a file.

// ---------------------------------------------------------------- the look as a link

const SPELLING = [ // letter, name in the look, times
  ["o", "opacity", 1], ["h", "hide", 1], ["k", "keep", 1], ["p", "pixelated", 1], ["l", "outline", 1],
  ["s", "shared", 1], ["t", "truth", 1], ["z", "zoom", 100], ["x", "x", 1000], ["y", "y", 1000],
];

/* "m2.o80.z250": only what differs from the plain look. */
function spellLook(look) {
  const parts = look.mode === PLAIN_LOOK.mode ? [] : [`m${MODES.indexOf(look.mode)}`];
  for (const [letter, name, times] of SPELLING) {
    if (look[name] !== PLAIN_LOOK[name]) parts.push(`${letter}${Math.round(Number(look[name]) * times)}`);
  }
  if (look.window) parts.push(`c${spellNumber(look.window.center)}`, `w${spellNumber(look.window.width)}`);
  return parts.join(".");
}

/* Five digits without a point, which parts the look: −40.25 is "-4025e-2". */
function spellNumber(value) {
  const [digits, power] = value.toExponential(4).split("e");
  const bare = digits.replace(".", "").replace(/(?<=\d)0+$/, "");
  const last = Number(power) - bare.replace("-", "").length + 1;
  return last ? `${bare}e${last}` : bare;
}

function readLook(search) {
  const look = { ...PLAIN_LOOK };
  const asked = {}; // of a window: center and width
  for (const part of (new URLSearchParams(search).get("look") ?? "").split(".")) {
    const [, letter, digits] = part.match(/^([a-z])(-?\d{1,6}(?:e-?\d{1,2})?)$/) ?? [];
    const [, name, times] = SPELLING.find(([one]) => one === letter) ?? [];
    if (letter === "c" || letter === "w") asked[letter] = Number(digits);
    else if (letter === "m") look.mode = MODES[Number(digits)] ?? look.mode;
    else if (name) look[name] = typeof look[name] === "boolean" ? digits !== "0" : Number(digits) / times;
  }
  const { c: center, w: width } = asked;
  if (width > 0 && center !== undefined) look.window = { center, width, shape: "linear exact", table: [] };
  return bounded(look);
}

async function copyLink(view) {
  const url = new URL(location.href);
  const spelled = spellLook(view.look);
  if (spelled) url.searchParams.set("look", spelled);
  else url.searchParams.delete("look");
  const done = await copied(url.href);
  say(view.tools.link, done ? "Copied" : "Not allowed");
  say(view.live, done ? "Link copied" : "The browser does not allow copying");
  setTimeout(() => say(view.tools.link, "Copy link"), 2000);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // no permission, or a page that is not served over https
    const field = el("textarea", { style: "position: fixed; opacity: 0" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

// ---------------------------------------------------------------- a panel as a file

function savePanel(view, panel) {
  if (!panel.map || !view.picture) return; // still being decoded
  composed(view, panel).toBlob((blob) => {
    const link = el("a", { href: URL.createObjectURL(blob), download: fileName(panel.sent.title) });
    document.body.append(link); // Firefox only follows links that are in the page
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

function fileName(title) {
  const plain = title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return `${plain || "panel"}.png`;
}

/* Title, picture as seen, color bar with its ends, and what was hidden. */
function composed(view, panel) {
  const margin = 24;
  const wide = SAVED_WIDTH - 2 * margin;
  const high = Math.round((wide * view.data.picture.height) / view.data.picture.width);
  const canvas = canvasOf(SAVED_WIDTH, high + (grayOf(view) ? 240 : 210));
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(view.root);
  pen.fillStyle = style.backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const inner = canvasOf(wide, high);
  drawPanel(view, panel, inner.getContext("2d"));
  drawEdges(view, inner.getContext("2d"));
  pen.drawImage(inner, margin, 64);
  const write = writer(pen, style, wide);
  write(panel.sent.title, margin, 44, "left", "600 28px");
  const below = 64 + high + 16;
  pen.strokeStyle = style.color;
  pen.strokeRect(margin - 0.5, below - 0.5, wide + 1, 23);
  pen.save();
  pen.translate(margin, below);
  drawBar(view, panel, pen, wide, 22);
  pen.restore();
  const legend = legendOf(panel);
  write(legend.low, margin, below + 48, "left");
  write(legend.middle, margin + wide / 2, below + 48, "center");
  write(legend.high, margin + wide, below + 48, "right");
  write(`${sentence(panel.sent.map.finding)}.`, margin, below + 80, "left");
  write(legend.cut || "Nothing is hidden.", margin, below + 110, "left");
  write(savedWindow(view), margin, below + 140, "left");
  return canvas;
}

function writer(pen, style, wide) {
  return (text, x, y, align, font = "400 20px") => {
    pen.fillStyle = style.color;
    pen.font = `${font} ${style.fontFamily}`;
    pen.textAlign = align;
    pen.fillText(text, x, y, wide);
  };
}
