// Bars of probability as buttons: label, percent, a fill, and a mark where the value was before.

const percent = (value) =>
  value >= 0.995 || value < 0.005 ? `${(100 * value).toFixed(1)} %` : `${Math.round(100 * value)} %`;

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function spoken(row) {
  const before = row.before === null ? "" : `, was ${percent(row.before)}`;
  return `${row.label}: ${percent(row.value)}${before}`;
}

function drawn(row, clickable, pick) {
  const bar = element(clickable ? "button" : "div", "bar");
  const fill = element("span", "fill");
  fill.style.width = `${100 * row.value}%`;
  bar.append(fill);
  if (row.before !== null) {
    const mark = element("span", "mark");
    mark.style.left = `calc(${100 * row.before}% - 1px)`;
    bar.append(mark);
  }
  const change = row.before === null ? "" : ` (was ${percent(row.before)})`;
  bar.append(element("span", "label", row.label), element("span", "value", percent(row.value) + change));
  bar.setAttribute("aria-label", spoken(row));
  bar.title = row.label;
  if (clickable) {
    bar.type = "button";
    bar.setAttribute("aria-pressed", String(row.chosen));
    bar.onclick = () => pick(row.index);
  } else {
    bar.setAttribute("role", "img");
  }
  return bar;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const before = parentElement.querySelector(".bars");
  const held = parentElement.getRootNode().activeElement;
  const focused = before ? [...before.children].indexOf(held) : -1;
  const list = element("div", "bars");
  for (const row of data.rows) {
    list.append(drawn(row, data.clickable, (index) => setTriggerValue("picked", index)));
  }
  before?.remove();
  parentElement.append(list);
  if (focused >= 0) list.children[focused]?.focus();
}
