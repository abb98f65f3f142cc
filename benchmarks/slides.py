"""What a visitor of Slides waits for: five bag networks, and frames while an image is dragged."""

from collections.abc import Iterator

from playwright.sync_api import sync_playwright

from benchmarks.table import BenchmarkRow
from benchmarks.timing import timed
from engine.attribution.mhim import MHIM, BagsCase
from tests.browser import chromium
from tests.browser.dragging import LONG, closer_up, dragged
from tests.browser.server import ROOT, serving, settle

TRAINING, FRAMES = 90, 30  # s of all networks, frames a second
ROUNDS = 2  # of a training, which takes more than a minute


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """The three plain networks, teacher and student on 300 bags; the made section in a browser."""
    case = BagsCase.from_arguments()
    spent = [timed(lambda: MHIM()(case)) for _ in range(min(rounds, ROUNDS))]
    yield BenchmarkRow.of(
        "MHIM-MIL v1 beside max, mean and plain attention, 300 bags", spent, "s", most=TRAINING
    )
    with serving(ROOT / "app.py") as url, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(LONG)
        page.goto(f"{url}/slides")
        settle(page, LONG // 1000)
        canvas = closer_up(page)
        results = [dragged(canvas) for _ in range(rounds)]
        yield BenchmarkRow.of(
            "A large image dragged in a browser",
            [result.drawn for result in results],
            "frames/s",
            least=FRAMES,
            note=f"a frame costs {min(result.cost for result in results):.1f} ms",
        )
        browser.close()
