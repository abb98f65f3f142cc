// An answer's words as buttons: a sign, the word, a line by how sure it was, and the number.

const SIGNS = { true: "✓", again: "↻", invented: "✗" };
const percent = (share) => `${share >= 0.995 ? 100 : share < 0.01 ? "<1" : Math.round(100 * share)} %`;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function underlined(tag, row, text) {
  const made = element(tag, "text", text);
  made.style.borderBottom = `${row.width} solid ${row.color}`;
  made.style.marginBottom = row.gap; // so that words stand on one line
  return made;
}

function drawn(row, pick) {
  const button = element("button", `word ${row.kind}${row.other ? " other" : ""}`);
  button.type = "button";
  const notes = [row.note, row.other ? "not so beside it" : ""].filter(Boolean).join(", ");
  const sure = row.share === null ? "" : percent(row.share); // not of every word is it known
  const said = [row.text, sure && `${sure} sure`, notes].filter(Boolean).join(", ");
  button.title = said;
  button.setAttribute("aria-label", said);
  button.setAttribute("aria-pressed", String(row.chosen));
  button.onclick = (event) => pick(event.shiftKey || event.ctrlKey || event.metaKey);
  const sign = `${SIGNS[row.kind] ?? ""}${row.other ? "≠" : ""}`;
  button.append(element("span", "sign", sign), underlined("span", row, row.text));
  button.append(element("span", "share", sure));
  return button;
}

function together(rows, place, more) {
  if (!more) return [place];
  const chosen = rows.flatMap((row, at) => (row.chosen !== (at === place) ? [at] : []));
  return chosen.length ? chosen : [place];
}

function legend(ends) {
  const made = element("p", "legend");
  made.append(element("span", "", "How sure:"));
  for (const end of ends) made.append(underlined("span", end, percent(end.share)));
  made.append(element("span", "", "Click a word; with Shift, several."));
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const before = parentElement.querySelector(".answer");
  const held = parentElement.getRootNode().activeElement;
  const focused = before ? [...before.querySelectorAll(".word")].indexOf(held) : -1;
  const answer = element("div", data.small ? "answer small" : "answer");
  const line = element("div", "line");
  line.setAttribute("role", "group");
  line.setAttribute("aria-label", data.words);
  data.rows.forEach((row, place) => {
    line.append(
      drawn(row, (more) =>
        setTriggerValue("picked", { tag: data.tag, places: together(data.rows, place, more) })
      )
    );
  });
  answer.append(line);
  if (data.legend.length) answer.append(legend(data.legend));
  before?.remove();
  parentElement.append(answer);
  if (focused >= 0) line.children[focused]?.focus();
}
