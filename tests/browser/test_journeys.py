"""What a person does with the app, from the first click to a copied link."""

import re
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Locator, Page, WebSocket

from engine.vision.images.samples import sample
from tests.browser.conftest import OpenPage, Visit
from tests.browser.expecting import expect
from tests.browser.server import choose, eventually, settle

FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
GRADIENT_LINK = {"heatmaps.methods": "Gradient", "trust.on": "false"}  # trials have their own tests
LONG = GRADIENT_LINK | {"heatmaps.methods": "KernelSHAP", "heatmaps.KernelShap.samples": "10000"}
MESSAGE = 1_000_000  # bytes, the budget of one message


def upload(page: Page, path: Path) -> None:
    """A photograph of a cup, through the file chooser, whose button is renamed after the first."""
    Image.fromarray(sample("coffee").pixels).save(path, "JPEG", quality=95)
    button = page.get_by_role("button", name=re.compile("^(Upload|Add files)$"))
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("stSidebar").locator(button).first.click()
    chooser.value.set_files(path)


def made(page: Page) -> Locator:
    """The line that says how the map was made."""
    return page.get_by_text(re.compile(r"lite0 \w+ · attribution\.Gradient r"))


def canvas(page: Page, at: int = 0) -> str:
    page.evaluate(FRAMES)
    drawn: str = page.locator(".bs-stage canvas").nth(at).evaluate("node => node.toDataURL()")
    return drawn


def expect_another(page: Page, before: str) -> None:
    # The canvas is in a shadow root, where no query of the page's finds it.
    eventually(lambda: canvas(page), lambda drawn: drawn != before, tries=150)


def slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name)


def working(page: Page) -> Locator:
    return page.get_by_text("KernelSHAP: showing some of the regions")


def stop(page: Page) -> None:
    """Stop what is computed; Streamlit's own Stop comes and goes in the header."""
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()


def test_sliders_send_nothing_and_a_class_a_setting_and_a_cover_change_what_is_seen(
    app_url: str, page: Page
) -> None:
    sent: list[str | bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(frame))  # noqa: PLW0108 - not a built-in

    page.on("websocket", listen)
    page.goto(f"{app_url}/heatmaps?{urlencode(GRADIENT_LINK)}")
    settle(page)
    before, request_count = canvas(page), len(sent)
    assert request_count
    slider(page, "Hide below").fill("30")
    slider(page, "Opacity").fill("90")
    assert canvas(page) != before
    page.wait_for_timeout(700)
    assert len(sent) == request_count

    second = page.get_by_test_id("stSidebar").locator(".bar").nth(1)
    label = second.get_attribute("title")
    second.click()
    expect(made(page)).to_contain_text(f"· {label} (logit)")
    expect(page).to_have_url(re.compile("target="))
    expect(page.get_by_test_id("stSidebar").get_by_title(str(label), exact=True)).to_be_focused()

    settle(page)
    before = canvas(page)
    page.get_by_role("button", name="Gradient: settings").click()
    choose(page, "Channels", "size")
    expect(page).to_have_url(re.compile(r"heatmaps\.Gradient\.channels=size"))
    expect_another(page, before)
    page.keyboard.press("Escape")

    covered(page)


def covered(page: Page) -> None:
    page.get_by_text("Cover a part and watch the answer").click()
    frame = page.get_by_role("group", name="The part that is covered")
    expect(frame).to_be_visible()
    settle(page)
    edited = page.get_by_test_id("stMain").locator(".bars").last
    before = edited.inner_text()
    box = frame.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"], box["y"] + box["height"] / 4, steps=4)
    page.mouse.up()
    expect(edited).not_to_have_text(before)


def test_a_long_method_tells_how_far_it_is_and_stops_and_starts_again(
    app_url: str, page: Page
) -> None:
    page.goto(f"{app_url}/heatmaps?{urlencode(LONG)}")
    progress = working(page)
    expect(progress).to_be_visible()
    stop(page)
    expect(page.get_by_text("KernelSHAP: Stopped.")).to_be_visible()
    expect(progress).to_have_count(0)
    page.get_by_role("button", name="Start again").click()
    expect(progress).to_be_visible()
    stop(page)
    expect(page.get_by_text("KernelSHAP: Stopped.")).to_be_visible()


def test_a_closed_tab_no_longer_keeps_the_computer_busy(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/heatmaps?{urlencode(LONG | {'seed': 5})}")
    expect(working(page)).to_be_visible()
    second = page.context.new_page()  # another tab, another session
    second.goto(page.url.replace("seed=5", "seed=6"))
    expect(second.get_by_text("waiting: 1 other question goes first")).to_be_visible()
    page.close()
    expect(working(second)).to_be_visible()


def test_a_copied_link_brings_back_image_square_method_target_settings_and_look(
    visit: Visit, open_page: OpenPage
) -> None:
    page = visit("heatmaps", GRADIENT_LINK | {"image": "A cup of coffee"})
    page.get_by_role("group", name="The square that the model sees").focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page).to_have_url(re.compile("crop="))
    settle(page)
    page.get_by_test_id("stSidebar").get_by_role("button", name=re.compile("^espresso: ")).click()
    page.get_by_role("button", name="Gradient: settings").click()
    choose(page, "Channels", "size")
    expect(page).to_have_url(re.compile("channels=size"))
    page.keyboard.press("Escape")
    settle(page)
    slider(page, "Opacity").fill("85")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    again = open_page()
    again.goto(link)
    settle(again)
    expect(made(again)).to_contain_text("espresso (logit)")
    expect(slider(again, "Opacity")).to_have_value("85")
    assert canvas(again) == canvas(page)
    code = "[data-testid=stCode]"  # the link, the lines of Python, the command
    for tab in (page, again):
        tab.get_by_role("button", name="Share").click()
        expect(tab.locator(code)).to_have_count(3)
    assert again.locator(code).nth(1).inner_text() == page.locator(code).nth(1).inner_text()
    assert "channels='size'" in again.locator(code).nth(1).inner_text()


FOCUS = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  const label = at?.getAttribute('aria-label') || at?.labels?.[0]?.innerText;
  return label || at?.innerText || '';
}"""


def focused(page: Page) -> str:
    name: str = page.evaluate(FOCUS)
    return name.strip()


def test_four_maps_stay_below_the_message_budget(app_url: str, page: Page) -> None:
    frames: list[int] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: frames.append(len(frame))),
    )
    four = ["Grad-CAM", "Grad-CAM++", "Layer-CAM", "Gradient"]
    link = urlencode(GRADIENT_LINK | {"heatmaps.methods": four}, doseq=True)
    page.goto(f"{app_url}/heatmaps?{link}")
    settle(page)
    expect(page.locator(".bs-stage canvas")).to_have_count(4)
    assert max(frames) < MESSAGE
