"""Where a training begins: a small network for the data, with weights from the seed."""

import numpy as np

from engine.core.errors import BlindspotError
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.models.small import TITLES, NetworkShape, build
from engine.vision.models.small.shape import USUAL_WIDTH
from engine.vision.training.recipe import Recipe


def shape_of(data: DataSet, width: float = USUAL_WIDTH) -> NetworkShape:
    """What a network for the data is built for. Raises BlindspotError: images are not square."""
    channels, height, across = data.images.shape[1:]
    if height != across:
        raise BlindspotError(f"{data.card.title}: images must be square, not {height} × {across}.")
    return NetworkShape(channels, height, len(data.classes), width)


def fresh(data: DataSet, recipe: Recipe, seed: int = 0) -> Classifier:
    """An untrained model for the data, with weights from the seed, normalized by its train images.

    Raises:
        BlindspotError: the data's images are not square, or too small for the network.
    """
    shape = shape_of(data, recipe.width)
    train_images = data.images[data.rows("train")]
    mean = np.round(train_images.mean((0, 2, 3)) / 255, 3).tolist()
    # a floor: a channel that hardly varies would become noise of unit spread
    std = np.round(np.maximum(train_images.std((0, 2, 3)) / 255, 0.01), 3).tolist()
    repeat = 3 // shape.channels
    title = f"{data.card.title} · {TITLES[recipe.architecture]}"
    if recipe.width != 1:
        title += f" × {recipe.width:g}"
    return Classifier(
        build(recipe.architecture, shape, seed),
        f"{data.name}-{recipe.architecture}",
        title,
        shape.side,
        mean * repeat,
        std * repeat,
        data.classes,
        architecture=recipe.architecture,
    )
