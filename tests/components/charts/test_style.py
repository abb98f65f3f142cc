"""Texts and scales of charts: no word is read as Markdown, no power of ten as a prefix."""

import plotly.graph_objects as go

from components.charts.style import laid, plain_markdown
from tests.components.level_sets.results import HOSTILE


def test_a_label_cannot_speak_markdown():
    assert plain_markdown(HOSTILE).startswith("\\<img")


def test_a_sentence_that_begins_with_a_number_does_not_become_a_list():
    assert plain_markdown("5. yes gains 2.5 points") == "5\\. yes gains 2.5 points"


def test_scales_of_decades_have_powers_of_ten_and_others_do_not():
    figure = go.Figure(layout={"xaxis": {"type": "log"}, "yaxis": {"type": "linear"}})
    drawn = laid(figure, 300).layout
    assert (drawn.xaxis.exponentformat, drawn.yaxis.exponentformat) == ("power", None)
