"""What the lab's visitor waits for: phantoms, scenes, and the models that ship."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.table import BenchmarkRow
from benchmarks.timing import timed, within
from engine.data.phantoms import Phantoms
from engine.data.protect import convolved, draw_filters, legacy
from engine.data.scenes import Scenes
from engine.models import embedded

SLICES, SCENES = 200, 4000


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Slices and scenes a second, a protected image, and the slowest of all models."""
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
