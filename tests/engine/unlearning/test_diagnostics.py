"""Looks after forgetting, each against a plain derivation or a case whose answer is known."""

import math
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix

from engine import unlearning
from engine.core.run import answer
from engine.evaluation.forgetting.attack import attack
from engine.unlearning.diagnostics import base, still_there
from engine.unlearning.diagnostics.base import sample_rows
from engine.unlearning.diagnostics.membership import regions
from engine.unlearning.diagnostics.relearn import first_step
from engine.unlearning.diagnostics.similarity import alignment, gram
from engine.unlearning.diagnostics.still_there import feature_figures, nearest_rows
from engine.unlearning.protocol.metrics import (
    attacks,
    evaluate_model,
    figures,
    gap,
    nearness,
    zero_forgetting,
)
from engine.unlearning.ways.network import untrained
from engine.vision.models import checkpoints
from engine.vision.models.rebuild import rebuilt
from tests import tiny
from tests.engine.unlearning.trained import assert_weights, loss_on

METHOD = unlearning.RandomLabels(epochs=3)


@pytest.fixture(scope="module")
def after(case):
    return unlearning.AfterCase(case, METHOD)


@pytest.fixture(scope="module")
def models(case):
    return {
        "original": case.model,
        "unlearned": rebuilt(answer(METHOD, case)["model"]),
        "retrained": rebuilt(answer(unlearning.Retrain(), case)["model"]),
    }


@pytest.fixture(scope="module")
def untouched(case):
    return unlearning.AfterCase(case, unlearning.NoOp())


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.network.parameters()]).double()


def test_all_figures_are_those_of_the_three_models(after, case, models):
    result = answer(unlearning.Judged(), after)
    table, judgments = result["figures"], {n: evaluate_model(m, case) for n, m in models.items()}
    assert table.rows == tuple(models)
    for name, model in models.items():
        judgment, goal = judgments[name], judgments["retrained"]
        expected = figures(judgment) | attacks(judgment) | nearness(judgment, goal)
        for key, value in expected.items():
            assert table.cell(name, key) == pytest.approx(value, nan_ok=True, abs=1e-6)
        far = (weights(model) - weights(models["original"])).norm().item()
        assert table.cell(name, "from original") == pytest.approx(far, rel=1e-5)
        blank = evaluate_model(untrained(case.model, case.seed + 1), case)
        forgetful = zero_forgetting(judgment.forget, blank.forget)
        assert table.cell(name, "ZRF") == pytest.approx(forgetful, abs=1e-6)
        assert table.cell(name, "gap") == pytest.approx(gap(figures(judgment), figures(goal)))
    assert math.isnan(table.cell("original", "attack rate"))
    plane = result["plane"]
    for name in ("unlearned", "retrained"):
        length = math.hypot(plane.cell(name, "x"), plane.cell(name, "y"))
        assert length == pytest.approx(table.cell(name, "from original"), rel=1e-5)
    assert plane.cell("retrained", "y") == pytest.approx(0, abs=1e-4)


def test_features_are_read_in_parts_of_a_bounded_size(case, monkeypatch):
    monkeypatch.setattr(base, "CHUNK", 4)
    rows, parts = case.splits.forget[:10], []
    model = case.model.twin()
    plain = model.features(case.data.pixels(rows))
    read = model.features
    monkeypatch.setattr(model, "features", lambda pixels: parts.append(len(pixels)) or read(pixels))
    torch.testing.assert_close(base.features(model, case.data, rows), plain)
    assert parts == [4, 3, 3]


def test_confidences_are_the_probabilities_of_the_label(after, case, models):
    images = answer(unlearning.Confidence(), after)["images"]
    rows = case.data.places(images["id"])
    assert set(images["id"]) == set(case.request.ids)
    for name, model in models.items():
        shares = model.logits(case.data.pixels(rows)).softmax(1)
        share = shares[torch.arange(len(rows)), case.data.targets(rows)]
        np.testing.assert_allclose(images[name], share, atol=1e-5)
        np.testing.assert_array_equal(images[f"seen by {name}"], shares.argmax(1))
    fall = images["original"] - images["unlearned"]
    assert (np.diff(fall) <= 0).all()


def test_confusions_count_every_image_once(after, case, models):
    splits = case.splits
    parts = {"forgotten": splits.forget, "retained": splits.retain, "test": case.data.rows("test")}
    for of, rows in parts.items():
        result = answer(unlearning.Confusion(of=of), after)
        for name, model in models.items():
            predictions = model.logits(case.data.pixels(rows)).argmax(1).numpy()
            expected = confusion_matrix(case.data.labels[rows], predictions, labels=range(10))
            np.testing.assert_array_equal(result[name].values, expected)
    assert answer(unlearning.Confusion(), after)["retrained"].values[:, 3].sum() == 0


def test_the_attackers_line_gives_its_own_efficacy(after, case, models):
    for name, model in models.items():
        result = answer(unlearning.MembershipAttack(model=name), after)
        judgment = evaluate_model(model, case)
        attack_result = attack(judgment.retain, judgment.test, judgment.forget, seed=case.seed)
        figures_ = result["figures"]
        assert figures_["MIA"][0] == pytest.approx(attack_result.efficacy, abs=1e-6)
        assert figures_["attack accuracy"][0] == pytest.approx(attack_result.accuracy, abs=1e-6)
        regions = result["regions"]
        assert regions["from"][0] == 0
        assert regions["to"][-1] == 1
        np.testing.assert_allclose(regions["from"][1:], regions["to"][:-1])
        place = np.searchsorted(regions["to"], judgment.forget.confidence, side="left")
        non_member = 1 - regions["member"][np.minimum(place, len(regions) - 1)]
        assert non_member.mean() == pytest.approx(attack_result.efficacy, abs=0.05)
        histogram = result["histogram"]
        for group in ("members", "strangers", "forgotten"):
            assert histogram[group].sum() == pytest.approx(1)


def test_regions_end_where_the_line_between_two_points_of_the_decision_is_at_0():
    grid = np.array([0.0, 0.2, 0.4, 0.6, 1.0])
    result = regions(grid, np.array([-1.0, 1.0, 3.0, -1.0, -2.0]))
    np.testing.assert_allclose(result.values, [[0, 0.1, 0], [0.1, 0.55, 1], [0.55, 1, 0]])
    assert regions(grid, np.ones(5))["member"].tolist() == [1]


def test_what_is_still_there_is_held_against_the_network_before_it_learned(case, untouched):
    table = answer(unlearning.StillThere(), untouched)["figures"]
    fresh = feature_figures(untrained(case.model, case.seed + 1), case, 5)[0]
    assert table.cell("untrained", "probe") == pytest.approx(fresh["probe"])
    assert table.cell("untrained", "alike") == pytest.approx(fresh["alike"])


def test_the_embedding_is_that_of_a_plain_svd(after, untouched, case, models):
    points, shown = answer(unlearning.Embedding(images=200), after).views.values()
    rows = case.data.places(points["id"])
    values = models["original"].features(case.data.pixels(rows)).double().numpy()
    sizes = np.linalg.eigvalsh(np.cov(values.T))[::-1]
    for axis, size in zip("xy", sizes, strict=False):
        assert points[f"original {axis}"].var(ddof=1) == pytest.approx(size, rel=1e-3)
    share = sizes[:2].sum() / sizes.sum()
    assert shown.cell("original", "share") == pytest.approx(share, rel=1e-3)
    assert (points["forget"] == np.isin(points["id"], case.request.ids)).all()
    same = answer(unlearning.Embedding(images=200), untouched)["points"]
    for axis in "xy":
        np.testing.assert_allclose(same[f"original {axis}"], same[f"unlearned {axis}"], atol=1e-3)


def slow_alignment(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return ((y.T @ x).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm())).item()


def test_likeness_is_the_formula_on_whole_matrices(after, untouched, case, models):
    generator = tiny.seeded()
    first = torch.randn(30, 6, generator=generator).double()
    second = torch.randn(30, 9, generator=generator).double()
    assert alignment(gram(first), gram(second)) == pytest.approx(slow_alignment(first, second))
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator).double())
    assert alignment(gram(first), gram(3 * first @ turn + 2)) == pytest.approx(1)
    result = answer(unlearning.Similarity(images=60), after)
    assert set(result["forget"].rows) >= {"logits"}
    for part in ("forget", "retain"):
        for pair in result[part].order:
            assert ((result[part][pair] > 0) & (result[part][pair] <= 1 + 1e-9)).all()
    same = answer(unlearning.Similarity(images=60), untouched)["retain"]
    np.testing.assert_allclose(same["original – unlearned"], 1)
    for part in ("forget", "retain"):
        pixels = case.data.pixels(sample_rows(getattr(case.splits, part), 60, case.seed))
        logits = [models[name].logits(pixels).double() for name in ("original", "unlearned")]
        likeness = result[part].cell("logits", "original – unlearned")
        assert likeness == pytest.approx(slow_alignment(*logits), rel=1e-6)


def test_what_moved_is_what_differs_to_the_bit(case, untouched):
    method = unlearning.SalUn(share=0.05, epochs=2)
    result = answer(unlearning.WhatMoved(), unlearning.AfterCase(case, method))
    new_weights = answer(method, case)["model"].weights
    layers, moved = result["layers"], {}
    for name in layers.rows:
        was = case.model.network.state_dict()[name].numpy()
        moved[name] = new_weights[name] != was
        assert layers.cell(name, "moved") == pytest.approx(moved[name].mean())
        np.testing.assert_array_equal(result["moved"].values[name], np.abs(new_weights[name] - was))
    share = (layers["moved"] * layers["weights"]).sum() / layers["weights"].sum()
    assert 0 < share <= 0.05 + 1e-3
    masks = unlearning.moved_masks(case.model, result["moved"])
    assert masks.kept == sum(moved[part.name].sum() for part in masks.parts)
    assert not answer(unlearning.WhatMoved(), untouched)["layers"]["moved"].any()


def test_a_model_whose_head_alone_was_cut_still_has_it_all(case, untouched):
    cut = deepcopy(case.model)
    with torch.no_grad():
        cut.head.weight[3] = 0
        cut.head.bias[3] = -1e3
    assert figures(evaluate_model(cut, case))["UA"] == 1  # it never says that class again
    before, after = (feature_figures(model, case, 5)[0] for model in (case.model, cut))
    assert after == before
    assert after["probe"] > 0.9
    assert after["probe on the class"] > 0.9
    result = answer(unlearning.StillThere(), untouched)
    table, near = result["figures"], result["neighbors"]
    assert table.cell("unlearned", "probe") == pytest.approx(before["probe"])
    assert table.cell("original", "alike") > table.cell("untrained", "alike") - 0.05
    assert not (near["id"][:, None] == np.stack([near[f"nearest {k}"] for k in (1, 2)], 1)).any()
    rows = case.data.places(near["id"][:4])
    values = case.model.features(case.data.pixels(case.splits.train)).double().numpy()
    for row, name in zip(rows, near["nearest 1"][:4], strict=True):
        query = values[np.flatnonzero(case.splits.train == row)[0]]
        far = ((values - query) ** 2).sum(1)
        far[case.splits.train == row] = np.inf
        assert case.data.ids[case.splits.train[far.argmin()]] == name


def test_the_probe_reads_all_images_on_the_scale_of_what_stays(case, monkeypatch):
    read, taught = [], []

    class Probe:
        def predict(self, values):
            read.append(values)
            return np.zeros(len(values))

    monkeypatch.setattr(still_there, "probed", lambda _, labels: taught.append(labels) or Probe())
    feature_figures(case.model, case, 5)
    gone, stays = (
        case.model.features(case.data.pixels(rows)).double().numpy()
        for rows in (case.splits.gone, case.splits.retain)
    )
    count = len(case.splits.forget)
    assert len(read[0]) == count - count // 2  # one half teaches the probe, the other is asked
    assert len(taught[0]) == min(still_there.MOST, len(case.splits.retain)) + count // 2
    np.testing.assert_allclose(read[1], gone / np.abs(stays).mean(), rtol=1e-4, atol=1e-6)


def test_neighbors_are_those_of_whole_rows_sorted_block_by_block(monkeypatch):
    monkeypatch.setattr(still_there, "BLOCK", 7)
    rng = np.random.default_rng(0)
    values = rng.integers(0, 3, (60, 4)).astype(float)  # many are equally near
    rows = rng.permutation(200)[:60]
    query_rows = rows[:31]
    square = ((values[:31, None] - values) ** 2).sum(2)
    square[query_rows[:, None] == rows] = np.inf
    order = np.argsort(square, axis=1, kind="stable")
    for count in (1, 5, 59, 80):
        result = nearest_rows(values[:31], query_rows, values, rows, count)
        np.testing.assert_array_equal(result, rows[order[:, : min(count, 59)]])
    values[3] = np.nan
    result = nearest_rows(values[:31], query_rows, values, rows, 5)
    assert not (np.delete(result, 3, 0) == rows[3]).any()


def test_the_original_is_relearnt_at_once(after, case, models):
    result = answer(unlearning.Relearn(), after)
    losses, needed = result["losses"], result["needed"]
    assert needed.cell("original", "steps") == 0
    assert needed.cell("retrained", "steps") > needed.cell("original", "steps")
    assert needed.cell("unlearned", "steps") > 0
    rows = case.splits.forget
    for name, model in models.items():
        loss = loss_on(model, case.data, rows).item()
        assert losses[name][0] == pytest.approx(loss, rel=1e-3, abs=1e-5)
        if not math.isnan(steps := needed.cell(name, "steps")):
            assert losses[name][int(steps)] <= needed.cell(name, "goal")
    assert losses["retrained"][-1] < losses["retrained"][0]
    assert first_step([3.0, 2.0, 1.0], 2.0) == 1
    assert math.isnan(first_step([3.0, 2.0], 1.0))


@pytest.mark.parametrize(
    "method", [unlearning.Relearn(), unlearning.StillThere(), unlearning.Judged()]
)
def test_it_can_be_stopped_between_two_looks_at_a_model(after, method):
    """Progress comes with each batch of images, and with each step."""
    reports, least = [], method.steps if isinstance(method, unlearning.Relearn) else 3
    method(after, lambda done, words="", partial=None: reports.append(words))
    for name in ("original", "unlearned", "retrained"):
        assert reports.count(f"{name}: looking at images") >= least


def test_steps_begin_at_the_original_and_end_at_it(after, case, models, empty_home):
    result = answer(unlearning.Steps(most=3), after)
    table = result["steps"]
    assert table["step"][0] == 0
    assert table["step"][-1] == answer(METHOD, case)["run"]["steps"][0]
    for at, name in ((0, "original"), (len(table) - 1, "unlearned")):
        assert_weights({"model": result[f"model_{at}"]}, models[name], rtol=0)
    assert table["UA"][0] < table["UA"][-1]
    assert table["from original"][0] == 0
    short = answer(unlearning.Steps(), unlearning.AfterCase(case, unlearning.SSD()))
    assert short["steps"]["step"].tolist() == [0, 1]
    model = rebuilt(result["model_1"])
    assert model.lineage.parent == after.model.fingerprint
    assert "step" in model.title
    stored = checkpoints.keep(result["model_1"])
    assert checkpoints.load(stored.name).fingerprint == model.fingerprint


def test_the_frontier_is_made_of_single_answers(case, untouched):
    after = unlearning.AfterCase(case, unlearning.SSD(ratio=7.0))
    points = answer(unlearning.Frontier(points=3), after)["points"]
    assert points["ratio"].tolist() == [7.0, 1.0, 10.0, 100.0]
    for row, ratio in zip(points.rows, points["ratio"], strict=True):
        scores = answer(replace(unlearning.SSD(), ratio=float(ratio)), case)["scores"]
        assert points.cell(row, "UA") == pytest.approx(scores.values[0])
    assert points["forgetting"][-1] < points["forgetting"][1]
    assert answer(unlearning.Frontier(), untouched)["points"].rows == ("NoOp",)
    parts = []
    unlearning.Frontier(points=3)(after, lambda done, words="", partial=None: parts.append(partial))
    assert [len(part["points"]) for part in parts if part] == [1, 2, 3, 4]
