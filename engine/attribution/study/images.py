"""Images for the study: scenes with several things, or phantoms with one lesion, all test images.

Only labels that are there and that the model finds are asked about (for scenes, a sigmoid above one
half): what a model does not see has no place in it. Images are drawn one by one in an order from
the seed, so that nothing else of the data set has to be made.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from engine.attribution.study import things
from engine.attribution.study.case import Asked, StudyCase
from engine.attribution.study.methods import Explainer, ten
from engine.data.phantoms import SLICES, Phantoms
from engine.data.phantoms import SPLIT as PATIENTS
from engine.data.scenes import SPLIT as TENTHS
from engine.data.sprites import CATEGORIES
from engine.errors import BlindspotError
from engine.models import embedded
from engine.models.classifier import Classifier

SOURCES = ("scenes", "phantoms")
TEST = 2  # in both splits
FEWEST = 2  # labels of a scene: maps of one are compared with maps of the other
PHANTOM_MODEL = "phantom-cnn"
DEFAULT, MOST = 8, 40  # images


def study_case(
    source: str = "scenes", count: int = DEFAULT, seed: int = 0,
    methods: tuple[Explainer, ...] | None = None, model: Classifier | None = None,
) -> StudyCase:  # fmt: skip
    """The study of so many images.

    Args:
        source: one of SOURCES.
        count: of images.
        seed: which images, and of every random number.
        methods: the explainers; all ten when left out.
        model: the one that ships when left out.

    Raises:
        BlindspotError: no such source, or too few images that the model gets right.
    """
    if source not in SOURCES:
        raise BlindspotError(f"A study is of {' or '.join(SOURCES)}, not of {source[:40]!r}.")
    if model is None:
        model = shipped(source)
        found = shipped_images(source, count, seed)
    else:
        found = images(source, count, seed, model)
    name = things.SCENES.name if source == "scenes" else Phantoms().name
    held = ten(model.side) if methods is None else methods
    return StudyCase(model, found, held, name, seed)


@lru_cache(maxsize=2)
def shipped(source: str) -> Classifier:
    """The model that ships for a source."""
    return things.load() if source == "scenes" else embedded.load(PHANTOM_MODEL)


@lru_cache(maxsize=8)
def shipped_images(source: str, count: int, seed: int) -> tuple[Asked, ...]:
    """Images for the model that ships, found once."""
    return images(source, count, seed, shipped(source))


def images(source: str, count: int, seed: int, model: Classifier) -> tuple[Asked, ...]:
    """So many test images with labels that the model finds. Raises BlindspotError: too few."""
    drawn = scenes(seed, model) if source == "scenes" else phantoms(seed, model)
    found = [one for _, one in zip(range(count), drawn, strict=False)]
    if len(found) < count:
        raise BlindspotError(
            f"There are only {len(found)} {source} that the model gets right: choose fewer images."
        )
    return tuple(found)


def scenes(seed: int, model: Classifier) -> Iterator[Asked]:
    """Test scenes in which the model finds at least two of the things that are there."""
    index = np.arange(things.SCENES.count)
    test = index[TENTHS[index % len(TENTHS)] == TEST]
    for number in np.random.default_rng([seed, 9]).permutation(test).tolist():
        scene = things.SCENES.scene(number)
        image = pixels(scene.image)
        found = model.logits(image[None])[0].numpy() > 0
        labels = tuple(np.flatnonzero(found & scene.layout.present[0]).tolist())
        if len(labels) >= FEWEST:
            masks = np.stack([scene.mask(CATEGORIES[label]) for label in labels])
            yield Asked(number, image, labels, masks)


def phantoms(seed: int, model: Classifier) -> Iterator[Asked]:
    """Slices of test patients with a lesion that the model names rightly."""
    recipe = Phantoms()
    index = np.arange(recipe.count)
    test = index[PATIENTS[index // SLICES % len(PATIENTS)] == TEST]
    for number in np.random.default_rng([seed, 9]).permutation(test).tolist():
        made = recipe.slice(number)
        if not made.mask.any():
            continue
        image = pixels(made.image[None]).expand(3, -1, -1).contiguous()
        first, second = model.logits(image[None])[0].argsort(descending=True)[:2].tolist()
        if first == made.kind:
            yield Asked(number, image, (first,), made.mask[None], rival=second)


def pixels(image: np.ndarray) -> Tensor:
    """Bytes (C, H, W) as numbers in [0, 1]."""
    return torch.from_numpy(image / np.float32(255))
