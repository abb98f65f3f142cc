"""Files above 50 MB: taken where the page promises it, refused in one sentence where not."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, WebSocketRoute
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.conftest import Visit
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.in_memory import written

SIXTY = 60_000_000  # bytes


def picture(color: str) -> bytes:
    return written(Image.new("RGB", (16, 16), color).save, "PNG")


@pytest.fixture
def large_zip(tmp_path: Path) -> Path:
    """Two classes of pictures, and a hidden file that makes the archive large."""
    path = tmp_path / "colors.zip"
    noise = np.random.default_rng(0).bytes(SIXTY)
    with zipfile.ZipFile(path, "w") as archive:
        for color in ("red", "blue"):
            for number in range(12):
                archive.writestr(f"{color}/{number}.png", picture(color))
        archive.writestr(".padding", noise)
    assert path.stat().st_size > SIXTY
    return path


@pytest.mark.slow
def test_a_zip_of_60_mb_is_read(visit: Visit, large_zip: Path) -> None:
    page = visit("data-and-models")
    page.get_by_text("Open data of your own", exact=True).click()
    with page.expect_response(lambda got: "upload_file" in got.url) as answered:
        page.locator(".st-key-lab-file input[type=file]").set_input_files(large_zip)
    assert answered.value.ok
    expect(page.get_by_role("heading", name="Your data")).to_be_visible()


def test_an_image_of_60_mb_is_refused_in_one_sentence_and_weights_reach_the_page(
    visit: Visit, tmp_path: Path
) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(picture("red") + bytes(SIXTY))
    page = visit("", {"model": "Digits MLP"})
    page.locator(".st-key-subject-file input[type=file]").set_input_files(large)
    expect(page.get_by_text("File must be 50.0MB or smaller")).to_be_visible()

    path = tmp_path / "own.safetensors"
    path.write_bytes(b"\xff" * SIXTY)  # no weights: what matters is that they are looked at
    page.get_by_text("Another model", exact=True).click()
    with page.expect_response(lambda got: "upload_file" in got.url) as answered:
        page.locator(".st-key-models-weights input[type=file]").set_input_files(path)
    assert answered.value.ok
    page.get_by_role("textbox", name="Architecture").fill("resnet18")
    page.get_by_role("button", name="Open and ask it").click()
    expect(page.get_by_text("own.safetensors cannot be read as weights")).to_be_visible()


DROP = """(zone, text) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File([text], 'dropped.npz'));
  zone.dispatchEvent(new DragEvent('drop', {bubbles: true, dataTransfer: dropped}));
}"""
PATIENCE = 6000  # ms, in uploaders.js


def test_a_file_whose_place_was_never_told_is_given_again_and_no_other(
    app_url: str, page: Page
) -> None:
    lost: list[ForwardMsg] = []
    sent: list[str] = []

    def lose_first(socket: WebSocketRoute) -> None:
        """What Streamlit does where a run begins before the answer is on its way."""
        server = socket.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            string = ForwardMsg.FromString(message if isinstance(message, bytes) else b"")
            if string.HasField("file_urls_response") and not lost:
                lost.append(string)
            else:
                socket.send(message)

        server.on_message(pass_on)

    page.route_web_socket(lambda url: "/_stcore/stream" in url, lose_first)
    page.on("request", lambda request: "upload_file" in request.url and sent.append(request.method))
    page.goto(f"{app_url}/data-and-models")
    settle(page)
    page.get_by_text("Open data of your own", exact=True).click()
    place = page.locator(".st-key-lab-file")
    place.get_by_test_id("stFileUploaderDropzone").evaluate(DROP, "no data")
    expect(page.get_by_test_id("stAlert")).to_contain_text("dropped.npz")
    assert len(lost) == 1
    chosen = {"name": "chosen.npz", "mimeType": "", "buffer": b"no data"}
    place.locator("input[type=file]").set_input_files(chosen)
    expect(page.get_by_test_id("stAlert")).to_contain_text("chosen.npz")
    page.wait_for_timeout(1.2 * PATIENCE)
    assert sent.count("POST") + sent.count("PUT") == 2
