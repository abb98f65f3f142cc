"""LST on one pair: a walk to the target on which the model notices nothing."""

from dataclasses import dataclass

import torch

from engine.attribution.lst.log import Log
from engine.attribution.lst.settings import LevelSet
from engine.attribution.lst.traversal import Traversal, Walk
from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Result
from engine.vision.case import PairCase

FRAMES = Slider(2, 48, step=1)
FRAMES_HELP = "How many images of the walk are kept to look at; the ends always are."


@dataclass(frozen=True)
class LST(LevelSet):
    """A walk from the source to the target along which the model's confidence hardly falls.

    Each step goes towards the target image, less the part that the model would notice. Where the
    walk ends you see the target, or nearly, while the model still reports the source's class: a
    blind spot. The confidence is a probability (1 is certain), distances are root mean squares of
    pixel values (RMSE), from 0 to 1. It shows what the model cannot tell apart; it does not show
    what it looked at, and such an image is found by calculation, not met by chance.
    """

    name = "LST"
    title = "Level-set walk"
    proof = (
        "tests/engine/attribution/lst/test_traversal.py"
        "::test_on_two_linear_logits_the_walk_has_a_closed_form"
    )

    frames: int = setting(24, FRAMES, "Frames", FRAMES_HELP)

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: path, end, top, figures and the curves of every step, see `log`."""
        self.check_case(case)
        source, target, labels = batch_of_one(case)
        walk = Traversal(
            case.model, source, target, labels, self.rules(), self.start_noise(case.source)
        )
        retries = self.stop == "retry"
        return logged(walk, case, self.steps, self.frames, progress, stays=retries)


def batch_of_one(case: PairCase) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Source, first target and class, each as a batch."""
    return case.source.image[None], case.others[0][None], torch.tensor([case.source.target.index])


def logged(
    walk: Walk, case: PairCase, steps: int, frames: int, progress: Progress, *, stays: bool = True
) -> Result:
    """Take the steps and log each; what is there so far is handed over at every one.

    Args:
        walk: a batch of one.
        case: what is walked.
        steps: how many.
        frames: images to keep.
        progress: may raise to cancel.
        stays: a walk that cannot move any more counts its steps to the end; else it ends.
    """
    log = Log(case, walk, steps, frames)
    label = case.model.labels[case.source.target.index]
    while log.step < steps and not walk.ended:
        log.note(moved=bool(walk.step()[0]))
        words = f"step {log.step}: {label} {float(walk.confidence[0]):.2f}"
        progress(log.step / steps, words, log.result())
    if log.step < steps:
        if stays:
            log.stay(steps)
        progress(1.0, f"stuck at step {log.step}", log.result())
    return log.whole()
