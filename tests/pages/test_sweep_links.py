"""A cell of a sweep's sheet opens the view that shows the same answer."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from components.sidebar.pictures import FROM_DATA, YOURS
from components.views import HEATMAPS
from engine.sweep import links
from engine.sweep.images import SweepImage
from engine.sweep.links import address_of
from engine.sweep.plan import SweepQuestion
from tests.visits import problems, visit


def address(image, method="attribution.Occlusion", settings=(), opens="", **given):
    """Where the view of an answer is."""
    arguments = tuple({"model": "digits-cnn", **given}.items())
    question = SweepQuestion(method, tuple(settings), arguments, SweepImage(image, ""))
    return address_of(*question.ask(), question, opens)


def test_the_names_are_those_of_the_sidebar():
    assert (links.OF_DATA, links.YOUR_IMAGE) == (FROM_DATA, YOURS)
    assert HEATMAPS.address == links.VIEW


def test_a_link_gives_image_model_method_settings_and_class():
    path, _, query = address(
        "example:digits/60", settings=[("side", "2"), ("overlap", "0.25")], target="8", seed="4"
    ).partition("?")
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
    file = tmp_path / "secret.png"
    query = address(str(file), opens="12345678").partition("?")[2]
    assert dict(parse_qsl(query)) == {
        "image": YOURS,
        "file": "12345678",
        "model": "Digits CNN",
        "heatmaps.methods": "Occlusion",
    }


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
    from engine.attribution.heatmaps.grad_cam import GradCam
    from engine.attribution.heatmaps.rise import Rise

    assert links.settings_of(GradCam()) == {}
    assert links.settings_of(GradCam(raising=False)) == {"heatmaps.GradCam.raising": "false"}
    assert links.settings_of(Rise(masks=500)) == {"heatmaps.Rise.masks": "500"}
