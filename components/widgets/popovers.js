/* A popover that is opened with a key takes the focus. Streamlit leaves it on the button and hangs
   the popover at the page's end: Tab would come there last, and the page would have scrolled away
   below it. Escape gives the focus back to the button; that is Streamlit's own.

   A popover hangs on its button. When an answer arrives above an open one, the page is scrolled as
   far as the button was pushed, so that the popover stays where it is on the screen. */

const BUTTON = '[data-testid="stPopover"] button';
const MAIN = '[data-testid="stMain"]';
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

/* Frame by frame as long as it is open; the browser's own anchoring would push a second time. */
function keep(button, main, place, frames) {
  const open = button.getAttribute("aria-expanded") === "true";
  if (!button.isConnected || !(open || frames)) {
    main.style.overflowAnchor = "";
    return;
  }
  const now = placeOf(button, main);
  if (now !== place) main.scrollTop += now - place;
  requestAnimationFrame(() => keep(button, main, now, open ? 0 : frames - 1));
}

/* px from the top of the page, however far it is scrolled. */
function placeOf(button, main) {
  return Math.round(button.getBoundingClientRect().top + main.scrollTop);
}

function opened(event) {
  const byKey = event.detail === 0; // a pointer's clicks are counted
  const button = event.target.closest?.(BUTTON);
  if (!button || button.getAttribute("aria-expanded") === "true") return;
  if (byKey) enter(button, FRAMES);
  const main = button.closest(MAIN);
  if (!main) return;
  main.style.overflowAnchor = "none";
  keep(button, main, placeOf(button, main), FRAMES);
}

export default function () {
  if (window.blindspotPopovers) return; // one listener for all views
  window.blindspotPopovers = true;
  document.addEventListener("click", opened, true);
}
