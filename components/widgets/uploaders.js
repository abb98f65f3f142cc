/* A file that was given to an uploader, and of which nothing came, is given to it again.

   The browser asks the server where to send a file. When the page is run anew in that moment,
   Streamlit drops the answer with all else that waits to be sent (ForwardMsgQueue.clear), and the
   file would go nowhere without a word. A file that is on its way is listed at once.

   The answer may also only be slow, and then the file comes twice. Where an uploader takes one file,
   the later takes the place of the earlier; where it takes several, both would be listed, so that
   nothing is given to it again. */

const UPLOADER = '[data-testid="stFileUploader"]';
const LISTED = '[data-testid="stFileChip"]';
const PATIENCE = 6000; // ms; a busy server needs a while to answer
const TRIES = 3;

const ends = new WeakMap(); // input → what ends the wait for its last file

const isListed = (node) => node.matches?.(LISTED) || node.querySelector?.(LISTED);

function follow(uploader, input, tries) {
  ends.get(input)?.();
  const observer = new MutationObserver((changes) => {
    if (changes.some((change) => [...change.addedNodes].some(isListed))) end();
  });
  const timer = setTimeout(() => {
    end();
    if (!input.isConnected || !input.files.length || !tries) return;
    follow(uploader, input, tries - 1);
    const again = new Event("change", { bubbles: true });
    again.blindspotAgain = true;
    input.dispatchEvent(again);
  }, PATIENCE);
  const end = () => {
    clearTimeout(timer);
    observer.disconnect();
  };
  ends.set(input, end);
  observer.observe(uploader, { childList: true, subtree: true });
}

function given(event) {
  const uploader = event.target.closest?.(UPLOADER);
  if (!uploader || event.blindspotAgain) return;
  const input = uploader.querySelector("input[type=file]");
  if (event.type === "drop") input.files = event.dataTransfer.files;
  if (input.files.length && !input.multiple) follow(uploader, input, TRIES);
}

export default function () {
  if (window.blindspotUploaders) return; // one listener for all views
  window.blindspotUploaders = true;
  document.addEventListener("change", given, true);
  document.addEventListener("drop", given, true);
}
