"""The answer of a detector, by its own scores, and what detectors make of unknown digits."""

from dataclasses import replace

import numpy as np
import pytest

from engine.anomaly import COSTARR, KNN, MSP, QUICK, Conformal, FamiliarCase, Mahalanobis, ViM
from engine.evaluation.detection.gather import gathered
from engine.evaluation.measures import detection
from engine.evaluation.measures.detection import auroc, fpr95
from engine.vision.data import load
from engine.vision.models import catalog
from tests.engine.anomaly.banks import digits


@pytest.fixture(scope="module")
def case():
    model, data = catalog.load("digits-mlp"), load("digits")
    scenes = load("mnist-5k")
    image = data.pixels(data.rows("test")[:1])[0].contiguous()
    return FamiliarCase(model, image, data, scenes.take(scenes.rows("test")[:150]))


@pytest.fixture(scope="module")
def result(case):
    return KNN()(case)


def test_the_p_value_is_that_of_the_score_among_the_normal_ones(result):
    score = result["subject"].values.astype(float)
    ruler = Conformal(result["normal"].values.astype(float), result["normal"].predicted)
    assert result["p"].values[0] == pytest.approx(ruler.p(score)[0])
    expected = ruler.p_by_class(score, result["subject"].predicted)[0]
    assert result["p"].values[1] == pytest.approx(expected)
    assert np.isnan(result["p"].values[2])  # digits have no groups
    count, same_class, above = result["counts"].values
    assert result["p"].values[0] == pytest.approx((1 + above) / (1 + count))
    assert same_class == (result["normal"].predicted == result["subject"].predicted[0]).sum()


def test_the_measures_are_those_of_the_held_and_unknown_scores(result):
    known, strange = (result[name].values.astype(float) for name in ("held", "unknown"))
    right = result["held"].predicted == result["held"].labels
    row = dict(zip(result["measures"].columns, result["measures"].values[0], strict=True))
    assert row["AUROC"] == pytest.approx(detection.auroc(known, strange))
    assert row["FPR95, unknown positive"] == pytest.approx(detection.fpr95(known, strange))
    assert row["FPR95, normal positive"] == pytest.approx(detection.fpr95(known, strange, "known"))
    assert row["accuracy"] == pytest.approx(right.mean())
    assert row["AUOSCR"] == pytest.approx(detection.auoscr(known, right, strange))
    assert row["AUOSCR"] <= row["accuracy"]
    normal = result["normal"]
    normal_right = normal.predicted == normal.labels
    assert row["OOSA"] > 0.5
    line = detection.best_threshold(normal.values.astype(float), normal_right, strange[::2])
    assert row["OOSA"] == pytest.approx(detection.oosa(known, right, strange[1::2], line))
    assert row["share of unknown"] == pytest.approx(150 / (150 + len(known)))
    assert np.trapezoid(result["roc"].y, result["roc"].x) == pytest.approx(row["AUROC"], abs=1e-5)


def test_the_nearest_normal_images_are_those_with_the_nearest_features(case, result):
    banks = gathered(case)
    all_distances = np.linalg.norm(banks.fit.directions - banks.subject.directions, axis=1)
    ids, distances = result["nearest"].values.T
    assert distances == pytest.approx(np.sort(all_distances)[: len(ids)], abs=1e-5)
    assert ids[0] == banks.fit.ids[all_distances.argmin()]
    assert set(ids.astype(int)) <= set(case.normal.ids[case.normal.rows("train")].tolist())


def test_without_unknown_images_there_are_no_curves_and_still_a_p_value(case):
    alone = MSP()(replace(case, unknown=None))
    assert "roc" not in alone
    assert 0 < alone["p"].values[0] <= 1
    assert np.isnan(alone["measures"].values[0, 0])
    for count in (1, 2):  # one to draw the line by, and one to try it on
        few = MSP()(replace(case, unknown=case.unknown.take(np.arange(count))))
        assert np.isfinite(few["measures"]["OOSA"][0]) == (count == 2)


@pytest.mark.parametrize("kind", [KNN, MSP])
def test_p_is_uniform_on_normal_images_that_were_held_out(case, kind):
    views = kind()(case)
    ruler = Conformal(views["normal"].values.astype(float), views["normal"].predicted)
    p = np.sort(ruler.p(views["held"].values.astype(float), np.random.default_rng(0)))
    places = np.arange(1, len(p) + 1) / len(p)
    distance = max((places - p).max(), (p - places + 1 / len(p)).max())
    assert len(p) > 400
    assert distance < 0.08
    by_class = ruler.p_by_class(views["held"].values.astype(float), views["held"].predicted)
    assert (by_class <= 0.1).mean() < 0.16


def test_every_score_carries_the_label_and_the_id_of_its_image(case, result):
    banks = gathered(case)
    for name in ("normal", "held", "unknown"):
        bank = getattr(banks, name)
        assert result[name].ids.tolist() == bank.ids.tolist()
        assert result[name].predicted.tolist() == bank.logits.argmax(1).tolist()
    assert result["held"].labels.tolist() == banks.held.labels.tolist()
    assert set(result["unknown"].labels) == {-1}  # not of this model
    assert result["subject"].ids.tolist() == result["subject"].labels.tolist() == [-1]


SEEDS = range(5)
MARGIN = 0.01


def scores(detector, seed):
    train, known, unknown = digits(seed)
    rule = detector.fit(train).rule
    return rule(known).score, rule(unknown).score


def mean_auroc(kind):
    return float(np.mean([auroc(*scores(kind(), seed)) for seed in SEEDS]))


@pytest.mark.parametrize("kind", [KNN, ViM, Mahalanobis])
def test_what_reads_features_beats_the_highest_probability(kind):
    assert mean_auroc(kind) >= mean_auroc(MSP) + MARGIN


@pytest.mark.slow
def test_over_five_seeds_the_detectors_stand_as_the_sheet_has_them(measure):
    results = {kind.name: mean_auroc(kind) for kind in QUICK}
    without = [auroc(*scores(COSTARR(logit=False), seed)) for seed in SEEDS]
    results["COSTARR without the logit"] = float(np.mean(without))
    for name, value in results.items():
        measure(f"anomaly: AUROC on digits 6/4, {name}, mean of 5 seeds", f"{value:.3f}")
    for name, positive in (("unknown", "unknown"), ("normal", "known")):
        value = np.mean([fpr95(*scores(KNN(), seed), positive) for seed in SEEDS])
        measure(f"anomaly: FPR95 on digits 6/4, KNN, {name} positive", f"{value:.3f}")
    for name in ("KNN", "ViM", "Mahalanobis"):
        assert results[name] >= results["MSP"] + MARGIN
    sheet = {"ViM": 0.952, "KNN": 0.948, "Mahalanobis": 0.932, "MSP": 0.902, "MaxLogit": 0.900,
             "ReAct": 0.899, "Energy": 0.898, "NNGuide": 0.887, "COSTARR": 0.904}  # fmt: skip
    for name, value in sheet.items():
        assert results[name] == pytest.approx(value, abs=0.02)


def test_unknown_digits_have_small_p_values_and_known_ones_have_uniform_ones():
    for kind in (KNN, ViM):
        known, unknown = scores(kind(), 3)
        ruler = Conformal(known[::2])
        assert np.median(ruler.p(unknown)) < 0.05
        p = np.sort(ruler.p(known[1::2]))
        assert np.abs(p - np.arange(1, len(p) + 1) / len(p)).max() < 0.12
