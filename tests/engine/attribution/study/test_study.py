"""The study: its figures on networks whose truth is known, its ranking, and its drill-down."""

from dataclasses import replace
from itertools import pairwise
from time import perf_counter

import numpy as np
import pytest
import torch
from torch import nn

from engine.attribution import study
from engine.attribution.heatmaps.gradient_x_input import GradientXInput
from engine.attribution.heatmaps.guided_backprop import GuidedBackprop
from engine.attribution.heatmaps.lime import Lime
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.study import TITLES, Study, StudyCase, StudyImage, StudyMaps, measure
from engine.attribution.study.pictures import map_pictures
from engine.attribution.study.ranking import DICE, METRICS, claims, has, rank_values, ranked
from engine.attribution.study.study import averages_table
from engine.commands.gallery import shipped_answer
from engine.core.errors import BadSetting, BlindspotError, Cancelled, DoesNotFit
from engine.core.result import Table
from engine.core.run import answer
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.measures.concentration import file_bytes
from engine.evaluation.measures.fidelity import max_sensitivity
from engine.evaluation.measures.outlines import inside_of
from engine.evaluation.measures.showing import random_ranks, shown_of
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models import compiled
from tests import tiny

SIDE = 16


class Squares(nn.Module):
    """Two labels: each logit is the sum over its own corner; nothing else counts."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.from_numpy(CORNERS).float())  # (2, side, side)

    def forward(self, images):
        return torch.einsum("nchw,khw->nk", images, self.weight)


class Shared(Squares):
    """Classes that have most of their logit in common, and a map of the network's own."""

    map_unit = "logit"

    def own_maps(self, images):
        """Every pixel's part of each logit."""
        common = torch.zeros(SIDE, SIDE)
        common[:4, 12:] = 10.0  # of every class
        return torch.einsum("nchw,khw->nkhw", images, self.weight + common)

    def forward(self, images):
        return self.own_maps(images).sum((2, 3))


CORNERS = np.zeros((2, SIDE, SIDE), np.bool_)  # of each label: two blocks by two
CORNERS[0, :4, :4], CORNERS[1, 8:12, 8:12] = True, True


@pytest.fixture
def squares():
    model = tiny.classifier(Squares(), SIDE, "squares")
    image = StudyImage(3, torch.full((3, SIDE, SIDE), 0.5), (0, 1), CORNERS)
    methods = (Gradient(channels="size"), GradientXInput(), Occlusion(side=2, overlap=0.0))
    return StudyCase(model, (image,), methods)


def test_a_first_image_of_one_label_is_as_fit_as_any(squares):
    one = replace(squares.images[0], labels=(0,), masks=CORNERS[:1])
    assert Study.unmet(replace(squares, images=(one,))) == Study.unmet(squares) == ""


def test_random_blocks_are_whole_in_images_that_are_not_square():
    order = measure.random_block_ranks((16, 32), 0)
    blocks = order.reshape(8, 2, 8, 4).transpose(0, 2, 1, 3).reshape(64, 8)
    assert (np.ptp(blocks, 1) == 7).all()
    assert sorted(order.ravel()) == list(range(512))


def test_a_method_without_maps_is_not_in_a_table():
    table = Table.grid(np.array([[2.0], [0.0]]), ("Gradient", "Lime"), ("maps",), ("",))
    assert has(table, "Gradient")
    assert not has(table, "Gradient", "Lime")
    assert not has(table, "Occlusion")


def test_on_a_network_whose_truth_is_known_every_figure_is_the_one_worked_out(squares):
    result = Study(draws=2)(squares)
    table = result["table"]
    for name in ("Gradient", "GradientXInput", "Occlusion"):
        for figure in ("pointing game", "relevance mass", "relevance rank"):
            assert table.cell(name, figure) == 1
        assert table.cell(name, "area share") == pytest.approx(16 / 256)
        assert table.cell(name, "cross-label cosine") == pytest.approx(0, abs=1e-6)
        # the first of sixteen steps covers the four blocks of the square, and the score is gone
        assert table.cell(name, "AUC-MoRF") == pytest.approx(1 / 32, abs=1e-5)
        assert table.cell(name, "seconds") > 0
    assert table.cell("Gradient", "max-sensitivity") == pytest.approx(0, abs=1e-6)
    assert 0 < table.cell("GradientXInput", "max-sensitivity") <= 0.02 / 0.5
    assert table.cell("Gradient", "passes") == table.cell("GradientXInput", "passes") == 1
    assert table.cell("Occlusion", "passes") == 64 + 1
    sizes = [file_bytes(corner.astype(np.float32)) for corner in CORNERS]
    assert table.cell("Gradient", "PNG size") == pytest.approx(np.mean(sizes))
    assert len(result["rows"]) == 2 * (3 + 1)
    assert table.cell(measure.RANDOM, "maps") == 2


def test_outlines_and_the_fall_of_a_score_that_classes_share_are_measured_beside_an_own_map():
    """On the network that ships, whose logits lie far below 0 whatever it sees."""
    case = study.study_case("own", count=3)
    case = replace(case, methods=(GradCam(), GradientXInput(), OwnMap()))
    result = Study(draws=1)(case)
    table, rows = result["table"], result["rows"]
    for method in case.methods:
        scores, falls, hits = [], [], []
        for image in case.images:
            (label,), (mask,) = image.labels, image.masks
            versus = ImageCase(case.model, image.image, Target(label, versus=image.rival))
            answered = method(versus)
            hits.append(mask.flat[answered["map"].values.argmax()])
            inside = inside_of(answered)
            scores.append((2 * (inside & mask).sum() + 1) / (inside.sum() + mask.sum() + 1))
            falls.append(measure.deletions(versus, {"": answered["map"].values}, 0)[""])
            empty = versus.baseline("mean").expand(3, -1, -1)
            logits = case.model.logits(torch.stack([image.image, empty]))
            margin = logits[:, label] - logits[:, image.rival]
            assert margin[0] > margin[1]  # though the logit itself rises
            assert logits[0, label] < logits[1, label]
        of_it = rows.take([at for at, row in enumerate(rows.rows) if row.startswith(method.name)])
        np.testing.assert_allclose(of_it[DICE], scores, rtol=1e-5)
        np.testing.assert_allclose(of_it["AUC-MoRF"], falls, rtol=1e-4)
        np.testing.assert_array_equal(of_it["pointing game"], hits)
        assert table.cell(method.name, DICE) == pytest.approx(np.mean(scores), rel=1e-5)
    assert table.cell("OwnMap", DICE) > 0.1 > table.cell(measure.RANDOM, DICE)
    assert "OwnMap" in result["ranks"].rows
    assert measure.outline_of(np.zeros_like(mask), mask) == {DICE: 0}


def test_beside_an_own_map_each_class_is_asked_rather_than_the_other_and_named_so():
    """What both logits share lies elsewhere and is ten times as large: none may point at it."""
    pixels = torch.full((3, SIDE, SIDE), 0.5)
    pixels[:, :4, :4] = 1.0  # a finding of the first class alone
    image = StudyImage(3, pixels, (0,), CORNERS[:1], rival=1)
    model = tiny.classifier(Shared(), SIDE, "shared")
    methods = (GradientXInput(), Occlusion(side=2, overlap=0.0), OwnMap())
    shared = StudyCase(model, (image,), methods)
    table, result = Study(draws=1)(shared)["table"], StudyMaps()(shared)
    for method in methods:
        assert table.cell(method.name, "pointing game") == 1
        assert table.cell(method.name, "relevance mass") == 1
        first, second = (result[f"{name} · {method.name}"].values for name in model.labels)
        np.testing.assert_allclose(first, -second, atol=1e-5)
        assert np.abs(first).max() > 0.1
    plain = GradientXInput()(ImageCase(model, pixels, Target(0)))["map"].values
    assert not CORNERS[0].flat[plain.argmax()]
    names = model.labels
    assert map_pictures(shared, image, result).rows == tuple(
        f"{name} rather than {other}" for name, other in (names, names[::-1])
    )

    class Plain(Squares):
        """The same weights, and no map of its own."""

    without = replace(shared, model=tiny.classifier(Plain(), SIDE, "shared"), methods=methods[:2])
    for case, named in ((without, True), (shared, False)):
        texts = [part for part in case.digest_parts() if isinstance(part, str)]
        assert ("3|(0, 1)" in texts) == named
    assert without.target(image, 0) == Target(0)
    assert shared.target(image, 0) == Target(0, versus=1)
    assert shared.target(image, 1) == Target(1, versus=0)


def test_a_wrong_label_is_found_out_and_cost_counts_one_map_only(squares):
    few, many = (Study(draws=draws)(squares)["table"] for draws in (1, 5))
    assert np.array_equal(few["passes"], many["passes"], equal_nan=True)
    for table in (few, shipped_answer((Study(), study.study_case()))["table"]):
        assert DICE not in table.order
        assert DICE not in ranked(table).order
    wrong = replace(squares.images[0], masks=CORNERS[::-1].copy())
    table = Study(draws=1)(replace(squares, images=(wrong,)))["table"]
    for name in ("Gradient", "Occlusion"):
        assert table.cell(name, "pointing game") == table.cell(name, "relevance mass") == 0
        assert table.cell(name, "AUC-MoRF") == pytest.approx(1 / 32, abs=1e-5)


def test_the_ten_are_the_paper_s_fit_the_side_and_are_named_by_a_command():
    case = StudyCase.from_arguments(source="own", count=1, methods=("GradCam",))
    assert [method.name for method in case.methods] == ["GradCam", "OwnMap"]
    named = {"source": "own", "count": 1, "methods": ("GradCam",), "seed": 0}
    assert case.to_arguments() == named
    assert [method.name for method in study.ten(96)] == list(TITLES)
    assert len(TITLES) == 10
    for side, expected in ((96, 12), (16, 2), (8, 1), (4, 1)):  # an eighth, and a pixel at least
        (result,) = [method for method in study.ten(side) if isinstance(method, Occlusion)]
        assert result.side == expected
    few = StudyCase.from_arguments(count=1, methods=("GradCam", "Lime", "Occlusion:overlap=0.25"))
    assert few.methods[:2] == (GradCam(), Lime(regions=50, samples=200))
    assert few.methods[2] == Occlusion(side=few.model.side // 8, overlap=0.25)


def test_a_random_map_hits_by_area():
    mask = np.zeros((32, 32), np.bool_)
    mask[4:12, 4:20] = True
    hits = [mask.flat[measure.noise((32, 32), 0, at, 1).argmax()] for at in range(2000)]
    assert np.mean(hits) == pytest.approx(mask.mean(), abs=0.02)
    assert mask.mean() == 0.125


def test_blocks_go_by_their_mean_and_a_flat_map_has_no_area(squares):
    values = np.zeros((16, 16), np.float32)
    values[2:4, 4:6] = 3.0  # a block of two by two, all of it
    values[8:10, 8:10] = 5.0
    ranks = measure.block_ranks(values)
    assert sorted(ranks.ravel()) == list(range(256))
    assert set(ranks[8:10, 8:10].ravel()) == {0, 1, 2, 3}
    assert set(ranks[2:4, 4:6].ravel()) == {4, 5, 6, 7}
    assert not np.array_equal(ranks, np.arange(256).reshape(16, 16))
    uneven = np.zeros((12, 12), np.float32)  # blocks of one pixel and of two along a side
    uneven[:2, :2], uneven[2, 2] = 1.0, 2.0
    assert measure.block_ranks(uneven)[2, 2] == 0
    assert set(measure.block_ranks(uneven)[:2, :2].ravel()) == {1, 2, 3, 4}
    with pytest.raises(BlindspotError, match="same everywhere"):
        measure.block_ranks(np.ones((16, 16), np.float32))
    image_case = squares.question(squares.images[0], 0)
    result = measure.deletions(image_case, {"flat": np.ones((16, 16), np.float32)}, 0)
    assert np.isnan(result["flat"])
    assert 0.2 < result[measure.RANDOM] < 0.8


def test_the_area_is_that_of_covering_blocks_one_after_the_other():
    case = tiny.cnn_case()
    values = Occlusion(side=4)(case)["map"].values
    order = values.reshape(8, 4, 8, 4).mean((1, 3)).argsort(axis=None)[::-1]
    cover, images = case.baseline("mean"), [case.image]
    for step in range(1, 17):
        gone = np.isin(np.arange(64), order[: 4 * step]).reshape(8, 8).repeat(4, 0).repeat(4, 1)
        images.append(torch.where(torch.from_numpy(gone), cover, case.image))
    scores = [case.score(image[None]).item() for image in images]
    area = sum((a + b) / 2 / 16 for a, b in pairwise(scores))
    share = (area - scores[-1]) / (scores[0] - scores[-1])
    assert measure.deletions(case, {"a": values}, 0)["a"] == pytest.approx(share, rel=1e-3)


def test_maps_alike_have_a_cosine_of_one_and_a_known_map_changes_no_sensitivity():
    heat_map = np.random.default_rng(0).random((8, 8)).astype(np.float32)
    assert measure.alike([heat_map, 2 * heat_map, heat_map]) == pytest.approx(1)
    assert measure.alike([heat_map, -heat_map]) == pytest.approx(-1)
    assert np.isnan(measure.alike([heat_map]))
    case = tiny.cnn_case()
    known = max_sensitivity(Gradient(), case, draws=2, plain=Gradient()(case)["map"].values)
    assert known == max_sensitivity(Gradient(), case, draws=2)
    assert known > 0


def table_of(**columns):
    """A table of methods with every metric, those not given 0."""
    names = [*TITLES, measure.RANDOM]
    cells = {metric.name: (np.zeros(len(names)), metric.unit) for metric in METRICS}
    cells |= {name: (np.array([*values, np.nan]), "") for name, values in columns.items()}
    return Table.of(cells | {"maps": (np.ones(len(names)), "")}, names)


def test_ranks_go_from_the_best_ties_share_and_a_random_order_has_none():
    assert rank_values(np.array([0.2, 0.9, 0.9, np.nan]), 1).tolist()[:3] == [3, 1.5, 1.5]
    assert rank_values(np.array([0.2, 0.9, 0.5]), -1).tolist() == [1, 3, 2]
    assert np.isnan(rank_values(np.array([0.2, np.nan]), 1)[1])
    pointing = np.linspace(0.1, 1, 10)  # best last
    result = ranked(table_of(**{"pointing game": pointing, "AUC-MoRF": pointing}))
    assert measure.RANDOM not in result.rows
    assert result.cell("SmoothGrad", "pointing game") == 1
    assert result.cell("SmoothGrad", "AUC-MoRF") == 10
    assert result.cell("SmoothGrad", "reliability") == pytest.approx((1 + 10 + 5.5) / 3)


def with_own_map(table):
    """The same, and a map of the model's own that is the best in what reliability is made of."""
    best = {"pointing game": 2.0, "AUC-MoRF": -2.0, "max-sensitivity": -2.0, "maps": 1.0}
    columns = {name: ([*table[name], best.get(name, 0.0)], "") for name in table.order}
    return Table.of(columns, [*table.rows, "OwnMap"])


def test_the_paper_s_ranking_is_of_its_ten_and_what_was_not_studied_is_no_claim(squares):
    pointing = dict.fromkeys(TITLES, 0.0) | {"Occlusion": 0.9, "GradCam": 0.8, "Lime": 0.7}
    table = with_own_map(table_of(**{"pointing game": [*pointing.values()]}))
    ranks = ranked(table)
    assert ranks.rows[int(np.argmin(ranks["reliability"]))] == "OwnMap"
    assert claims(table)["agrees"][0] == 1
    assert claims(table).notes[0].endswith("3 of its three.")
    assert np.isnan(claims(table)["agrees"][-1])  # no class is asked by itself there
    result = Study(draws=1)(squares)["claims"]
    assert np.isnan(result["agrees"]).all()
    assert set(result.notes) == {"These methods are not all in this study."}


def test_a_claim_agrees_only_when_the_numbers_do():
    values = {
        metric: [*(dict.fromkeys(TITLES, rest) | figures).values()]
        for metric, rest, figures in (
            ("pointing game", 0.0, dict.fromkeys(("Occlusion", "GradCam", "Lime"), 0.9)),
            ("passes", 10.0, {"Occlusion": 200.0, "Lime": 300.0, "GradCam": 1.0}),
            ("PNG size", 900.0, {"GradCam": 100.0, "Lime": 200.0}),
            ("cross-label cosine", 0.1, {"GuidedBackprop": 0.95}),
        )
    }
    assert claims(table_of(**values))["agrees"].tolist() == [1] * 6
    worse = {name: list(reversed(column)) for name, column in values.items()}
    assert claims(table_of(**worse))["agrees"].tolist() == [0] * 6


def test_partial_tables_have_the_images_that_are_done():
    case, partials, reports = tiny.study_case(), [], []

    def listen(done, words="", partial=None):
        reports.append(words)
        if partial is not None:
            partials.append((done, partial["table"].cell("GradCam", "maps")))

    result = Study(draws=1)(case, listen)
    assert [maps for _, maps in partials] == [2, 3]
    assert partials[0][0] == 0.5
    assert result["table"].cell("GradCam", "maps") == 3
    for method in case.methods:
        assert f"image 2 of 2: {method.title}" in reports
    reports.clear()

    def stop(_done, words="", partial=None):
        reports.append(words)
        if len(reports) == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        Study(draws=1)(tiny.study_case(), stop)
    assert len(reports) == 3


def test_means_are_over_maps_and_spreads_over_images():
    result = Study(draws=1)(tiny.study_case())
    rows, table = result["rows"], result["table"]
    is_measured = (rows["method"] == 4) & np.isfinite(rows["relevance mass"])  # Grad-CAM
    values, images = rows["relevance mass"][is_measured], rows["image"][is_measured]
    assert table.cell("GradCam", "relevance mass") == pytest.approx(values.mean())
    means = [values[images == image].mean() for image in (7, 9) if (images == image).any()]
    spread = table.cell("GradCam", "relevance mass sd")
    assert spread == pytest.approx(np.std(means, ddof=1), nan_ok=True) or len(means) < 2


@pytest.mark.filterwarnings("error")
def test_an_empty_study_has_no_numbers_and_one_that_cannot_be_made_is_refused():
    assert np.isnan(averages_table(["GradCam"], []).cell("GradCam", "pointing game"))
    one = averages_table(["Lime"], [measure.MapMeasurement("Lime", 7, 0, {"pointing game": 1.0})])
    assert np.isnan(one.cell("Lime", "pointing game sd"))
    case = tiny.study_case()
    for words, change in {
        "at least one method": {"methods": ()},
        "at least one image": {"images": ()},
        "once": {"methods": (Gradient(), Gradient(channels="size"))},
    }.items():
        with pytest.raises(BlindspotError, match=words):
            replace(case, **change)
    with pytest.raises(BlindspotError, match="a mask for each"):
        replace(case.images[0], labels=(0,))
    with pytest.raises(DoesNotFit, match="images with known masks"):
        answer(Study(), tiny.cnn_case())


def test_the_fingerprint_changes_with_everything_that_is_asked():
    case = tiny.study_case()
    image = case.images[0]
    others = [
        replace(case, seed=1),
        replace(case, methods=case.methods[1:]),
        replace(case, methods=(*case.methods[:-1], replace(case.methods[-1], samples=30))),
        replace(case, images=case.images[:1]),
        replace(case, images=(replace(image, masks=~image.masks), case.images[1])),
        replace(case, images=(replace(image, image=image.image * 0.5), case.images[1])),
    ]
    assert len({case.fingerprint, *(other.fingerprint for other in others)}) == 7
    assert tiny.study_case().fingerprint == case.fingerprint


def test_the_maps_of_an_image_are_those_that_the_study_measured():
    case = tiny.study_case()
    case.model.labels = [f"kind · {label}" for label in case.model.labels]
    rows, result = Study(draws=1)(case)["rows"], answer(StudyMaps(), case)
    figures = result["figures"]
    assert len(figures) == 2 * 10
    for name in figures.rows:
        label, method = name.rsplit(" · ", 1)
        at = rows.rows.index(f"{method} · 7 · {label}")
        for what in ("pointing game", "relevance rank", "cross-label cosine"):
            assert figures.cell(name, what) == pytest.approx(float(rows[what][at]), nan_ok=True)
    plain = GuidedBackprop()(ImageCase(case.model, case.images[0].image, Target(1)))["map"]
    shown_map = result[f"{case.model.labels[1]} · GuidedBackprop"]
    assert np.array_equal(plain.values, shown_map.values)
    assert (plain.unit, plain.signed) == (shown_map.unit, shown_map.signed)


def test_a_rival_s_maps_are_shown_too_and_an_unknown_image_is_refused():
    case = tiny.study_case()
    result = StudyMaps(image="9")(case)
    assert len(result["figures"]) == 10
    assert len(result) == 1 + 2 * 10
    with pytest.raises(BadSetting, match="choose one of 7, 9"):
        StudyMaps(image="8")(case)


def test_a_map_is_made_with_its_cost_on_a_copy_without_the_model_s_hooks(monkeypatch):
    looked = []
    monkeypatch.setattr(compiled, "can_compile", looked.append)
    case = tiny.study_case()
    with measure.count_passes(case.model) as (model, counter):
        image_case = case.question(case.images[0], 0, model)
        start = perf_counter()
        timed = measure.compute_map(Gradient(), image_case, counter)
        assert timed.passes == 1
        assert 0 < timed.seconds <= perf_counter() - start
        assert measure.compute_map(Lime(samples=50), image_case, counter).passes == 50
    model = tiny.cnn()
    model.network.fc.register_forward_hook(lambda *_: 1 / 0)
    with measure.count_passes(model) as (copy, counter):
        copy.logits(torch.zeros(3, 3, 32, 32))
        assert counter.images == 3
        copy.runner("exact").expect(10**9)
    copy.logits(torch.zeros(3, 3, 32, 32))
    assert counter.images == 3  # afterwards nothing is counted
    assert not looked  # nor is it ever compiled


def test_the_area_of_a_map_is_the_one_added_up_by_hand():
    """On a sum: four blocks a step, strongest first, what is left by trapezoids over the area."""
    case = tiny.linear_case(SIDE)
    weight = case.model.network.weight.detach()
    worth = (weight * (case.image - case.baseline("mean"))).sum(0).double().numpy()
    values = np.random.default_rng(1).normal(size=(SIDE, SIDE)).astype(np.float32)
    orders = {"right": np.float32(worth), "other": values, "wrong": np.float32(-worth)}
    result = measure.deletions(case, orders, 4)
    blocks = {
        name: ranking.reshape(8, 2, 8, 2).mean((1, 3)).ravel().argsort()[::-1]
        for name, ranking in orders.items()
    }
    blocks[measure.RANDOM] = random_ranks((8, 8), 4).ravel().argsort()
    block_sums = worth.reshape(8, 2, 8, 2).sum((1, 3)).ravel()
    for name, places in blocks.items():
        curve = [block_sums[places[4 * step :]].sum() for step in range(17)]
        area = sum((a + b) / 2 for a, b in pairwise(curve)) / 16
        assert result[name] == pytest.approx(area / curve[0], abs=1e-4), name
    assert set(result) == set(blocks)


def agrees(words, metric, rest, **figures):
    """What is made of one claim, by the words it begins with, and its note."""
    column = dict.fromkeys(TITLES, rest) | figures
    table = claims(table_of(**{metric: [*column.values()]}))
    (at,) = [at for at, row in enumerate(table.rows) if row.startswith(words)]
    return table["agrees"][at], table.notes[at]


def test_one_of_the_three_that_misses_the_thing_is_enough_to_deny_that_all_point_at_it():
    three = ("Occlusion", "GradCam", "Lime")
    assert agrees("Each", "pointing game", 0.0, **dict.fromkeys(three, 0.7))[0] == 1
    for name in three:
        shares = dict.fromkeys(three, 1.0) | {name: 0.69}
        assert agrees("Each", "pointing game", 0.0, **shares)[0] == 0


@pytest.mark.parametrize(("gradient", "agreed"), [(9.0, 1), (2.0, 1), (1.0, 0)])
def test_one_method_that_is_cheaper_is_enough_to_deny_that_grad_cam_is_cheap(gradient, agreed):
    result, _ = agrees("Grad-CAM is cheap", "passes", 9.0, GradCam=2.0, Gradient=gradient)
    assert result == agreed


@pytest.mark.parametrize(("guided", "agreed"), [(0.2, 1), (0.19, 0), (np.nan, np.nan)])
def test_guided_backpropagation_has_to_be_more_alike_by_a_fifth(guided, agreed):
    result, _ = agrees("Guided", "cross-label cosine", 0.0, GuidedBackprop=guided)
    assert result == pytest.approx(agreed, nan_ok=True)


def test_lime_is_held_against_the_simplest_map_of_a_gradient():
    for grad_cam, gradient, agreed in ((100.0, 201.0, 1), (100.0, 200.0, 0), (200.0, 201.0, 0)):
        sizes = {"GradCam": grad_cam, "Lime": 200.0, "Gradient": gradient}
        result, note = agrees("Maps of", "PNG size", 900.0, **sizes)
        assert result == agreed
        assert note == f"Grad-CAM {grad_cam:.0f}, LIME 200, gradients from {gradient:.0f} bytes."


@pytest.mark.parametrize(("low", "known"), [(0.97, False), (0.96, False), (0.9, True)])
def test_where_the_score_hardly_falls_its_area_is_no_share_of_the_fall(low, known):
    curve = shown_of(np.linspace(0, 1, 3), np.float32([low, low, 1]), np.float32([1, low, low]))
    result = measure.share(curve)
    assert result == pytest.approx(0.25, abs=1e-4) if known else np.isnan(result)
