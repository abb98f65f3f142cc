"""What the lab's visitor waits for: phantoms, scenes, the models that ship, a tilted boundary."""

from collections.abc import Iterator
from itertools import count, cycle

import numpy as np

from benchmarks.table import BenchmarkRow
from benchmarks.timing import timed, within
from engine.attribution.tilt import TiltedBoundary, TiltedSheets
from engine.attribution.tilt.boundary import STRENGTHS
from engine.attribution.tilt.mirror import mirror, pictures, wall
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from engine.vision.data.phantoms import Phantoms
from engine.vision.data.protect import convolved, draw_filters, legacy
from engine.vision.data.scenes import Scenes
from engine.vision.models import embedded

SLICES, SCENES = 200, 4000
TILTED = 100  # ms, of a slider's new place


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Slices and scenes a second, a protected image, the slowest of all models, and two sliders."""
    recipe = Phantoms(count=SLICES)
    recipe.slice(0)
    rates = [SLICES / timed(recipe.arrays) for _ in range(rounds)]
    yield BenchmarkRow.of("Brain phantoms", rates, "slices/s", least=100)
    scenes = Scenes(count=SCENES)
    rates = [SCENES / timed(scenes.make) for _ in range(rounds)]
    yield BenchmarkRow.of("Shape scenes", rates, "scenes/s", least=2000)
    image = np.random.default_rng(0).integers(0, 255, (1, 3, 224, 224), np.uint8)
    kernel = draw_filters(legacy(0), 1, 0.3, 9)[0]
    yield within(
        "CUDA on an image of 224 px", lambda: convolved(image, kernel), 50, 4 * rounds, unit="ms"
    )
    names = embedded.names()
    slowest = [
        max(timed(lambda name=name: embedded.load(name)) for name in names) for _ in range(rounds)
    ]
    yield BenchmarkRow.of(
        f"The slowest of the {len(names)} models that ship is read", slowest, "s", most=1
    )
    yield from tilted(rounds)
    yield from regularized(rounds)


def tilted(rounds: int) -> Iterator[BenchmarkRow]:
    """A boundary that is tilted by hand: each round is another place of the slider, not kept."""
    case, places = ExperimentCase(data_sets.load("digits")), count(1)
    answer(TiltedSheets(), case)
    yield within(
        "Tilt a boundary by hand, 100,000 drawn points, kept too",
        lambda: answer(TiltedSheets(tilt=next(places) / 10), case),
        TILTED,
        4 * rounds,
        unit="ms",
    )


def regularized(rounds: int) -> Iterator[BenchmarkRow]:
    """A boundary at another λ each round, with the boundaries of all λ kept, as on the page.

    What the page makes anew is timed, up to the drawing: the classes' held-out images in order, the
    sentence, the image with its mirror image, and those of other λ.
    """
    from components.tilt.form import MirroredImage
    from components.tilt.view import sentence

    method = TiltedBoundary()
    case = ExperimentCase(data_sets.load(method.argument_defaults["data"]))
    answer(method, case)
    places = cycle(range(len(STRENGTHS)))

    def move() -> None:
        result, row = answer(method, case), method.pair(case).typical[0]
        question = MirroredImage(method, case, learner=0, place=next(places), row=row)
        sentence(question, result)
        mirrored = mirror(case.data, row, result, question.learner, question.place)
        pictures(mirrored, method, case.data.classes)
        wall(case.data, row, result, question.learner)

    yield within(
        f"Regularize a boundary, λ moves, {len(method.pair(case).train):,} images learned",
        move,
        TILTED,
        4 * rounds,
        unit="ms",
    )
