"""TLC: its chain against Dempster's rule, its loss written again slowly, and its honest result."""

from dataclasses import replace
from itertools import product
from math import exp
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.anomaly import TLC
from engine.anomaly.tlc import experiment as tlc
from engine.anomaly.tlc.experts import chain, engaged, together
from engine.anomaly.tlc.loss import TlcLoss
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.measures.detection import auroc, error_auroc
from engine.vision import data as data_sets
from engine.vision.data.variants import LongTailed, OpenSet
from engine.vision.training import Batch, Recipe, fresh, outputs, train
from tests import tiny
from tests.engine.anomaly import outcomes


def logits(count=6, classes=4, experts=3, seed=0):
    drawn = torch.Generator().manual_seed(seed)
    return [2 * torch.randn(count, classes, generator=drawn) for _ in range(experts)]


def combined_vacuity(first_opinion, other):
    """Dempster's rule for two opinions (K beliefs and a vacuity each), set by set."""
    classes = len(first_opinion) - 1
    whole = frozenset(range(classes))
    sets = [*(frozenset([at]) for at in range(classes)), whole]
    masses, conflict = {}, 0.0
    for (a, first), (b, second) in product(
        zip(sets, first_opinion, strict=True), zip(sets, other, strict=True)
    ):
        if shared := a & b:
            masses[shared] = masses.get(shared, 0.0) + first * second
        else:
            conflict += first * second
    return masses[whole] / (1 - conflict), conflict


def opinion(row):
    """Beliefs and vacuity of one expert's logits."""
    evidence = [exp(logit) for logit in row.tolist()]
    total = sum(evidence) + len(evidence)
    return [*(mass / total for mass in evidence), len(evidence) / total]


def test_the_chain_is_dempster_s_rule_for_two_experts():
    pair = logits(experts=2)
    result = chain(pair)
    for at in range(6):
        first, second = opinion(pair[0][at]), opinion(pair[1][at])
        left, conflict = combined_vacuity(first, second)
        assert result.left[2][at].item() == pytest.approx(left, abs=1e-6)
        assert result.conflict[1][at].item() == pytest.approx(conflict, abs=1e-6)
        assert result.vacuity[0][at].item() == pytest.approx(first[-1], abs=1e-6)


def test_beyond_two_the_conflict_is_with_the_expert_before_it():
    three = logits()
    result = chain(three)
    second, third = opinion(three[1][0]), opinion(three[2][0])
    _, conflict = combined_vacuity(second, third)
    expected = result.left[2][0].item() * third[-1] / (1 - conflict)
    assert result.left[3][0].item() == pytest.approx(expected, rel=1e-9)


def test_no_evidence_leaves_everything_and_much_leaves_nothing():
    assert chain([torch.full((1, 3), -40.0)] * 3).left[-1].item() == pytest.approx(1)
    sure = torch.tensor([[30.0, -30, -30]])
    assert chain([sure] * 3).left[-1].item() < 1e-30


def test_experts_are_weighed_over_the_batch_or_over_themselves():
    three = logits()
    left = chain(three).left
    batch = together(three, left, over="batch")
    weighted = [
        (w / 0.2).softmax(0).float()[:, None] * expert_logits
        for w, expert_logits in zip(left, three, strict=False)
    ]
    torch.testing.assert_close(batch, sum(weighted))
    first = [[column[:1] for column in columns] for columns in (three, left)]
    alone = together(*first, over="experts")
    torch.testing.assert_close(together(three, left, over="experts")[:1], alone)


def by_hand(loss, model, batch, late):
    """The authors' loss, image by image and expert by expert."""
    counts = loss.counts
    three = model.network.each((batch.pixels - model.mean) / model.std)
    left = chain(three).left
    whole = together(three, left, over="batch")
    rare = counts**-0.25
    margins = loss.margin * rare / rare.max()
    weights = (1 - 0.9999) / (1 - 0.9999**counts)
    weights = weights / weights.sum() * len(counts)
    heat = len(counts) * 0.05 * counts / counts.sum() + 0.95
    heat = torch.tensor(heat / heat.max()) if late else torch.ones(len(counts))
    total = 0.0
    for number, expert_logits in enumerate(three):
        values, shares = [], left[number] / left[number].max()
        for at, label in enumerate(batch.targets.tolist()):
            row = expert_logits[at].double().clone()
            row[label] -= 30 * margins[label]
            term = -(row[label] - row.logsumexp(0)) * (weights[label] if late else 1)
            alpha = row.exp() + 1
            alpha[label] = 1
            none = torch.distributions.Dirichlet(torch.ones(len(counts), dtype=torch.float64))
            drawn = torch.distributions.kl_divergence(torch.distributions.Dirichlet(alpha), none)
            term = term + (loss.done // loss.per_epoch) / (66 * loss.steps / loss.per_epoch) * drawn
            log_probabilities = (expert_logits[at].double() / heat).log_softmax(0)
            mean = (whole[at].double() / heat).softmax(0)
            divergence = (mean * (mean.log() - log_probabilities)).sum()
            term = term - 0.01 * float(heat.mean()) ** 2 * divergence
            if shares[at] > loss.least:
                values.append(term)
        total += torch.stack(values).mean()
    return float(total)


@pytest.mark.parametrize("done", [0, 37, 84, 85, 95])
def test_the_loss_is_the_authors_written_out(done):
    data = tiny.columns(8, ("a", "b", "c"))
    model = tlc.experts_for(data, 3, seed=1)
    rows = data.rows("train")[:8]
    batch = Batch(rows, data.pixels(rows), data.targets(rows))
    loss = TlcLoss(np.array([50, 9, 2]), steps=100, per_epoch=5)
    loss.done = done
    expected = by_hand(loss, model, batch, late=done // 5 > 16)
    assert loss(model, batch).item() == pytest.approx(expected, rel=1e-4)


def test_one_expert_without_its_extras_is_a_cosine_softmax():
    data = tiny.columns(8, ("a", "b", "c"))
    model = tlc.experts_for(data, 1, seed=1)
    rows = data.rows("train")[:8]
    batch = Batch(rows, data.pixels(rows), data.targets(rows))
    loss = TlcLoss(np.array([50, 9, 2]), 100, 5, 0.0, regular=False, diverse=False)
    assert loss(model, batch).item() == pytest.approx(
        F.cross_entropy(model(batch.pixels), batch.targets).item(), rel=1e-5
    )


def test_a_class_without_images_has_no_part_in_margins_and_weights():
    loss = TlcLoss(np.array([50, 9, 0]), 100, 5)
    assert loss.margins[2] == 0
    assert loss.weights[2] == 0
    assert loss.margins[1] == loss.margins.max() == 0.5
    assert loss.weights[:2].mean().item() == pytest.approx(1)


def test_an_expert_is_engaged_by_images_that_leave_much_beside_the_most():
    left = [torch.ones(3), torch.tensor([0.4, 0.1, 0.8]), torch.tensor([0.1, 0.0, 0.2])]
    assert engaged(left, 0.54).tolist() == [[True] * 3, [False, False, True]]


def test_what_is_right_is_that_of_networks_trained_by_hand():
    case = ExperimentCase(tiny.columns(8, ("a", "b", "c", "d")), 2)
    method = TLC(seeds=1, epochs=2, ratio=3.0)
    data = LongTailed(3.0, 2)(OpenSet(2, 3)(case.data))
    recipe = Recipe("lenet", epochs=2, batch=64, rate=0.05, decay=0.0005)
    model = fresh(data, recipe, 2)
    train(model, data, recipe, 2)
    rows = np.setdiff1d(data.rows("test"), np.flatnonzero(data.truth["unknown"]))
    right = (outputs(model, data, rows).argmax(1).numpy() == data.labels[rows]).mean()
    table = method(case)["table"]
    assert table.rows == (tlc.PLAIN, tlc.TLC_ROW, tlc.ALL_IN)
    assert table.cell(tlc.PLAIN, tlc.RIGHT) == pytest.approx(right)
    assert tlc.thirds(data) == ([0], [1])
    experts = tlc.experts_for(data, 3, 2)
    counts = np.bincount(data.labels[data.rows("train")], minlength=len(data.classes))
    loss = TlcLoss(counts, steps=2, per_epoch=1)
    train(experts, data, replace(recipe, rate=0.005), 2, objective=loss, after_step=loss.count)
    pixels = (data.pixels(rows) - experts.mean) / experts.std
    left = chain(experts.network.each(pixels)).left[-1].log().numpy()
    rare = data.labels[rows] == 1
    assert table.cell(tlc.TLC_ROW, tlc.NAMES_TAIL) == pytest.approx(auroc(left[~rare], left[rare]))
    strange = data.pixels(np.flatnonzero(data.truth["unknown"]))
    unknown = chain(experts.network.each((strange - experts.mean) / experts.std)).left[-1].log()
    assert table.cell(tlc.TLC_ROW, tlc.NAMES_UNKNOWN) == pytest.approx(auroc(left, unknown.numpy()))
    seen = outputs(experts, data, rows).argmax(1).numpy() == data.labels[rows]
    every = torch.stack(chain(experts.network.each(pixels)).left[:-1]).detach().numpy()
    shares = (every > 0.54 * every.max(1, keepdims=True)).mean(0)
    sure = outputs(model, data, rows).double().softmax(1).max(1).values.numpy()
    expected = {
        (tlc.TLC_ROW, tlc.HEAD): seen[~rare].mean(),
        (tlc.TLC_ROW, tlc.TAIL): seen[rare].mean(),
        (tlc.TLC_ROW, tlc.NAMES_WRONG): error_auroc(left, seen, 0.5),
        (tlc.TLC_ROW, tlc.USE_HEAD): shares[~rare].mean(),
        (tlc.TLC_ROW, tlc.USE_TAIL): shares[rare].mean(),
    }
    assert {at: table.cell(*at) for at in expected} == pytest.approx(expected)
    assert tlc.judge_images(model, data, rows).doubt == pytest.approx(1 - sure)
    check_one_chain(method(case), experts, data, rows)


def test_a_third_of_the_classes_that_have_images_is_frequent_and_a_third_is_rare():
    labels = np.repeat(np.arange(7), [5, 0, 9, 2, 7, 1, 4])
    data = SimpleNamespace(labels=labels, rows=lambda _: np.arange(28), classes=tuple("abcdefg"))
    assert tlc.thirds(data) == ([2, 4], [3, 5])
    two = SimpleNamespace(labels=labels[:14], rows=lambda _: np.arange(14), classes=tuple("abc"))
    assert tlc.thirds(two) == ([2], [0])
    colored = tiny.data_set(("a", "b"), 8, 12)
    images = colored.images[colored.rows("train")] / 255
    model = tlc.experts_for(colored, 2, seed=0)
    assert model.mean.flatten().tolist() == pytest.approx(images.mean((0, 2, 3)).tolist())
    assert model.std.flatten().tolist() == pytest.approx(images.std((0, 2, 3)).tolist())
    assert [tlc.held_of(SimpleNamespace(classes=range(count))) for count in (3, 4, 10)] == [1, 2, 2]


def check_one_chain(found, experts, data, rows):
    """The views of three images, from the experts' own logits, one image at a time."""
    strange = np.flatnonzero(data.truth["unknown"])
    chosen_rows = [rows[data.labels[rows] == 0][0], rows[data.labels[rows] == 1][0], strange[0]]
    left, table = found["left"], found["chain"]
    names = [f"frequent ({data.classes[0]})", f"rare ({data.classes[1]})", "unknown"]
    assert left.order[1:-1] == found["examples"].columns == tuple(names)
    every = chain(experts.network.each((data.pixels(rows) - experts.mean) / experts.std)).left
    limits = [0.54 * scores.max().item() for scores in every]
    assert left[left.order[-1]] == pytest.approx(np.log10(limits), abs=1e-4)
    for at, row in enumerate(chosen_rows):
        expert_logits = experts.network.each(
            (data.pixels(np.array([row])) - experts.mean) / experts.std
        )
        rest, going, before = 1.0, True, None
        for expert, logits in enumerate(expert_logits):
            beliefs, vacuity = opinion(logits[0])[:-1], opinion(logits[0])[-1]
            name = f"{names[at]}, expert {expert + 1}"
            going = going and rest > limits[expert]
            assert table.cell(name, "engaged") == going
            count = sum(table.cell(f"{names[at]}, expert {k}", "engaged") for k in (1, 2, 3))
            assert found["examples"].captions[at].endswith(f": {count:.0f} of 3 experts")
            assert table.cell(name, "vacuity") == pytest.approx(vacuity, rel=1e-4)
            assert sum(table.cell(name, column) for column in table.order[:3]) == pytest.approx(1)
            clash = combined_vacuity(before, opinion(logits[0]))[1] if before else 0.0
            assert table.cell(name, "conflict") == pytest.approx(clash, abs=1e-5)
            rest, before = rest * vacuity / (1 - clash), opinion(logits[0])
            assert left[names[at]][expert + 1] == pytest.approx(np.log10(rest), abs=1e-4)
            answer_of = experts.network((data.pixels(np.array([row])) - experts.mean) / experts.std)
            assert table.cell(name, "belief in the answer") == pytest.approx(
                beliefs[answer_of.argmax()], abs=1e-5
            )


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("name", "ratio"), [("digits", 50.0), ("mnist-5k", 50.0), ("mnist-5k", 100.0)]
)
def test_what_the_paper_claims_is_measured_with_three_seeds(name, ratio, measure):
    result = answer(TLC(ratio=ratio), ExperimentCase(data_sets.load(name)))
    table, claims = result["table"], result["claims"]
    assert table.cell(tlc.PLAIN, tlc.RIGHT) > 0.8
    what = f"TLC at {ratio:.0f}:1 on {name}"
    outcomes.note(measure, what, claims)
    for figure in TLC.measures:
        measure(f"{what}, {figure}", outcomes.by_condition(table, figure))
