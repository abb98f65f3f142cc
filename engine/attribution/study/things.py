"""The multi-label network that ships: which of sixteen things are in a scene, one sigmoid each.

`python -m engine weights scenes-things` trains it again, on the binary cross-entropy of each
thing's presence. The figures on the card are measured on the rounded weights.

Scenes are clear (every thing at full opacity) and without habit, so that a thing has to be seen
where it is and cannot be guessed from its neighbor. How well faint things are found is on the card
too. The network has the phantoms' form, with last maps of 16 × 16 instead of 8 × 8 cells (a thing
is a sixth of a scene's side): it finds more, and Grad-CAM points at what it finds
(docs/study.md has the figures of both, and of a head that sees only the mean of each map).
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.core.keeping.store import write_atomic
from engine.core.method import Progress, quiet
from engine.vision import data as data_sets
from engine.vision.data import DataSet
from engine.vision.data.scenes import Scenes
from engine.vision.data.sprites import CATEGORIES
from engine.vision.models.card import ModelCard, card_of, weights_of
from engine.vision.models.classifier import Classifier
from engine.vision.models.embedded import FOLDER, file_of, rounded
from engine.vision.models.rebuild import model_bytes, read_model
from engine.vision.training import Recipe, binary_cross_entropy, fresh, outputs, train
from engine.vision.training.state import state_file

NAME = "scenes-things"
TITLE = "Things in scenes"
SCENES = Scenes(count=8000, kind="broken", clean=True)
FAINT = Scenes(count=1000, kind="broken", seed=1)  # another seed: none of them was learned from
RECIPE = Recipe(
    architecture="scene_cnn",
    epochs=16,
    batch=32,
    optimizer="AdamW",
    rate=0.003,
    decay=0.01,
    schedule="one cycle",
    shift=4,
    mirror=True,
)
SEED = 0

Bools = NDArray[np.bool_]


def with_class_names(scenes: DataSet) -> DataSet:
    """The same scenes with a name for each of a network's sixteen outputs."""
    return replace(scenes, classes=CATEGORIES)


def train_network(
    recipe: Recipe = RECIPE,
    seed: int = SEED,
    *,
    scenes: DataSet | None = None,
    keep: Path | None = None,
    progress: Progress = quiet,
) -> Classifier:
    """A network that says which things are there, from the recipe."""
    scene_data = with_class_names(data_sets.load(SCENES.name) if scenes is None else scenes)
    model = fresh(scene_data, recipe, seed)
    train(
        model,
        scene_data,
        recipe,
        seed,
        objective=binary_cross_entropy,
        targets=scene_data.truth["present"],
        keep=keep,
        progress=progress,
    )
    return model


def micro_f1(predicted: Bools, present: Bools) -> float:
    """2 TP / (2 TP + FP + FN) over every thing of every scene; both (n, things)."""
    true_positives = int((predicted & present).sum())
    # false positives and false negatives at once
    error_count = int((predicted ^ present).sum())
    return (
        2 * true_positives / (2 * true_positives + error_count)
        if true_positives or error_count
        else 1.0
    )


def figures(model: Classifier) -> dict[str, float]:
    """Micro-F1 on test scenes at a probability of one half, by how clear the things are."""
    clear = data_sets.load(SCENES.name)
    rows = clear.rows("test")
    predicted = outputs(model, clear, rows).numpy() > 0
    results = {"micro-F1, clear things": micro_f1(predicted, clear.truth["present"][rows])}
    mixed = data_sets.load(FAINT.name)
    predicted = outputs(model, mixed, np.arange(len(mixed))).numpy() > 0
    present, opacity = mixed.truth["present"], mixed.truth["opacity"]
    results["micro-F1, opacities mixed"] = micro_f1(predicted, present)
    for level in np.unique(opacity[present])[::-1]:
        recall = predicted[present & (opacity == level)].mean()
        results[f"recall at opacity {level:.2g}"] = float(recall)
    return {name: round(value, 4) for name, value in results.items()}


def retrain(folder: Path = FOLDER, progress: Progress = quiet, seed: int = SEED) -> ModelCard:
    """Train it from its recipe, write its file, and give its card with the figures.

    An interrupted training goes on where it was.

    Raises:
        OSError: the file cannot be written.
    """
    keep = state_file(f"embedded-{NAME}-{seed}")
    model = train_network(seed=seed, keep=keep, progress=progress)
    rounded(model)
    card = card_of(
        model,
        title=TITLE,
        data=SCENES.name,
        recipe=RECIPE.as_dict(),
        seed=seed,
        figures=figures(model),
        made_by="attribution.Study",
    )
    weights = {
        key: array.astype(np.float16) if array.dtype == np.float32 else array
        for key, array in weights_of(model).items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = file_of(NAME, folder)
    write_atomic(path, model_bytes(card, weights))
    path.chmod(0o644)  # what ships is for everybody to read
    return card


@cache
def load() -> Classifier:
    """The network that ships; it is read once. Raises BadModel when its file is damaged."""
    path = file_of(NAME)
    return read_model(path.read_bytes(), path.name, NAME, ours=True)
