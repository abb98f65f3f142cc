"""What is to be forgotten: some training images of a data set, chosen in one of ten ways.

Ids rather than rows are kept, so that a request can be followed through variants of its data. The
draw has a seed of its own, independent of every training's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData, BlindspotError
from engine.core.result import read_only
from engine.vision.data import DataSet, Rows
from engine.vision.data.modes import modes, modes_of

KINDS = (
    "class",
    "classes",
    "share of a class",
    "random",
    "picked",
    "wrong labels",
    "planted",
    "worst",
    "easy",
    "mode",
)

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ForgetRequest:
    """Some training images that a model is to forget.

    Args:
        kind: one of KINDS.
        ids: (m,) int64, of the images.
        words: what they are, as a title has it: "class 3", "90 images at random".
        label: the class, where they are of one.
        seed: of the draw, where there was one.
        mode: of the class, where a mode of it is to go (see `engine.vision.data.modes`).

    Raises:
        BlindspotError: there is no image, or one is named twice.
    """

    kind: str
    ids: Ids
    words: str
    label: int | None = None
    seed: int = 0
    mode: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BlindspotError(f"Nothing is forgotten as {self.kind!r}: {', '.join(KINDS)}.")
        object.__setattr__(self, "ids", read_only(np.asarray(self.ids, np.int64)))
        if not len(self.ids):
            raise BlindspotError("Nothing is to be forgotten: choose at least one image.")
        known, counts = np.unique(self.ids, return_counts=True)
        if (counts > 1).any():
            twice = known[counts > 1][0]
            raise BlindspotError(f"Image {twice} is to be forgotten twice: name each image once.")

    @property
    def whole_class(self) -> bool:
        """Whether classes are to go altogether, so that they are no part of the test any more."""
        return self.kind in {"class", "classes"}


def of_class(data: DataSet, label: int, share: float = 1.0, seed: int = 0) -> ForgetRequest:
    """All training images of a class, or a share of them, drawn by the seed.

    Raises:
        BlindspotError: the class is unknown or has no training image, or the share is none.
    """
    if not 0 <= label < len(data.classes):
        last = len(data.classes) - 1
        raise BlindspotError(f"{data.card.title} has no class {label}: the last is {last}.")
    check_share(share)
    word, rows = data.classes[label], data.rows("train")
    rows = rows[data.labels[rows] == label]
    if not len(rows):
        raise BlindspotError(f"{data.card.title} has no training image of {word}: choose another.")
    if share == 1:
        return ForgetRequest("class", data.ids[rows], f"class {word}", label)
    chosen = sample_share(rows, share, seed)
    words = f"{share:.0%} of class {word}"
    return ForgetRequest("share of a class", data.ids[chosen], words, label, seed)


def of_mode(data: DataSet, label: int, mode: str) -> ForgetRequest:
    """All training images of a class that are of one of its modes; the rest of the class stays.

    Raises:
        BlindspotError: nothing is known of modes, the class has no such mode, or it is of that mode
            altogether.
    """
    has_modes(data)
    rows = data.places(of_class(data, label).ids)
    word = data.classes[label]
    if mode not in (known := modes_of(data, label)):
        others = f"choose one of {', '.join(known)}" if known else "choose another class"
        raise BlindspotError(f"No part of class {word} is set apart by {mode[:40]!r}: {others}.")
    mode_rows = rows[modes(data)[mode][rows]]
    return ForgetRequest(
        "mode", data.ids[mode_rows], f"mode {mode} of class {word}", label, mode=mode
    )


def has_modes(data: DataSet) -> None:
    """Raise BlindspotError where nothing is known of any mode."""
    if not modes(data):
        few = len(data.classes) <= 2
        raise BlindspotError(
            f"{data.card.title} does not say which modes its classes have"
            + (
                ", and of two classes none can be merged: choose other data."
                if few
                else ": its variant “Merged classes” does."
            )
        )


def of_classes(data: DataSet, labels: Sequence[int]) -> ForgetRequest:
    """All training images of some classes.

    Raises:
        BlindspotError: a class is unknown, comes twice or has no training image, or there is none.
    """
    if len(labels) == 1:
        return of_class(data, labels[0])
    ids = [of_class(data, label).ids for label in labels]
    words = " and ".join(data.classes[label] for label in labels)
    return ForgetRequest(
        "classes", np.concatenate([*ids, np.empty(0, np.int64)]), f"classes {words}"
    )


def at_random(
    data: DataSet, share: float = 0.1, seed: int = 0, count: int | None = None
) -> ForgetRequest:
    """A share of the training images, or so many of them, drawn evenly by the seed.

    Raises:
        BlindspotError: the share is none, or there are not so many.
    """
    check_share(share)
    rows = data.rows("train")
    if count is None:
        chosen = sample_share(rows, share, seed)
    elif count > len(rows):
        raise BlindspotError(
            f"{data.card.title} has {len(rows):,} training images, so that {count:,} cannot be "
            "forgotten: choose fewer."
        )
    else:
        chosen = np.sort(np.random.default_rng([seed, 11]).permutation(rows)[: max(count, 0)])
    return ForgetRequest(
        "random", data.ids[chosen], count_text(len(chosen), "at random"), seed=seed
    )


def of_ids(data: DataSet, ids: Sequence[int] | Ids) -> ForgetRequest:
    """These images. Raises BlindspotError when one is no training image, or comes twice."""
    chosen = ForgetRequest("picked", np.asarray(ids, np.int64), count_text(len(ids), "picked"))
    rows = data.places(chosen.ids)
    if (other := data.split[rows] != 0).any():
        odd = chosen.ids[other][0]
        raise BlindspotError(
            f"Image {odd} was never learned: it is no training image. Pick training images only."
        )
    return chosen


def of_group(data: DataSet, group: int) -> ForgetRequest:
    """All training images of one patient, or whatever the data's groups are.

    Raises:
        BlindspotError: the data have no groups, or the group no training image.
    """
    if "group" not in data.truth:
        raise BlindspotError(f"{data.card.title} does not say which images belong together.")
    rows = data.rows("train")
    rows = rows[data.truth["group"][rows] == group]
    if not len(rows):
        raise BlindspotError(f"{data.card.title} has no training image of group {group}.")
    return ForgetRequest("picked", data.ids[rows], f"group {group}")


def wrong_labels(data: DataSet) -> ForgetRequest:
    """The training images whose label is known to be wrong.

    Raises:
        BlindspotError: no label is, or nothing is known of it.
    """
    if "clean_label" not in data.truth:
        raise BlindspotError(
            f"{data.card.title} does not say which labels are wrong: its variant “Wrong "
            "labels” does."
        )
    rows = data.rows("train")
    wrong = data.truth["clean_label"][rows] != data.labels[rows]
    if "poisoned" in data.truth:
        # planted images have another label too, but are a request of their own
        wrong &= ~np.asarray(data.truth["poisoned"], np.bool_)[rows]
    if not wrong.any():
        raise BlindspotError(f"{data.card.title} has no wrong label that could be forgotten.")
    return ForgetRequest("wrong labels", data.ids[rows[wrong]], f"{wrong.sum()} wrong labels")


def planted(data: DataSet) -> ForgetRequest:
    """The training images that carry a planted patch with its target's label: a back door.

    Raises:
        BlindspotError: none does.
    """
    rows = data.rows("train")
    marked = np.asarray(data.truth.get("poisoned", np.zeros(len(data), np.bool_)), np.bool_)[rows]
    if not marked.any():
        raise BlindspotError(
            f"{data.card.title} has nothing planted in it: its variant “Poison” has."
        )
    rows = rows[marked]
    label = int(data.labels[rows[0]])
    words = f"{len(rows)} planted images"
    return ForgetRequest("planted", data.ids[rows], words, label)


def splits(data: DataSet, request: ForgetRequest, *, needs_test: bool = True) -> Splits:
    """Which rows are to be forgotten, which stay, and which measure.

    Args:
        data: with training images and, if `needs_test`, test images.
        request: what is to be forgotten.
        needs_test: whether data without test images are refused.

    Raises:
        BlindspotError: an image is no training image, nothing would stay, nothing measures, or the
            images are not of the mode that is named.
    """
    title = data.card.title
    forget = data.places(request.ids)
    if (data.split[forget] != 0).any():
        raise BadData(f"{title}: only training images can be forgotten.")
    train, test = data.rows("train"), data.rows("test")
    retain = np.setdiff1d(train, forget)
    if not len(retain):
        raise BlindspotError(
            f"All {len(train)} training images of {title} are to be forgotten: leave some, or "
            "begin with an untrained model."
        )
    if needs_test and not len(test):
        raise BlindspotError(
            f"{title} has no test images to measure with: at least one must be kept apart from "
            "training."
        )
    whole_classes = np.unique(data.labels[forget if request.whole_class else forget[:0]])
    is_gone = np.isin(data.labels[test], whole_classes)
    if request.mode:
        in_mode = of_its_mode(data, request)
        if not in_mode[forget].all():
            raise BlindspotError(
                f"The images of {request.words} are others in {title}: choose the mode again, of "
                "these data."
            )
        is_gone = in_mode[test]
    if len(test) and is_gone.all():
        what = "mode" if request.mode else "class"
        raise BlindspotError(f"{title} has only test images of that {what}: nothing measures.")
    return Splits(np.sort(forget), retain, test[~is_gone], test[is_gone])


def of_its_mode(data: DataSet, request: ForgetRequest) -> NDArray[np.bool_]:
    """Which images are of the mode that a request names, (N,); none where there is no such mode."""
    in_mode = modes(data).get(request.mode, np.zeros(len(data), np.bool_))
    return in_mode & (data.labels == request.label)


@dataclass(frozen=True, eq=False)
class Splits:
    """Rows of a data set, ascending.

    Args:
        forget: D_f, what is to be forgotten.
        retain: D_r, the other training images.
        test: D_t, without a class, or a mode of one, that is forgotten as a whole.
        gone: the test images of such a class or mode; none for other requests.
    """

    forget: Rows
    retain: Rows
    test: Rows
    gone: Rows

    @property
    def train(self) -> Rows:
        """D, all that the original learned from."""
        return np.sort(np.concatenate([self.forget, self.retain]))


def sample_share(rows: Rows, share: float, seed: int) -> Rows:
    """That share of some rows, at least one."""
    order = np.random.default_rng([seed, 11]).permutation(rows)
    return np.sort(order[: max(1, round(share * len(rows)))])


def check_share(share: float) -> None:
    """Raise BlindspotError for what is no share."""
    if not 0 < share <= 1:
        raise BlindspotError(f"A share of {share:g} cannot be forgotten: choose more than 0, to 1.")


def count_text(count: int, how: str) -> str:
    """So many images, in words."""
    return f"{count} image{'' if count == 1 else 's'} {how}"
