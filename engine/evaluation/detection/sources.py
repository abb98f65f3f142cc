"""Where normal and unknown images come from, for a model: by name, so that a link can say it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from engine.core.controls import OtherArguments
from engine.core.errors import BadData, BlindspotError
from engine.core.method import Option, Progress, quiet
from engine.evaluation.corruptions import CORRUPTIONS, corrupted
from engine.evaluation.detection.healthy import HEALTHY_TWINS, TEXTURES, TWINS, texture
from engine.evaluation.detection.photographs import ODD, photographs
from engine.evaluation.detection.rows import MOST_UNKNOWN, as_seen, evenly, split, unknown_rows
from engine.vision import data as data_sets
from engine.vision.data import DataSet
from engine.vision.data.example import example
from engine.vision.images.samples import SAMPLES
from engine.vision.models import catalog, checkpoints, embedded
from engine.vision.models.classifier import Classifier
from engine.vision.pictures import EXAMPLE, SAMPLE

PHOTOGRAPHS = "photographs"
GROUP_WORDS = {"phantoms": "patient", PHOTOGRAPHS: "photograph"}
HELD_OUT = "held-out classes"
SEVERITY = 0.5  # of a corruption that stands for unknown images
SHIFTED: Mapping[str, str] = {  # what a phantom model has not met
    "another scanner": "phantoms:count=200,shift=1,seed=7",
    "larger lesions": "phantoms:count=200,size=1.6,seed=7",
}


def training_data_name(model: Classifier) -> str:
    """The name of the data set that a model learned from; "" when it is none of ours."""
    return next(
        (
            small_model.data
            for small_model in catalog.local_entries()
            if small_model.name == model.name
        ),
        "",
    )


def normal_sources(model: Classifier) -> tuple[Option, ...]:
    """What can stand for normal images: first what the model learned from."""
    learned_data = training_data_name(model)
    if learned_data:
        return (
            Option(learned_data, data_sets.entry(learned_data).card.title),
            photographs_source(),
            *healthy(),
        )
    sets = (Option(entry.name, entry.card.title) for entry in data_sets.entries())
    return (photographs_source(), *sets, *healthy())


def normal_options(arguments: OtherArguments) -> Sequence[Option | str]:
    """What can stand for normal images of the model."""
    model = arguments.get("model")
    if model is None:
        return (PHOTOGRAPHS, *data_sets.names())
    return normal_sources(catalog.load(model) if isinstance(model, str) else model)


def unknown_options(arguments: OtherArguments) -> Sequence[Option | str]:
    """What can stand for unknown images beside the normal ones."""
    beside = arguments.get("normal")
    if beside is None:
        return (HELD_OUT, PHOTOGRAPHS, *data_sets.names(), *CORRUPTIONS)
    return unknown_sources(normal(beside) if isinstance(beside, str) else beside)


def healthy() -> Iterator[Option]:
    """Images in which nothing is odd, for models of any data."""
    yield Option(TWINS, HEALTHY_TWINS)
    for name, title in TEXTURES.items():
        yield Option(name, f"Texture: {title.lower()}")


def photographs_source() -> Option:
    """The shipped photographs, with how few they are."""
    return Option(PHOTOGRAPHS, "Shipped photographs (very few)")


def normal(name: str, progress: Progress = quiet) -> DataSet:
    """Normal images by name.

    Raises:
        BadData: no data set of that name, or it has too few images.
    """
    if name in TEXTURES:
        return texture(name)
    result = photographs() if name == PHOTOGRAPHS else data_sets.load(name, progress)
    split(result)
    return result


def photograph(name: str) -> int | None:
    """The group of a shipped photograph among `photographs`; None when it is not among them."""
    place = next((at for at, sample in enumerate(SAMPLES) if sample.name == name), None)
    return place if name not in ODD else None


def group_of(name: str, normal: DataSet) -> int | None:
    """The group of a picture among the normal images: its photograph or its patient."""
    groups = normal.truth.get("group")
    if groups is None:
        return None
    if name.startswith(SAMPLE) and normal is photographs():
        return photograph(name.removeprefix(SAMPLE))
    same_patients = f"{EXAMPLE}phantoms" if normal.name == TWINS else f"{EXAMPLE}{normal.name}/"
    if name.startswith(same_patients):
        return int(groups[example(name.removeprefix(EXAMPLE)).row])
    return None


def group_word(normal: DataSet) -> str:
    """What a group of these images is called, such as the slices of a patient."""
    return GROUP_WORDS.get(normal.name.partition(":")[0].partition("+")[0], "group")


def unknown_sources(normal: DataSet) -> tuple[Option, ...]:
    """What can stand for unknown images beside these normal ones."""
    base_name = normal.name.partition("+")[0].partition(":")[0]
    held_classes = (
        ""
        if len(unknown_rows(normal))
        else (f"{normal.card.title} holds no class out; train a model on data with unknown classes")
    )
    results = [Option(HELD_OUT, "Held-out classes", held_classes)]
    if base_name == "phantoms":
        results += [Option(name, f"Phantoms: {title}") for title, name in SHIFTED.items()]
    results += [
        Option(entry.name, entry.card.title)
        for entry in data_sets.entries()
        if entry.name != base_name
    ]
    if base_name != PHOTOGRAPHS:
        results.append(Option(PHOTOGRAPHS, "Shipped photographs"))
    results += [Option(kind, f"Normal images with {kind}") for kind in CORRUPTIONS]
    return tuple(results)


def unknown(
    name: str, normal: DataSet, model: Classifier, seed: int = 0, progress: Progress = quiet
) -> DataSet:
    """Unknown images by name, at most so many as are looked at.

    Raises:
        BadData: they cannot be had, with the reason.
    """
    if name == HELD_OUT:
        rows = unknown_rows(normal)
        if not len(rows):
            raise BadData(f"{normal.card.title} holds no class out.")
        return normal.take(evenly(rows, MOST_UNKNOWN))
    if name in CORRUPTIONS:
        return made_worse(normal, name, model, seed)
    result = photographs() if name == PHOTOGRAPHS else data_sets.load(name, progress)
    return result.take(evenly(np.arange(len(result)), MOST_UNKNOWN))


def made_worse(normal: DataSet, kind: str, model: Classifier, seed: int) -> DataSet:
    """Held-out normal images with a corruption of medium severity, at the model's size."""
    _, held_rows = split(normal)
    held_out = normal.take(evenly(held_rows, MOST_UNKNOWN))
    pixels = corrupted(as_seen(held_out, slice(None), model.side), kind, SEVERITY, seed)
    # back to 8 bits, as normal images are: no detector can tell them by finer gray levels
    images = torch.round(pixels * 255).to(torch.uint8).numpy()
    return DataSet(
        name=f"{normal.name}/{kind}",
        card=replace(normal.card, title=f"{normal.card.title} with {kind}"),
        classes=normal.classes,
        images=images,
        labels=held_out.labels,
        ids=held_out.ids,
        split=held_out.split,
    )


def parent_of(model: Classifier) -> Classifier | None:
    """The model that this one was made from, where it is still here."""
    fingerprint = model.lineage.parent
    if not fingerprint:
        return None
    stored = (*embedded.stored(), *checkpoints.visible_models())
    name = next(
        (
            stored_model.name
            for stored_model in stored
            if stored_model.card.fingerprint == fingerprint
        ),
        "",
    )
    try:
        return catalog.load(name) if name else None
    except BlindspotError:
        return None
