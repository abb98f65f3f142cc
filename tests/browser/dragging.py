"""A large image dragged in the browser: how many frames a second, and what one costs."""

import json
from dataclasses import dataclass

from playwright.sync_api import Locator, Page

from tests.browser.expecting import LONG, expect

SECONDS = 2.0
CLOSER = 5  # steps of the zoom

DRAG = """async ([canvas, seconds]) => {
  const box = canvas.getBoundingClientRect();
  const at = (kind, x, y) => canvas.dispatchEvent(new PointerEvent(kind, {
    pointerId: 1, clientX: box.left + x, clientY: box.top + y, bubbles: true,
  }));
  canvas.setPointerCapture = () => {};
  at("pointerdown", 200, 200);
  const first = Number(canvas.dataset.frames);
  const before = Number(canvas.dataset.spent);
  const begun = performance.now();
  let offered = 0;
  await new Promise((done) => {
    const step = (now) => {
      offered += 1;
      const angle = (now - begun) / 200;
      at("pointermove", 200 + 120 * Math.cos(angle), 200 + 80 * Math.sin(angle));
      if (now - begun < 1000 * seconds) requestAnimationFrame(step);
      else done();
    };
    requestAnimationFrame(step);
  });
  const spent = (performance.now() - begun) / 1000;
  at("pointerup", 200, 200);
  const frames = Number(canvas.dataset.frames) - first;
  return JSON.stringify({drawn: frames / spent, offered: offered / spent,
                         cost: (Number(canvas.dataset.spent) - before) / frames});
}"""


@dataclass(frozen=True)
class Frames:
    """Of a drag.

    Args:
        drawn: frames a second.
        offered: how often a second the browser would have drawn.
        cost: ms of drawing one.
    """

    drawn: float
    offered: float
    cost: float


def closer_up(page: Page) -> Locator:
    """The large image of Slides, closer up, once its first tiles are there."""
    canvas = page.locator(".pan canvas").first
    canvas.scroll_into_view_if_needed()
    expect(canvas).to_be_visible(timeout=LONG)
    closer = page.get_by_role("button", name="Closer").first
    for _ in range(CLOSER):
        closer.click()
    expect(canvas).not_to_have_attribute("data-tiles", "0", timeout=LONG)
    return canvas


def dragged(canvas: Locator) -> Frames:
    return Frames(**json.loads(canvas.page.evaluate(DRAG, [canvas.element_handle(), SECONDS])))
