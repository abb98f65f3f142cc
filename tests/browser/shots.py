"""A picture of every view in light, dark and narrow: `python -m tests.browser.shots [NAME …]`.

Contact sheets of the data sets are made beside them; alone under the name `data`. Under the name
`docs` only the pictures of README.md and docs/ are made: the first screen of each question.
"""

import re
import sys
from typing import Any
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from components import views
from engine.vision.data import entries, load, tables
from engine.vision.data.sheet import sheet
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
OF_QUESTIONS = (views.START, views.HEATMAPS, views.FORGET, views.ASK, views.FAMILIAR, views.PRUNE)
QUESTIONS = {view.address or "start": view for view in OF_QUESTIONS}  # the pictures in docs/
FEW = 256  # colors of such a picture, so that the repository stays small
DATA = [entry.card.title for entry in entries()] + [table.card.title for table in tables()]


def links() -> dict[str, str]:
    """What is shot beside the views as they open: every data set, and the lab's other parts."""
    lab = f"{views.DATA_AND_MODELS.address}?"
    sets = {f"data-{n}": f"{lab}{urlencode({'lab.data': title})}" for n, title in enumerate(DATA)}
    return sets | {f"lab-{part.lower()}": f"{lab}lab.part={part}" for part in ("Train", "Models")}


def answered(page: Page) -> None:
    """Waits until nothing is being computed for the page any more."""
    settle(page)
    while page.locator("[data-testid=stMain] [data-testid=stProgress]").count():
        page.wait_for_timeout(500)
        settle(page)


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
    for look, options in LOOKS.items():
        with browser.new_context(reduced_motion="reduce", **options) as context:
            page = context.new_page()
            page.goto(f"{url}/{path}")
            answered(page)
            grow(page)
            page.screenshot(path=SHOTS / f"{name}-{look}.png", animations="disabled")
            sys.stdout.write(f"shots/{name}-{look}.png\n")


def first_screen(browser: Browser, url: str, name: str, view: views.AppPage) -> None:
    """What a person sees of a view before scrolling, for the documentation."""
    with browser.new_context(reduced_motion="reduce", **LOOKS["light"]) as context:
        page = context.new_page()
        page.goto(f"{url}/{view.address}")
        answered(page)
        file = ROOT / "docs" / f"{name}.png"
        page.screenshot(path=file, animations="disabled")
    few = Image.open(file).convert("RGB").quantize(FEW, kmeans=3, dither=Image.Dither.NONE)
    few.save(file, optimize=True)
    sys.stdout.write(f"docs/{name}.png\n")


def sheets() -> None:
    """A contact sheet of every data set and of some variants."""
    for name, shown in SHEETS.items():
        file = SHOTS / f"data-{re.sub('[^a-z0-9]+', '-', name)}.png"
        Image.fromarray(sheet(load(name), **shown)).save(file)
        sys.stdout.write(f"shots/{file.name}\n")


def main(names: list[str]) -> None:
    SHOTS.mkdir(exist_ok=True)
    if not names or "data" in names:
        sheets()
    if names == ["data"]:
        return
    with serving(ROOT / "app.py") as url, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        if "docs" in names:
            for name, view in QUESTIONS.items():
                first_screen(browser, url, name, view)
        wanted = {view.address or "start": view.address for view in views.VIEWS} | links()
        for name, path in wanted.items():
            if not names or name in names:
                shoot(browser, url, path, name)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
