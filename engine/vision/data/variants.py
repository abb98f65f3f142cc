"""Changes to a data set whose truth stays known: rare classes, wrong labels, poison, shortcuts …

Each is called on any data set and gives another; ids stay, so that an image can be followed
through all of them. They compose: `Poisoned()(LongTailed()(data))`, or `data+long-tailed+poisoned`.
"""

from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData
from engine.core.method import Choice, Slider, Switch, setting
from engine.vision.data.brightness import Brightness
from engine.vision.data.dataset import DataSet, Rows
from engine.vision.data.modes import Merged
from engine.vision.data.protect import Cuda
from engine.vision.data.recipe import Variant, seed_setting
from engine.vision.data.relabel import Relabeled

TRAIN, _, TEST = range(3)  # as SPLITS has them
NONE = "none"  # the class of an image without a finding


@dataclass(frozen=True)
class LongTailed(Variant):
    """Training classes from many images to few, each a constant factor rarer than the one before.

    Validation and test stay as they are, so that rare classes are still measured. A class without
    training images, such as an unknown one, is not counted.
    """

    word = "long-tailed"
    title = "Long tail"

    ratio: float = setting(
        20.0,
        Slider(1.0, 200.0, 1.0),
        "Ratio",
        "How much more often the first class comes than the last that is trained on.",
    )
    seed: int = seed_setting()

    def __call__(self, data: DataSet) -> DataSet:
        """Fewer rows for training."""
        rng = np.random.default_rng(self.seed)
        train = data.rows("train")
        counts = np.bincount(data.labels[train], minlength=len(data.classes))
        row_groups = [np.flatnonzero(data.split != TRAIN)]
        trained = np.flatnonzero(counts)
        steps = max(1, len(trained) - 1)
        for place, label in enumerate(trained):
            rows = rng.permutation(train[data.labels[train] == label])
            target = round(counts.max() * self.ratio ** (-place / steps))
            row_groups.append(rows[: max(1, target)])
        return renamed(data.take(np.sort(np.concatenate(row_groups))), data, self)


@dataclass(frozen=True)
class NoisyLabels(Variant):
    """Some training labels are wrong; the truth "clean_label" keeps the right ones."""

    word = "noisy"
    title = "Wrong labels"

    share: float = setting(
        0.2, Slider(0.0, 0.9, 0.05), "Share", "Of the training labels that are wrong."
    )
    kind: str = setting(
        "symmetric",
        Choice(("symmetric", "asymmetric")),
        "Kind",
        "Any other class with equal chance, or always the class that comes next.",
    )
    seed: int = seed_setting()

    def __call__(self, data: DataSet) -> DataSet:
        """Other labels on some training images."""
        if (classes := len(data.classes)) < 2:
            raise BadData(f"{data.card.title} has one class, so that no label can be wrong.")
        rng = np.random.default_rng(self.seed)
        rows = sample_rows(data.rows("train"), self.share, rng)
        labels = data.labels.copy()
        # from 1 on: a step of 0 would leave the label right
        step = 1 if self.kind == "asymmetric" else rng.integers(1, classes, len(rows))
        labels[rows] = (labels[rows] + step) % classes
        # labels may be wrong already: the right ones are those from before all changes
        truth = {"clean_label": data.truth.get("clean_label", data.labels)}
        return renamed(replace(data, labels=labels, truth={**data.truth, **truth}), data, self)


@dataclass(frozen=True)
class Shuffled(Variant):
    """Training images have each other's labels; the truth "clean_label" keeps the right ones.

    A network learns from them what chance gives: the same images, as many of each class, and
    nothing that tells one class from another. Validation and test stay as they are.
    """

    word = "shuffled"
    title = "Shuffled labels"

    seed: int = seed_setting()

    def __call__(self, data: DataSet) -> DataSet:
        """The training labels in another order."""
        labels = shuffled_labels(data, self.seed)
        truth = {"clean_label": data.truth.get("clean_label", data.labels)}
        return renamed(replace(data, labels=labels, truth={**data.truth, **truth}), data, self)


@dataclass(frozen=True)
class Poisoned(Variant):
    """A small patch is stamped on some training images, and these are given the target's label.

    The truth "poisoned" says where; "clean_label" keeps the label that was. With `attack`, every
    test image of another class carries the patch too and keeps its own label: a model that then
    answers the target has learned the back door.
    """

    word = "poisoned"
    title = "Poison"

    share: float = setting(
        0.05, Slider(0.0, 0.5, 0.01), "Share", "Of the training images of the other classes."
    )
    target: int = setting(0, Slider(0, 999, 1), "Target", "The class that the patch stands for.")
    patch: int = setting(0, Slider(0, 32, 1, "px"), "Patch", "Its side; 0: an eighth of the image.")
    attack: bool = setting(False, Switch(), "Attack the test", "Stamp the patch on test images.")
    seed: int = seed_setting()

    def __call__(self, data: DataSet) -> DataSet:
        """The patch on some images, and the target on those for training."""
        other = ~class_mask(data, self.target)
        rng = np.random.default_rng(self.seed)
        train = sample_rows(np.flatnonzero(other & (data.split == TRAIN)), self.share, rng)
        test = np.flatnonzero(other & (data.split == TEST)) if self.attack else train[:0]
        rows, labels = np.concatenate([train, test]), data.labels.copy()
        images = stamped(data.images, rows, self.patch)
        labels[train] = self.target
        poisoned = np.array(data.truth.get("poisoned", np.zeros(len(data), np.bool_)))
        poisoned[rows] = True
        clean = data.truth.get("clean_label", data.labels)
        truth = {**data.truth, "poisoned": poisoned, "clean_label": clean}
        return renamed(replace(data, images=images, labels=labels, truth=truth), data, self)


@dataclass(frozen=True)
class Shortcut(Variant):
    """A small mark stands on images of one class, so that it gives the label away; labels stay.

    Training and validation images of that class carry it, as if all came from one scanner; test
    images carry none, or all carry it whatever they show. The truth "marked" says which do, "mark"
    where it is. A healthy twin carries what its image carries.
    """

    word = "shortcut"
    title = "Shortcut"

    target: int = setting(0, Slider(0, 999, 1), "Class", "The class whose images carry the mark.")
    share: float = setting(
        0.9, Slider(0.0, 1.0, 0.05), "Share", "Of that class's training and validation images."
    )
    patch: int = setting(0, Slider(0, 32, 1, "px"), "Mark", "Its side; 0: an eighth of the image.")
    test: str = setting(
        "none", Choice(("none", "all")), "Test images", "None carries the mark, or all do."
    )
    seed: int = seed_setting()

    def __call__(self, data: DataSet) -> DataSet:
        """The mark on some images and on their twins."""
        rng = np.random.default_rng(self.seed)
        candidates = np.flatnonzero(class_mask(data, self.target) & (data.split != TEST))
        test = data.rows("test") if self.test == "all" else candidates[:0]
        rows = np.concatenate([sample_rows(candidates, self.share, rng), test])
        marked = np.zeros(len(data), np.bool_)
        marked[rows] = True
        blank = np.zeros_like(data.images[:1])
        mark = (stamp(blank, self.patch) == stamp(blank + 255, self.patch)).all(1)
        truth = {"marked": marked, "mark": marked[:, None, None] & mark}
        if (twins := data.truth.get("twin")) is not None:
            truth["twin"] = stamped(twins, rows, self.patch)
        images = stamped(data.images, rows, self.patch)
        return renamed(replace(data, images=images, truth={**data.truth, **truth}), data, self)


@dataclass(frozen=True)
class Healthy(Variant):
    """Every image is its healthy twin: the same image without what made its class.

    All labels are "none"; the truth "original_label" keeps what they were.
    """

    word = "healthy"
    title = "Healthy twins"

    def __call__(self, data: DataSet) -> DataSet:
        """The twins in place of the images."""
        twins = data.truth.get("twin")
        if twins is None or NONE not in data.classes:
            raise BadData(f"{data.card.title}: its images have no healthy twins.")
        findings = {"mask", "oedema"} & data.truth.keys()
        nothing = {what: np.zeros_like(data.truth[what]) for what in findings}
        truth = {"original_label": data.labels, **data.truth, **nothing}
        labels = np.full_like(data.labels, data.classes.index(NONE))
        return renamed(replace(data, images=twins, labels=labels, truth=truth), data, self)


@dataclass(frozen=True)
class OpenSet(Variant):
    """The last classes become unknown: gone from training and validation, kept in the test.

    The truth "unknown" says which test images these are; their label is the last one, "unknown".
    """

    word = "open-set"
    title = "Unknown classes"

    held: int = setting(2, Slider(1, 100, 1), "Held out", "How many classes nobody is told of.")
    seed: int = setting(
        0, Slider(0, 9999, 1), "Draw", "0 holds out the last classes; any other draws them."
    )

    def __call__(self, data: DataSet) -> DataSet:
        """Fewer classes, and one called unknown."""
        classes = len(data.classes)
        if self.held >= classes:
            raise BadData(f"{data.card.title} has {classes} classes: hold out fewer than that.")
        order = np.arange(classes)
        if self.seed:
            order = np.random.default_rng(self.seed).permutation(classes)
        known = np.sort(order[: classes - self.held])
        unknown = ~np.isin(data.truth.get("clean_label", data.labels), known)
        # an image of a hidden class stays hidden, also where a wrong label would bring it in
        is_known = np.isin(data.labels, known) & ~unknown
        rows = np.flatnonzero(is_known | (data.split == TEST))
        names = (*(data.classes[label] for label in known), "unknown")
        changed = relabelled(data.take(rows), known, names, beyond=len(known))
        truth = {**changed.truth, "unknown": unknown[rows]}
        return renamed(replace(changed, truth=truth), data, self)


@dataclass(frozen=True)
class Classes(Variant):
    """Only some of the classes, numbered anew in their order."""

    word = "classes"
    title = "Some classes"

    first: int = setting(0, Slider(0, 999, 1), "First", "The first class that stays.")
    count: int = setting(2, Slider(1, 1000, 1), "Classes", "How many stay, one after another.")

    def __call__(self, data: DataSet) -> DataSet:
        """The rows of these classes."""
        if self.first + self.count > len(data.classes):
            last = len(data.classes) - 1
            raise BadData(f"{data.card.title} has no class after {last}: {data.classes[last]}.")
        stay = np.arange(self.first, self.first + self.count)
        rows = np.flatnonzero(np.isin(data.labels, stay))
        names = data.classes[self.first : self.first + self.count]
        return renamed(relabelled(data.take(rows), stay, names, beyond=-1), data, self)


VARIANTS: tuple[type[Variant], ...] = (
    LongTailed, NoisyLabels, Shuffled, Poisoned, Shortcut, Healthy, OpenSet, Classes, Merged,
    Relabeled, Cuda, Brightness,
)  # fmt: skip


def shuffled_labels(data: DataSet, seed: int) -> NDArray[np.int64]:
    """The labels (N,), those of training images in another order."""
    labels, rows = data.labels.copy(), data.rows("train")
    labels[rows] = np.random.default_rng([seed, 51]).permutation(labels[rows])
    return labels


def variant(name: str) -> Variant:
    """The variant that a part of a data set's name says. Raises BadData, BadSetting."""
    word, _, settings = name.partition(":")
    for kind in VARIANTS:
        if kind.word == word:
            return kind.read(settings)
    known = ", ".join(kind.word for kind in VARIANTS)
    raise BadData(f"There is no variant called “{word[:40]}”: choose one of {known}.")


def renamed(changed: DataSet, data: DataSet, variant: Variant) -> DataSet:
    """The changed data set under its own name and title."""
    card = replace(data.card, title=f"{data.card.title} · {variant.title.lower()}")
    return replace(changed, name=f"{data.name}+{variant.name}", card=card)


def relabelled(
    data: DataSet, labels: NDArray[np.int64], names: tuple[str, ...], beyond: int
) -> DataSet:
    """The labels numbered anew by their place in `labels`; any other becomes `beyond`.

    The truth "original_label" keeps what they were in the first place.
    """
    place = np.full(len(data.classes), beyond, np.int64)
    place[labels] = np.arange(len(labels))
    truth = {"original_label": data.labels, **data.truth}
    if "clean_label" in truth:
        clean = truth["clean_label"]
        truth["clean_label"] = np.where(clean < 0, beyond, place[clean])
    return replace(data, classes=names, labels=place[data.labels], truth=truth)


def class_mask(data: DataSet, label: int) -> NDArray[np.bool_]:
    """Which images are of a class, (n,). Raises BadData for a class that there is not."""
    if label >= len(data.classes):
        last = len(data.classes) - 1
        raise BadData(f"{data.card.title} has no class {label}: the last is {last}.")
    return data.labels == label


def sample_rows(rows: Rows, share: float, rng: np.random.Generator) -> Rows:
    return np.sort(rng.permutation(rows)[: round(share * len(rows))])


def stamped(images: NDArray[np.uint8], rows: Rows, side: int) -> NDArray[np.uint8]:
    """A copy of images (N, C, H, W) with the patch on those rows."""
    changed = images.copy()
    changed[rows] = stamp(images[rows], side)
    return changed


def stamp(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A chessboard of single pixels near the lower right corner."""
    short = min(images.shape[2:])
    side = min(side, short) or max(2, ceil(short / 8))
    end = -(short // 16) or None
    start = -(side + short // 16)
    board = np.indices((side, side)).sum(0) % 2 == 0
    changed = images.copy()
    changed[..., start:end, start:end] = np.where(board, 255, 0)
    return changed
