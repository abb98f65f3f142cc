"""Text stands out from its ground by 4.5:1 (3:1 when large), as the browser draws both themes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from components.views import VIEWS
from tests.browser.conftest import OpenPage
from tests.browser.server import eventually, settle

# Every visible text whose color, with the opacity of all that encloses it, is too near its ground.
FAINT = """() => {
  const parse = css => {
    const [r, g, b, a = 1] = css.match(/[\\d.]+/g).map(Number);
    return css.startsWith('color(') ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const light = rgb => rgb
    .map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ancestry = element => element ? [element, ...ancestry(element.parentElement)] : [];
  const surface = at => parse(getComputedStyle(at).backgroundColor);
  const ground = element => ancestry(element).reverse()
    // a slider's value stands above its knob, not on it
    .filter(at => !at.querySelector(':scope > [data-testid="stSliderThumbValue"]'))
    .reduce((under, at) => over(surface(at), under), [255, 255, 255]);
  const unseen = 'script, style, noscript, svg, canvas, [disabled], [aria-hidden="true"]';
  const seen = element => !element.closest(unseen)
    && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const found = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim(), element = texts.currentNode.parentElement;
    if (!text || !seen(element)) continue;
    const style = getComputedStyle(element), under = ground(element), color = parse(style.color);
    for (const at of ancestry(element)) color[3] *= getComputedStyle(at).opacity;
    const [dark, bright] = [light(over(color, under)), light(under)].sort((a, b) => a - b);
    const ratio = (bright + 0.05) / (dark + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) {
      found.add(`${ratio.toFixed(2)} ${style.color} ${text.slice(0, 40)}`);
    }
  }
  return [...found];
}"""


def faint(page: Page) -> list[str]:
    """The texts that are hard to read, with their contrast."""
    found: list[str] = page.evaluate(FAINT)
    return found


def ground(page: Page) -> str:
    """The color behind everything."""
    color: str = page.get_by_test_id("stApp").evaluate("at => getComputedStyle(at).backgroundColor")
    return color


@pytest.mark.parametrize("path", [view.address for view in VIEWS])
def test_every_text_is_readable(app_url: str, open_page: OpenPage, path: str) -> None:
    page = open_page(color_scheme="light")
    page.goto(f"{app_url}/{path}")
    settle(page)
    light = ground(page)
    assert not faint(page)
    page.emulate_media(color_scheme="dark")
    eventually(lambda: ground(page), lambda color: color != light)
    settle(page)
    assert not faint(page)


def test_faint_text_is_found(page: Page) -> None:
    page.set_content(
        "<body style='background:#fff'><p style='color:#777'>near</p>"
        "<p style='color:#000;opacity:.5'>veiled</p><p style='color:#555'>clear</p>"
    )
    assert [line.split()[-1] for line in faint(page)] == ["near", "veiled"]
