"""The data that a model is pruned with: what it was trained on, or photographs that come along.

No ImageNet is here. For a model that tells photographs apart, the sample photographs stand in:
about ten, and their labels are the dense model's own answers. What is measured with them is then
how often the pruned model still says what the dense one said, not how often it is right.
"""

import numpy as np

from engine.core.errors import BlindspotError
from engine.vision import data as data_sets
from engine.vision.data import DataCard, DataSet
from engine.vision.images import Crop, square
from engine.vision.images.samples import SAMPLES, sample
from engine.vision.models import checkpoints, embedded
from engine.vision.models.catalog import data_of
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe

PHOTOGRAPHS = "photographs"


def photographs(model: Classifier) -> DataSet:
    """The sample photographs at the model's size, labeled by the model itself; all are test."""
    names, images = [], []
    for photograph in SAMPLES:
        try:
            pixels = square(sample(photograph.name), Crop(), model.side)
        except BlindspotError:
            continue  # its package is not installed
        names.append(photograph.name)
        images.append(np.rint(pixels * 255).astype(np.uint8))
    if not images:
        raise BlindspotError("No sample photograph is here: open a data set of your own.")
    stack = np.stack(images)
    card = DataCard(
        "Sample photographs",
        f"{len(images)} photographs; each has the class that the dense model gives it.",
        "They come inside installed packages; see assets/LICENSES.md.",
        "each its own",
        "",
    )
    ids = np.arange(len(images), dtype=np.int64)
    blank = np.zeros(len(images), np.int64)
    plain = DataSet(
        PHOTOGRAPHS, card, model.labels, stack, blank, ids, np.full(len(images), 2, np.uint8)
    )
    labels = model.logits(plain.pixels()).argmax(1).numpy()
    return DataSet(PHOTOGRAPHS, card, model.labels, stack, labels, ids, plain.split)


def names_of_photographs() -> tuple[str, ...]:
    """The photographs' titles, in the order of their ids, as far as they are here."""
    results = []
    for photograph in SAMPLES:
        try:
            photograph.path()
        except BlindspotError:
            continue
        results.append(photograph.title)
    return tuple(results)


def data_for(model: Classifier) -> DataSet:
    """What a model was trained on, or the sample photographs. Raises BlindspotError."""
    name = data_of(model)
    return data_sets.load(name) if name else photographs(model)


def recipe_of(model: Classifier) -> Recipe | None:
    """How a model was trained from its first weights; None when it was made from another one."""
    stored = (*embedded.stored(), *checkpoints.visible_models())
    card = next((checkpoint.card for checkpoint in stored if checkpoint.name == model.name), None)
    if card is None or card.parent or not card.recipe:
        return None
    return Recipe.from_dict(card.recipe)
