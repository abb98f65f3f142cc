"""Tube width: how far one may stray from the walk before the model notices.

At places of the walk with travel direction u = Δ⊥ / ‖Δ⊥‖, Gaussian vectors are drawn, their part
along u is taken out, and they are made unit length (L2, over all values of the image). For each
radius r the 5 % and 95 % quantiles of p_y(clip(x + r v)) are kept. Where p_y itself is below the
bound p0 − δ there is no tube, and zeros are kept.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.attribution.lst.method import batch_of_one
from engine.attribution.lst.settings import LevelSet
from engine.attribution.lst.spots import confidences, part_progress
from engine.attribution.lst.traversal import Traversal, tangent
from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Curve, Field, Result
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.scoring import as_drawn, in_memory, laid_out

RADII = (0.5, 1.0, 1.5, 2.0)
QUANTILES = {"low": 0.05, "high": 0.95}


@dataclass(frozen=True)
class TubeWidth(LevelSet):
    """How wide the way is: the confidence at random small steps aside from the walk.

    At some places of the walk the image is moved in many random directions across it, by a length
    r of 0.5 to 2 (the root of the sum of all squared changes of pixel values). Low and high are the
    5 % and 95 % quantiles of the probability of the source's class there. A random direction says
    little about the worst one: an adversary would find a fall where these numbers stay high.
    """

    name = "TubeWidth"
    title = "Width of the tube"
    proof = (
        "tests/engine/attribution/lst/test_plane.py"
        "::test_on_a_linear_model_the_quantiles_are_those_of_a_plain_loop"
    )

    places: int = setting(
        8, Slider(2, 20, step=1), "Places", "At how many steps of the walk, ends included."
    )
    draws: int = setting(
        32,
        Slider(16, 256, step=16),
        "Directions",
        "Random directions at each place; the paper takes 256.",
    )

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: low and high (a row for each radius, a column for each place), confidence."""
        self.check_case(case)
        stops = np.unique(np.linspace(0, self.steps, self.places).round().astype(int))
        images, ways, confidence, bound = self.walked(
            case, stops, part_progress(progress, 0.0, 0.5)
        )
        values = self.strayed(case, images, ways, part_progress(progress, 0.5, 1.0))
        values[confidence < bound] = 0.0
        x = stops.astype(np.float32)
        return {
            **{
                name: Field(
                    values.quantile(level, dim=1).T.contiguous().numpy(),
                    x,
                    np.array(RADII, np.float32),
                    x_label="step",
                    y_label="distance from the walk (L2)",
                    unit="probability",
                )
                for name, level in QUANTILES.items()
            },
            "confidence": Curve(
                x, confidence.numpy(), "step", "confidence on the walk", "probability"
            ),
        }

    def walked(
        self, case: PairCase, stops: NDArray[np.int64], progress: Progress
    ) -> tuple[Tensor, Tensor, Tensor, float]:
        """Images and travel directions (places, 3, H, W) at the stops, confidence, its bound."""
        walk = Traversal(
            case.model, *batch_of_one(case), self.rules(), self.start_noise(case.source)
        )
        snapshots = []
        for step in range(self.steps + 1):
            if step and not walk.ended:
                walk.step()
            if step in stops:
                walk_tangent = tangent(walk.targets - walk.x, walk.slopes()).float().cpu()
                snapshots.append((*walk.snapshot(), walk_tangent))
            progress(step / self.steps, f"walking, step {step}")
        bound = float(walk.reference[0]) - self.delta
        images, confidence, ways = (torch.cat(part) for part in zip(*snapshots, strict=True))
        return images, ways, confidence, bound

    def strayed(self, case: PairCase, images: Tensor, ways: Tensor, progress: Progress) -> Tensor:
        """Confidence (places, draws, radii) beside the images, every radius on one direction."""
        shape = len(images), self.draws, len(RADII)
        base_images = [in_memory(as_drawn(case.source, image)) for image in images]
        directions = Directions(case.source, ways)

        def draw(index: int, out: Tensor) -> None:
            # the radius runs fastest, so that the one direction that is held serves all radii
            place, number, radius = np.unravel_index(index, shape)
            flat = in_memory(out)
            direction = directions(int(place), int(number))
            torch.add(base_images[place], direction, alpha=RADII[radius], out=flat).clamp_(0, 1)

        count = int(np.prod(shape))
        values = confidences(case.source, count, draw, progress, "looking beside the walk")
        return values.view(shape)


class Directions:
    """Random unit directions across the ways: each is drawn when its turn comes, and again alike.

    A direction is as large as an image, and there may be thousands: only the last one is held.
    """

    def __init__(self, case: ImageCase, ways: Tensor) -> None:
        self.case = case
        self.ways = [in_memory(laid_out(case, way / way.norm().clamp_min(1e-30))) for way in ways]
        self.last: tuple[int, int] | None = None
        self.held: Tensor

    def __call__(self, place: int, number: int) -> Tensor:
        """Direction `number` at a place, number by number as images lie in memory."""
        if self.last != (place, number):
            seed = (self.case.seed * 1_000_003 + place) * 1_000_003 + number
            direction = self.ways[place]
            generator = torch.Generator().manual_seed(seed % 2**63)
            noise = torch.randn(self.case.image.shape, generator=generator)
            random_direction = in_memory(laid_out(self.case, noise))
            random_direction -= (random_direction @ direction) * direction
            # made unit length after the projection: r is then the whole step aside
            self.last, self.held = (place, number), random_direction / random_direction.norm()
        return self.held
