"""Texts of charts: no word is read as Markdown."""

from components.charts.style import plain_markdown
from tests.components.level_sets.results import HOSTILE


def test_a_label_cannot_speak_markdown():
    assert plain_markdown(HOSTILE).startswith("\\<img")


def test_a_sentence_that_begins_with_a_number_does_not_become_a_list():
    assert plain_markdown("5. yes gains 2.5 points") == "5\\. yes gains 2.5 points"
