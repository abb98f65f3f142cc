// Small parts that the viewer and the player use in all their files.

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function canvasOf(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

function button(name, press, label = "") {
  const made = el("button", { type: "button" }, name);
  if (label) Object.assign(made, { ariaLabel: label, title: label });
  made.addEventListener("click", press);
  return made;
}

function pressed(made, on) {
  made.setAttribute("aria-pressed", String(on));
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function bitmapOf(src) {
  const [head, body] = src.split(",");
  const blob = new Blob([bytesOf(body)], { type: head.slice(5, head.indexOf(";")) });
  return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/* Off the page there is no background to read, so what was read last still holds. */
function isDark(view) {
  const numbers = getComputedStyle(view.root).backgroundColor.match(/[\d.]+/g);
  if (numbers) {
    const [red, green, blue] = numbers.map(Number);
    view.dark = 0.299 * red + 0.587 * green + 0.114 * blue < 128;
  }
  return Boolean(view.dark);
}
