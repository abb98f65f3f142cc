// Small pictures as buttons, with their label below; the chosen one is framed.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function drawn(row, pick) {
  const button = element("button", "thumb");
  const image = element("img");
  image.src = row.source;
  image.alt = "";
  button.type = "button";
  button.title = row.label;
  button.setAttribute("aria-label", row.label);
  button.setAttribute("aria-pressed", String(row.chosen));
  button.onclick = () => pick(row.id);
  button.append(image, element("span", "label", row.label));
  return button;
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
