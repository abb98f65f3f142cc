// What leaves the page: the look as a link, and for the server, which draws files and reports.

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

// ---------------------------------------------------------------- what the server draws again

const KEEPING = ["pin", "file-report"]; // the buttons of the menu Share that keep what is seen
const KEEPS = KEEPING.map((name) => `[class*="st-key-"][class*="-${name}"]`).join();

/* The look with each panel's scale, so that the server can draw the same at full resolution. */
function seen(view) {
  const { mode, opacity, pixelated, outline, truth, zoom, x, y, window } = view.look;
  const panels = view.panels.filter((panel) => panel.layer).map((panel) => {
    const { scale: { low, high }, cut } = panel.layer;
    return { title: panel.sent.title, low, high, cut };
  });
  return { mode, opacity, pixelated, outline, truth, zoom, x, y, window, dark: isDark(view), panels };
}

/* A press of Pin or Report takes along how the maps are shown just then. */
function tellLook(view, event) {
  if (!event.target.closest?.(KEEPS)) return;
  const look = seen(view);
  const name = JSON.stringify(look);
  if (name === view.told) return;
  view.told = name;
  view.sendState("look", look);
}

function savePanel(view, panel) {
  if (!panel.map || !view.picture) return; // still being decoded
  view.saving = { title: panel.sent.title, when: Date.now() };
  view.sendTrigger("save", { ...view.saving, look: seen(view) });
}

/* The file that was asked for, once. */
function takeSaved(view) {
  const { saved } = view.data;
  if (!saved || saved.when !== view.saving?.when) return;
  const blob = new Blob([bytesOf(saved.src.split(",")[1])], { type: "image/png" });
  saveFile(blob, fileName(view.saving.title));
  view.saving = null;
}

function fileName(title) {
  const plain = title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return `${plain || "panel"}.png`;
}
