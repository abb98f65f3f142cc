/* A popover that is opened with a key takes the focus. Streamlit leaves it on the button and hangs
   the popover at the page's end: Tab would come there last, and the page would have scrolled away
   below it. Escape gives the focus back to the button; that is Streamlit's own. */

const BUTTON = '[data-testid="stPopover"] button';
const BODY = '[data-testid="stPopoverBody"]';
const STOPS = 'a[href], button, input, summary, select, textarea, [tabindex="0"]';
const COMING = '[data-testid="stSkeleton"]'; // some widgets are loaded when they are first drawn
const FRAMES = 300; // until all of it is there

/* Once nothing is missing; not where the person has gone on meanwhile. */
function enter(button, frames) {
  if (document.activeElement !== button) return;
  const body = document.querySelector(BODY);
  const stops = body && !body.querySelector(COMING) ? [...body.querySelectorAll(STOPS)] : [];
  const first = stops.find((stop) => !stop.disabled && stop.getClientRects().length);
  if (first) first.focus({ preventScroll: true }); // it may not be in its place yet
  else if (frames) requestAnimationFrame(() => enter(button, frames - 1));
}

function opened(event) {
  const byKey = event.detail === 0; // a pointer's clicks are counted
  const button = event.target.closest?.(BUTTON);
  if (byKey && button && button.getAttribute("aria-expanded") !== "true") enter(button, FRAMES);
}

export default function () {
  if (window.blindspotPopovers) return; // one listener for all views
  window.blindspotPopovers = true;
  document.addEventListener("click", opened, true);
}
