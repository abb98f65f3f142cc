"""A method's form: what is drawn is what is declared, and what is moved is what is asked."""

import pytest
import streamlit as st

from components.forms import marks, method_form, refuse_links, slider_start, word_check
from engine.core.method import Slider
from tests.components.pages import page_of
from tests.components.toy import COUNT, DECADES, LAYER, MAYBE, OFTEN, SHARE, WORD, Toy
from tests.tiny import cnn_case
from tests.visits import problems


def draw():
    case = cnn_case()
    refuse_links(Toy, "page.Toy", case)
    st.session_state["toy"] = method_form(Toy, "page.Toy", case)


def form(**link):
    return page_of(draw, link={f"page.Toy.{name}": value for name, value in link.items()})


def toy_of(at) -> Toy:
    return at.session_state["toy"]


def test_an_untouched_form_gives_the_defaults_with_labels_units_and_help():
    at = form()
    assert toy_of(at) == Toy()
    assert not at.query_params
    expected = {"slider": ["Count (px)", "Share"], "select_slider": ["Decades", "Often"]}
    expected |= {"selectbox": ["Word", "Layer"]}
    expected["toggle"] = ["Maybe: as it comes or a number", "Switch"]
    for kind, labels in expected.items():
        assert [widget.label for widget in at.get(kind)] == labels
    assert at.slider(key="page.Toy.count").help == "How many."
    assert at.select_slider(key="page.Toy.decades").value == 0.03  # one of its stops


def test_each_widget_sets_its_own_setting_and_one_that_can_be_off_shows_its_slider_when_on():
    at = form()
    at.slider(key="page.Toy.count").set_value(9)
    at.slider(key="page.Toy.share").set_value(0.25)
    at.select_slider(key="page.Toy.decades").set_value(0.2)
    at.select_slider(key="page.Toy.often").set_value(50)
    at.selectbox(key="page.Toy.word").set_value("one")
    at.selectbox(key="page.Toy.layer").set_value("conv1")
    at.toggle(key="page.Toy.switch").set_value(True)
    at.run()
    assert toy_of(at) == Toy(9, 0.25, 0.2, 50, None, "one", "conv1", True)
    assert "page.Toy.maybe" not in [slider.key for slider in at.slider]
    at.toggle(key="page.Toy.maybe.on").set_value(True).run()
    at.slider(key="page.Toy.maybe").set_value(0.7).run()
    assert toy_of(at).maybe == 0.7


def test_a_link_opens_the_form_with_its_values():
    link = {"count": "9", "share": "0.25", "decades": "0.2", "often": "50", "word": "one"}
    at = form(**link, layer="conv1", switch="true", maybe="0.7", **{"maybe.on": "true"})
    assert toy_of(at) == Toy(9, 0.25, 0.2, 50, 0.7, "one", "conv1", True)
    assert not problems(at)


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("count", "41", "“41” as Toy ▸ Count; it is ignored, because it must be from 2 to 40 px."),
        ("count", "many", "from 2 to 40 px"),
        ("share", "nan", "from 0 to 1"),
        ("decades", "0.0301", "“0.0301” as Toy ▸ Decades"),
        ("often", "many", "from 10 to 5000"),
        ("word", "three", "one of one, two"),
        ("layer", "conv99", "one of the layers"),
        ("switch", "perhaps", "yes or no"),
    ],
)
def test_a_link_with_a_value_that_cannot_be_is_ignored_and_that_is_said(name, asked, words):
    at = form(**{name: asked})
    assert toy_of(at) == Toy()
    (notice,) = problems(at)
    assert words in notice


def test_a_notice_stays_until_the_setting_is_set_and_repeats_no_markup_of_the_link():
    at = form(count="41")
    at.slider(key="page.Toy.share").set_value(0.25).run()
    assert len(problems(at)) == 1
    at.query_params["page.Toy.count"] = "12"  # as the browser does when the slider is moved
    at.slider(key="page.Toy.count").set_value(12).run()
    assert not problems(at)
    at = form(word="![](//example.org/a.png)`<b>")
    assert at.info[0].value.count("\\[") == 1
    assert "\\`\\<b>" in at.info[0].value


@pytest.mark.parametrize(
    ("control", "start", "yes", "no"),
    [
        (COUNT, 8, ("2", "40", "8.0"), ("1", "41", "", "x", "inf", "nan")),
        (SHARE, 0.5, ("0", "1", "0.333"), ("-0.01", "nan", "1e3")),
        (DECADES, 0.03, ("0.001", "0.03", "1"), ("0.0301", "2", "")),
        (OFTEN, 1000, ("10", "1000", "5000"), ("11", "10000")),
        (MAYBE, None, ("0.5",), ("as it comes", "2")),
        (WORD, "two", ("one", "two"), ("One", "")),
        (LAYER, None, ("conv1", "the last"), ("conv99",)),
    ],
)
def test_a_word_of_a_link_is_readable_when_its_widget_can_show_it(control, start, yes, no):
    reads = word_check(control, start, cnn_case())
    assert all(reads(word) for word in yes)
    assert not any(reads(word) for word in no)


def test_a_setting_that_was_off_begins_where_its_slider_says_when_it_is_switched_on():
    control = Slider(0.1, 1000.0, 0.1, log=True, off="by share", start=7.0)
    assert slider_start(control, None) == 7
    assert 7 in marks(control, None)
    assert slider_start(control, 3.0) == 3
    assert slider_start(Slider(0.1, 1000.0, 0.1, off="none"), None) == 0.1
