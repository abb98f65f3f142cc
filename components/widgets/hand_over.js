/* Saves the file that Python made, once: Streamlit calls this again whenever it draws the page. */

const saved = new Set(); // when each was made

export default function ({ data }) {
  if (saved.has(data.when)) return;
  saved.add(data.when);
  saveFile(new Blob([data.content], { type: data.type }), data.name);
}
