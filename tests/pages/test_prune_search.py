"""On the Prune page, by request: Lottery Jackpots, each of one ratio, and layers cut alone."""

import pytest

from components.views import PRUNE
from engine.core.run import answer
from engine.sparsity import Prune, Sensitivity, prune_case
from engine.sparsity.jackpot.criterion import AFTER_SEARCH, START, Jackpot
from engine.sparsity.masks.compare import overlap
from engine.vision.models import catalog
from tests.visits import settled, visit, words

DIGITS = {"image": "From a data set", "data": "Digits, 8 × 8"}
GO = "prune.scores.main.0.go"


@pytest.fixture(scope="module")
def digits():
    return prune_case(catalog.load("digits-mlp"))


def opened(ratio, **link):
    return of_model("Digits MLP", {"criterion": Jackpot.title, "ratio": ratio, **link})


def of_model(title, settings):
    link = {f"prune.{name}": value for name, value in settings.items()}
    return settled(visit(DIGITS | {"model": title} | link, PRUNE))


def test_each_ratio_has_its_own_search_which_waits_for_a_button(digits):
    at = opened("0.975")
    assert at.button(key=GO).label.startswith("Search for the mask at 97.5 % cut")
    assert "A search belongs to one ratio" in words(at)
    assert not at.main.header
    at = settled(at.button(key=GO).click().run())
    assert "97.5 % of the weights are taken out" in words(at)
    masks = Prune(criterion=Jackpot.title, ratio=0.975).masks(digits)
    assert f"{masks.kept:,} of {masks.total:,} weights stay" in words(at)
    at.slider(key="prune.ratio").set_value(0.97).run()
    assert at.button(key=GO).label.startswith("Search for the mask at 97 % cut")


def test_the_search_is_shown_with_its_hash_its_exchanges_and_the_masks_of_magnitude(digits):
    method = Jackpot(ratio=0.98)
    result = answer(method, digits)
    at = opened("0.98", section="The search")
    text = words(at)
    assert method.finding(digits, result) in text
    assert result["weights"].notes[0][:8] in text
    swaps = result["swaps"]["swapped"]
    assert f"{int(swaps.sum()):,} weights went in and as many out" in text
    criteria = (Jackpot.title, "Magnitude")
    alike = overlap(*(Prune(criterion=name, ratio=0.98).masks(digits) for name in criteria))
    assert f"both keep {100 * alike.iou:.1f} %" in text
    assert f"{alike.both:,} weights are kept by both" in text
    at = settled(at.button(key="prune.arm.Jackpot.go").click().run())
    other = answer(Jackpot(ratio=0.98, restriction=0.0), digits)
    assert (
        f"Test images right: {100 * result['figures'][AFTER_SEARCH]:.1f} % as above, "
        f"{100 * other['figures'][AFTER_SEARCH]:.1f} % with “no restriction”, "
        f"{100 * result['figures'][START]:.1f} % with magnitude's mask."
    ) in words(at)
    third = len(swaps) // 3
    late, free = (int(search["swaps"]["swapped"][-third:].sum()) for search in (result, other))
    sentence = f"last third of the steps {late:,} weights went in, with “no restriction” {free:,}"
    assert f"In the {sentence}" in words(at)


def test_the_search_is_no_section_of_other_criteria():
    at = of_model("Digits MLP", {"section": "The search"})
    assert "The search" not in at.button_group(key="prune.section").options
    assert "weights went in" not in words(at)


def test_photographs_have_nothing_to_search_with_and_say_why():
    at = settled(visit({"prune.criterion": Jackpot.title}, PRUNE))
    assert [warning.value for warning in at.main.warning] == [
        "Lottery Jackpot: it needs images to learn from, and Sample photographs has none."
    ]


def test_n_of_every_m_is_refused_in_a_sentence_and_nothing_is_searched_for():
    at = opened("0.8", structure="N:M")
    assert [warning.value for warning in at.main.warning] == [
        "Lottery Jackpot searches at a ratio, and weight by weight: it knows no pattern of N in "
        "every M. Choose other pieces, or another criterion such as Learned N:M."
    ]
    assert not [button for button in at.button if button.key == GO]


def test_at_a_ratio_of_0_the_whole_model_is_there_without_a_search():
    at = opened("0.0")
    assert not [button for button in at.button if button.key == GO]
    assert "The search" not in at.button_group(key="prune.section").options
    assert at.main.header


def sensitivity(**link):
    return of_model("Digits CNN", {"section": "Sensitivity", **link})


@pytest.mark.parametrize(("structure", "tried"), [("filter", "filter"), ("N:M", "weight")])
def test_layers_are_cut_alone_on_request_and_the_sentence_is_the_engine_s(structure, tried):
    at = sensitivity(structure=structure, criterion="SNIP")
    assert "One layer at a time by SNIP, all others as they are, nothing trained." in words(at)
    at = settled(at.button(key="prune.Sensitivity.go").click().run())
    method = Sensitivity(criterion="SNIP", structure=tried)
    case = prune_case(catalog.load("digits-cnn"))
    result = answer(method, case)
    text = words(at)
    assert method.finding(case, result) in text
    lost = result["accuracy"].values[:, 0] < float(result["figures"]["whole model"]) - 0.05
    assert ("Loses over five points at 30 % already" in text) == lost.any()


def test_a_searching_criterion_is_replaced_by_magnitude_and_that_is_said():
    at = sensitivity(criterion=Jackpot.title)
    at = settled(at.button(key=GO).click().run())
    assert "One layer at a time by Magnitude" in words(at)
