"""Many images of one whole, the slices of a scan or the tiles of a photograph, by one localizer.

The rule is fitted once and asked about a few images at a time. Its threshold holds for each of
them: of normal ones the chosen share reaches it, so among many some do.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from engine.anomaly.localizers.localizer import AT_ONCE, CalibratedRule, Localizer
from engine.anomaly.localizers.patches import NormalPatches, layers_at, maps_of
from engine.core.case_base import Parts, value_parts
from engine.core.method import Progress, part_of
from engine.core.result import Scores, Table
from engine.evaluation.detection.case import FamiliarCase
from engine.evaluation.detection.conformal import Conformal
from engine.evaluation.detection.standing import first_line
from engine.vision.case.wrapped import WrappedCase

FITTING = 0.3  # of the time, about: where the rule is remembered it takes none
COMPARING = 2.0  # times the network's own seconds that an image takes, about


@dataclass(frozen=True, eq=False)
class PartsCase(WrappedCase):
    """A whole that is judged part by part.

    Args:
        about: model and normal images; its own image plays no part.
        localizer: judges each part.
    """

    about: FamiliarCase
    localizer: Localizer

    gives: ClassVar[frozenset[str]] = frozenset({"normal"})

    def digest_parts(self) -> Parts:
        """Model, normal images, seed and localizer; then the whole itself."""
        about = self.about
        yield f"{self.case_name}|{about.model.fingerprint}|{about.normal.fingerprint}"
        yield f"|{about.group}|{about.seed}|{about.precision}|"
        yield from value_parts(self.localizer)
        yield from self.whole_parts()

    @abstractmethod
    def whole_parts(self) -> Parts:
        """What the fingerprint has of the whole."""

    def facts(self) -> dict[str, Any]:
        """What it is, for the record: no pixels, no file name."""
        return super().facts() | {
            "localizer": self.localizer.full_name(),
            "settings": self.localizer.settings(),
            "alike": f"{super().facts()['alike']}|{self.localizer}|{self.size}",
        }

    @property
    @abstractmethod
    def size(self) -> str:
        """How large the whole is: those of one size take alike."""


@dataclass(frozen=True, eq=False)
class JudgedParts:
    """What a rule makes of n parts.

    Args:
        distances: of each, (n, h, w) on the rule's grid.
        learned: the rule, and what it makes of held-out normal images.
        normal: the normal images.
    """

    distances: Tensor
    learned: CalibratedRule
    normal: NormalPatches

    def held(self, unit: str) -> Scores:
        """The highest value that each held-out normal image reaches anywhere."""
        names = tuple(str(row) for row in self.normal.held_rows)
        return Scores(self.learned.highest.astype(np.float32), names, unit)

    def figures(self, alpha: float, unit: str) -> tuple[Table, tuple[str, ...]]:
        """The threshold in one row, and what was done otherwise than usual."""
        anywhere = Conformal(self.learned.highest)
        threshold, problem = first_line(anywhere, alpha)
        row = {
            "threshold": ([threshold], unit),
            "smallest p": ([anywhere.smallest], "probability"),
            "expected": ([alpha * len(self.distances)], "parts"),
            "fitted": ([len(self.normal.fit_rows)], "images"),
            "held out": ([len(self.learned.highest)], "images"),
        }
        notes = (*self.normal.notes, *self.learned.rule.notes, *((problem,) if problem else ()))
        return Table.of(row), notes


def judge_parts(
    case: PartsCase, images: Iterator[Tensor], count: int, progress: Progress
) -> JudgedParts:
    """Fit the case's localizer, and ask it about `count` images, (3, side, side) each."""
    first = next(images)
    about, localizer = replace(case.about, image=first), case.localizer
    normal, learned = localizer.prepared(about, part_of(progress, 0.0, FITTING))
    layers = layers_at(about.model, localizer.depth)
    distances, batch = [], [first]
    for at in range(1, count + 1):
        if len(batch) == AT_ONCE or at == count:
            distances.append(
                learned.rule.distances(maps_of(about.model, torch.stack(batch), layers))
            )
            batch = []
        progress(FITTING + (1 - FITTING) * 0.95 * at / count, f"{at} of {count}")
        if at < count:
            batch.append(next(images))
    return JudgedParts(torch.cat(distances), learned, normal)


def rough_seconds(case: PartsCase, count: int) -> float:
    """About how long `count` parts take here, by the network's own pace; the fit not counted."""
    return COMPARING * count * case.model.pace("exact").seconds


def reached(result: Mapping[str, Any], count: int, alpha: float, words: str) -> str:
    """How many parts reach the threshold, beside how many normal ones would; a sentence's end."""
    figures = {name: float(result["figures"][name][0]) for name in result["figures"].order}
    if figures["smallest p"] > alpha:
        return (
            "Too few normal images were held out for a threshold at "
            f"{100 * alpha:.3g} % false alarms."
        )
    verb = "reaches" if count == 1 else "reach"
    return (
        f"{count} of {words} {verb} the threshold; if all were normal, about "
        f"{figures['expected']:.3g} would."
    )
