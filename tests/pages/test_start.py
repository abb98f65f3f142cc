"""Start: shipped images are answered at once, an upload card by card, and it is never replaced."""

from itertools import count

import numpy as np
import pytest

from components.start import cards
from components.start.questions import NO_SCENE
from components.views import ASK, FORGET, HEATMAPS, LEVEL_SETS, PRUNE, START, STORIES
from engine.attribution.lst.blind_spot import BlindSpot
from engine.attribution.lst.method import LST
from engine.core import run
from engine.core.lane import lanes
from engine.sparsity.effects.pruned_image import PrunedImage
from tests.components.sidebar.test_subject import jpeg, upload
from tests.visits import held_up, png, problems, settled, visit, words

QUESTIONS = (
    "Where does the model look?",
    "How far can the image change unnoticed?",
    "How unusual is this image for the model?",
    "Does the answer survive without 70 % of the weights?",
    "What does a language model make up?",
    "What stays when a model is told to forget?",
)
QUICK = {"model": "Digits MLP"}  # of 8 × 8 px


def asked(monkeypatch):
    titles, plain = [], run.ask

    def noted(method, case, visitor=""):
        titles.append(method.title)
        return plain(method, case, visitor)

    monkeypatch.setattr(run, "ask", noted)
    return titles


@pytest.mark.parametrize(
    ("image", "label"), [("A cat (Chelsea)", "Egyptian cat"), ("A rocket at launch", "missile")]
)
def test_a_shipped_image_has_all_its_answers_at_once_and_nothing_is_asked(
    monkeypatch, image, label
):
    titles, at = asked(monkeypatch), visit({"image": image}, START)
    text = words(at)
    assert titles == []
    assert not problems(at)
    assert not at.main.get("progress")
    assert all(question in text for question in QUESTIONS)
    assert cards.LATER not in text
    assert f"It says **{label}**" in text
    assert "Grad-CAM points to the" in text
    assert f"“{label}” never falls below" in text
    assert "Too few normal images for a verdict:" in text
    assert "70 % of the weights are taken out:" in text
    assert "There is no lamp in this scene." in text
    assert "NegGrad+ forgot class 3" in text
    assert any(sign in text for sign in ("✓ For it", "⚠ Not confirmed", "✗ Against it"))


def test_an_upload_is_answered_card_by_card_and_what_is_there_stays(monkeypatch):
    at, hold = computing(monkeypatch)
    text = words(at)
    assert "It says **" in text
    assert "Gradient points to the" in text
    assert "normal images" in text
    assert text.count(cards.LATER) == 1  # the walk's: it is the last
    assert "of the weights are taken out" not in text
    assert any("The image in a pruned copy" in bar.proto.text for bar in at.main.get("progress"))
    hold.go.set()
    text = words(settled(at))
    assert cards.LATER not in text
    assert "of the weights are taken out" in text
    assert "never falls below" in text


PICTURES = count(1)


def new_picture() -> bytes:
    """A file that no test has asked about."""
    return png(np.random.default_rng(next(PICTURES)).integers(0, 256, (40, 40, 3), np.uint8))


def computing(monkeypatch):
    """Start while the pruned copy of a new upload is computed, and what holds that up."""
    hold = held_up(monkeypatch, PrunedImage)
    at = visit(QUICK, START)
    hold.go.set()
    settled(at)
    hold.go.clear()
    hold.begun.clear()
    upload(at, "cup.png", new_picture())
    hold.begins(at)
    return at, hold


def test_the_heat_map_of_an_upload_is_computed_before_everything_that_it_is_compared_with(
    monkeypatch,
):
    at = settled(visit(QUICK, START))
    titles = asked(monkeypatch)
    settled(upload(at, "cup.png", new_picture()))
    first, *rest = [title for title in titles if title != "Prediction"]
    assert first == "Gradient"
    assert {"ViM", "The image in a pruned copy", "Blind spot"} <= set(rest)


@pytest.mark.parametrize("view", [PRUNE, STORIES, HEATMAPS, None], ids=str)
def test_who_leaves_start_does_not_wait_for_its_questions_any_more(monkeypatch, view):
    """But the view of a card goes on with its question; None: the card's own button."""
    at, hold = computing(monkeypatch)
    if view is None:
        at.button(key=f"start.{PRUNE.address}").click().run()
    else:
        at.switch_page(str(view.path)).run()
    assert hold.is_given_up(0.3 if view in {PRUNE, None} else 20) == (view not in {PRUNE, None})


def test_what_another_visitor_asked_too_goes_on_when_start_is_left(monkeypatch):
    at, hold = computing(monkeypatch)
    jobs = [job for lane in lanes() for job in lane.jobs()]
    (job,) = [job for job in jobs if job.title.startswith("The image in")]
    job.join("another")
    at.switch_page(str(HEATMAPS.path)).run()
    assert not hold.is_given_up(0.3)
    assert job.visitors == {"another"}
    assert job.wait(20)
    assert job.value()


def test_what_cannot_be_asked_says_why():
    assert NO_SCENE in words(visit({}, START))


@pytest.mark.parametrize("view", [FORGET, ASK], ids=lambda view: view.title)
def test_an_example_never_replaces_an_upload(monkeypatch, view):
    hold = held_up(monkeypatch, BlindSpot)
    try:
        at = upload(visit(QUICK, START), "cup.jpg", jpeg())
        assert not any("Example" in button.label for button in at.button)
        at.button(key=f"start.{view.address}").click().run()
        assert at.session_state["image"] == "Your image"
        at.switch_page(str(PRUNE.path)).run()
        assert at.selectbox(key="image").value == "Your image"
    finally:
        hold.go.set()


@pytest.mark.parametrize(
    ("view", "key", "value"),
    [(PRUNE, "prune.ratio", 0.7), (LEVEL_SETS, "levels.against", "A Chinese palace")],
    ids=["Prune", "Level sets"],
)
def test_a_card_opens_its_view_with_the_same_image_and_question(monkeypatch, view, key, value):
    hold = held_up(monkeypatch, LST if view is LEVEL_SETS else PrunedImage)  # takes long there
    try:
        at = visit({"image": "A cup of coffee"}, START)
        at.button(key=f"start.{view.address}").click().run()
        assert at.title[0].value == view.title
        assert at.selectbox(key="image").value == "A cup of coffee"
        assert {widget.key: widget.value for widget in [*at.slider, *at.selectbox]}[key] == value
    finally:
        hold.go.set()


def test_the_example_of_a_card_begins_anew_whatever_was_done_to_the_scene():
    at = visit({"ask.edits": "-car", "ask.ask": "is there a fork"}, ASK)
    assert "Right. There is an orange fork" in words(at)
    at.switch_page(str(START.path)).run()
    at.button(key=f"start.{ASK.address}").click().run()
    assert "Wrong. There is no lamp" in words(at)
    assert at.checkbox(key="ask.thing.car.there").value
