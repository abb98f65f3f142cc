"""COSTARR: identities a fake fails, and the constructed head whose figures the sheet pins."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from engine.anomaly import COSTARR, FamiliarCase, MaxLogit
from engine.anomaly.costarr.detector import fit, halves
from engine.evaluation.detection.gather import Gathered, gathered
from engine.evaluation.detection.rows import as_seen
from engine.evaluation.detection.sources import normal, training_data_name
from engine.evaluation.measures.detection import auroc
from engine.vision.data import load
from engine.vision.models import catalog
from tests.engine.anomaly.banks import answered, bank, random_bank, spelled

TRAIN, QUERIES = random_bank(), random_bank(12, seed=3)


def test_attenuated_features_and_the_bias_add_up_to_the_logit():
    _, h = halves(QUERIES, even=False)
    top = QUERIES.logits.max(1)
    assert np.abs(h.sum(1) + QUERIES.head.bias[QUERIES.predicted] - top).max() < 1e-4
    for half in halves(QUERIES, even=COSTARR().even):  # by default both are of one length
        assert np.linalg.norm(half, axis=1) == pytest.approx(1)


def test_without_the_attenuated_half_and_the_logit_it_is_the_cosine_to_the_class_mean():
    rule = COSTARR(beta=0.0, logit=False, even=False).fit(TRAIN).rule
    for z, predicted, result in zip(
        QUERIES.features, QUERIES.predicted, rule(QUERIES).score, strict=True
    ):
        mean = TRAIN.features[TRAIN.predicted == predicted].mean(0)
        assert -result == pytest.approx(z @ mean / np.linalg.norm(z) / np.linalg.norm(mean))


def test_the_order_of_the_dimensions_does_not_matter():
    order = np.random.default_rng(0).permutation(8)

    def shuffled(source):
        return bank(
            source.features[:, order], source.head.weight[:, order], source.head.bias, source.labels
        )

    result = COSTARR().fit(shuffled(TRAIN)).rule(shuffled(QUERIES))
    assert result.score == pytest.approx(COSTARR().fit(TRAIN).rule(QUERIES).score)


def test_longer_features_change_the_logit_s_factor_only():
    rule = COSTARR().fit(TRAIN).rule
    head = QUERIES.head
    longer = bank(0.5 * QUERIES.features, head.weight, 0.5 * head.bias)
    plain, changed = rule(QUERIES).parts, rule(longer).parts
    assert changed["likeness"] == pytest.approx(plain["likeness"])
    assert not np.allclose(changed["logit"], plain["logit"])


def test_only_images_that_the_model_gets_right_are_fitted_to():
    wrong = TRAIN.labels.copy()
    wrong[:20] = (wrong[:20] + 1) % 3
    spoiled = TRAIN.features.copy()
    spoiled[:20] = 50.0  # would move every mean
    noisy = bank(spoiled, TRAIN.head.weight, TRAIN.head.bias)
    labels = (noisy.predicted + 1) % 3
    labels[20:] = TRAIN.labels[20:]
    means, _ = fit(replace(noisy, labels=labels))
    clean, _ = fit(TRAIN.take(np.arange(20, 60)))
    assert means.z == pytest.approx(clean.z)
    assert (means.low, means.high) == pytest.approx((clean.low, clean.high))


def test_a_logit_above_all_counts_as_one_and_a_class_that_was_never_right_takes_the_mean():
    loud = bank(40 * QUERIES.features, QUERIES.head.weight, QUERIES.head.bias)
    factor = COSTARR().fit(TRAIN).rule(loud).parts["logit"]
    assert factor.max() == 1
    assert factor.min() >= 0
    single = TRAIN.take(np.array([0, 0]))  # its one highest logit is 1, and one less is 0
    far = replace(single, logits=single.logits - [[0.25], [2]])
    assert COSTARR().fit(single).rule(far).parts["logit"] == pytest.approx([0.75, 0])
    fitted = COSTARR().fit(TRAIN.take(TRAIN.predicted != 2))
    assert any("1 of 3 classes" in note for note in fitted.notes)
    assert np.isfinite(fitted.rule(QUERIES).score).all()


def made_by_hand(seed, kind, count=400):
    """The sheet's head: dimensions 0–15 count, 16–31 are attenuated; A redraws those, B these."""
    rng = np.random.default_rng(seed)
    width, classes, half = 32, 6, 16
    prototypes = np.abs(rng.normal(size=(classes, width)))
    weight = rng.uniform(-0.01, 0.01, (classes, width))
    weight[:, :half] = prototypes[:, :half] - prototypes[:, :half].mean(0)

    def drawn(labels, base):
        return spelled(np.maximum(base[labels] + 0.25 * rng.normal(size=(len(labels), width)), 0))

    labels = rng.integers(classes, size=600)
    train = bank(drawn(labels, prototypes), weight, labels=labels)
    labels = rng.integers(classes, size=count)
    known = bank(drawn(labels, prototypes), weight, labels=labels)
    other = np.abs(rng.normal(size=(count, width)))
    base = prototypes[rng.integers(classes, size=count)]
    if kind == "A":
        base[:, half:] = other[:, half:]
    else:
        base[:, :half] = other[:, :half]
    unknown = bank(spelled(np.maximum(base + 0.25 * rng.normal(size=base.shape), 0)), weight)
    return train, known, unknown


def told_apart(detector, banks):
    train, known, unknown = banks
    rule = detector.fit(train).rule
    return auroc(rule(known).score, rule(unknown).score)


def attenuated_only(banks):
    """The cosine of h alone, without the logit."""
    train, known, unknown = banks
    means, _ = fit(train)

    def score(source):
        _, h = halves(source, even=False)
        usual = means.h[source.predicted]
        return -(h * usual).sum(1) / np.linalg.norm(h, axis=1) / np.linalg.norm(usual, axis=1)

    return auroc(score(known), score(unknown))


@pytest.mark.parametrize("seed", range(4))
def test_on_a_head_made_by_hand_only_the_features_show_what_the_head_throws_away(seed):
    results = {kind: made_by_hand(seed, kind) for kind in "AB"}
    assert 0.45 <= told_apart(MaxLogit(), results["A"]) <= 0.56
    assert attenuated_only(results["A"]) <= 0.56
    assert told_apart(COSTARR(logit=False), results["A"]) >= 0.85
    assert told_apart(COSTARR(logit=False, beta=0.0), results["A"]) >= 0.85
    for banks in results.values():
        assert told_apart(COSTARR(), banks) >= told_apart(MaxLogit(), banks) + 0.02
    through = answered(COSTARR(logit=False), *results["A"])
    assert auroc(through["held"].values, through["unknown"].values) >= 0.85


def test_the_ablation_is_what_each_half_finds_alone():
    train, known, unknown = made_by_hand(0, "A")
    first, second = (known.take(np.arange(at, len(known), 2)) for at in (0, 1))
    banks = Gathered(unknown.take(np.array([0])), train, first, second, unknown)
    table = COSTARR().judge(banks)["ablation"]
    rows = dict(zip(table.rows, table.values, strict=True))
    ends = (banks.fit, banks.held, banks.unknown)
    assert rows["both halves, with the logit"][1] == pytest.approx(told_apart(COSTARR(), ends))
    alone = COSTARR(beta=0.0, logit=False)
    assert rows["features, without the logit"][1] == pytest.approx(told_apart(alone, ends))
    assert rows["attenuated, without the logit"][1] <= 0.56  # A lies where the head looks away
    assert rows["features, without the logit"][1] >= 0.85
    score = COSTARR().fit(banks.fit).rule(banks.held).score
    order = spearmanr(score, -banks.held.logits.max(1)).statistic
    assert rows["both halves, with the logit"][2] == pytest.approx(order, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits-mlp", "digits-cnn", "mnist-mlp", "mnist-cnn"])
def test_on_networks_that_ship_its_order_is_max_logit_s(name, measure):
    model = catalog.load(name)
    data = normal(training_data_name(model))
    unknown = load("mnist-5k" if data.name == "digits" else "digits")
    image = as_seen(data, slice(0, 1), model.side)[0].contiguous()
    banks = gathered(FamiliarCase(model, image, data, unknown.take(np.arange(200))))
    for even in (False, True):
        table = COSTARR(even=even).judge(banks)["ablation"]
        rows = dict(zip(table.rows, table.values, strict=True))
        both, alone = rows["both halves, with the logit"], rows["features, with the logit"]
        how = "halves at one length" if even else "halves as they are"
        measure(
            f"anomaly: COSTARR on {name}, {how}: Spearman with MaxLogit; AUROC of both, of z alone",
            f"{both[2]:.3f}; {both[1]:.3f}, {alone[1]:.3f}",
        )
        assert both[2] >= 0.95
