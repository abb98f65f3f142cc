// Small pictures as buttons, with their label below; the chosen one is framed.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function pressed(row, pick) {
  const button = element("button", "thumb");
  button.type = "button";
  button.setAttribute("aria-pressed", String(row.chosen));
  button.onclick = () => pick(row.id);
  return button;
}

function linked(row) {
  const link = element(row.link ? "a" : "div", "thumb");
  if (row.link) Object.assign(link, { href: row.link, target: "_blank", rel: "noopener" });
  else link.setAttribute("role", "img");
  link.classList.toggle("marked", row.chosen);
  return link;
}

function drawn(row, pick) {
  const thumb = row.link === "" ? pressed(row, pick) : linked(row);
  const image = element("img");
  const words = [row.label, ...row.notes];
  image.src = row.source;
  image.alt = "";
  thumb.title = words.join("\n");
  thumb.setAttribute("aria-label", words.join(", "));
  thumb.append(image, element("span", "label", row.label));
  for (const note of row.notes) thumb.append(element("span", "note", note));
  return thumb;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const before = parentElement.querySelector(".thumbs");
  const held = parentElement.getRootNode().activeElement;
  const focused = before ? [...before.children].indexOf(held) : -1;
  const grid = element("div", "thumbs");
  grid.setAttribute("role", "group");
  grid.setAttribute("aria-label", data.words);
  for (const row of data.rows) grid.append(drawn(row, (id) => setTriggerValue("picked", id)));
  before?.remove();
  parentElement.append(grid);
  if (focused >= 0) grid.children[focused]?.focus();
}
