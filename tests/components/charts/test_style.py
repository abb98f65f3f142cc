"""Colors, texts, scales and tables of charts."""

import numpy as np
import plotly.graph_objects as go
import pytest
from skimage.color import rgb2lab

from components import colors
from components.charts import tables
from components.charts.curves import finding
from components.charts.style import plain_markdown
from engine.core.charts.style import laid
from engine.core.result import Table, TrainLog
from tests.components.level_sets.results import HOSTILE


def test_a_label_cannot_speak_markdown_and_a_first_number_makes_no_list():
    assert plain_markdown(HOSTILE).startswith("\\<img")
    assert plain_markdown("5. yes gains 2.5 points") == "5\\. yes gains 2.5 points"


def test_a_table_has_units_and_dashes_and_scales_of_decades_powers_of_ten():
    figure = go.Figure(layout={"xaxis": {"type": "log"}, "yaxis": {"type": "linear"}})
    drawn = laid(figure, 300).layout
    assert (drawn.xaxis.exponentformat, drawn.yaxis.exponentformat) == ("power", None)
    view = Table.grid(
        np.array([[0.5, 1, 0.25, -0.125], [np.nan] * 4], np.float32),
        ("same", "same"),
        ("p", "holds", "share", "difference"),
        ("probability", "yes or no", "share", "probability"),
    )
    frame = tables.framed(view)
    assert list(frame.columns) == ["p (probability)", "holds", "share", "difference (probability)"]
    assert list(frame.index) == ["same", "same (2)"]
    forms = tables.formats(view)
    texts = [[form(cell) for form, cell in zip(forms, row, strict=True)] for row in view.values]
    assert texts == [["0.500", "yes", "25 %", "−0.125"], ["–"] * 4]
    many = Table.grid(np.ones((1, 1), np.float32), ("it",), ("loss",), ("nat",))
    assert list(tables.framed(many).columns) == ["loss (nats)"]


def logged(held: float) -> TrainLog:
    columns = ((2, 1), (0.25, 0.75), (2, 1), (0.1, held), (1.5, 2))
    ids = {"ids": np.arange(3), "shown": np.arange(3)}
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
    return TrainLog(**dict(zip(names, map(np.float32, columns), strict=True)), **ids, epochs=4)


def test_the_last_epoch_is_told():
    assert finding(logged(0.5)) == (
        "After 2 of 4 epochs: 75.0 % right on what it learns from, 50.0 % on validation images it "
        "never learns from; 3.5 s of training."
    )
    assert "validation" not in finding(logged(float("nan")))


def lightness(ramp: colors.Ramp) -> np.ndarray:
    return rgb2lab(ramp[None] / 255)[0, :, 0]


@pytest.mark.parametrize("ramp", [colors.SEQUENTIAL, colors.DIVERGING_LIGHT, colors.DIVERGING_DARK])
def test_a_ramp_is_256_colors_that_nobody_can_change(ramp):
    assert (ramp.shape, ramp.dtype) == ((256, 3), np.uint8)
    with pytest.raises(ValueError, match="read-only"):
        ramp[0] = 0


@pytest.mark.parametrize("ramp", [colors.DIVERGING_LIGHT, colors.DIVERGING_DARK])
def test_equal_steps_from_zero_are_equally_strong_and_negative_is_blue_positive_orange(ramp):
    light = lightness(ramp)
    assert np.abs(light - light[::-1]).max() < 4
    assert ramp[0, 2] > ramp[0, 0]
    assert ramp[-1, 0] > ramp[-1, 2]


def test_the_sequential_ramp_gets_lighter_and_zero_recedes_into_the_page_in_both_themes():
    assert (np.diff(lightness(colors.SEQUENTIAL)) > -0.5).all()
    on_light, on_dark = lightness(colors.DIVERGING_LIGHT), lightness(colors.DIVERGING_DARK)
    assert (np.diff(on_light[:127]) > 0).all()
    assert on_light[127] > 95
    assert (np.diff(on_dark[:127]) < 0).all()
    assert on_dark[127] < 10
    assert len(set(colors.CATEGORICAL)) == 8
