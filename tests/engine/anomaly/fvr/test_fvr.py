"""FVR: masses against the sum over all subsets, unknown digits, and blends with other images."""

from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.anomaly import FVR, Blends
from engine.anomaly.cosine import CosineHead, evidential_loss, fit_head, from_no_evidence
from engine.anomaly.fvr.blends import ITS_CLASS, NOISE, OTHERS
from engine.anomaly.fvr.blends import OTHER as THE_OTHER
from engine.anomaly.fvr.findings import NONE, SEVERAL, kind_of_doubt
from engine.anomaly.fvr.masses import DoubtLines, Masses, answer_sets, masses
from engine.anomaly.fvr.method import OpinionHead, aurocs, of_sets, rejected
from engine.core.errors import BadData, BadSetting, DoesNotFit
from engine.core.result import Table
from engine.evaluation.measures.detection import auroc
from tests import tiny
from tests.engine.anomaly.banks import answered, bank, digits, random_bank


def over_subsets(plausibility):
    """Ignorance, belief and confusion of one image: every subset of the classes by itself."""
    results = {"none": 0.0, "several": 0.0, "single": np.zeros(len(plausibility))}
    for subset in product([False, True], repeat=len(plausibility)):
        mass = np.prod(np.where(subset, plausibility, 1 - plausibility))
        if sum(subset) == 1:
            results["single"][subset.index(True)] += mass
        else:
            results["several" if sum(subset) else "none"] += mass
    return results


def test_masses_are_the_sum_over_all_subsets():
    train, test_bank = random_bank(60, seed=1), random_bank(30, seed=2)
    result = answered(FVR(), train, test_bank)["masses"]
    expected = over_subsets(result["plausibility"][:3])
    np.testing.assert_allclose(result["mass"][:3], expected["single"], atol=1e-9)
    assert result.cell(SEVERAL, "mass") == pytest.approx(expected["several"], abs=1e-9)
    assert result.cell(NONE, "mass") == pytest.approx(expected["none"], abs=1e-9)
    assert result["mass"].sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("classes", [1, 2, 5, 8])
def test_the_closed_form_is_that_sum_for_any_logits(classes):
    logits = np.random.default_rng(classes).normal(size=(40, classes)) * 4
    result = masses(logits)
    for at, probabilities in enumerate(1 / (1 + np.exp(-logits))):
        expected = over_subsets(probabilities)
        np.testing.assert_allclose(result.belief[at], expected["single"], atol=1e-9)
        assert result.ignorance[at] == pytest.approx(expected["none"], abs=1e-9)
        assert result.confusion[at] == pytest.approx(expected["several"], abs=1e-9)
    assert (result.confusion >= 0).all()
    assert masses(np.array([[900.0, 900, -900]])).confusion == pytest.approx(1)


def test_an_answer_is_one_class_several_or_none():
    ignorance, confusion = np.array([0.1, 0.1, 0.9]), np.array([0.1, 0.6, 0.6])
    result = Masses(ignorance, confusion, np.zeros((3, 3)), np.array([[0.9, 0.5, 0.1]] * 3))
    lines = DoubtLines(0.5, 0.5)
    expected = [[True, False, False], [True, True, False], [False, False, False]]
    assert answer_sets(result, lines, 0.5).tolist() == expected
    assert answer_sets(result, lines, 1.0)[1].tolist() == expected[0]


def test_the_lines_leave_the_asked_share_of_normal_images_above_them():
    normal = masses(np.random.default_rng(0).normal(size=(400, 4)) * 3)
    lines = DoubtLines.of(normal, 0.1)
    assert (normal.ignorance > lines.ignorance).mean() == pytest.approx(0.1, abs=0.005)
    assert (normal.confusion > lines.confusion).mean() == pytest.approx(0.1, abs=0.005)


def test_the_regularizer_is_the_divergence_of_dirichlets_and_zero_without_evidence():
    alpha = torch.tensor([[3.0, 1.5, 2.0], [1, 1, 1]], dtype=torch.float64)
    dirichlet = torch.distributions.Dirichlet
    nothing = dirichlet(alpha[1:].expand(2, 3))
    expected = torch.distributions.kl_divergence(dirichlet(alpha), nothing)
    torch.testing.assert_close(from_no_evidence(alpha), expected)
    logits = torch.tensor([[2.0, -1.0, 0.5]], dtype=torch.float64)
    evidence = 3 * logits.exp() + 1
    draws = dirichlet(evidence[0]).sample((200_000,))  # the risk is the mean of −log p
    first = evidential_loss(logits, torch.tensor([0]), 0.0).item()
    assert first == pytest.approx(-draws[:, 0].log().mean().item(), abs=0.01)


@pytest.mark.parametrize("loss", ["binary", "evidential"])
def test_a_head_learns_its_classes_and_its_logits_are_bounded_far_away(loss):
    rng = np.random.default_rng(0)
    centers = 4 * np.eye(3, 5)
    labels = np.arange(90) % 3
    features = centers[labels] + 0.3 * rng.normal(size=(90, 5))
    head = fit_head(features, labels, 3, loss)
    with torch.no_grad():
        logits = head(torch.from_numpy(features))
        far = head(torch.from_numpy(1e6 * rng.normal(size=(50, 5))))
    assert (logits.argmax(1).numpy() == labels).all()
    assert far.abs().max() <= (head.scale.abs() + head.bias.abs().max()).item() + 1e-9


def test_unknown_digits_raise_ignorance_and_shuffled_marks_tell_nothing():
    """Six digits are known to the network below and to the head; two seeds."""
    for seed in (0, 1):
        train, known, unknown = digits(seed)
        rule = FVR().fit(train).rule
        low, high = rule(known).score, rule(unknown).score
        assert auroc(low, high) > 0.88
        mixed = np.random.default_rng(0).permutation(np.concatenate([low, high]))
        assert auroc(mixed[: len(low)], mixed[len(low) :]) == pytest.approx(0.5, abs=0.05)


def test_figures_of_answers_are_counted_by_hand():
    train, known, unknown = digits(0)
    method = FVR(alarms=0.1)
    head = method.fit(train).rule
    held_out, strange = known.take(np.arange(0, 200, 2)), unknown.take(np.arange(60))
    lines = DoubtLines.of(head.masses(known.take(np.arange(1, 200, 2))), 0.1)
    label_sets = answer_sets(head.masses(held_out), lines, method.near)
    right = head.masses(held_out).plausibility.argmax(1) == held_out.labels
    refused = rejected(answer_sets(head.masses(strange), lines, method.near))
    table = of_sets(label_sets, held_out.labels, right, refused)
    answered_ones = [at for at in range(100) if label_sets[at].any()]
    inside = np.mean([label_sets[at, held_out.labels[at]] for at in answered_ones])
    assert table.cell("one, several or none", "true class in the answer") == pytest.approx(inside)
    size = np.mean([label_sets[at].sum() for at in answered_ones])
    assert table.cell("one, several or none", "classes to an answer") == pytest.approx(size)
    assert refused > 0.5
    best = np.mean([right[at] for at in answered_ones])
    assert table.cell("one or none", "true class in the answer") == pytest.approx(best)
    assert table.cell("always one class", "true class in the answer") == right.mean()
    rejections = [table[f"{kind} images rejected"].tolist() for kind in ("normal", "unknown")]
    calm = pytest.approx(1 - len(answered_ones) / 100)
    assert rejections == [[0, calm, calm], [0, refused, refused]]
    train, test_bank = random_bank(60, seed=1), random_bank(30, seed=2)
    result = answered(FVR(), train, test_bank)
    right = FVR().fit(train).rule.masses(test_bank).plausibility.argmax(1) == test_bank.labels
    assert result["doubts"]["wrong answers"].tolist() == [(~right).sum()] * 2


def test_a_class_of_two_samples_is_learned_and_can_be_the_answer():
    rng = np.random.default_rng(0)
    labels = np.r_[np.zeros(40, int), np.ones(40, int), 2, 2]
    features = 4 * np.eye(3, 5)[labels] + 0.3 * rng.normal(size=(82, 5))
    result = FVR().fit(bank(features, labels=labels)).rule.masses(bank(4 * np.eye(3, 5)))
    assert result.plausibility.argmax(1).tolist() == [0, 1, 2]
    assert result.belief[2, 2] > 0.5


def test_errors_are_counted_beside_how_well_they_are_told():
    result = masses(np.array([[4.0, -4], [-4, 4], [0.1, 0], [3, -3]]))
    table = aurocs(result, np.array([True, True, False, True]), None)
    assert table["wrong answers"].tolist() == [1, 1]
    assert table["errors"].tolist() == [1, 1]  # ignorance and confusion are both highest there
    assert np.isnan(aurocs(result, np.ones(4, bool), None)["errors"]).all()
    assert np.isnan(table["unknown images"]).all()


def test_without_labels_or_with_one_class_it_says_what_is_missing():
    for lacking in (random_bank(labels=False), bank(np.ones((4, 3)), labels=np.zeros(4, int))):
        with pytest.raises(BadData, match="at least two"):
            FVR().fit(lacking)
    case = tiny.familiar_case(tiny.cnn())
    others = tiny.data_set(("this", "that"), case.model.side)
    with pytest.raises(DoesNotFit, match="own classes"):
        FVR().check(replace(case, normal=others))


def test_a_cosine_head_sees_the_direction_alone():
    head = CosineHead(4, 3)
    features = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(head(features), head(7 * features))
    opinions = OpinionHead(np.array([[3.0, 4], [0, 2]]), np.array([0.1, -0.2]), 5.0)
    result = opinions.masses(bank([[7.0, 0], [0, 0.5]])).plausibility  # of logits 3.1, −0.2, …
    assert result == pytest.approx(1 / (1 + np.exp([[-3.1, 0.2], [-4.1, -4.8]])))


def test_the_kind_of_doubt_is_what_the_answer_and_the_lines_say(snapshot):
    for answer, confusion, lines_from in (
        ([0, 0], 0.1, 19),  # too few
        ([0, 0], 0.1, 20),
        ([1, 0], 0.3, 20),  # at the line
        ([1, 0], 0.31, 20),
        ([1, 1], 0.31, 20),
    ):
        columns = {
            "mass": [0.05, 0.1, 0.4, confusion, 0.25],
            "plausibility": [0.1, 0.6, 0.5, 0, 0],
            "line": [0, 0, 0, 0.3, 0.3],
            "in the answer": [0, *answer[::-1], 0, 0],
        }
        rows = ("c", "b", "a", SEVERAL, NONE)
        table = Table.of({name: (values, "") for name, values in columns.items()}, rows)
        assert kind_of_doubt(table, lines_from) == snapshot


CASE = tiny.familiar_case(tiny.cnn())


def test_every_blend_is_judged_as_an_image_by_itself():
    result = Blends(cells=4)(CASE)
    confusion, ignorance = result["confusion"], result["ignorance"]
    assert len(confusion.weights) == 15
    images = torch.from_numpy(confusion.images.astype(np.float32))
    for at in (0, 4, 7, 11, 14):
        image = torch.einsum("k,kchw->chw", torch.tensor(confusion.weights[at]), images)
        alone = FVR()(replace(CASE, image=image))["masses"]
        # the pictures in the answer are of half precision
        assert confusion.values[at] == pytest.approx(alone.cell(SEVERAL, "mass"), abs=2e-3)
        assert ignorance.values[at] == pytest.approx(alone.cell(NONE, "mass"), abs=2e-3)


def test_both_ways_begin_at_the_image_and_end_at_their_corners():
    result = Blends(cells=6)(CASE)
    triangle = result["ignorance"]
    for way, corner in (("class", 1), ("noise", 2)):
        table = result[way]
        masses = sum(table[name] for name in (ITS_CLASS, THE_OTHER, OTHERS, SEVERAL, NONE))
        np.testing.assert_allclose(masses, 1, atol=1e-9)
        np.testing.assert_allclose(table["share"], np.linspace(0, 1, 7), atol=1e-9)
        ends = [triangle.values[triangle.weights[:, at] == 1][0] for at in (0, corner)]
        np.testing.assert_allclose(table[NONE][[0, -1]], ends, atol=1e-6)
    assert triangle.labels[2] == NOISE
    corners, strips = triangle.images.astype(float), result["strip"].images / 255
    for corner, row in enumerate(strips, 1):
        ends = corners[[0, corner]].transpose(0, 2, 3, 1)
        assert row[[0, -1]] == pytest.approx(ends, abs=0.004)
        assert row.mean(0) == pytest.approx(ends.mean(0), abs=0.004)


def test_the_other_class_can_be_named_and_its_image_has_that_class():
    label = CASE.model.labels[1]
    result = Blends(toward=label, cells=4)(CASE)
    assert result["confusion"].labels[1] == label
    normal = CASE.parts[1].data
    same = normal.pixels(np.flatnonzero(normal.labels == 1)).numpy().astype(np.float16)
    partner = result["confusion"].images[1]
    assert any(np.array_equal(partner, candidate) for candidate in same)
    first, other = Blends(cells=4)(CASE)["confusion"].labels[:2]
    assert first != other
    refused = {"elephant": "no class 'elephant'", first: f"taken for {first} already"}
    for wrong, words in refused.items():
        with pytest.raises(BadSetting, match=words):
            Blends(toward=wrong)(CASE)


def test_a_class_without_held_out_images_is_passed_over_unless_it_is_asked_for():
    other = Blends(cells=4)(CASE)["confusion"].labels[1]
    label = CASE.model.labels.index(other)
    normal = CASE.normal
    rows = np.flatnonzero((normal.labels != label) | (normal.split == 0))
    few = replace(CASE, normal=normal.take(rows))
    assert (few.parts[0].data.labels == label).sum() > 1  # it is learned all the same
    assert Blends(cells=4)(few)["confusion"].labels[1] != other
    with pytest.raises(BadData, match=f"No held-out normal image is of class {other}"):
        Blends(toward=other, cells=4)(few)


@pytest.mark.parametrize(
    ("normal", "held_out", "other"), [([2, 0], [2, 3], 3), ([2, 2], [2, 2], 1)]
)
def test_the_other_class_is_the_next_of_those_at_hand_or_the_next_of_all(normal, held_out, other):
    banks = SimpleNamespace(
        normal=SimpleNamespace(labels=np.array(normal)),
        held=SimpleNamespace(labels=np.array(held_out)),
    )
    plausibility = np.array([0.1, 0.5, 0.9, 0.3])  # from the most: 2, 1, 3, 0
    assert Blends().other(CASE, banks, plausibility) == other


def test_noise_is_drawn_by_the_seed_and_gray_for_a_gray_image():
    gray = torch.full_like(CASE.image, 0.5)
    cases = [replace(CASE, image=gray, seed=seed) for seed in (0, 1)]
    first, second = (Blends(cells=4)(case)["ignorance"].images[2] for case in cases)
    assert not np.array_equal(first, second)
    assert np.array_equal(first[0], first[2])
    colored = Blends(cells=4)(CASE)["ignorance"].images[2]
    assert not np.array_equal(colored[0], colored[2])


def test_no_evidence_is_ignorance_one_class_belief_and_two_equal_ones_confusion():
    result = masses(np.array([[-40.0, -40, -40], [40, -40, -40], [40, 40, -40], [0, 0, -40]]))
    np.testing.assert_allclose(result.ignorance, [1, 0, 0, 0.25], atol=1e-9)
    np.testing.assert_allclose(result.confusion, [0, 0, 1, 0.25], atol=1e-9)
    np.testing.assert_allclose(result.belief[:, 0], [0, 1, 0, 0.25], atol=1e-9)
