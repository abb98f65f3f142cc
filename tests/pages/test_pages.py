"""Every view, opened as a visitor would, without a browser."""

import runpy
from hashlib import blake2b

import numpy as np
import pytest
from scipy.stats import spearmanr
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager

from components import notices, views
from components.heatmaps import view
from components.heatmaps.likeness import SIMILARITY
from components.widgets.viewer import hottest_ninth
from engine.core import run
from engine.core.charts.words import signed
from engine.evaluation.maps.gradient import Gradient
from engine.vision.case import model_input, similarity_case
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from engine.vision.models import catalog
from engine.vision.models.catalog import load
from tests.components.sidebar.test_subject import jpeg, upload
from tests.in_memory import png
from tests.tiny import vit
from tests.visits import TITLES, pills, problems, provenance, question_in, settled, visit, words

WITHOUT_SHARE = (views.START, views.STORIES, views.DATA_AND_MODELS, views.SWEEP, views.TRAY)
"""They answer no question, or share it in another way: cards and slides, tables, a report."""
DRAWN = ("selectbox", "button_group", "number_input", "radio")


def test_no_folder_of_pages_stands_beside_the_script_that_is_served(monkeypatch):
    """Beside one, Streamlit refuses deep links until st.navigation has run once."""
    monkeypatch.setattr(config, "_main_script_path", None)
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    PagesManager(str(views.ROOT / runpy.run_path(str(views.ROOT / "app.py"))["app"].script_path))
    assert PagesManager.uses_pages_directory is False


def sidebar_keys(at):
    return {widget.key for kind in DRAWN for widget in at.sidebar.get(kind)}


@pytest.mark.parametrize("page", views.VIEWS, ids=lambda page: page.address)
def test_every_view_opens_with_its_title_and_sidebar_and_runs_again_without_another_answer(
    page, snapshot
):
    at = settled(visit(view=page))
    assert all("Nothing is pinned yet" in sentence for sentence in problems(at))  # on the tray
    assert len(at.title) == 1
    assert notices.RESEARCH in [caption.value for caption in at.caption]
    assert sorted(sidebar_keys(at)) == snapshot
    first = provenance(at)
    at.run()
    assert provenance(at) == first
    if at.main.header and page not in WITHOUT_SHARE:  # an answer as a sentence
        assert any(str(button.key).endswith(".pin") for button in at.button), "Share is missing"


def python(at):
    (result,) = [block.value for block in at.code if block.language == "python"]
    return result


def test_a_setting_that_is_moved_asks_a_new_question_and_a_link_opens_it():
    at = visit({"heatmaps.methods": ["Gradient"]})
    before = question_in(python(at))
    at.selectbox(key="heatmaps.Gradient.channels").set_value("size").run()
    assert "attribution.Gradient" in python(at)
    assert "channels='size'" in python(at)
    moved = question_in(python(at))
    assert moved != before
    assert len(provenance(at)) == 1
    linked = visit({"heatmaps.methods": ["Gradient"], "heatmaps.Gradient.channels": "size"})
    assert pills(linked, "heatmaps.methods").value == ["Gradient"]
    assert question_in(python(linked)) == moved
    assert not problems(linked)


def test_a_method_that_does_not_fit_the_model_is_gray_and_a_link_to_it_ignored_with_a_notice():
    at = visit({"heatmaps.methods": ["Attention rollout"]})
    (sentence,) = problems(at)
    assert "“Attention rollout” as Methods" in sentence
    assert pills(at, "heatmaps.methods").value
    row = pills(at, "heatmaps.methods.unfit")
    assert row.disabled
    assert "Attention rollout" in row.options
    assert row.label.startswith("Not for EfficientNet-Lite0: it needs")
    assert "it needs attention layers" in row.label
    assert "Attention rollout" not in pills(at, "heatmaps.methods").options


def test_another_model_offers_what_fits_it(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name="": vit())
    at = visit()
    assert {"Attention rollout", "Grad-CAM"} <= set(pills(at, "heatmaps.methods").options)
    assert "DeepLIFT" in pills(at, "heatmaps.methods.unfit").options


def test_no_method_is_said_to_be_chosen_and_a_fifth_is_left_out_with_a_word():
    quick = [title for title, kind in TITLES.items() if kind.cost == "live"]
    at = visit()
    offered = [title for title in pills(at, "heatmaps.methods").options if title in quick]
    pills(at, "heatmaps.methods").set_value([]).run()
    assert problems(at) == ["Choose at least one method to see where the score comes from."]
    pills(at, "heatmaps.methods").set_value((offered + list(TITLES))[:5]).run()
    assert "The first 4 are shown" in " ".join(problems(at))


def test_the_sentence_says_where_each_map_is_strongest_and_how_far_they_agree():
    at = visit({"heatmaps.methods": ["Grad-CAM", "Gradient"]})
    question = "Which parts of the image speak for “Egyptian cat” (38 %) in EfficientNet-Lite0?"
    assert question in words(at)
    case = at.session_state["subject"].case.at("exact")
    cam, slopes = (TITLES[title]()(case)["map"].values for title in ("Grad-CAM", "Gradient"))
    (sentence,) = [header.value.replace("\\", "") for header in at.main.header]
    result = spearmanr(abs(cam).ravel(), abs(slopes).ravel()).statistic
    assert sentence == (
        f"Grad-CAM points to the {hottest_ninth(cam)}, Gradient points to the "
        f"{hottest_ninth(slopes)}; they "
        f"{view.how_alike(result)} (rank correlation {signed(result)})."
    )
    still = np.zeros((4, 4), np.float32)
    assert view.where("Gradient", still) == "Gradient is flat"
    still[3, 3] = 1
    assert view.where("Gradient", still) == "Gradient points to the lower right"
    verdicts = [view.how_alike(correlation) for correlation in (0.7, 0.69, 0.29, -0.3, -0.31)]
    assert verdicts == ["agree", "agree in part", *["do not agree"] * 2, "contradict each other"]


def test_what_a_view_does_not_ask_is_still_there_on_the_next():
    at = visit({"image": "A cup of coffee"}, views.PRUNE)
    at.selectbox(key="versus").set_value("eggnog").run()
    for page in (views.STUDY, views.START, views.FAMILIAR, views.HEATMAPS):
        at.switch_page(str(page.path)).run()
    assert at.selectbox(key="image").value == "A cup of coffee"
    assert at.selectbox(key="versus").value == "eggnog"
    assert all("espresso rather than eggnog" in line for line in provenance(at))


def test_another_image_has_its_list_in_the_sidebar_of_ask():
    at = settled(visit({"ask.image": "Another image", "ask.ask": "describe the image"}, views.ASK))
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
    (sentence,) = [s for s in problems(at) if "images of your own are not part of a link" in s]
    assert ("Open the file with the digest 00c0ffee" in sentence) == (digest == "00c0ffee")
    assert "Doe" not in sentence
    assert at.session_state["heatmaps.methods"] == ["Gradient"]  # the rest of the link holds


def test_the_file_that_a_link_asks_for_is_told_from_another():
    digest = blake2b(jpeg(), digest_size=4).hexdigest()
    link = {"image": "Your image", "file": digest, "model": "Digits MLP"}
    another = f"The link was made with another file: its digest is {digest}"
    for picture, is_another in ((jpeg(turned=6), True), (jpeg(), False)):
        at = upload(visit(link), "a.jpg", picture)
        assert any(another in sentence for sentence in problems(at)) == is_another


def test_data_without_test_images_are_a_sentence():
    (sentence,) = problems(visit({"image": "From a data set", "data": "phantoms:count=40"}))
    assert "has no test images to choose from: take more images" in sentence


LIKENESS = {"heatmaps.methods": ["Gradient"], "heatmaps.score": SIMILARITY}


def test_a_similarity_is_asked_of_features_and_its_lines_ask_the_same():
    model = load()
    image, other = (model_input(sample(name), Crop(), model) for name in ("chelsea", "coffee"))
    case = similarity_case(model, image, other)
    at = settled(visit(LIKENESS | {"heatmaps.like": "A cup of coffee"}))
    assert not problems(at)
    assert "make it similar to “A cup of coffee” for EfficientNet-Lite0?" in words(at)
    assert "similarity to the second image" in provenance(at)[0]
    assert "like='sample:coffee'" in python(at)
    assert any("--like sample:coffee" in block.value for block in at.code)
    assert question_in(python(at)) == run.digest(Gradient(), case)
    assert run.kept_answer(Gradient(), case) is not None


def test_a_second_image_of_one_s_own_is_asked_and_its_file_is_not_named():
    at = settled(visit(LIKENESS))
    pixels = []
    for name in ("coffee", "rocket"):  # another file in the same place is another question
        uploaded = ("secret-name.png", png(sample(name).pixels), "image/png")
        at.file_uploader(key="partners.files").set_value([uploaded]).run()
        at.selectbox(key="heatmaps.like").set_value("Your image 1").run()
        settled(at)
        assert not problems(at)
        assert "similar to “Your image 1”" in words(at)
        assert "secret" not in str(dict(at.query_params))
        assert not [block for block in at.code if block.language == "python"]
        pixels.append(at.session_state["partners.own"]["Your image 1"].pixels.mean())
    assert pixels[0] != pixels[1]
