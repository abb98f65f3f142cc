"""The networks that vote: each learns from its own images, all of them at once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.core.method import Progress, part_of, quiet
from engine.unlearning.roe.election import Ballots, ballots_of
from engine.unlearning.roe.partitions import repeated_rows
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.small import build
from engine.vision.training import Recipe, outputs, shape_of, train_stacked

TOGETHER = 50  # networks
MIDDLE = (0.5,) * 3  # pixels are normalized by fixed numbers: those of the data could be poisoned
LEARNING = 0.9  # share of the progress that goes to the training


def recipe(epochs: int) -> Recipe:
    """How each of them is trained; nothing in it depends on the data."""
    return Recipe("mlp", epochs=epochs, batch=16, rate=0.03, width=0.25)


def vote(
    data: DataSet,
    learned: Sequence[Rows],
    seeds: Sequence[int],
    image_rows: Rows,
    training_recipe: Recipe,
    count: int,
    progress: Progress = quiet,
) -> Ballots:
    """Train a network on each list of rows, and take its ballots on the images asked about.

    Args:
        data: has the images.
        learned: the rows that each network learns from, in an order that only they decide; one
            without any puts the classes in the order of their numbers.
        seeds: of each network: its first weights, and the order in which it is shown its images.
        image_rows: rows on which they vote.
        training_recipe: all of them are trained.
        count: how many images each is shown in an epoch, whatever it has.
        progress: told of parts.

    Returns:
        (networks, asked, classes).
    """
    without_validation = replace(
        data, split=np.zeros(len(data), np.uint8)
    )  # no validation on the way
    # 0 for all classes is what an empty network says: its ballot is the order of the classes
    scores = np.zeros((len(learned), len(image_rows), len(data.classes)), np.float32)
    nonempty = [place for place, rows in enumerate(learned) if len(rows)]
    for at in range(0, len(nonempty), TOGETHER):
        places = nonempty[at : at + TOGETHER]
        models = [untrained(data, training_recipe, seeds[place]) for place in places]
        low, high = at / len(nonempty), (at + len(places)) / len(nonempty)
        words = f"networks {at + 1}–{at + len(places)} of {len(nonempty)}"
        part = part_of(progress, low, low + LEARNING * (high - low), lead=words)
        train_stacked(
            models,
            without_validation,
            training_recipe,
            [seeds[place] for place in places],
            rows=[repeated_rows(learned[place], count) for place in places],
            progress=part,
        )
        for place, model in zip(places, models, strict=True):
            scores[place] = outputs(model, data, image_rows).numpy()
        progress(high, words)
    return ballots_of(scores)


def untrained(data: DataSet, training_recipe: Recipe, seed: int) -> Classifier:
    """A network with first weights of the seed, normalized by numbers that no image changes."""
    shape = shape_of(data, training_recipe.width)
    network = build(training_recipe.architecture, shape, seed)
    return Classifier(network, "voter", "Voter", shape.side, MIDDLE, MIDDLE, data.classes)
