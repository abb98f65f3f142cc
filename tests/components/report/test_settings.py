"""Settings in the report: in the form's words, without those that play no part."""

from __future__ import annotations

from components.report.settings import setting_words
from engine.attribution import GradCam
from engine.hallucination.decoding.dola import DoLa
from engine.method import Method


def words(method: Method) -> dict[str, str]:
    record = {"method": method.full_name(), "settings": method.settings()}
    return dict(setting_words(record))


def test_what_is_left_to_the_method_is_in_words_and_what_plays_no_part_is_not_there():
    assert words(GradCam())["Layer"] == "the last one"
    assert words(GradCam(layer="blocks.3"))["Layer"] == "blocks.3"
    assert "off" not in words(GradCam()).values()
    assert words(DoLa())["Early layer"] == "most different"
    assert "Repetition penalty" not in words(DoLa())
    assert words(DoLa(repetition=1.2))["Repetition penalty"] == "1.2"


def test_a_method_that_is_no_longer_here_has_the_names_of_its_record():
    record = {"method": "attribution.Gone", "settings": {"depth": 3}}
    assert dict(setting_words(record)) == {"depth": "3"}
