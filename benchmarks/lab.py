"""What the lab's visitor waits for: phantoms, scenes, and the models that ship."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter

from engine.data.phantoms import Phantoms
from engine.data.scenes import Scenes
from engine.models import embedded

SLICES, SCENES = 200, 4000


def rows() -> Iterator[str]:
    """Lines of text: absolute figures, told and not judged."""
    recipe = Phantoms(count=SLICES)
    recipe.slice(0)
    seconds = took(recipe.arrays)
    yield f"Brain phantoms: {SLICES / seconds:.0f} slices a second (goal ≥ 100)."
    scenes = Scenes(count=SCENES)
    seconds = took(scenes.make)
    yield f"Shape scenes: {SCENES / seconds:.0f} a second (goal ≥ 2000)."
    slowest = max(took(lambda name=name: embedded.load(name)) for name in embedded.names())
    yield f"The slowest of the models that ship is read in {slowest:.2f} s (goal < 1 s)."


def took(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start
