"""Which heat maps are compared after an attack, as a visitor chooses them."""

from __future__ import annotations

from components.robustness import maps
from components.robustness.form import KEY
from components.views import ROBUSTNESS
from engine.attribution.robustness import PGD, MapsFollow
from engine.attribution.robustness.followed import KINDS, MAPS, MORE
from engine.attribution.robustness.scored import attacked_pixels
from engine.attribution.trust import OtherClass, TrustCase
from engine.case import PairCase
from tests.visits import pills, problems, settled, visit, words

CHOSEN = ["Grad-CAM", "Gradient"]
SMALL = {"model": "Digits CNN", "image": "From a data set", "data": "Digits, 8 × 8"}


def test_maps_are_chosen_and_asked_about_another_class():
    at = settled(visit(SMALL | {f"{KEY}.compared": CHOSEN}, ROBUSTNESS))
    case = at.session_state["subject"].case
    pair = PairCase(case, (attacked_pixels(PGD()(case)),))
    result = maps.merge_answers([MapsFollow(map=title)(pair) for title in CHOSEN])
    assert result["followed"].rows == tuple(CHOSEN)
    assert MapsFollow().finding(pair, result) in words(at)

    trial = next(trial for trial in maps.TRIALS if isinstance(trial[0], OtherClass))[1]
    button = next(candidate for candidate in at.button if candidate.label.startswith(trial))
    text = words(settled(button.click().run()))
    views = {title: OtherClass()(TrustCase(case, KINDS[title]()))["check"] for title in CHOSEN}
    assert "\n".join(maps.trial_lines(OtherClass(), result["followed"], views)) in text
    assert maps.pass_counts(result, views, "are about this class") in text


def test_by_itself_the_eight_are_chosen_and_are_there_again_after_a_model_that_has_fewer():
    at = settled(visit(SMALL, ROBUSTNESS))
    row = pills(at, f"{KEY}.compared")
    case = at.session_state["subject"].case
    fitting = [explainer.title for explainer in (*MAPS, *MORE) if not explainer.unmet(case)]
    assert list(row.options) == fitting or [option.content for option in row.options] == fitting
    eight = row.value
    assert eight == [explainer.title for explainer in MAPS]
    at = settled(at.selectbox(key="model").set_value("digits-vit").run())
    assert set(pills(at, f"{KEY}.compared").value) < set(eight)
    at = settled(at.selectbox(key="model").set_value("digits-cnn").run())
    assert pills(at, f"{KEY}.compared").value == eight
    at = settled(pills(at, f"{KEY}.compared").set_value([]).run())
    assert "Choose at least one heat map" in " ".join(notice.value for notice in at.info)


def test_a_map_of_no_name_in_a_link_is_a_sentence():
    at = settled(visit(SMALL | {f"{KEY}.compared": "Gradcam"}, ROBUSTNESS))
    assert "“Gradcam”" in " ".join(problems(at))
