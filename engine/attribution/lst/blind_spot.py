"""The level-set walk in short: the image that it ends in, small, and its figures."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import interpolate

from engine.attribution.lst.method import LST
from engine.attribution.lst.settings import PAPER, Walking
from engine.core.method import Progress, part_of, quiet
from engine.core.result import Path, Result
from engine.core.run import answer
from engine.vision.case import PairCase

SIDE = 112  # px of the end image, at most


@dataclass(frozen=True)
class BlindSpot(Walking):
    """How far an image can change towards another while the model goes on saying the same.

    The level-set walk with its usual settings, of which the start page shows the image that it ends
    in and how low the probability of the first class falls on the way (1 is certain). How near it
    comes to the other image is a root mean square of pixel values from 0 to 1. Such an image is
    found by calculation, not met by chance.
    """

    name = "BlindSpot"
    title = "Blind spot"
    paper = PAPER
    proof = (
        "tests/engine/attribution/lst/test_star.py::test_it_has_the_walk_s_figures_and_a_small_end"
    )

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: end, the last image at most 112 px wide; top and figures, as of the walk."""
        progress(0.0, "walking")
        walk = answer(LST(), case, part_of(progress, 0.0, 0.99))
        progress(1.0, "the end of the walk")
        return {"end": averaged_end(walk["end"]), "top": walk["top"], "figures": walk["figures"]}


def averaged_end(path: Path) -> Path:
    """The last image of a path, averaged down."""
    last = torch.from_numpy(np.array(path.frames[-1:], np.float32))
    if last.shape[-1] > SIDE:
        last = interpolate(last, (SIDE, SIDE), mode="area")
    return Path(
        last.numpy().astype(np.float16), path.values[-1:], path.unit, np.array(path.steps)[-1:]
    )
