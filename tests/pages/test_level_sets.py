"""The Level sets view: every way of looking opens, and what cannot be asked is said."""

import numpy as np
import pytest

from components.level_sets import asked, view, walks
from components.runs import Problem
from components.sidebar.partners import Partner
from components.views import LEVEL_SETS
from engine.attribution.lst import PUBLISHED
from engine.attribution.lst.method import LST
from engine.core import run
from engine.vision.images.samples import sample
from engine.vision.models import catalog
from engine.vision.pictures import picture_options
from tests import tiny
from tests.visits import pills, problems, question_in, settled, visit

VIEWS = [name for name in view.VIEWS if name != "All against all"]  # which is no quick question


def open_view(**link):
    return visit(link, LEVEL_SETS)


@pytest.mark.parametrize("name", VIEWS)
def test_every_way_of_looking_answers_at_once_on_the_first_sample(name):
    at = open_view(**{"levels.view": name})
    assert not problems(at)
    assert any("lite0" in line.value and "attribution." in line.value for line in at.main.caption)
    assert not at.main.button or all(button.key != "levels.go" for button in at.main.button)


def test_what_has_to_be_computed_waits_for_a_button():
    at = open_view(**{"levels.against": "A cup of coffee"})
    (go,) = [button for button in at.main.button if button.key.endswith(".go")]
    assert go.label.startswith("Walk")
    assert not any("attribution.LST" in line.value for line in at.main.caption)


def test_the_call_under_share_asks_this_very_question_and_the_paper_s_settings_are_a_click_away():
    at = open_view()
    (python,) = [block.value for block in at.code if block.language == "python"]
    subject = at.session_state["subject"]
    palace = Partner("A Chinese palace", "sample:china", sample("china"))
    assert question_in(python) == run.digest(LST(), asked.pair(subject.case, [palace]))
    at.button(key="levels.published").click().run()
    assert at.slider(key="levels.walk.steps").value == PUBLISHED["steps"]
    assert at.select_slider(key="levels.walk.eta").value == PUBLISHED["eta"]


def test_the_source_is_not_among_its_targets_and_links_to_it_are_refused():
    at = open_view(**{"levels.against": "A cat (Chelsea)"})
    assert any("“A cat (Chelsea)” as Walk to" in words for words in problems(at))
    assert "A cat (Chelsea)" not in at.selectbox(key="levels.against").options


def test_too_few_targets_are_said():
    at = open_view(**{"levels.view": "Star"})
    pills(at, "levels.star.against").set_value(["A dahlia"]).run()
    assert "Choose 4 to 12 images to walk to." in problems(at)


def test_a_class_that_the_model_does_not_see_is_said_and_the_page_stays(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name="": tiny.cnn())
    at = open_view()
    predicted = at.selectbox(key="target").placeholder.split(" (")[0]
    other = next(label for label in tiny.cnn().labels if label != predicted)
    at.selectbox(key="target").set_value(other).run()
    press(at)
    assert any(f"sees {predicted} in the source, not {other}" in words for words in problems(at))
    assert at.title[0].value == "Level sets"


def test_a_walk_runs_on_request_beside_a_comparison(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name="": tiny.cnn())
    at = open_view(**{"levels.walk.steps": "20"})
    pills(at, "levels.beside").set_value(["Straight line"]).run()
    press(at)
    lines = [line.value for line in at.main.caption]
    assert any("attribution.LST" in line for line in lines)
    assert any("attribution.StraightLine" in line for line in lines)


def test_what_was_stopped_is_still_shown():
    case, partial = tiny.pair_case(tiny.cnn()), {}

    def stop(done, _words="", views=None):
        partial.update(views or {})
        if done > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LST(steps=20)(case, stop)
    problem = Problem("levels", "Walk", "Stopped.", partial)
    walk = walks.walked("Walk", LST(), case, problem)
    assert walk is not None
    assert walk.note.endswith("stopped early")
    assert 1 < len(walk.views["source confidence"].y) < 21


def press(at):
    """The button that starts the walk; answers are waited for."""
    (go,) = [button for button in at.main.button if button.key.endswith(".go")]
    settled(go.click().run(), lambda at: "Stop" not in [button.label for button in at.main.button])


def test_an_image_of_a_data_set_walks_to_others_of_its_set():
    at = open_view(image="From a data set", data="Digits, 8 × 8", kind="3")
    offered = at.selectbox(key="levels.against").options
    assert len(offered) == 18  # two of each other class
    assert not any(option.startswith("3,") for option in offered)


def test_the_sentence_of_a_walk_tells_the_numbers_of_its_figures():
    case = tiny.pair_case(tiny.cnn())
    result = LST(steps=20)(case)
    far = float(np.square(result["end"].frames[-1] - case.others[0].numpy()).mean() ** 0.5)
    low = float(result["source confidence"].y.min())
    label = case.model.labels[case.source.target.index]
    assert walks.nearness_words(result) == (
        f"The walk ends {far:.2g} from the target (RMSE, at most 1); "
        f"“{label}” never falls below {low:.2f}."
    )


def test_an_image_with_nothing_of_another_class_beside_it_walks_to_the_samples():
    options = picture_options({"image": "example:phantoms:count=100+healthy/63"})
    assert {option.name.partition(":")[0] for option in options} == {"sample"}
