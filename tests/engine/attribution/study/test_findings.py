"""What a study says in sentences, and the maps of one image as a grid."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine.arguments.normal import StudyArguments
from engine.attribution.study import NAMED, TITLES, Study, StudyMaps, findings, study_case
from engine.attribution.study import pictures as maps
from engine.attribution.study.measure import RANDOM
from engine.attribution.study.ranking import COSINE, METRICS, RELIABLE, SCORE, by_reliability
from engine.gallery import shipped_answer
from engine.result import HeatMap, Table
from engine.run import answer
from tests import tiny

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


def test_the_three_of_the_lowest_mean_rank_are_relied_on_and_nobody_without_figures():
    sentence = findings.relied_on(case_of(), reliable("Lime", "Gradient", "GradCam"))
    assert sentence == "On these 8 scenes, rely first on LIME, Saliency and Grad-CAM."
    sentence = findings.relied_on(
        case_of("phantoms-missed", 3), reliable("Occlusion", "Lime", "DeepLift")
    )
    assert sentence.startswith(
        "On these 3 phantom slices that the network gets wrong, rely first on "
    )
    unknown = {metric: dict.fromkeys(TITLES, np.nan) for metric in RELIABLE}
    sentence = findings.relied_on(case_of(), table_of(unknown))
    assert sentence == "No method has all the figures that reliability is made of."
    known = {metric: by_method | {"Lime": 0.4} for metric, by_method in unknown.items()}
    assert findings.relied_on(case_of(), table_of(known)).endswith("rely first on LIME.")


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
    words = findings.beside_paper(reliable(*first))
    assert words == f"The paper found Occlusion, Grad-CAM and LIME the most reliable: {told}"


def test_a_map_of_the_model_s_own_takes_no_place_among_the_paper_s_ten():
    assert "this study has fewer" in findings.beside_paper(table_of({}, THREE))
    above = {"OwnMap": 0.4, "Occlusion": 0.3, "GradCam": 0.2, "Lime": 0.1}
    best = {
        metric: {name: 0.5 + NAMED[metric].better * more for name, more in above.items()}
        for metric in RELIABLE
    }
    table = table_of(best, (*TITLES, "OwnMap"))
    sentence = findings.relied_on(case_of("own"), table)
    assert sentence.endswith("rely first on The model's own map, Occlusion and Grad-CAM.")
    assert findings.beside_paper(table) == (
        "The paper found Occlusion, Grad-CAM and LIME the most reliable: "
        "Occlusion, Grad-CAM and LIME are among the first three of its ten here."
    )
    less = {metric: by_method | {"Lime": 0.5} for metric, by_method in best.items()}
    assert findings.beside_paper(table_of(less, (*TITLES, "OwnMap"))).endswith(
        "Occlusion and Grad-CAM are among the first three of its ten here."
    )


def test_the_cheapest_of_those_nearly_as_faithful_is_named_with_its_cost():
    left = dict.fromkeys(TITLES, 0.5) | {"Lime": 0.2, "GradCam": 0.25, "Gradient": 0.2501}
    passes = dict.fromkeys(TITLES, 50.0) | {"Lime": 200.0, "GradCam": 1.0, "Gradient": 0.9}
    sentence = findings.cost_sentence(table_of({SCORE: left, "passes": passes}))
    assert sentence == (
        "LIME lets the score fall fastest (0.20) at 200 images per map; Grad-CAM comes close "
        "(0.25) at 1 image. A random order leaves 0.60."
    )
    alone = findings.cost_sentence(
        table_of({SCORE: left | {"GradCam": 0.4}, "passes": passes}, chance=-0.1)
    )
    assert alone.startswith("LIME lets the score fall fastest (0.20) at 200 images per map. ")
    assert alone.endswith("A random order leaves −0.10.")


def test_maps_are_the_same_for_every_label_from_nine_tenths_on():
    alike = {COSINE: {"GuidedBackprop": 0.95, "Gradient": 0.9, "Lime": 0.89}}
    assert findings.likeness(table_of(alike)).startswith(
        "Saliency and Guided backpropagation: nearly the same map for every label."
    )
    sentence = findings.likeness(table_of({COSINE: {"GuidedBackprop": 0.7}}))
    assert "No method draws the same map for every label; Guided backpropagation" in sentence
    assert "comes closest (0.70)" in sentence
    alike = {COSINE: {"Gradient": 1.0}}
    sentence = findings.likeness(table_of(alike, (*TITLES, "OwnMap")))
    assert sentence.startswith("Saliency: nearly the same map for every label. Each class is held ")
    assert "held against" not in findings.likeness(table_of(alike))


def test_rows_have_a_figure_from_the_lowest_and_the_order_is_that_of_reliability():
    figures = {SCORE: {"Lime": 0.1, "GradCam": np.nan, "Gradient": 0.9}}
    rows = findings.with_figure(table_of(figures, ("Gradient", "GradCam", "Lime")), SCORE).rows
    assert rows == ("Lime", "Gradient")
    order = by_reliability(reliable("Lime", "GradCam"))
    assert order[:2] == ["Lime", "GradCam"]
    assert order[-1] == RANDOM
    assert sorted(order) == sorted([*TITLES, RANDOM])


def test_the_study_that_ships_says_whom_it_relies_on_and_how_fine_grad_cam_is():
    question = Study(), study_case()
    result = shipped_answer(question)
    sentence = question[0].finding(question[1], result)
    ranks = result["ranks"]
    first = sorted(zip(ranks["reliability"], ranks.rows, strict=True))[:3]
    assert all(TITLES[name] in sentence.split(". ")[0] for _, name in first)
    assert sentence.endswith(findings.beside_paper(result["table"]))
    sentence = findings.fineness(study_case())
    assert "16 × 16 cells of 4 px" in sentence
    assert sentence.endswith("several cells.")
    slices = study_case("phantoms")
    sentence = findings.fineness(slices)
    assert "24 × 24 cells of 4 px" in sentence
    assert sentence.endswith("several cells.")
    dots = np.zeros_like(slices.images[0].masks)
    dots[:, :3, :3] = True
    tiny_ones = tuple(replace(image, masks=dots[: len(image.masks)]) for image in slices.images)
    sentence = findings.fineness(replace(slices, images=tiny_ones))
    assert (
        "a square of 3 px, hardly more than one cell: its peak can lie beside the lesion"
        in sentence
    )
    assert findings.fineness(StudyArguments(methods=("Gradient",)).case()) == ""


def test_figures_are_written_in_their_units_and_none_that_rounds_to_nothing_has_a_sign():
    texts = [NAMED[COSINE].text(value) for value in (-0.001, -0.02, 0.001)]
    assert texts == ["0.00", "−0.02", "0.00"]
    texts = {"pointing game": "88 %", SCORE: "0.88", "PNG size": "1,234", "passes": "1,234"}
    texts["seconds"] = "1,234 ×"
    for name, words in texts.items():
        assert NAMED[name].text(0.876 if "." in words or "%" in words else 1234.2) == words
    assert NAMED["seconds"].text(2.44) == "2.4 ×"


def test_every_map_of_an_image_has_its_figures_and_its_column_a_scale():
    case = tiny.study_case()
    image = case.images[0]
    result = answer(StudyMaps(image="7"), case)
    arrays = [maps.map_of(case, label, "Occlusion", result).values for label in image.labels]
    assert maps.top(case, image, "Occlusion", result) == pytest.approx(
        max(np.abs(values).max() for values in arrays)
    )
    faint = HeatMap(np.full((32, 32), 0.1, np.float32), "", signed=False)
    strong = HeatMap(np.full((32, 32), 1.0, np.float32), "", signed=False)
    low, high = (maps.painted(view, 1.0)[0, 0].sum() for view in (faint, strong))
    assert high > low + 200
    plain = maps.bordered(maps.painted(faint, 1.0), None)
    drawn = maps.bordered(maps.painted(faint, 1.0), image.masks[1])  # rows and columns 4 to 9
    assert drawn[8:18, 18].tolist() == [[255, 255, 255]] * 10
    assert drawn[8:18, 19].tolist() == [[0, 0, 0]] * 10
    assert drawn[12, 12].tolist() == plain[12, 12].tolist()
    grid = maps.map_pictures(case, image, result)
    assert grid.images.shape == (2, 1 + len(case.methods), 64, 64, 3)
    assert grid.rows == tuple(case.model.labels[label] for label in image.labels)
    figures, method = result["figures"], case.methods[0].name
    name = maps.map_key(case, image.labels[1], method)
    share = 100 * figures.cell(name, "relevance rank")
    assert grid.caption(1, 1).endswith(f", {share:.0f} % on it")
    assert grid.caption(1, 0) == ""
    alike = figures.cell(name, "cross-label cosine")
    assert grid.columns[1].endswith(f"cosine {alike:.2f}".replace("-", "−"))
    hits = int((figures["pointing game"] >= 0.5).sum())
    assert grid.finding.startswith(f"{hits} of {len(figures)} maps point at the thing")
