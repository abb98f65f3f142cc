"""The button below the outlines: pressed, answered, and failed in words, once."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from engine.attribution.trust import AmongOthers
from engine.errors import BadData
from tests.visits import said, settled


def page():
    from types import SimpleNamespace

    import numpy as np

    from components import runs
    from components.heatmaps import outlines
    from engine.attribution.heatmaps.gradient import Gradient
    from engine.case import ImageCase
    from engine.case.target import Target
    from engine.data import load as load_data
    from engine.models.catalog import load

    data, model = load_data("phantoms"), load("phantom-cnn")
    row = next(row for row in data.rows("test") if data.truth["mask"][row].any())
    image = data.pixels(np.array([row]))[0].contiguous()
    case = ImageCase(model, image, Target(int(data.labels[row])))
    subject = SimpleNamespace(case=case, mask=data.truth["mask"][row])
    runs.leave_others("heatmaps", [])  # as the view does first
    outlines.among_others({"Gradient": Gradient()}, subject, seconds=12.0)


def test_other_images_are_outlined_when_told_fewer_where_maps_take_long():
    at = AppTest.from_function(page, default_timeout=120).run()
    assert at.button[0].label.startswith("Outline 10 other images too")
    assert not at.get("plotly_chart")
    at = settled(at.button[0].click().run())
    assert not at.exception
    assert any("of 10 other images" in one.value for one in at.caption)


def test_a_failure_is_said_and_not_computed_again(monkeypatch):
    asked = []

    def fails(self, case, progress=None):
        asked.append(case)
        raise BadData("There are no such images.")

    monkeypatch.setattr(AmongOthers, "__call__", fails)
    monkeypatch.setattr(AmongOthers, "revision", 99)  # nothing of it is kept
    at = AppTest.from_function(page, default_timeout=120).run()
    at = settled(at.button[0].click().run())
    for _ in range(3):
        at.run()
    assert not at.exception
    assert len(asked) == 1
    assert any("There are no such images." in one for one in said(at))
