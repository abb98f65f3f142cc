"""Sweep: planned, computed behind its button, stopped, refused; a cell opens its answer's view."""

from urllib.parse import parse_qsl

import pytest

from components.sidebar.pictures import FROM_DATA, YOURS
from components.sweep import asks
from components.sweep.form import KEY
from components.views import HEATMAPS, SWEEP
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.heatmaps.rise import Rise
from engine.core import run
from engine.core.keeping.store import Store
from engine.core.run import GALLERY
from engine.evaluation.maps.grad_cam import GradCam
from engine.sweep import links
from engine.sweep.images import SweepImage
from engine.sweep.links import address_of
from engine.sweep.plan import SweepQuestion
from tests.visits import held_up, pills, problems, settled, visit, words

DIGITS = {
    "sweep.images": "Digits, 8 × 8",
    "sweep.count": "10",
    "sweep.models": "Digits CNN",
    "sweep.methods": "Occlusion",
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    fresh = Store(tmp_path / "answers", shipped=(GALLERY,))
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    monkeypatch.setattr(run, "store", lambda: fresh)


def test_it_opens_on_a_grid_whose_errors_are_counted():
    at = settled(visit(view=SWEEP))
    assert not problems(at)
    assert "MNIST CNN is wrong about 1 of 16 images." in words(at)
    assert "32 answers. Each map has" in words(at)
    pills(at, f"{KEY}.show").set_value("the errors").run()
    assert "2 of 32 answers. Each map has" in words(at)


def test_a_plan_says_what_it_costs_is_stopped_and_goes_on(monkeypatch):
    monkeypatch.setattr(asks, "QUICK_SECONDS", 0.0)
    sides = {"sweep.vary1": "Occlusion ▸ Square", "sweep.attribution.Occlusion.side": ["1", "20"]}
    at = settled(visit(DIGITS | sides, SWEEP))
    assert "20 answers, 0 kept already, 20 to compute; how long that takes is not" in words(at)
    hold = held_up(monkeypatch, Occlusion, lambda method: method.side == 20)
    at.button(key=f"{asks.GO}.go").click().run()
    hold.begins(at)
    at.run()
    at.button(key=f"{asks.GO}.stop").click().run()
    assert hold.is_given_up(20)
    at.run()
    assert any("Stopped. What was computed is kept." in sentence for sentence in problems(at))
    assert "1 kept already, 19 to compute" in words(at)
    at.button(key=f"{asks.GO}.again").click().run()
    at = settled(at, lambda at: "19 answers computed now, 1 kept from before" in words(at))
    assert "Digits CNN is wrong about" in words(at)


def test_a_plan_of_too_many_answers_is_refused_in_words():
    five = ["Grad-CAM", "Occlusion", "Gradient", "LIME", "RISE"]
    at = settled(visit({"sweep.count": "100", "sweep.methods": five}, SWEEP))
    refusal = "This plan has 500 answers; at most 400 are computed on this page"
    assert any(refusal in sentence for sentence in problems(at))
    pills(at, f"{KEY}.methods").set_value([]).run()
    assert "Choose at least one model and one method." in problems(at)


def test_what_a_method_cannot_be_asked_is_left_out_with_the_reason():
    at = settled(visit(DIGITS | {"sweep.methods": ["Gradient", "Attention rollout"]}, SWEEP))
    assert "10 left out: Attention rollout: it needs attention layers" in words(at)


def address(image, method="attribution.Occlusion", settings=(), opens="", **given):
    """Where the view of an answer is."""
    arguments = tuple({"model": "digits-cnn", **given}.items())
    question = SweepQuestion(method, tuple(settings), arguments, SweepImage(image, ""))
    return address_of(*question.ask(), question, opens)


def test_the_names_are_those_of_the_sidebar():
    assert (links.OF_DATA, links.YOUR_IMAGE) == (FROM_DATA, YOURS)
    assert HEATMAPS.address == links.VIEW


def test_a_link_gives_image_model_method_settings_and_class():
    settings = [("side", "2"), ("overlap", "0.25")]
    link = address("example:digits/60", settings=settings, target="8", seed="4")
    path, _, query = link.partition("?")
    assert path == HEATMAPS.address
    at = visit({**dict(parse_qsl(query)), "trust.on": "false"})
    assert not problems(at)
    assert at.session_state["heatmaps.methods"] == ["Occlusion"]
    assert at.session_state["heatmaps.Occlusion.side"] == 2
    assert at.session_state["heatmaps.Occlusion.overlap"] == 0.25
    assert (at.session_state["target"], at.session_state["seed"]) == ("8", 4)
    assert at.session_state["model"] == "digits-cnn"
    assert any("id 60, class" in caption.value for caption in at.sidebar.caption)


def test_a_file_of_ones_own_is_named_by_its_digest_only(tmp_path):
    query = address(str(tmp_path / "secret.png"), opens="12345678").partition("?")[2]
    named = {"image": YOURS, "file": "12345678", "model": "Digits CNN"}
    assert dict(parse_qsl(query)) == named | {"heatmaps.methods": "Occlusion"}


@pytest.mark.parametrize(
    ("image", "more"),
    [
        ("example:digits/0", {}),  # of the training split, which the sidebar does not offer
        ("sample:chelsea", {"method": "attribution.LST"}),
        ("sample:chelsea", {"like": "sample:coffee"}),
        ("sample:gone", {}),
    ],
)
def test_what_the_view_cannot_show_has_no_link(image, more):
    assert address(image, **more) == ""


def test_settings_stand_in_a_link_as_their_widgets_write_them():
    assert links.settings_of(GradCam()) == {}
    assert links.settings_of(GradCam(raising=False)) == {"heatmaps.GradCam.raising": "false"}
    assert links.settings_of(Rise(masks=500)) == {"heatmaps.Rise.masks": "500"}
