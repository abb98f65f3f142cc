"""The button below the outlines, and a black mask of one's own."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from components import runs
from components.heatmaps import outlines
from engine.core.errors import BadData
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.trust import AmongOthers
from engine.evaluation.trust.controls import PLAIN, SHUFFLED, STUDIED, controls
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.data import load
from engine.vision.models.catalog import load as load_model
from engine.vision.models.embedded import plan
from tests.components.pages import page_of
from tests.in_memory import png
from tests.visits import TITLES, pills, problems, settled, visit

MEASURE = f"{outlines.AMONG}.measure"


def draw(data_name="phantoms", model_name="phantom-cnn", title="Gradient"):
    data, model = load(data_name), load_model(model_name)
    row = next(row for row in data.rows("test") if data.truth["mask"][row].any())
    image = data.pixels(np.array([row]))[0].contiguous()
    case = ImageCase(model, image, Target(int(data.labels[row])))
    subject = SimpleNamespace(case=case, mask=data.truth["mask"][row])
    runs.leave_others("heatmaps", [])  # as the view does first
    outlines.among_others({title: TITLES[title]()}, subject, seconds=12.0)


def test_other_images_are_outlined_when_told_fewer_where_maps_take_long():
    at = page_of(draw)
    assert at.button[0].label.startswith("Outline 10 other images too")
    assert not at.get("plotly_chart")
    at = settled(at.button[0].click().run())
    assert any("of 10 other images" in caption.value for caption in at.caption)


def test_iou_is_a_line_and_pointing_is_said():
    at = page_of(draw)
    if at.button:
        at = settled(at.button[0].click().run())
    assert len(at.get("plotly_chart")) == 1
    at = settled(pills(at, MEASURE).set_value("IoU").run())
    assert any("IoU 0." in caption.value for caption in at.caption)
    at = settled(pills(at, MEASURE).set_value("points inside").run())
    assert not at.get("plotly_chart")
    assert any(re.search("of 10 other images.*by chance", block.value) for block in at.markdown)


def test_beside_the_network_that_ships_stand_its_controls(monkeypatch):
    """On 100 slices of those that it learned, since drawing all 1,500 takes half a minute."""
    few = plan(STUDIED).data.replace("count=1500", "count=100")
    monkeypatch.setattr(outlines, "data_of", lambda _: few)
    monkeypatch.setitem(controls.__globals__, "plan", lambda name: replace(plan(name), data=few))
    at = settled(page_of(draw, few, STUDIED, OwnMap.title).button[0].click().run())
    said_below = " ".join(caption.value for caption in at.caption).replace("\\", "")
    for title in ("The model's own map: Dice", f"{SHUFFLED}: Dice 0.00", f"{PLAIN}: Dice"):
        assert title in said_below
    assert outlines.CONTROLLED in said_below


def test_a_failure_is_said_and_not_computed_again(monkeypatch):
    cases = []

    def fails(self, case, progress=None):
        cases.append(case)
        raise BadData("There are no such images.")

    monkeypatch.setattr(AmongOthers, "__call__", fails)
    monkeypatch.setattr(AmongOthers, "revision", 99)  # nothing of it is kept
    at = settled(page_of(draw).button[0].click().run())
    for _ in range(3):
        at.run()
    assert len(cases) == 1
    assert any("There are no such images." in sentence for sentence in problems(at))


EXTRA = re.compile(r"outlines \d+\.\d % of the image though nothing is there")


@pytest.mark.parametrize("methods", [["The model's own map", "Grad-CAM"], ["Grad-CAM"]])
def test_a_black_mask_is_answered_and_what_needs_a_finding_says_so(methods):
    at = visit({"model": "Phantom GP-UNet", "heatmaps.methods": methods, "trust.on": "false"})
    image = load("phantoms:count=40").images[17, 0]
    at.file_uploader(key="subject.file").upload("own.png", png(image)).run()
    black = np.zeros(image.shape, np.uint8)
    at.file_uploader(key="subject.mask").upload("black.png", png(black)).run()
    at = settled(at)
    assert not at.error
    text = " ".join(block.value for block in (*at.markdown, *at.caption)).replace("\\", "")
    assert "The mask is black here" in text
    assert "no map can point inside" in text
    assert EXTRA.search(text)
    assert "nan" not in text.lower().split()
    assert not any("other images too" in button.label for button in at.button)
