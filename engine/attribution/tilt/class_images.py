"""Images of two classes, of which class means are taken: training images, or what stands in.

The training images of a model from outside are not here. Squares of the image itself and of a
sample photograph stand in for them then, which are two photographs and no classes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from engine.core.errors import BlindspotError
from engine.vision import data as data_sets
from engine.vision.case import ImageCase
from engine.vision.images import Crop
from engine.vision.images.samples import SAMPLES, sample
from engine.vision.models import catalog
from engine.vision.pictures import model_input

THIS_IMAGE = "this image"  # that squares are of
SIZES = (0.6, 1.0)  # of a square, as a share of the image's side
FEWEST, MOST = 5, 30  # squares of which a mean is taken; of fewer than 10, half of them will do


@dataclass(frozen=True, eq=False)
class ClassImages:
    """Images (n, 3, H, W) in [0, 1] of a class.

    Args:
        label: the class.
        pixels: the images.
        source: what they are, in words.
        gray: whether all three channels are the same.
    """

    label: int
    pixels: Tensor
    source: str
    gray: bool = False


def class_images(case: ImageCase, count: int) -> tuple[ClassImages, ClassImages]:
    """Of the class that is asked about, and of the one that it is held against.

    Raises:
        BlindspotError: the data are of other classes, or no photograph can stand in for one.
    """
    if name := catalog.data_of(case.model):
        label, other_label = strongest_pair(case)
        return training_images(case, name, label, count), training_images(
            case, name, other_label, count
        )
    return photographed(case, count)


def strongest_pair(case: ImageCase) -> tuple[int, int]:
    """The class that is asked about, and the one it is held against: the strongest other one."""
    label, rival = case.target.index, case.target.versus
    if rival is None:
        logits = case.model.logits(case.image[None])[0].clone()
        logits[label] = -torch.inf
        rival = int(logits.argmax())
    return label, rival


def training_images(case: ImageCase, name: str, label: int, count: int) -> ClassImages:
    """Training images of a class."""
    data, labels = data_sets.load(name), case.model.labels
    if not set(labels) <= set(data.classes):
        raise BlindspotError(
            f"{case.model.title} has other classes than {data.card.title}, so its class means are "
            "not known."
        )
    rows = data.rows("train")
    rows = rows[data.labels[rows] == data.classes.index(labels[label])]
    rng = np.random.default_rng([case.seed, 79, label])
    rows = np.sort(rng.permutation(rows)[:count])
    source = f"training images of “{labels[label]}”"
    return ClassImages(label, data.pixels(rows), source, gray=data.images.shape[1] == 1)


def photographed(case: ImageCase, count: int) -> tuple[ClassImages, ClassImages]:
    """Squares of the image, and of the first sample photograph that can stand for a rival.

    Only squares on their own side of the boundary between both classes are taken.
    """
    target, labels = case.target.index, case.model.labels
    rival, title, photograph = rival_photograph(case)
    results = []
    for label, other, image, source in (
        (target, rival, case.image, THIS_IMAGE),
        (rival, target, photograph, f"“{title}”"),
    ):
        rng = np.random.default_rng([case.seed, 79, label])
        crops = random_crops(image, min(count, MOST), rng)
        logits = case.model.logits(crops)
        parts = crops[logits[:, label] > logits[:, other]]
        if len(parts) < min(FEWEST, len(crops) / 2):
            raise BlindspotError(
                f"The training images of {case.model.title} are not here, and hardly any part of "
                f"{source} is taken for “{labels[label]}” rather than “{labels[other]}”: ask about "
                "what the model sees in the image."
            )
        results.append(ClassImages(label, parts, f"squares of {source}"))
    return results[0], results[1]


def rival_photograph(case: ImageCase) -> tuple[int, str, Tensor]:
    """A class, and the title and pixels (3, H, W) of a sample that the model takes for it.

    Where no rival is asked for, the first sample that shows neither the class nor what the model
    sees in the image.
    """
    titles, images = [], []
    for photograph in SAMPLES:
        try:
            images.append(model_input(sample(photograph.name), Crop(), case.model))
        except BlindspotError:
            continue  # its package is not installed
        titles.append(photograph.title)
    logits = case.model.logits(torch.stack([case.image, *images]))
    prediction, *answers = logits.argmax(1).tolist()
    target, rival_index = case.target.index, case.target.versus
    for label, title, image in zip(answers, titles, images, strict=True):
        if label == rival_index if rival_index is not None else label not in {target, prediction}:
            return label, title, image
    labels = case.model.labels
    rival = "another class" if rival_index is None else f"“{labels[rival_index]}”"
    known = ", ".join(
        dict.fromkeys(f"“{labels[answer]}”" for answer in answers if answer != target)
    )
    raise BlindspotError(
        f"The training images of {case.model.title} are not here, and no sample photograph is "
        f"taken for {rival}: choose {known or 'another model'} instead."
    )


def random_crops(image: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """Squares of an image (3, S, S) at its size, (count, 3, S, S); every other one is mirrored."""
    side, result = image.shape[-1], []
    for number in range(count):
        size = round(side * rng.uniform(*SIZES))
        top, left = rng.integers(0, side - size + 1, 2)
        part = image[:, top : top + size, left : left + size]
        part = part.flip(-1) if number % 2 else part
        result.append(interpolate(part[None], (side, side), mode="bilinear", antialias=True)[0])
    return torch.stack(result)
