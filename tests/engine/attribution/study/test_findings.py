"""What a study says in sentences, and the maps of one image as a grid."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine.attribution.study import (
    NAMED,
    TITLES,
    Study,
    StudyCase,
    StudyMaps,
    findings,
    study_case,
)
from engine.attribution.study import pictures as maps
from engine.attribution.study.measure import RANDOM
from engine.attribution.study.ranking import COSINE, METRICS, RELIABLE, SCORE, by_reliability
from engine.commands.gallery import shipped_answer
from engine.core.pictures.colors import DIVERGING_LIGHT, SEQUENTIAL
from engine.core.result import HeatMap, Table
from engine.core.run import answer
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


def reliable(*names, rows=tuple(TITLES), **less):
    """A table in which these are the best of all, the first most of all."""
    above = {name: 0.4 - at / 10 for at, name in enumerate(names)} | less
    figures = {
        metric: {name: 0.5 + NAMED[metric].better * more for name, more in above.items()}
        for metric in RELIABLE
    }
    return table_of(figures, rows)


def case_of(source="scenes", count=8):
    return SimpleNamespace(images=range(count), source=source)


def own_map_first(**less):
    """The model's own map before the paper's three in every figure of reliability."""
    return reliable("OwnMap", *THREE, rows=(*TITLES, "OwnMap"), **less)


def test_sentences_of_tables_that_are_typed(snapshot):
    unknown = {metric: dict.fromkeys(TITLES, np.nan) for metric in RELIABLE}
    known = {metric: by_method | {"Lime": 0.4} for metric, by_method in unknown.items()}
    left = dict.fromkeys(TITLES, 0.5) | {"Lime": 0.2, "GradCam": 0.25, "Gradient": 0.2501}
    passes = dict.fromkeys(TITLES, 50.0) | {"Lime": 200.0, "GradCam": 1.0, "Gradient": 0.9}
    alone = {SCORE: left | {"GradCam": 0.4}, "passes": passes}
    alike = {COSINE: {"GuidedBackprop": 0.95, "Gradient": 0.9, "Lime": 0.89}}
    one = {COSINE: {"Gradient": 1.0}}
    assert snapshot == {
        "relied on": [
            findings.relied_on(case_of(), reliable("Lime", "Gradient", "GradCam")),
            findings.relied_on(case_of("phantoms-missed", 3), reliable(*THREE)),
            findings.relied_on(case_of(), table_of(unknown)),
            findings.relied_on(case_of(), table_of(known)),
            findings.relied_on(case_of("own"), own_map_first()),
        ],
        "beside the paper": [
            findings.beside_paper(table)
            for table in (
                reliable(*THREE),
                reliable("DeepLift", "Lime", "Occlusion"),
                reliable("Gradient", "Lime", "DeepLift"),
                reliable("Gradient", "SmoothGrad", "DeepLift"),
                table_of({}, THREE),
                own_map_first(),  # it takes no place among the paper's ten
                own_map_first(Lime=0.0),
            )
        ],
        "cost": [
            findings.cost_sentence(table_of({SCORE: left, "passes": passes})),
            findings.cost_sentence(table_of(alone, chance=-0.1)),
        ],
        "likeness": [
            findings.likeness(table_of(alike)),
            findings.likeness(table_of({COSINE: {"GuidedBackprop": 0.7}})),
            findings.likeness(table_of(one, (*TITLES, "OwnMap"))),
            findings.likeness(table_of(one)),
        ],
        "figures": {
            COSINE: [NAMED[COSINE].text(value) for value in (-0.001, -0.02, 0.001)],
            **{name: NAMED[name].text(0.876) for name in ("pointing game", SCORE)},
            **{name: NAMED[name].text(1234.2) for name in ("PNG size", "passes", "seconds")},
            "a few seconds": NAMED["seconds"].text(2.44),
        },
    }


def test_rows_have_a_figure_from_the_lowest_and_the_order_is_that_of_reliability():
    figures = {SCORE: {"Lime": 0.1, "GradCam": np.nan, "Gradient": 0.9}}
    rows = findings.with_figure(table_of(figures, ("Gradient", "GradCam", "Lime")), SCORE).rows
    assert rows == ("Lime", "Gradient")
    table = Table.of({SCORE: ([0.1, 0.9], ""), "maps": ([0, 1], "")}, ("Lime", "Gradient"))
    assert findings.with_figure(table, SCORE).rows == ("Gradient",)
    order = by_reliability(reliable("Lime", "GradCam"))
    assert order[:2] == ["Lime", "GradCam"]
    assert order[-1] == RANDOM
    assert sorted(order) == sorted([*TITLES, RANDOM])


def test_the_study_that_ships_says_whom_it_relies_on_and_how_fine_grad_cam_is(snapshot):
    question = Study(), study_case()
    result = shipped_answer(question)
    sentence = question[0].finding(question[1], result)
    ranks = result["ranks"]
    first = sorted(zip(ranks["reliability"], ranks.rows, strict=True))[:3]
    assert all(TITLES[name] in sentence.split(". ")[0] for _, name in first)
    assert sentence.endswith(findings.beside_paper(result["table"]))
    slices = study_case("phantoms")
    dots = np.zeros_like(slices.images[0].masks)
    dots[:, :3, :3] = True
    tiny_ones = tuple(replace(image, masks=dots[: len(image.masks)]) for image in slices.images)
    cases = study_case(), slices, replace(slices, images=tiny_ones)
    assert [findings.fineness(case) for case in cases] == snapshot
    cell = slices.model.side // max(slices.model.last_map.cells)
    dots[:, : 2 * cell, : 2 * cell] = True  # of the same masks: now as wide as two cells
    assert findings.fineness(cases[-1]).endswith(", several cells.")
    assert findings.fineness(StudyCase.from_arguments(methods=("Gradient",))) == ""


def test_every_map_of_an_image_has_its_figures_and_its_column_a_scale():
    case = tiny.study_case()
    image = case.images[0]
    result = answer(StudyMaps(image="7"), case)
    arrays = [maps.map_of(case, label, "Occlusion", result).values for label in image.labels]
    assert maps.top(case, image, "Occlusion", result) == pytest.approx(
        max(np.abs(values).max() for values in arrays)
    )
    faint, strong = (
        HeatMap(np.full((32, 32), value, np.float32), "", signed=False) for value in (0.1, 1.0)
    )
    low, high = (maps.painted(view, 1.0)[0, 0].sum() for view in (faint, strong))
    assert high > low + 200
    for signed, ramp in ((True, DIVERGING_LIGHT[[0, 128, 255]]), (False, SEQUENTIAL[[0, 0, 255]])):
        row = HeatMap(np.float32([[-2, 0, 2]]), "", signed=signed)
        assert maps.painted(row, 2.0).tolist() == [ramp.tolist()]
        assert maps.painted(row, 0.0).tolist() == [[ramp[1].tolist()] * 3]
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
    hits = [0, 0.49, 0.5, 1] * 5  # of equal highest values the share on the thing
    columns = {name: (figures[name], "") for name in figures.order} | {"pointing game": (hits, "")}
    shown = {**result, "figures": Table.of(columns, figures.rows)}
    grid = maps.map_pictures(case, image, shown)
    assert grid.finding.startswith("10 of 20 maps point at the thing")
    assert [words[0] for words in grid.captions if words] == ["✗", "✗", "✓", "✓"] * 5
