"""Cases and scores that several tests of pruning begin with."""

from engine.core.result import WeightScores
from engine.evaluation.experiment import ExperimentCase
from engine.sparsity import PruneCase, prunable_parts
from engine.vision import data as data_sets
from engine.vision.models import embedded
from engine.vision.training import fresh, train
from tests import tiny


def small_case(seed: int = 3) -> ExperimentCase:
    """Three classes of small images, of which an epoch is one step."""
    return ExperimentCase(tiny.columns(8, ("a", "b", "c")), seed)


def digits_cnns(count: int) -> list[PruneCase]:
    """The digits CNN, trained from its recipe with each seed from 0 on."""
    plan, data = embedded.plan("digits-cnn"), data_sets.load("digits")
    results = []
    for seed in range(count):
        model = fresh(data, plan.recipe, seed)
        train(model, data, plan.recipe, seed)
        results.append(PruneCase(model, data, seed))
    return results


def magnitudes(model) -> WeightScores:
    """The size of every weight, computed without the method."""
    sizes = {p.name: model.network.get_parameter(p.name).abs() for p in prunable_parts(model)}
    return WeightScores({name: size.numpy() for name, size in sizes.items()}, "weight", "l2")
