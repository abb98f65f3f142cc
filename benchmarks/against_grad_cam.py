"""The same maps by pytorch-grad-cam, on timm's model as it comes."""

from collections.abc import Iterator
from functools import partial

from benchmarks.setting import case, plain
from benchmarks.table import BenchmarkRow
from benchmarks.timing import as_people_do, paired
from engine.attribution.heatmaps.score_cam import ScoreCam
from engine.evaluation.maps.grad_cam import GradCam

AGAINST = "pytorch-grad-cam as people use it"


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Score-CAM exact and fast, Grad-CAM."""
    try:
        from pytorch_grad_cam import GradCAM, ScoreCAM
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    except ImportError:
        yield BenchmarkRow.not_measured(f"Against {AGAINST}", "pytorch-grad-cam is not installed")
        return
    model = plain()
    layers, image = [model.network.bn2], case().image[None]
    targets = [ClassifierOutputTarget(case().target.index)]

    grad = GradCAM(model, layers)
    theirs = as_people_do(partial(grad, input_tensor=image, targets=targets))
    yield paired("Grad-CAM", partial(GradCam(), case()), theirs, AGAINST, 1.0, 5 * rounds)

    score = ScoreCAM(model, layers)
    theirs = as_people_do(partial(score, input_tensor=image, targets=targets))
    few = max(2, rounds // 2)
    yield paired("Score-CAM, exact", partial(ScoreCam(), case()), theirs, AGAINST, 0.95, few)
    if case().model.offers_fast:
        fast = partial(ScoreCam(), case("fast"))
        yield paired("Score-CAM, fast", fast, theirs, AGAINST, 1.8, few)
