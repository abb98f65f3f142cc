/* A key that this tab of the browser keeps through a reload. Python is told once what it was. */

const NAME = "blindspot.upload";
let told = "";

export default function ({ data, setStateValue }) {
  const storage = window.sessionStorage;
  const held = storage.getItem(NAME);
  if (data.mine) {
    if (data.mine !== held) storage.setItem(NAME, data.mine);
  } else if (held && told !== held) {
    told = held;
    setStateValue("held", held);
  }
}
