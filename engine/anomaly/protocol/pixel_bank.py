"""The images that a model learned from as pixels, for the in-distribution check.

To make them can take seconds: a page asks for `PixelBanks` in the lane, and they are kept.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from engine.core.case_base import Case, Parts
from engine.core.keeping.memory import Memory
from engine.core.method import Method, Progress, part_of, quiet
from engine.core.result import Features, Result, Table
from engine.core.run import answer, digest, kept_answer
from engine.evaluation.detection.bank import Doubles, Ints
from engine.evaluation.detection.conformal import Conformal
from engine.evaluation.detection.knn import distances
from engine.evaluation.detection.rows import as_seen, split
from engine.vision import data as data_sets
from engine.vision.data import DataSet
from engine.vision.data.registry import UPLOAD, recipe

NEIGHBOR = 10
SIDE = 16  # px to which images are averaged before they are compared
CHUNK = 256  # images that are read at a time


@dataclass(frozen=True, eq=False)
class PixelBank:
    """Images of a data set as pixels, averaged to SIDE: training and held-out ones.

    Args:
        fit: (n, D) training images.
        scores: (m,) distances of held-out images to their NEIGHBOR-th nearest training image.
        groups: (m,) such as the patient of each held-out image; None without groups.
    """

    fit: Doubles
    scores: Doubles
    groups: Ints | None

    @property
    def nbytes(self) -> int:
        """Bytes that are held."""
        return self.fit.nbytes + self.scores.nbytes

    def distance(self, pixels: Doubles) -> Doubles:
        """To the NEIGHBOR-th nearest training image, (N,) for pixels (N, D)."""
        return np.asarray(distances(pixels, self.fit, min(NEIGHBOR, len(self.fit)))[:, -1])

    def ruler(self, group: int | None) -> Conformal:
        """Held-out distances without those of a group."""
        if group is None or self.groups is None:
            return Conformal(self.scores, None, self.groups)
        # the image's own patient: slices of one head are nearer to each other than to any other
        other = self.groups != group
        return Conformal(self.scores[other], None, self.groups[other])


@dataclass(frozen=True, eq=False)
class BankCase(Case):
    """A data set by its name, which is made only when it is asked about.

    Args:
        name: of the data set, with settings and variants.
        side: px, at which the model sees its images.
    """

    case_name: ClassVar[str] = "pixels"
    what: ClassVar[str] = "the pixels of a data set"
    asks: ClassVar[str] = ""

    name: str
    side: int

    @property
    def upload(self) -> bool:
        """Whether a person brought the images: nothing of them may be written to the disk."""
        return self.name.startswith(UPLOAD)

    @property
    def lane(self) -> str:
        """No model is asked."""
        return "cpu"

    def digest_parts(self) -> Parts:
        """All that the images depend on."""
        base = self.name.partition("+")[0]
        recipe_text = "" if self.upload else recipe(base).question
        yield f"{self.name}|{self.side}|{recipe_text}"

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        return super().facts() | {"data": self.name, "side": self.side, "alike": self.name}


@dataclass(frozen=True)
class PixelBanks(Method[BankCase]):
    """Images of a data set as pixels, and how far held-out ones are from those of the training.

    What the in-distribution check compares an image with.
    """

    name = "PixelBanks"
    family = "subject"
    title = "Images that the model learned from"
    cost = "live"
    proof = (
        "tests/engine/anomaly/test_in_distribution.py"
        "::test_the_p_value_is_that_of_a_plain_search_in_pixels"
    )

    def __call__(self, case: BankCase, progress: Progress = quiet) -> Result:
        """Views: fit, training images as rows of pixels; held, distances and groups (NaN: none)."""
        data = data_sets.load(case.name, part_of(progress, 0.0, 0.8, "making images"))
        pixel_bank = bank_of(data, case.side)
        progress(1.0, "compared")
        count = len(pixel_bank.fit)
        nothing = np.empty((count, 0), np.float32)
        pixels = Features(pixel_bank.fit.astype(np.float32), nothing, np.arange(count), {})
        groups = (
            np.full(len(pixel_bank.scores), np.nan)
            if pixel_bank.groups is None
            else pixel_bank.groups
        )
        columns = {"distance": (pixel_bank.scores, ""), "group": (groups.astype(np.float64), "")}
        return {"fit": pixels, "held": Table.of(columns)}


_banks: Memory[PixelBank] = Memory(128 * 2**20, lambda bank: bank.nbytes)


def at_hand(case: BankCase) -> bool:
    """Whether the bank can be had without making images."""
    key = digest(PixelBanks(), case)
    return case.upload or _banks.get(key) is not None or kept_answer(PixelBanks(), case) is not None


def bank(case: BankCase) -> PixelBank:
    """The bank, from memory, from the disk, or made now.

    Raises:
        BadData: the images cannot be had.
    """
    return _banks.made(digest(PixelBanks(), case), lambda: made_or_kept(case))


def made_or_kept(case: BankCase) -> PixelBank:
    """The bank of images that a person brought is made here and nowhere kept."""
    if case.upload:
        return bank_of(data_sets.load(case.name), case.side)
    result = answer(PixelBanks(), case)
    held_table = result["held"]
    groups = held_table["group"]
    return PixelBank(
        result["fit"].values.astype(np.float64),
        held_table["distance"],
        None if np.isnan(groups).any() else groups.astype(np.int64),
    )


def bank_of(data: DataSet, side: int) -> PixelBank:
    """The bank of a data set, at a model's working size."""
    fit, held_rows = split(data)
    groups = data.truth.get("group")
    fit_bank = PixelBank(pixel_rows(data, fit, side), np.empty(0), None)
    return PixelBank(
        fit_bank.fit,
        fit_bank.distance(pixel_rows(data, held_rows, side)),
        None if groups is None else np.asarray(groups, np.int64)[held_rows],
    )


def pixel_rows(data: DataSet, rows: Ints, side: int) -> Doubles:
    """Rows of a data set as the model sees them, averaged, (n, D)."""
    parts = [
        averaged_rows(as_seen(data.take(rows[start : start + CHUNK]), slice(None), side))
        for start in range(0, len(rows), CHUNK)
    ]
    return np.concatenate(parts)


def averaged_rows(images: Tensor) -> Doubles:
    """Images (n, 3, side, side) averaged to at most SIDE px, as rows (n, D)."""
    side = min(SIDE, images.shape[-1])
    small = F.adaptive_avg_pool2d(images, side)
    return np.asarray(small.flatten(1).numpy(), np.float64)
