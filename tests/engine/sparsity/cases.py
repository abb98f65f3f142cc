"""Cases and scores that tests of pruning begin with, and how a run is watched or stopped."""

from engine.core.errors import Cancelled
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


def trained_cnns(model: str = "digits-cnn", data: str = "digits") -> list[PruneCase]:
    """A network that ships, trained again from its recipe with seeds 0, 1 and 2."""
    plan, images, results = embedded.plan(model), data_sets.load(data), []
    for seed in range(3):
        network = fresh(images, plan.recipe, seed)
        train(network, images, plan.recipe, seed)
        results.append(PruneCase(network, images, seed))
    return results


def magnitudes(model) -> WeightScores:
    """The size of every weight, computed without the method."""
    sizes = {p.name: model.network.get_parameter(p.name).abs() for p in prunable_parts(model)}
    return WeightScores({name: size.numpy() for name, size in sizes.items()}, "weight", "l2")


def stop_after(share):
    """Stops a run that reports to it once more than this share of it is done."""

    def listen(done, words="", partial=None):
        if done > share:
            raise Cancelled

    return listen


def calls_of(monkeypatch, owner, name):
    """The arguments with which something is called from here on; it works as ever."""
    calls, real = [], getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *given: calls.append(given) or real(*given))
    return calls
