"""A form of a case: what is drawn, linked, refused and asked again is what is declared."""

from dataclasses import dataclass

import pytest
import streamlit as st

from components.case_form import CaseForm
from components.links import refusals_here
from engine.core.controls import Declared, Many, Text, argument
from engine.core.method import Choice, Option, Slider, Switch
from tests.components.pages import page_of
from tests.visits import pills, problems


def thing_options(given):
    if given["word"] == "b":
        return [Option("z", "Zed")]
    return [Option("x", "Ex"), Option("y", "Why", "it is gone")]


@dataclass(frozen=True)
class ToyArguments(Declared):
    """One argument of every kind."""

    word: str = argument("b", Choice(("a", "b"), titles={"a": "Ay"}), "Word, in full", "Which.")
    thing: str | None = argument(None, Text(off="none", options=thing_options), "Thing", "What.")
    some: tuple[str, ...] = argument(("q",), Many(lambda _: ("p", "q")), "Some", "Which ones.")
    count: int = argument(4, Slider(1, 9, 1), "Count", "How many.")
    clear: bool = argument(False, Switch(), "Clear", "Whether.")
    text: str = argument("as it is", Text(), "Text", "Anything.")


def draw():
    """Every argument, folded away, and what is known of the case."""
    form = CaseForm(ToyArguments, "page")
    with refusals_here(), st.expander("Folded"):
        form.ask("word")
        form.ask("thing", off=True, own={"Mine": object()})
        for name in ("some", "count", "clear", "text"):
            form.ask(name)
    st.session_state["given"] = dict(form.given)
    st.session_state["known"] = form.known({"image": "sample:coffee"})


def form(**link):
    return page_of(draw, link={f"page.{name}": value for name, value in link.items()})


def test_an_untouched_form_begins_as_declared_and_what_this_session_has_is_not_asked_again():
    at = form()
    settings = at.session_state["given"]
    whole = {"word": "b", "thing": "z", "some": ("q",), "count": 4}
    assert settings == whole | {"clear": False, "text": "as it is"}
    assert at.session_state["known"] == {"image": "sample:coffee"} | settings
    assert not at.query_params
    ToyArguments(**settings)  # every value is allowed
    at.selectbox(key="page.thing").set_value("Mine").run()
    assert at.session_state["given"]["thing"] is not None
    assert at.session_state["known"] == {}


def test_a_link_says_what_a_person_reads_and_gives_what_a_command_says():
    at = form(word="Ay", thing="Ex", some=["p", "q"], count="9", clear="true", text="other")
    assert not problems(at)
    whole = {"word": "a", "thing": "x", "some": ("p", "q"), "count": 9}
    assert at.session_state["given"] == whole | {"clear": True, "text": "other"}
    assert at.selectbox(key="page.word").label == "Word, in full"
    assert at.slider(key="page.count").help == "How many."


def test_what_cannot_be_had_beside_another_argument_is_not_offered_and_let_go_of():
    box = form(word="Ay").selectbox(key="page.thing")
    assert box.options == ["Ex", "Mine", "none"]
    assert box.help == "What. Why: it is gone."
    at = form(word="Ay", thing="Ex")
    at.selectbox(key="page.word").set_value("b").run()
    assert at.session_state["given"]["thing"] == "z"
    at.selectbox(key="page.thing").set_value("none").run()
    assert at.session_state["given"]["thing"] is None


@pytest.mark.parametrize(
    ("name", "label", "rule"),
    [
        ("word", "Word", "one of Ay, b"),
        ("thing", "Thing", "one of Zed, Mine, none"),
        ("some", "Some", "some of p, q"),
        ("count", "Count", "from 1 to 9"),
        ("clear", "Clear", "yes or no"),
    ],
)
def test_a_bad_link_is_refused_in_words_in_the_open(name, label, rule):
    at = form(**{name: "nothing"})
    sentence = f"The link asks for “nothing” as {label}; it is ignored, because it must be {rule}."
    assert problems(at) == [sentence]
    assert not list(at.expander[0].info)
    assert pills(at, "page.some").value == ["q"]
