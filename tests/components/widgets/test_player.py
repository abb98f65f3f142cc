"""What the browser is sent of a walk: small, true to the coding step, whatever there is of it."""

import dataclasses
import io
import json
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import zoom

from components.widgets import sheets
from components.widgets.player import payload, player, walk_payload
from engine.core.result import Curve, Path
from tests.components.level_sets.walks import walk_views, walked
from tests.components.pages import page_of


def opened(sheet: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(b64decode(sheet["src"].split(",")[1]))))


def cells(sheet: dict, count: int) -> np.ndarray:
    """The images of a sheet, as the player cuts them."""
    whole, (wide, high), (width, height) = opened(sheet), sheet["cell"], sheet["inner"]
    results = []
    for at in range(count):
        top, left = at // sheet["columns"] * high, at % sheet["columns"] * wide
        results.append(whole[top : top + height, left : left + width])
    return np.stack(results)


def residues(sent: dict) -> tuple[np.ndarray, np.ndarray]:
    """The residues to target and source again, as the player reads them."""
    sheet, count = sent["residues"], len(sent["steps"])
    codes = cells(sheet, 2 * count).astype(np.float64)
    values = np.where(codes == 255, np.nan, (codes / sheet["top"]) ** 2 * sheet["scale"])
    return values[:count], values[count:]


def truth(walk, end: np.ndarray) -> np.ndarray:
    frames = walk.views["path"].frames.astype(np.float64)
    return np.abs(frames - end.transpose(2, 0, 1) / 255).mean(1)


def blocks(values: np.ndarray, side: int) -> np.ndarray:
    count, height, _ = values.shape
    k = height // side
    return values.reshape(count, side, k, side, k).mean((2, 4))


def smooth(side: int, seed: int) -> np.ndarray:
    """A picture with structure and a little grain, as photographs have."""
    random = np.random.default_rng(seed)
    coarse = zoom(random.uniform(0, 255, (14, 14, 3)), (side / 14, side / 14, 1), order=1)
    return (coarse + random.normal(0, 6, coarse.shape)).clip(0, 255).astype(np.uint8)


def photograph_walk(side: int, frames: int, steps: int = 600):
    source, target = smooth(side, 1), smooth(side, 2)
    walk = walked(side=8)
    views = walk_views(source, target, steps, frames)
    return dataclasses.replace(walk, source=source, target=target, views=views)


@pytest.mark.parametrize(("side", "frames"), [(224, 40), (224, 48), (320, 24)])
def test_a_walk_on_photographs_stays_below_a_megabyte(side, frames):
    assert len(json.dumps(payload([photograph_walk(side, frames)], "k"))) < 1_000_000


def test_even_noise_stays_below_a_megabyte_and_a_walk_that_goes_on_in_half_the_room():
    assert len(json.dumps(payload([walked(side=224, steps=600, frames=48)], "k"))) < 1_000_000
    walk = photograph_walk(224, 40)
    views = {name: view for name, view in walk.views.items() if name != "figures"}
    assert len(json.dumps(payload([dataclasses.replace(walk, views=views)], "k"))) < 550_000


@pytest.mark.parametrize("side", [8, 28, 32, 224])
def test_the_residues_come_back_to_half_a_step_of_the_root_of_blocks_in_a_photograph(side):
    walk = walked(side=side) if side < 224 else photograph_walk(side, 16)
    sent = walk_payload(walk)
    assert sent["small"] is (side < 224)
    inner = sent["residues"]["inner"][0]
    assert inner in ({side} if side < 224 else {224, 112, 56, 28})
    half = 0.5 / sent["residues"]["top"] * np.sqrt(sent["residues"]["scale"])
    for back, end in zip(residues(sent), (walk.target, walk.source), strict=True):
        want = blocks(truth(walk, end), inner)
        assert back.shape == want.shape
        assert np.abs(np.sqrt(back) - np.sqrt(want)).max() <= half * 1.001 + 1e-6


def test_small_frames_come_back_exactly_and_large_or_many_are_sent_smaller_or_fewer():
    walk = walked(side=28)
    sent = walk_payload(walk)
    want = np.rint(walk.views["path"].frames.astype(np.float32) * 255).transpose(0, 2, 3, 1)
    assert (cells(sent["frames"], 6) == want).all()
    sent = walk_payload(photograph_walk(320, 3))
    assert sent["frames"]["inner"] == [224, 224]
    assert (sent["width"], sent["height"]) == (320, 320)
    steps = walk_payload(walked(side=8, steps=300, frames=200))["steps"]
    assert (len(steps), steps[0], steps[-1]) == (64, 0, 300)


@pytest.mark.parametrize("side", [65, 100, 224])
def test_large_frames_come_back_nearly_and_do_not_bleed(side):
    walk = photograph_walk(side, 5)
    sent = walk_payload(walk)
    assert not sent["small"]
    want = walk.views["path"].frames.astype(np.float32).transpose(0, 2, 3, 1) * 255
    back = cells(sent["frames"], 5).astype(np.float32)
    assert np.abs(back - want).mean() < 6
    assert np.abs(back[:, -1] - want[:, -1]).mean() < 10


def test_the_numbers_are_those_of_every_step_as_far_as_a_walk_goes():
    walk = walked()
    sent = walk_payload(walk)
    assert sent["steps"] == [0, 4, 8, 12, 16, 20]
    assert len(sent["curves"]["source"]) == 21
    assert sent["curves"]["toTarget"] == pytest.approx(walk.views["rmse to target"].y, rel=1e-4)
    assert sent["curves"]["accepted"][:4] == [1, 1, 1, 0]
    assert sent["source"]["label"] == "cat <b>"
    assert sent["target"]["label"] == "palace"
    assert sent["top"][-1][0] == ("cat <b>", 0.9)
    assert not sent["partial"]
    walk = walked(partial=True)
    views = {"path": walk.views["path"]}
    assert walk_payload(walk)["partial"]
    sent = walk_payload(dataclasses.replace(walk, views=views, fall=None))
    assert sent["curves"] == {name: [] for name in sent["curves"]}
    assert sent["top"] == [[]] * 6
    assert sent["fall"] is None
    sent = walk_payload(walked(steps=0, frames=1))
    assert sent["steps"] == [0]
    to_target, to_source = residues(sent)
    assert len(to_target) == 1
    assert to_source.max() < 1e-3


def test_what_is_not_known_is_sent_as_such():
    walk = walked()
    path, curve = walk.views["path"], walk.views["source confidence"]
    frames, y = path.frames.copy(), curve.y.copy()
    frames[2, :, 3, 4] = np.nan
    y[5] = np.nan
    views = walk.views | {"path": Path(frames, path.values, path.unit, path.steps)}
    views["source confidence"] = Curve(curve.x, y, curve.x_label, curve.y_label, curve.unit)
    sent = walk_payload(dataclasses.replace(walk, views=views, reference=float("nan")))
    json.dumps(sent, allow_nan=False)
    assert sent["curves"]["source"][5] is None
    assert sent["reference"] is None
    unknown = np.isnan(residues(sent)[0])
    assert unknown[2, 3, 4]
    assert unknown.sum() == 1


def test_a_walk_is_encoded_once(monkeypatch):
    walk = walked(title="First")
    first = walk_payload(walk)
    monkeypatch.setattr(sheets, "encode", lambda *_: pytest.fail("encoded again"))
    second = walk_payload(dataclasses.replace(walk, title="Second"))
    assert (first["title"], second["title"]) == ("First", "Second")
    assert (second["frames"], second["residues"]) == (first["frames"], first["residues"])


def changed(**views):
    return lambda: walk_payload(dataclasses.replace(walked(), **views))


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (lambda: player([], "k"), "one to 3 walks"),
        (lambda: player([walked()] * 4, "k"), "one to 3 walks"),
        (changed(target=np.zeros((9, 9, 3), np.uint8)), "The frames are .* px"),
        (changed(views={}), "has no images"),
    ],
    ids=["none", "four", "an end of another size", "no images"],
)
def test_what_is_no_walk_is_refused_in_a_sentence(refused, sentence):
    with pytest.raises(ValueError, match=sentence):
        refused()


def test_one_and_three_walks_are_drawn():
    page_of(player, [walked(title=name) for name in "ABC"], "three")
    page_of(player, [walked(steps=0, frames=1)], "one")
