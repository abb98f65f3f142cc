"""What a study says in sentences: whom to rely on, beside the paper, and at which cost."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine.arguments.normal import StudyArguments
from engine.attribution.study import NAMED, TITLES, Study, study_case
from engine.attribution.study.findings import (
    beside_paper,
    cost_sentence,
    fineness,
    likeness,
    relied_on,
    with_figure,
)
from engine.attribution.study.measure import RANDOM
from engine.attribution.study.ranking import COSINE, METRICS, RELIABLE, SCORE, by_reliability
from engine.gallery import shipped_answer
from engine.result import Table

THREE = ("Occlusion", "GradCam", "Lime")


def table_of(figures, names=tuple(TITLES), chance=0.6):
    """A study by hand: `figures` has a method's number for each metric that is not 0.5."""
    rows = [*names, RANDOM]
    columns = {
        metric.name: ([figures.get(metric.name, {}).get(row, 0.5) for row in rows], metric.unit)
        for metric in METRICS
    }
    columns[SCORE][0][-1] = chance
    return Table.of(columns | {"maps": ([1.0] * len(rows), "")}, rows)


def reliable(*names):
    """A table in which these are the best of all, the first most of all."""
    above = {name: 0.4 - at / 10 for at, name in enumerate(names)}
    return table_of(
        {
            metric: {name: 0.5 + NAMED[metric].better * more for name, more in above.items()}
            for metric in RELIABLE
        }
    )


def case_of(source="scenes", count=8):
    return SimpleNamespace(images=range(count), source=source)


def test_the_three_of_the_lowest_mean_rank_are_those_to_rely_on():
    sentence = relied_on(case_of(), reliable("Lime", "Gradient", "GradCam"))
    assert sentence == "On these 8 scenes, rely first on LIME, Saliency and Grad-CAM."
    sentence = relied_on(case_of("phantoms-missed", 3), reliable("Occlusion", "Lime", "DeepLift"))
    assert sentence.startswith(
        "On these 3 phantom slices that the network gets wrong, rely first on "
    )


def test_a_study_whose_figures_are_unknown_trusts_nobody():
    unknown = {metric: dict.fromkeys(TITLES, np.nan) for metric in RELIABLE}
    sentence = relied_on(case_of(), table_of(unknown))
    assert sentence == "No method has all the figures that reliability is made of."
    known = {metric: by_method | {"Lime": 0.4} for metric, by_method in unknown.items()}
    assert relied_on(case_of(), table_of(known)).endswith("rely first on LIME.")


@pytest.mark.parametrize(
    ("first", "told"),
    [
        (THREE, "Occlusion, Grad-CAM and LIME are among them."),
        (("DeepLift", "Lime", "Occlusion"), "LIME and Occlusion are among them."),
        (("Gradient", "Lime", "DeepLift"), "only LIME is among them."),
        (("Gradient", "SmoothGrad", "DeepLift"), "none of the three is among them."),
    ],
)
def test_the_paper_s_three_are_counted_among_the_first_three(first, told):
    words = beside_paper(reliable(*first))
    assert words == f"The paper found Occlusion, Grad-CAM and LIME the most reliable: {told}"


def test_a_map_of_the_model_s_own_takes_no_place_among_the_paper_s_ten():
    above = {"OwnMap": 0.4, "Occlusion": 0.3, "GradCam": 0.2, "Lime": 0.1}
    best = {
        metric: {name: 0.5 + NAMED[metric].better * more for name, more in above.items()}
        for metric in RELIABLE
    }
    table = table_of(best, (*TITLES, "OwnMap"))
    sentence = relied_on(case_of("own"), table)
    assert sentence.endswith("rely first on The model's own map, Occlusion and Grad-CAM.")
    assert beside_paper(table) == (
        "The paper found Occlusion, Grad-CAM and LIME the most reliable: "
        "Occlusion, Grad-CAM and LIME are among the first three of its ten here."
    )
    less = {metric: by_method | {"Lime": 0.5} for metric, by_method in best.items()}
    assert beside_paper(table_of(less, (*TITLES, "OwnMap"))).endswith(
        "Occlusion and Grad-CAM are among the first three of its ten here."
    )


def test_fewer_methods_are_no_ranking_to_hold_against_the_paper_s():
    assert "this study has fewer" in beside_paper(table_of({}, THREE))


def test_the_cheapest_of_those_nearly_as_faithful_is_named_with_its_cost():
    left = dict.fromkeys(TITLES, 0.5) | {"Lime": 0.2, "GradCam": 0.25, "Gradient": 0.2501}
    passes = dict.fromkeys(TITLES, 50.0) | {"Lime": 200.0, "GradCam": 1.0, "Gradient": 0.9}
    sentence = cost_sentence(table_of({SCORE: left, "passes": passes}))
    assert sentence == (
        "LIME lets the score fall fastest (0.20) at 200 images per map; Grad-CAM comes close "
        "(0.25) at 1 image. A random order leaves 0.60."
    )
    alone = cost_sentence(table_of({SCORE: left | {"GradCam": 0.4}, "passes": passes}, chance=-0.1))
    assert alone.startswith("LIME lets the score fall fastest (0.20) at 200 images per map. ")
    assert alone.endswith("A random order leaves −0.10.")


def test_maps_are_the_same_for_every_label_from_nine_tenths_on():
    alike = {COSINE: {"GuidedBackprop": 0.95, "Gradient": 0.9, "Lime": 0.89}}
    assert likeness(table_of(alike)).startswith(
        "Saliency and Guided backpropagation: nearly the same map for every label."
    )
    sentence = likeness(table_of({COSINE: {"GuidedBackprop": 0.7}}))
    assert "No method draws the same map for every label; Guided backpropagation" in sentence
    assert "comes closest (0.70)" in sentence


def test_maps_of_sizes_are_the_same_whichever_of_two_classes_is_held_against_the_other():
    alike = {COSINE: {"Gradient": 1.0}}
    sentence = likeness(table_of(alike, (*TITLES, "OwnMap")))
    assert sentence.startswith("Saliency: nearly the same map for every label. Each class is held ")
    assert "held against" not in likeness(table_of(alike))


def test_rows_are_those_with_a_figure_from_the_lowest():
    figures = {SCORE: {"Lime": 0.1, "GradCam": np.nan, "Gradient": 0.9}}
    rows = with_figure(table_of(figures, ("Gradient", "GradCam", "Lime")), SCORE).rows
    assert rows == ("Lime", "Gradient")


def test_the_order_is_that_of_reliability_and_ends_with_the_random_order():
    order = by_reliability(reliable("Lime", "GradCam"))
    assert order[:2] == ["Lime", "GradCam"]
    assert order[-1] == RANDOM
    assert sorted(order) == sorted([*TITLES, RANDOM])


def test_the_study_that_ships_says_whom_it_relies_on():
    question = Study(), study_case()
    result = shipped_answer(question)
    sentence = question[0].finding(question[1], result)
    ranks = result["ranks"]
    first = sorted(zip(ranks["reliability"], ranks.rows, strict=True))[:3]
    assert all(TITLES[name] in sentence.split(". ")[0] for _, name in first)
    assert sentence.endswith(beside_paper(result["table"]))


def test_how_fine_grad_cam_is_beside_the_things_is_said():
    sentence = fineness(study_case())
    assert "16 × 16 cells of 4 px" in sentence
    assert sentence.endswith("several cells.")
    slices = study_case("phantoms")
    sentence = fineness(slices)
    assert "24 × 24 cells of 4 px" in sentence
    assert sentence.endswith("several cells.")
    dots = np.zeros_like(slices.images[0].masks)
    dots[:, :3, :3] = True
    tiny_ones = tuple(replace(image, masks=dots[: len(image.masks)]) for image in slices.images)
    sentence = fineness(replace(slices, images=tiny_ones))
    assert (
        "a square of 3 px, hardly more than one cell: its peak can lie beside the lesion"
        in sentence
    )
    assert fineness(StudyArguments(methods=("Gradient",)).case()) == ""


def test_a_figure_that_rounds_to_nothing_has_no_sign():
    texts = [NAMED[COSINE].text(value) for value in (-0.001, -0.02, 0.001)]
    assert texts == ["0.00", "−0.02", "0.00"]


def test_figures_are_written_in_their_units():
    texts = {
        "pointing game": "88 %",
        SCORE: "0.88",
        "PNG size": "1,234",
        "passes": "1,234",
        "seconds": "1,234 ×",
    }
    for name, words in texts.items():
        assert NAMED[name].text(0.876 if "." in words or "%" in words else 1234.2) == words
    assert NAMED["seconds"].text(2.44) == "2.4 ×"
