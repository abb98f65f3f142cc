"""Every view, opened as a visitor would, without a browser."""

import runpy

import numpy as np
import pytest
from scipy.stats import spearmanr
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager

from components import notices
from components.charts.tables import signed
from components.heatmaps import view
from components.views import (
    DATA_AND_MODELS,
    HEATMAPS,
    PRUNE,
    ROOT,
    START,
    STORIES,
    SWEEP,
    TRAY,
    VIEWS,
)
from components.widgets.viewer import hottest_ninth
from engine.models import catalog
from tests.tiny import vit
from tests.visits import TITLES, pills, problems, provenance, question_in, settled, visit, words

WITHOUT_SHARE = (START, STORIES, DATA_AND_MODELS, SWEEP, TRAY)
"""They answer no question, or share it in another way: cards and slides, tables, a report."""


def test_no_folder_of_pages_stands_beside_the_script_that_is_served(monkeypatch):
    """Beside one, Streamlit refuses deep links until st.navigation has run once."""
    monkeypatch.setattr(config, "_main_script_path", None)
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    app = runpy.run_path(str(ROOT / "app.py"))["app"]
    PagesManager(str(ROOT / app.script_path))
    assert PagesManager.uses_pages_directory is False


@pytest.mark.parametrize("page", VIEWS, ids=lambda page: page.title)
def test_every_view_opens_with_its_title_and_runs_again_without_another_answer(page):
    at = settled(visit(view=page))
    assert all("Nothing is pinned yet" in sentence for sentence in problems(at))  # on the tray
    assert len(at.title) == 1
    assert notices.RESEARCH in [caption.value for caption in at.caption]
    first = provenance(at)
    at.run()
    assert provenance(at) == first
    if at.main.header and page not in WITHOUT_SHARE:  # an answer as a sentence
        assert any(str(button.key).endswith(".pin") for button in at.button), "Share is missing"


def test_the_sidebar_keeps_its_choices_when_the_page_changes():
    at = visit({"image": "A cup of coffee"}, PRUNE)
    at.selectbox(key="versus").set_value("eggnog").run()
    at.switch_page(str(HEATMAPS.path)).run()
    assert all("espresso rather than eggnog" in line for line in provenance(at))


def python(at):
    """The lines of Python under Share."""
    (result,) = [block.value for block in at.code if block.language == "python"]
    return result


def test_a_setting_that_is_moved_asks_a_new_question():
    at = visit({"heatmaps.methods": ["Gradient"]})
    before = question_in(python(at))
    at.selectbox(key="heatmaps.Gradient.channels").set_value("size").run()
    assert "attribution.Gradient" in python(at)
    assert "channels='size'" in python(at)
    assert question_in(python(at)) != before
    assert len(provenance(at)) == 1


def test_a_link_opens_the_methods_and_settings_that_it_names():
    at = visit({"heatmaps.methods": ["Gradient"], "heatmaps.Gradient.channels": "size"})
    assert pills(at, "heatmaps.methods").value == ["Gradient"]
    assert "channels='size'" in python(at)
    assert not problems(at)


def test_a_method_that_does_not_fit_the_model_is_gray_and_says_why():
    at = visit()
    row = pills(at, "heatmaps.methods.unfit")
    assert row.disabled
    assert "Attention rollout" in row.options
    assert row.label.startswith("Not for EfficientNet-Lite0: it needs")
    assert "it needs attention layers" in row.label
    assert "Attention rollout" not in pills(at, "heatmaps.methods").options


def test_a_link_to_a_method_that_does_not_fit_is_ignored_with_a_notice():
    at = visit({"heatmaps.methods": ["Attention rollout"]})
    (words,) = problems(at)
    assert "“Attention rollout” as Methods" in words
    assert pills(at, "heatmaps.methods").value


def test_another_model_offers_what_fits_it(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name="": vit())
    at = visit()
    assert {"Attention rollout", "Grad-CAM"} <= set(pills(at, "heatmaps.methods").options)
    assert "DeepLIFT" in pills(at, "heatmaps.methods.unfit").options


def test_no_method_is_said_to_be_chosen():
    at = visit()
    pills(at, "heatmaps.methods").set_value([]).run()
    assert problems(at) == ["Choose at least one method to see where the score comes from."]


def test_the_fifth_method_is_left_out_with_a_word():
    quick = [title for title, kind in TITLES.items() if kind.cost == "live"]
    at = visit()
    offered = [title for title in pills(at, "heatmaps.methods").options if title in quick]
    pills(at, "heatmaps.methods").set_value((offered + list(TITLES))[:5]).run()
    assert any("The first 4 are shown" in words for words in problems(at))


def test_the_sentence_says_where_each_map_is_strongest_and_how_far_they_agree():
    at = visit({"heatmaps.methods": ["Grad-CAM", "Gradient"]})
    assert (
        "Which parts of the image speak for “Egyptian cat” (38 %) in EfficientNet-Lite0?"
        in words(at)
    )
    case = at.session_state["subject"].case.at("exact")
    cam, slopes = (TITLES[title]()(case)["map"].values for title in ("Grad-CAM", "Gradient"))
    (sentence,) = [header.value.replace("\\", "") for header in at.main.header]
    result = spearmanr(abs(cam).ravel(), abs(slopes).ravel()).statistic
    assert sentence == (
        f"Grad-CAM points to the {hottest_ninth(cam)}, Gradient points to the "
        f"{hottest_ninth(slopes)}; they "
        f"{view.how_alike(result)} (rank correlation {signed(result)})."
    )
    assert [view.how_alike(correlation) for correlation in (0.7, 0.69, 0.29, -0.3, -0.31)] == [
        "agree",
        "agree in part",
        "do not agree",
        "do not agree",
        "contradict each other",
    ]


def test_a_flat_map_points_nowhere():
    still = np.zeros((4, 4), np.float32)
    assert view.where("Gradient", still) == "Gradient is flat"
    still[3, 3] = 1
    assert view.where("Gradient", still) == "Gradient points to the lower right"
