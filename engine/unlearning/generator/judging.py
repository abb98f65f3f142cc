"""A classifier reads what a generator draws, and says how far it is from real images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.core.method import Progress, quiet
from engine.core.result import Pictures
from engine.evaluation.measures.frechet import frechet
from engine.unlearning.generator.case import GeneratorCase
from engine.unlearning.generator.model import ImageGenerator
from engine.unlearning.generator.sampling import SampleSettings, as_gray, draw_images
from engine.vision.models.classifier import Classifier

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

PICTURED_SAMPLES = 6  # samples of a class in a picture
GAP = 1  # pixels between them
LEFT = 255  # brightness of the gap


@dataclass(frozen=True, eq=False)
class JudgedSheet:
    """What was drawn, a row for each class that was asked for, and how it was read.

    Args:
        images: (classes, n, side, side), uint8.
        read: the class that the judge sees in each, (classes, n).
        features: of the judge, (classes, n, D).
    """

    images: NDArray[np.uint8]
    read: Ints
    features: Doubles

    @property
    def readings(self) -> Doubles:
        """The share of each class asked for that is read as each class, (asked, read)."""
        count = len(self.read)
        result: Doubles = np.stack(
            [np.bincount(row, minlength=count) / len(row) for row in self.read]
        )
        return result

    @property
    def agreed(self) -> Doubles:
        """The share that is read as asked, (classes,)."""
        result: Doubles = self.readings.diagonal().copy()
        return result

    def strip(self, label: int) -> NDArray[np.uint8]:
        """The first images of a class beside each other, (side, width, 1)."""
        images = self.images[label, :PICTURED_SAMPLES]
        padded = np.pad(images, ((0, 0), (0, 0), (0, GAP)), constant_values=LEFT)
        return np.concatenate(list(padded), 1)[:, :-GAP, None]

    def told(self, label: int, labels: Sequence[str]) -> str:
        """How many are read as asked, and as what most others are."""
        count = len(self.read[label])
        right = int((self.read[label] == label).sum())
        others = np.bincount(self.read[label][self.read[label] != label], minlength=len(labels))
        sentence = f"{right} of {count} read as {labels[label]}"
        return (
            f"{sentence}, {others.max()} as {labels[int(others.argmax())]}"
            if others.any()
            else sentence
        )


def judge_samples(
    generator: ImageGenerator, case: GeneratorCase, how: SampleSettings, progress: Progress = quiet
) -> JudgedSheet:
    """The same number of images of each class, drawn and read."""
    count = len(generator.labels)
    classes = torch.arange(count).repeat_interleave(how.each)
    generated = draw_images(generator, classes, how, case.seed, progress)
    shape = count, how.each
    return JudgedSheet(
        as_gray(generated).reshape(*shape, generator.side, generator.side),
        read_by(case.judge, generated).reshape(shape),
        features_of(case.judge, generated).reshape(*shape, -1),
    )


def for_judge(judge: Classifier, images: Tensor) -> Tensor:
    """Gray images (N, 1, h, h) in [0, 1] at the judge's size, (N, 3, H, H)."""
    if images.shape[-1] != judge.side:
        size = (judge.side, judge.side)
        images = F.interpolate(images, size, mode="bicubic", align_corners=False).clamp(0, 1)
    return images.expand(-1, 3, -1, -1)


def read_by(judge: Classifier, images: Tensor) -> Ints:
    """The class that the judge sees in each image."""
    result: Ints = judge.logits(for_judge(judge, images)).argmax(1).numpy()
    return result


def features_of(judge: Classifier, images: Tensor) -> Doubles:
    """What the judge's head sees of each image, (N, D)."""
    result = judge.features(for_judge(judge, images).to(judge.device))
    features: Doubles = result.cpu().double().numpy()
    return features


@dataclass(frozen=True, eq=False)
class RealImages:
    """Real images of some classes in two parts, as the judge sees them.

    Args:
        part: features of as many as are drawn, (n, D).
        rest: features of all others, which everything is compared with.
        right: the share of test images, which the judge did not learn from, that it reads right.
    """

    part: Doubles
    rest: Doubles
    right: float

    @classmethod
    def of(cls, case: GeneratorCase, count: int, without: int | None = None) -> RealImages:
        """Training images in random order, at most half of them in the first part; and test images.

        Args:
            case: has the images.
            count: how many are drawn.
            without: a class that is left out.
        """
        train, test = (
            rows[case.data.labels[rows] != without] if without is not None else rows
            for rows in map(case.data.rows, ("train", "test"))
        )
        train = np.random.default_rng([case.seed, 47]).permutation(train)
        features = features_of(case.judge, real_images(case, train))
        is_right = read_by(case.judge, real_images(case, test)) == case.data.labels[test]
        # as many as are drawn, since a Fréchet distance falls with the number of images
        cut = min(count, len(train) // 2)
        return cls(features[:cut], features[cut:], float(is_right.mean()))

    @property
    def floor(self) -> float:
        """The distance of real images from real images."""
        return frechet(self.part, self.rest)

    def distance(self, sheet: JudgedSheet, without: int | None = None) -> float:
        """The distance of what was drawn from real images."""
        remaining = [label for label in range(len(sheet.read)) if label != without]
        return frechet(sheet.features[remaining].reshape(-1, sheet.features.shape[-1]), self.rest)


def real_images(case: GeneratorCase, rows: Ints) -> Tensor:
    """Images of the data as the generator learned them, (N, 1, side, side) in [0, 1]."""
    return (case.generator.images(case.data, rows).cpu() + 1) / 2


def as_pictures(
    sheets: Mapping[str, JudgedSheet], labels: Sequence[str], finding: str, first: int = 0
) -> Pictures:
    """A row for each class, a column for each sheet.

    Args:
        sheets: by the column's name.
        labels: words for the classes.
        finding: what is to be seen.
        first: the class of the first row.
    """
    order = [first, *(label for label in range(len(labels)) if label != first)]
    strips = [[sheet.strip(label) for sheet in sheets.values()] for label in order]
    return Pictures(
        np.array(strips),
        tuple(f"asked for {labels[label]}" for label in order),
        tuple(sheets),
        finding,
        captions=tuple(s.told(label, labels) for label in order for s in sheets.values()),
    )
