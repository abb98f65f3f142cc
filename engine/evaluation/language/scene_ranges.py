"""Which drawn scenes are whose: what is learned from is never measured, whatever the seed.

A scene is known by its recipe's seed and its number. Each use has ranges of both, and no two uses
share a scene: `tests/engine/hallucination/test_scenes.py` holds all of them against another.
"""

from dataclasses import dataclass

from engine.core.errors import BlindspotError
from engine.vision.language.scenes import UNSEEN

PROBE_START = 5000  # seeds of the scenes from which a probe learns
LAST = 9999  # seed that a recipe of scenes may have
MILLION = 1_000_000  # scenes that a use has under each seed; pages and cases draw no more


@dataclass(frozen=True)
class SceneRange:
    """Seeds of recipes, and the numbers of scenes under each."""

    seeds: range
    first: int = 0  # number of the first scene, of a million


@dataclass(frozen=True)
class SceneUse:
    """What scenes are drawn for: case seed 0 has the first seed of the first range, and so on."""

    what: str
    ranges: tuple[SceneRange, ...]

    def of(self, seed: int) -> tuple[int, int]:
        """The recipe's seed and the first number for a case's seed.

        Raises:
            BlindspotError: there are no scenes for so high a seed.
        """
        left = seed
        for scene_range in self.ranges:
            if left < len(scene_range.seeds):
                return scene_range.seeds[left], scene_range.first
            left -= len(scene_range.seeds)
        most = seed - left - 1
        raise BlindspotError(f"There are no {self.what} for seed {seed}: choose from 0 to {most}.")


LESSONS = SceneUse("scenes that models learn from", (SceneRange(range(900)),))
MASKS = SceneUse("scenes that masks are learned from", (SceneRange(range(900, UNSEEN)),))
MEASURED = SceneUse(
    "scenes to measure",
    (SceneRange(range(UNSEEN, PROBE_START)), SceneRange(range(PROBE_START, LAST + 1), MILLION)),
)
PROBED = SceneUse("scenes for a probe", (SceneRange(range(PROBE_START, LAST + 1)),))
FEATURES = SceneUse("scenes for a dictionary", (SceneRange(range(UNSEEN, LAST + 1), 2 * MILLION),))
USES = (LESSONS, MASKS, MEASURED, PROBED, FEATURES)
