"""SSD beside its rival BadT: a mode of a class, and a class in a transformer.

The paper's requests on CIFAR-20, where each label covers five classes of CIFAR-100, and its ViT,
at our size: digits whose labels cover two each (a mode is one of them), and the small ViT that
ships. Claims are the sheet's, from the paper's tables: what stays is right within about a point of
the original's, as near to retraining as ways that train (here BadT), at a fraction of their cost;
of a class UA is at least .99 and RA at least .98. What does not hold here is measured as that.
"""

import pytest

from engine.core.run import answer
from engine.unlearning import SSD, BadT, NoOp, SalUn, forget_case, request
from engine.unlearning.protocol.metrics import OF_A_MODE
from engine.vision import data as data_sets
from engine.vision.lab import Train, TrainCase
from engine.vision.models import embedded
from engine.vision.models.rebuild import rebuilt
from tests.engine.unlearning.trained import figures_by_way
from tests.outcomes import mean_sd, outcome_words

SEEDS = 3
MERGED = "digits+merged:into=5"
PAPER = SSD(ratio=10.0)  # its threshold for a convolutional network and for random images of a ViT
METHODS = (NoOp(), SSD(), PAPER, BadT(), SalUn())
POINT = 0.01
NETWORKS = {"MLP": "digits-mlp", "CNN": "digits-cnn", "ViT": "digits-vit"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def of_mode(name):
    """Another digit for each seed, and a network that learned it under a label with another one."""
    data, recipe = data_sets.load(MERGED), embedded.plan(name).recipe
    for seed in range(SEEDS):
        model = rebuilt(answer(Train(), TrainCase(data, recipe, seed))["model"])
        forget_request = request.of_mode(data, seed % len(data.classes), str(seed))
        yield forget_case(model, data, forget_request, recipe, seed=100 + seed)


def of_class(name):
    data, model = data_sets.load("digits"), embedded.load(name)
    for seed in range(SEEDS):
        yield forget_case(model, data, request.of_class(data, seed), seed=100 + seed)


def boards(what, cases, measure):
    """Every way's figures by column, (seeds,) each; and measured."""
    results = figures_by_way(cases, METHODS)
    for row, figures in results.items():
        assert (figures["failed_at"] == -1).all()
        columns = ("UA", "RA", "TA", *(name for name in OF_A_MODE if name in figures), "ZRF")
        summary = ", ".join(f"{name} {figures[name].mean():.3f}" for name in columns)
        cost = f"{figures['share of retraining'].mean():.1%} of retraining's passes"
        measure(
            f"SSD and its rivals, {what}, {SEEDS} seeds, {row}",
            f"gap without MIA {mean_sd(figures['gap without MIA'])}; {summary}; {cost}",
        )
    return results


def measure_claims(what, margins, measure):
    for claim, margin in margins.items():
        measure(f"SSD and its rivals, {what}, {SEEDS} seeds: {claim}", outcome_words(margin))


def of_all(figures):
    before, ours, rival = (figures[way] for way in ("NoOp", SSD().label, "BadT"))
    gap = "gap without MIA"
    retained = {"what stays of the test": "TA", "the rest of the class": "rest of the class"}
    return {
        "SSD's gap is below half of doing nothing's": before[gap] / 2 - ours[gap],
        "SSD's gap is below BadT's": rival[gap] - ours[gap],
        **{
            f"SSD keeps {words} within a point": POINT - (before[name] - ours[name])
            for words, name in retained.items()
            if name in ours
        },
        "SSD's cost is below BadT's": rival["share of retraining"] - ours["share of retraining"],
    }


@pytest.mark.parametrize("network", NETWORKS)
def test_a_mode_of_a_class(network, measure):
    what = f"a digit under a label of two, {network}"
    result = boards(what, of_mode(NETWORKS[network]), measure)
    assert (result["Retrain"]["gap"] == 0).all()
    assert result["NoOp"]["mode still right"].mean() > 0.9
    # the rest of the class teaches little
    assert result["Retrain"]["mode still right"].mean() < 0.5
    assert result["NoOp"]["gap without MIA"].mean() > 0.15
    measure_claims(what, of_all(result), measure)


def test_a_class_in_a_small_transformer(measure):
    what = "a class, digits ViT"
    result = boards(what, of_class("digits-vit"), measure)
    ours = result[SSD().label]
    assert (result["Retrain"]["gap"] == 0).all()
    assert result["NoOp"]["gap without MIA"].mean() > 0.25
    assert ours["gap without MIA"].mean() < 0.1 * result["NoOp"]["gap without MIA"].mean()
    margins = {
        "SSD gets .99 of the class wrong": ours["UA"] - 0.99,
        "SSD gets .98 of what stays right": ours["RA"] - 0.98,
    }
    measure_claims(what, margins | of_all(result), measure)
