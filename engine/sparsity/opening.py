"""What the views of Sparsity open with: a sample in a pruned model, what is lost, experiments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine import data
from engine.attribution.heatmaps.grad_cam import GradCam
from engine.case.opening import Question, about_first
from engine.case.prediction import Prediction
from engine.experiment import ExperimentCase
from engine.images.samples import SAMPLES
from engine.models.catalog import load
from engine.sparsity import EXPERIMENTS, Harm, Level, Prune, Tradeoff, Unknown, prune_case
from engine.sparsity.effects.pruned_image import PrunedImage

PRUNED = 0.3  # of the weights, as the view opens


def questions() -> Iterator[Question]:
    """About one photograph, about all that ship, and each experiment on its first data."""
    case = prune_case(load())
    cut = Prune(ratio=PRUNED)
    after = replace(about_first(SAMPLES[0].name), model=cut.made(case, cut.masks(case)))
    yield Prediction(), after
    yield GradCam(), after
    yield Level(ratio=PRUNED), case
    yield Tradeoff(epochs=0), case
    yield Harm(ratio=PRUNED), case
    yield Unknown(ratio=PRUNED), case
    for one in SAMPLES:
        yield PrunedImage(), about_first(one.name)
    for kind in EXPERIMENTS:
        yield kind(), ExperimentCase(data.load(kind.data[0]))
