"""What a person waits for in a real browser: first visits, and a slider.

A slider: from the key to the page that is drawn anew.

Everything counts: the widget, the server's answer, and the plot. Chromium has no graphics card here
and shares the cores with the server, so a desk waits less.
"""

import re
from collections.abc import Iterator

from playwright.sync_api import Page, sync_playwright

from benchmarks import first_visits
from benchmarks.table import BenchmarkRow
from tests.browser import chromium
from tests.browser.server import ROOT, serving, settle

LONG = 240  # seconds: the first question of a server
WARM_UP, MOVES, PAUSE = 4, 12, 1200  # moves that do not count, moves that do, ms between them
GOAL = 200  # ms

# Notes how long it takes from a key until the sentence with these words has changed and is painted.
WATCH = """words => {
  window.waits = [];
  let pressed, last = said();
  addEventListener('keydown', () => { pressed = performance.now(); }, true);
  const painted = () => window.waits.push(performance.now() - pressed);
  new MutationObserver(() => {
    const now = said();
    if (now === undefined || now === last) return;
    last = now;
    requestAnimationFrame(() => setTimeout(painted, 0));
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
  function said() {
    const kinds = ['Markdown', 'Caption'].map(kind => `[data-testid=st${kind}Container]`);
    return [...document.querySelectorAll(kinds)].map(one => one.innerText)
      .find(text => text.includes(words));
  }
}"""


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """First visits, then SSD's threshold in Forget and the ratio in Prune."""
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield from first_visits.rows(browser, rounds)
        browser.close()
    with serving(ROOT / "app.py") as url, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for name, (ready, slider, sentence) in PLACES.items():
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(1000 * LONG)
            ready(page, url)
            result = waits(page, slider, sentence)
            yield BenchmarkRow.of(
                f"{name}, in a browser, key to paint",
                result,
                "ms",
                most=GOAL,
                note=f"{len(result)} moves",
            )
            page.close()
        browser.close()


def waits(page: Page, slider: str, sentence: str) -> list[float]:
    """Milliseconds of each move; moves go back and forth, so that each is to another place."""
    page.get_by_role("slider", name=re.compile(slider)).first.focus()
    page.evaluate(WATCH, sentence)
    for number in range(WARM_UP + MOVES):
        page.keyboard.press("ArrowLeft" if number % 4 == 3 else "ArrowRight")
        page.wait_for_timeout(PAUSE)
    results: list[float] = page.evaluate("window.waits")
    return results[WARM_UP:]


def forget(page: Page, url: str) -> None:
    """SSD has been asked, and its line is open."""
    page.goto(f"{url}/forget?forget.ways=Selective+synaptic+dampening")
    settle(page, LONG)
    page.get_by_role("button", name=re.compile("^Forget")).last.click()
    line = page.get_by_role("radio", name="SSD's line", exact=True)
    line.wait_for()
    settle(page, LONG)
    line.click()
    settle(page, LONG)


def prune(page: Page, url: str) -> None:
    """Prune as it opens."""
    page.goto(f"{url}/prune")
    settle(page, LONG)


PLACES = {
    "SSD's threshold, Digits CNN": (forget, "Threshold", "and λ ="),
    "Pruning ratio, EfficientNet-Lite0": (prune, "Taken out", "of the weights are taken out"),
}
