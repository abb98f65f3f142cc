"""Unknown images: exactly alike where nothing is cut, and each figure counted again elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from engine import sparsity
from engine.core.run import answer
from engine.evaluation.corruptions import corrupted
from engine.evaluation.detection.detector import Detector
from engine.evaluation.detection.rows import split
from engine.sparsity.effects.unknown import DETECTORS, above, change_between, images_of
from engine.vision import data as data_sets
from engine.vision.models import embedded
from tests import tiny

NOISE = "Normal images with noise"


def rows_of(result):
    table = result["told"]
    lines = [dict(zip(table.columns, line, strict=True)) for line in table.values]
    return dict(zip(table.rows, lines, strict=True))


def counted(known, unknown):
    """AUROC pair by pair."""
    wins = [(b > a) + (a == b) / 2 for a in known for b in unknown]
    return sum(wins) / len(wins)


def features_and_logits(model, pixels):
    features = []
    hook = model.head.register_forward_hook(lambda _m, inputs, _out: features.append(inputs[0]))
    logits = model.logits(pixels).double().numpy()
    hook.remove()
    return torch.cat(features).double().numpy(), logits


def scores_by_hand(kind, fit, labels, asked):
    """Each detector again, slowly, from features and logits."""
    (features, _), (query_features, logits) = fit, asked
    match kind:
        case "MSP":
            raised = np.exp(logits)
            return 1 - (raised / raised.sum(1, keepdims=True)).max(1)
        case "Energy":
            return -np.log(np.exp(logits).sum(1))
        case "KNN":
            unit_features = features / np.linalg.norm(features, axis=1, keepdims=True)
            other = query_features / np.linalg.norm(query_features, axis=1, keepdims=True)
            distances = [np.linalg.norm(unit_features - row, axis=1) for row in other]
            return np.sort(distances, axis=1)[:, 9]
    moved, means = features.copy(), []
    for label in range(10):
        means.append(features[labels == label].mean(0))
        moved[labels == label] -= means[-1]
    values, axes = np.linalg.eigh(moved.T @ moved / len(moved))
    small = values <= 1e-10 * values.max()
    values = np.maximum(values, 0) + (1e-3 * values.mean() if small.any() else 0)
    inverse = axes @ np.diag(1 / values) @ axes.T
    return np.array([min((row - m) @ inverse @ (row - m) for m in means) for row in query_features])


def test_where_nothing_is_cut_both_models_tell_unknown_images_apart_exactly_alike(digits):
    result = rows_of(sparsity.Unknown(ratio=0.0, images=100)(digits))
    assert len(result) == 2 * len(DETECTORS)
    for row in result.values():
        assert row["dense AUROC"] == row["pruned AUROC"]
        assert row["dense FPR95"] == row["pruned FPR95"]
        assert row["change"] == row["low"] == row["high"] == 0
    assert max(row["dense AUROC"] for row in result.values()) > 0.9
    assert min(row["dense AUROC"] for row in result.values()) < 0.95


@pytest.mark.parametrize("ratio", [0.6, 0.95])
def test_every_figure_is_counted_again_pair_by_pair(digits, ratio):
    method = sparsity.Unknown(ratio=ratio, images=60)
    model = method.made(digits, method.masks(digits))
    result = rows_of(method(digits))
    data, test = digits.data, digits.data.rows("test")
    train = split(data)[0]
    assert set(train) == set(data.rows("train"))
    known = data.pixels(test[np.linspace(0, len(test) - 1, 60).astype(int)])
    held_out_rows = np.flatnonzero(data.split != 0)
    worse = data.pixels(held_out_rows[np.linspace(0, len(held_out_rows) - 1, 200).astype(int)])
    strange = (corrupted(worse, "noise", 0.5, 0) * 255).round() / 255
    for name, net in (("dense", digits.model), ("pruned", model)):
        fit = features_and_logits(net, data.pixels(train))
        asked = [features_and_logits(net, some) for some in (known, strange)]
        for kind in DETECTORS:
            known_scores, strange_scores = (
                scores_by_hand(kind.name, fit, data.labels[train], some) for some in asked
            )
            row = result[f"{NOISE} · {kind.title}"]
            area = counted(known_scores, strange_scores)
            assert row[f"{name} AUROC"] == pytest.approx(area, abs=2e-4)
            line = np.sort(strange_scores)[::-1][int(np.ceil(0.95 * len(strange_scores))) - 1]
            assert row[f"{name} FPR95"] == pytest.approx((known_scores >= line).mean(), abs=0.017)
            assert row["known images"] == row["known groups"] == 60
            assert row["unknown images"] == 200


def test_a_model_in_which_nothing_is_left_tells_nothing_apart(digits):
    parts = sparsity.prunable_parts(digits.model)
    bits = {part.name: np.zeros(part.shape, np.bool_) for part in parts}
    nothing = sparsity.masks_of(bits, parts)
    result = rows_of(sparsity.told_apart(digits, sparsity.pruned(digits.model, nothing), 50))
    for row in result.values():
        assert (row["pruned AUROC"], row["pruned FPR95"]) == (0.5, 1.0)
        assert row["dense AUROC"] != 0.5


def test_a_model_that_gives_no_numbers_has_no_figures_and_the_dense_ones_stay(digits):
    model = sparsity.pruned(digits.model, {})
    with torch.no_grad():
        model.head.bias.fill_(float("nan"))
    whole = rows_of(sparsity.Unknown(ratio=0.0, images=50)(digits))
    result = sparsity.told_apart(digits, model, 50)
    results = rows_of(result)
    assert any("no numbers" in label for label in result["notes"].labels)
    for name, row in results.items():
        assert np.isnan(row["pruned AUROC"])
        assert row["dense AUROC"] == whole[name]["dense AUROC"]
    msp = results[f"{NOISE} · MSP"]
    assert np.isnan([msp["change"], msp["low"], msp["high"], msp["pruned FPR95"]]).all()


class Squeezed(nn.Module):
    """A linear layer whose logits go through something else."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3 * 8 * 8, 4)

    def forward(self, images):
        return torch.tanh(self.fc(images.flatten(1)))


def test_detectors_that_need_the_head_say_why_they_have_no_figures():
    model = tiny.classifier(tiny.random_weights(Squeezed()), 8)
    result = sparsity.told_apart(sparsity.PruneCase(model, tiny.data_for(model)), model, 20)
    for name, row in rows_of(result).items():
        assert np.isnan(row["dense AUROC"]) == ("KNN" in name or "Mahalanobis" in name)
    assert any("KNN" in label and "last linear layer" in label for label in result["notes"].labels)


def test_photographs_stand_in_by_their_squares_and_are_drawn_whole():
    model = embedded.load("digits-mlp")
    case = sparsity.PruneCase(model, sparsity.photographs(model))
    samples = images_of(case, 400)
    assert not set(samples.fit.truth["group"]) & set(samples.known.truth["group"])
    row = next(iter(rows_of(sparsity.Unknown(ratio=0.5)(case)).values()))
    assert row["known images"] == 10 * row["known groups"] == len(samples.known)


def test_known_images_are_test_images_and_held_out_classes_count_as_unknown():
    data = data_sets.load("digits")
    marked = replace(data, truth={"unknown": data.labels == 3})
    samples = images_of(sparsity.PruneCase(embedded.load("digits-mlp"), marked), 1000)
    assert "Held-out classes" in samples.unknown
    assert set(samples.unknown["Held-out classes"].labels) == {3}
    assert 3 not in set(samples.known.labels) | set(samples.fit.labels)
    assert set(samples.known.ids) <= set(data.ids[data.rows("test")])


def test_each_pair_is_a_win_a_draw_or_a_loss_and_the_interval_draws_whole_groups():
    known, unknown = np.array([0.0, 1.0, 4.0]), np.array([1.0, 2.0])
    assert above(known, unknown).tolist() == [[1, 0.5, 0], [1, 1, 0]]
    assert np.isnan(above(np.array([0.0, np.inf]), unknown)).all()
    rng = np.random.default_rng(0)
    known, unknown = rng.normal(size=40), rng.normal(1, 1, 30)
    alone = np.arange(40)
    assert change_between((known, unknown), (known, unknown), alone, 0) == (0, 0)
    better = (known, unknown + 3)
    low, high = change_between((known, unknown), better, alone, 0)
    assert 0 < low < counted(*better) - counted(known, unknown) < high
    first = np.repeat([0, 1], 20)
    only = (np.where(first == 0, known, known - 100), unknown)  # better on one group alone
    wide = change_between((known, unknown), only, first, 0)
    assert np.ptp(wide) > 1.5 * np.ptp(change_between((known, unknown), only, alone, 0))
    assert wide[0] == 0  # where the group that is no better is drawn twice


def test_detectors_are_the_anomaly_family_s(digits, monkeypatch):
    fitted = []
    plain = Detector.fitted
    monkeypatch.setattr(Detector, "fitted", lambda d, x: fitted.append(d.name) or plain(d, x))
    result = answer(sparsity.Unknown(ratio=0.37, images=30), digits)
    assert sorted(set(fitted)) == ["Energy", "KNN", "MSP", "Mahalanobis"]
    assert all(fitted.count(name) == 2 for name in set(fitted))  # for each model anew
    assert set(result) == {"told", "notes"}
