"""Small components: what the browser is sent, and what is taken of what it sends."""

from types import SimpleNamespace

import pytest
import streamlit as st

from components.picks import below, is_place
from components.widgets import bars, order, steps
from components.widgets.bars import Bar
from components.widgets.downloads import download
from components.widgets.mounting import mounted
from components.widgets.words import picked_from, places_of, underline_style
from tests.components.pages import page_of


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (["b", "a", "c"], True),
        *((odd, False) for odd in (["a", "b"], ["a", "b", "b"], ["a", "b", "c", "d"])),
        *((odd, False) for odd in (["a", "b", 3], "abc", None)),
    ],
)
def test_only_the_same_words_in_another_order_are_taken(monkeypatch, sent, taken):
    moved = []
    drawn = mounted_with(monkeypatch, order, {"list": {"order": sent}})
    order.draw_order(["a", "b", "c"], "letters", "list", moved.append)
    assert drawn["data"] == {"words": ["a", "b", "c"], "label": "letters"}
    drawn["on_order_change"]()
    assert moved == ([sent] if taken else [])


def mounted_with(monkeypatch, module, state):
    """What a component is drawn with, where its session has this state."""
    drawn = {}
    monkeypatch.setattr(module, "mounted", lambda _: lambda **arguments: drawn.update(arguments))
    monkeypatch.setattr(module, "st", SimpleNamespace(session_state=state))
    return drawn


def after(sent, monkeypatch, level="2"):
    """Where the slider stands after a message of a button that was drawn at level 2 of 3."""
    state = {"k": {"step": sent}, "level": level}
    drawn = mounted_with(monkeypatch, steps, state)
    steps.play_steps("the levels", 2, 3, "k", "level", drawn=False)
    assert drawn["data"] == {"label": "the levels", "at": 2, "last": 3, "drawn": False}
    drawn["on_step_change"]()
    return state["level"]


@pytest.mark.parametrize("step", [0, 3])
def test_a_step_that_there_is_moves_the_slider(step, monkeypatch):
    assert after({"from": 2, "to": step}, monkeypatch) == str(step)


@pytest.mark.parametrize("step", [4, -1, None, True, 1.5, "1", [1]])
def test_any_other_does_not(step, monkeypatch):
    assert after({"from": 2, "to": step}, monkeypatch) == "2"
    assert after(step, monkeypatch) == "2"


@pytest.mark.parametrize("level", ["0", "3"])
def test_a_step_does_not_override_where_the_person_has_moved_since(level, monkeypatch):
    assert after({"from": 2, "to": 3}, monkeypatch, level) == level
    assert after({"from": 2, "to": 1}, monkeypatch, level) == level


def draw_bars():
    rows = [Bar(3, "<b>cat</b>", 0.7, before=0.2, chosen=True), Bar(1, "dog", 0.3)]
    bars.bar_widget(rows, "still")
    bars.bar_widget(rows, "clickable", lambda index: st.session_state.update(picked=index))


def test_bars_are_drawn_with_and_without_clicks():
    assert "picked" not in page_of(draw_bars).session_state


@pytest.mark.parametrize(("sent", "taken"), [(3, [3]), (None, [])], ids=["click", "taken back"])
def test_a_click_brings_the_class_and_not_the_row(monkeypatch, sent, taken):
    picked = []
    drawn = mounted_with(monkeypatch, bars, {"key": {"picked": sent}})
    bars.bar_widget([Bar(3, "cat", 0.7), Bar(1, "dog", 0.3)], "key", picked.append)
    drawn["on_picked_change"]()
    assert picked == taken
    assert drawn["data"]["clickable"]
    first = {"index": 3, "label": "cat", "value": 0.7, "before": None, "chosen": False}
    assert drawn["data"]["rows"][0] == first


def width(share):
    return float(underline_style(share)["width"].removesuffix("px"))


def test_the_surer_the_thicker_and_another_color():
    assert width(0.1) < width(0.5) < width(1.0)
    assert underline_style(0.0)["color"] == "light-dark(#e66100, #e66100)"
    assert underline_style(1.0)["color"] == "light-dark(#005ab5, #66b2ff)"
    assert underline_style(1.0)["gap"] == "0.0px"
    assert underline_style(1.2) == underline_style(1.0)


@pytest.mark.parametrize(
    "sent", [None, "x", {}, {"tag": "t"}, {"tag": "t", "places": "0"}, {"tag": "u", "places": [0]}]
)
def test_what_does_not_fit_the_answer_picks_nothing(sent):
    assert places_of(sent, "t", 3) == []
    assert places_of({"tag": "t", "places": [2, 0, 2, 7, -1, "1"]}, "t", 3) == [0, 2]


def test_a_link_picks_words_that_exist_or_the_first_choice():
    assert picked_from("0,3", 4, [1]) == (0, 3)
    assert picked_from("9,x,-1", 4, [1]) == (1,)
    assert picked_from("", 4, [1]) == (1,)


def test_a_number_of_thousands_of_digits_names_no_place():
    assert is_place("10", 1, 10)
    assert below(10)("9")
    assert not is_place("1" * 5000, 1, 10)
    assert not below(10)("1" * 5000)
    assert picked_from("1" * 5000, 10, [3]) == (3,)


def test_a_component_has_the_name_style_and_scripts_of_its_file(tmp_path, monkeypatch):
    registered = []
    monkeypatch.setattr(
        st.components.v2, "component", lambda name, **files: registered.append((name, files))
    )
    for name, text in {"dial.css": "a {}", "dial.js": "1;", "b.js": "2;", "c.js": "3;"}.items():
        (tmp_path / name).write_text(text)
    file = str(tmp_path / "dial.py")
    for _ in range(2):
        mounted(file)
        mounted(file, "c.js", "b.js")
    assert {name for name, _ in registered} == {"blindspot_dial"}
    sent = [{"css": "a {}", "js": "1;"}, {"css": "a {}", "js": "3;\n2;"}]
    assert [files for _, files in registered] == sent


def draw_downloads():
    download("Table", lambda: "a,b", "rows.csv", "t.csv")
    download("Weights", lambda: b"12", "net.safetensors", "t.weights", help="One file.")


def test_a_press_reruns_nothing_so_that_the_file_is_still_there():
    buttons = [element.proto for element in page_of(draw_downloads).get("download_button")]
    assert [button.label for button in buttons] == ["Table", "Weights"]
    assert all(button.ignore_rerun for button in buttons)
    assert buttons[1].help == "One file."
