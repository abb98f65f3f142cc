"""The button below the outlines: pressed, answered, and failed in words, once."""

from __future__ import annotations

from dataclasses import replace

from streamlit.testing.v1 import AppTest

from components.heatmaps import outlines
from engine.attribution.heatmaps.own_map import OwnMap
from engine.attribution.trust import AmongOthers
from engine.attribution.trust.controls import PLAIN, SHUFFLED, STUDIED, controls
from engine.errors import BadData
from engine.models.embedded import plan
from tests.visits import pills, problems, settled

MEASURE = f"{outlines.AMONG}.measure"


def page(data_name="phantoms", model_name="phantom-cnn", title="Gradient"):
    from types import SimpleNamespace

    import numpy as np

    from components import runs
    from components.heatmaps import outlines
    from engine.case import ImageCase
    from engine.case.target import Target
    from engine.data import load as load_data
    from engine.models.catalog import load
    from tests.visits import TITLES

    data, model = load_data(data_name), load(model_name)
    row = next(row for row in data.rows("test") if data.truth["mask"][row].any())
    image = data.pixels(np.array([row]))[0].contiguous()
    case = ImageCase(model, image, Target(int(data.labels[row])))
    subject = SimpleNamespace(case=case, mask=data.truth["mask"][row])
    runs.leave_others("heatmaps", [])  # as the view does first
    outlines.among_others({title: TITLES[title]()}, subject, seconds=12.0)


def test_other_images_are_outlined_when_told_fewer_where_maps_take_long():
    at = AppTest.from_function(page, default_timeout=120).run()
    assert at.button[0].label.startswith("Outline 10 other images too")
    assert not at.get("plotly_chart")
    at = settled(at.button[0].click().run())
    assert not at.exception
    assert any("of 10 other images" in caption.value for caption in at.caption)


def test_iou_is_a_line_and_pointing_is_said():
    at = AppTest.from_function(page, default_timeout=120).run()
    if at.button:
        at = settled(at.button[0].click().run())
    assert len(at.get("plotly_chart")) == 1
    at = settled(pills(at, MEASURE).set_value("IoU").run())
    assert any("IoU 0." in caption.value for caption in at.caption)
    at = settled(pills(at, MEASURE).set_value("points inside").run())
    assert not at.get("plotly_chart")
    assert any(
        "of 10 other images" in block.value and "by chance" in block.value for block in at.markdown
    )


def test_beside_the_network_that_ships_stand_its_controls(monkeypatch):
    """On 100 slices of those that it learned, since drawing all 1,500 takes half a minute."""
    few = plan(STUDIED).data.replace("count=1500", "count=100")
    monkeypatch.setattr(outlines, "data_of", lambda _: few)
    monkeypatch.setitem(controls.__globals__, "plan", lambda name: replace(plan(name), data=few))
    arguments = few, STUDIED, OwnMap.title
    at = AppTest.from_function(page, default_timeout=120, args=arguments).run()
    at = settled(at.button[0].click().run())
    assert not at.exception
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
    at = AppTest.from_function(page, default_timeout=120).run()
    at = settled(at.button[0].click().run())
    for _ in range(3):
        at.run()
    assert not at.exception
    assert len(cases) == 1
    assert any("There are no such images." in sentence for sentence in problems(at))
