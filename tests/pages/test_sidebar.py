"""The sidebar tells the truth: of each view, what plays a part in it, and nothing else."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from components import views
from components.views import VIEWS
from tests.components.sidebar.test_subject import jpeg, upload
from tests.visits import problems, settled, visit

IMAGE = {"image", "model"}
EXPECTED_KEYS = {
    "Start": set(),  # image and model stand on the page
    "Stories": set(),
    "Tray": set(),
    "Data and models": {"lab.data", "lab.side"},
    "Sweep": set(),  # all that is asked stands below the answer
    "Heatmaps": IMAGE | {"target", "versus", "reading", "precision", "seed"},
    "Level sets": IMAGE | {"target", "seed"},
    "Which explanation?": IMAGE | {"target", "versus", "reading", "seed"},
    "Study": {"study.source", "study.seed"},
    "Tilted boundary": set(),  # a network and an image only once one is asked
    "Minimal regions": IMAGE | {"target", "seed"},
    "Robustness": IMAGE | {"seed"},
    "Prototypes": {"prototypes.data", "prototypes.seed"},
    "Slides": {"slides.data", "slides.seed"},
    "Forget": {"forget.data", "forget.model"},
    "Judge a model": set(),  # all that is asked stands below the answer
    "unlearning-experiments": IMAGE | {"experiments.chosen", "target"},  # whose image is changed
    "attribution-experiments": {"attribution.chosen"},
    "hallucination-experiments": {"hallucination.chosen"},
    "anomaly-experiments": {"anomaly.chosen"},
    "sparsity-experiments": {"sparsity.chosen"},
    "Concepts": {"concepts.image", "concepts.kind", "concepts.scene", "concepts.model"},
    "Generator": {"generator.model", "generator.seed"},
    "Certificates": {"certificates.data", "certificates.seed"},
    "Protect data": IMAGE | {"target"},
    "Inside": {"inside.image", "inside.kind", "inside.scene", "inside.model"},
    "Ask": {"ask.image", "ask.kind", "ask.scene", "ask.model"},
    "Decoding": {"decoding.image", "decoding.kind", "decoding.scene", "decoding.model"},
    "Benchmarks": set(),  # all that is asked stands below the answer
    "Before and after": set(),
    "Familiar?": IMAGE | {"seed"},
    "Where is it odd?": IMAGE | {"seed"},
    "Confusion or ignorance": IMAGE | {"seed"},
    "Tickets": set(),
    "Prune": IMAGE | {"target", "versus", "reading", "seed"},
}
DRAWN = ("selectbox", "button_group", "number_input", "radio")


def sidebar_keys(at):
    """The keys of what is chosen in the sidebar."""
    return {widget.key for kind in DRAWN for widget in at.sidebar.get(kind)}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.address)
def test_the_sidebar_has_what_plays_a_part_in_the_view(view):
    assert (
        sidebar_keys(settled(visit(view=view)))
        == EXPECTED_KEYS[view.address if view.title == "Experiments" else view.title]
    )


def test_what_a_view_does_not_ask_is_still_there_on_the_next():
    at = visit({"image": "A cup of coffee"}, views.HEATMAPS)
    at.selectbox(key="versus").set_value("eggnog").run()
    for view in (views.STUDY, views.START, views.FAMILIAR, views.HEATMAPS):
        at.switch_page(str(view.path)).run()
        assert not at.exception
    assert at.selectbox(key="image").value == "A cup of coffee"
    assert at.selectbox(key="versus").value == "eggnog"


def test_another_image_has_its_list_in_the_sidebar_of_ask():
    link = {"ask.image": "Another image", "ask.ask": "describe the image"}
    at = settled(visit(link, views.ASK))
    assert sidebar_keys(at) == {"ask.image", "ask.model", "image"}


@pytest.mark.parametrize(
    ("view", "key", "value"),
    [(views.LEVEL_SETS, "reading", "margin"), (views.FAMILIAR, "target", "tabby")],
    ids=["Level sets", "Familiar?"],
)
def test_what_is_not_shown_changes_nothing(view, key, value):
    """A word that only another view offers is no part of the question."""

    def asked(link):
        at = visit(link, views.HEATMAPS)
        at.switch_page(str(view.path)).run()
        return at.session_state["subject"].case.fingerprint

    assert asked({key: value}) == asked({})


@pytest.mark.parametrize("digest", ["00c0ffee", "<b>Doe</b>", "00C0FFEE", ""])
def test_a_link_to_an_image_of_somebody_s_own_says_which_file_is_asked_for(digest):
    at = visit({"image": "Your image", "file": digest, "heatmaps.methods": ["Gradient"]})
    (words,) = [
        sentence
        for sentence in problems(at)
        if "images of your own are not part of a link" in sentence
    ]
    assert ("Open the file with the digest 00c0ffee" in words) == (digest == "00c0ffee")
    assert "Doe" not in words
    assert at.session_state["heatmaps.methods"] == ["Gradient"]  # the rest of the link holds


def test_the_file_that_a_link_asks_for_is_told_from_another():
    digest = blake2b(jpeg(), digest_size=4).hexdigest()
    link = {"image": "Your image", "file": digest, "model": "Digits MLP"}
    another = f"The link was made with another file: its digest is {digest}"
    at = upload(visit(link), "other.jpg", jpeg(turned=6))
    assert any(another in sentence for sentence in problems(at))
    assert not any(
        another in sentence for sentence in problems(upload(visit(link), "same.jpg", jpeg()))
    )


def test_data_without_test_images_are_a_sentence():
    at = visit({"image": "From a data set", "data": "phantoms:count=40"})
    (sentence,) = problems(at)
    assert "has no test images to choose from: take more images" in sentence
