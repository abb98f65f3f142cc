"""A picture of every view in light, dark and narrow: `python -m tests.browser.shots [NAME …]`.

Contact sheets of the data sets are made beside them; alone under the name `data`.
"""

from __future__ import annotations

import re
import sys
from typing import Any
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from components.views import DATA_AND_MODELS, VIEWS
from engine.data import entries, load, tables
from engine.data.sheet import sheet
from tests.browser import chromium
from tests.browser.server import ROOT, serving, settle

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
SHOTS = ROOT / "shots"
SHEETS: dict[str, dict[str, Any]] = {  # of data sets, and what is shown of their truth
    "digits": {},
    "digits+noisy": {},
    "digits+poisoned:share=0.3": {"marked": "poisoned"},
    "digits+open-set": {"split": "test", "marked": "unknown"},
    "mnist-5k": {},
    "phantoms:count=400": {"truth": "twin"},
    "phantoms:count=400,contrast=0.5": {"truth": "twin"},
    "phantoms:count=400,shift=1": {},
    "scenes:count=200": {},
    "scenes:count=200,kind=dense": {"mask": None},
    "scenes:count=200,kind=ood": {"mask": None},
    "twice:count=200": {},
    "bags:count=40": {"marked": "key", "count": 30},
    "bags:count=60,kind=three": {"marked": "key", "count": 30},
}
DATA = [entry.card.title for entry in entries()] + [table.card.title for table in tables()]


def links() -> dict[str, str]:
    """What is shot beside the views as they open: every data set, and the lab's other parts."""
    lab = f"{DATA_AND_MODELS.address}?"
    sets = {f"data-{n}": f"{lab}{urlencode({'lab.data': title})}" for n, title in enumerate(DATA)}
    return sets | {f"lab-{part.lower()}": f"{lab}lab.part={part}" for part in ("Train", "Models")}


def answered(page: Page) -> None:
    """Waits until nothing is being computed for the page any more."""
    settle(page, 240)
    while page.locator("[data-testid=stMain] [data-testid=stProgress]").count():
        page.wait_for_timeout(500)
        settle(page, 240)


def grow(page: Page) -> None:
    """Makes the window as tall as its content: Streamlit scrolls inside a box, not the document."""
    height = page.evaluate(
        "() => Math.max(...['stMain', 'stSidebarContent'].map(name =>"
        " document.querySelector(`[data-testid=${name}]`)?.scrollHeight ?? 0))"
    )
    size = page.viewport_size
    if size and height > size["height"]:
        page.set_viewport_size({"width": size["width"], "height": height})
        settle(page)


def shoot(browser: Browser, url: str, path: str, name: str) -> None:
    """One view in all looks."""
    for look, options in LOOKS.items():
        with browser.new_context(reduced_motion="reduce", **options) as context:
            page = context.new_page()
            page.goto(f"{url}/{path}")
            answered(page)
            grow(page)
            page.screenshot(path=SHOTS / f"{name}-{look}.png", animations="disabled")
            sys.stdout.write(f"shots/{name}-{look}.png\n")


def sheets() -> None:
    """A contact sheet of every data set and of some variants."""
    for name, shown in SHEETS.items():
        file = SHOTS / f"data-{re.sub('[^a-z0-9]+', '-', name)}.png"
        Image.fromarray(sheet(load(name), **shown)).save(file)
        sys.stdout.write(f"shots/{file.name}\n")


def main(names: list[str]) -> None:
    """All views, or those named."""
    SHOTS.mkdir(exist_ok=True)
    if not names or "data" in names:
        sheets()
    if names == ["data"]:
        return
    with serving(ROOT / "app.py") as url, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        wanted = {view.address or "start": view.address for view in VIEWS} | links()
        for name, path in wanted.items():
            if not names or name in names:
                shoot(browser, url, path, name)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
