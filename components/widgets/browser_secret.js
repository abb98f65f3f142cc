/* The secret by which this browser owns its models. It stands in no link. Python is told it in each
   new session, and gives one to a browser that has none. */

const NAME = "blindspot.owner";
const SECRET = /^[\w-]{43}$/;

export default function ({ data, setStateValue }) {
  try {
    const storage = window.localStorage;
    const stored = storage.getItem(NAME) ?? "";
    if (!SECRET.test(stored)) storage.setItem(NAME, data.secret);
    else if (stored !== data.secret) setStateValue("secret", stored);
  } catch {
    // the browser stores nothing: what is made here belongs to this session alone
  }
}
