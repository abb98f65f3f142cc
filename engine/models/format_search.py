"""In which format does a network answer labeled images rightly? The plausible ones are tried.

Only training images are looked at: what judges a model later must not have chosen its format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from engine.case_base import Case, Precision
from engine.data import DataSet
from engine.data.resized import at_side
from engine.errors import BadModel, BlindspotError
from engine.measures.shares import chance, confusion, wilson
from engine.method import Method, Progress, Slider, quiet, setting
from engine.models.classifier import Classifier
from engine.models.input_format import (
    NORMALIZATIONS,
    Channels,
    ChannelStep,
    InputFormat,
    format_of,
    in_format,
    input_channels,
    triple,
)
from engine.models.passes import counting_passes
from engine.result import Result, Table

Whole = NDArray[np.int64]
Order = tuple[int, ...]  # for each output, the class of the data that it stands for

USUAL_SIDES = (28, 32, 64, 96, 128, 160, 176, 192, 224, 256, 299)
PROBES = ("0 … 1", "ImageNet", "−1 … 1", "0 … 255")  # tried at every side
CHANNELS: tuple[Channels, ...] = ("RGB", "BGR", "gray")
BEST_SIDES, FINALISTS, SHOWN = 3, 6, 8
FIRST_LOOK = (32, 128)  # images of the first round, at least and at most
BATCH = 16  # images after which a hopeless format is given up


@dataclass(frozen=True, eq=False)
class FormatCase(Case):
    """A model and labeled images of which it is not known how the model takes them.

    Args:
        model: in any format that its network takes.
        data: images at their own size; the training images are tried.
        orders: of the classes, beside that of the data: see Order.
        precision: "exact" is the only one.

    Raises:
        BlindspotError: the numbers of classes differ, or there are no training images.
    """

    case_name: ClassVar[str] = "format"
    what: ClassVar[str] = "a model and labeled images of it"

    model: Classifier
    data: DataSet
    orders: tuple[Order, ...] = ()
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        classes = len(self.data.classes)
        if classes != len(self.model.labels):
            raise BlindspotError(
                f"{self.data.card.title} has {classes} classes, but {self.model.title} tells "
                f"{len(self.model.labels)} apart: choose the data that it was trained on."
            )
        if not len(self.data.rows("train")):
            raise BlindspotError(f"{self.data.card.title} has no training images to try.")
        if any(sorted(order) != list(range(classes)) for order in self.orders):
            raise BlindspotError("An order of the classes has each class once.")

    @property
    def every_order(self) -> tuple[Order, ...]:
        """The order of the data, and the others that were given."""
        return (tuple(range(len(self.data.classes))), *self.orders)


@dataclass(frozen=True)
class FormatScore:
    """How a network answers labeled images in one format.

    Args:
        format: how the images were given to it.
        predictions, labels: (n,), outputs of the network and classes of the data.
    """

    format: InputFormat
    predictions: Whole
    labels: Whole

    def right(self, order: Order) -> int:
        """How many images are right when the outputs stand for the classes in that order."""
        return int((np.array(order)[self.predictions] == self.labels).sum())

    def right_by_assignment(self, classes: int) -> int:
        """How many are right in an order found on the other half of the images."""
        even = np.arange(len(self.labels)) % 2 == 0
        count = 0
        for found_on, tried_on in ((even, ~even), (~even, even)):
            order = assigned(self.predictions[found_on], self.labels[found_on], classes)
            count += int((order[self.predictions[tried_on]] == self.labels[tried_on]).sum())
        return count

    def best(self, orders: Iterable[Order], classes: int) -> int:
        """The most that any order has, the assigned one among them."""
        return max(*(self.right(order) for order in orders), self.right_by_assignment(classes))


def assigned(predictions: Whole, labels: Whole, classes: int) -> Whole:
    """The order of classes that makes most answers right (Hungarian method), (classes,)."""
    from scipy.optimize import linear_sum_assignment

    outputs, order = linear_sum_assignment(confusion(predictions, labels, classes).T, maximize=True)
    return np.asarray(order[np.argsort(outputs)], np.int64)


@dataclass(frozen=True)
class FormatSearch(Method[FormatCase]):
    """How many labeled training images a network gets right in each plausible input format.

    A file of weights does not say at which size, with which normalization and in which order of
    channels and classes its network was trained. In a wrong format it answers at chance, as a
    network that learned nothing. The sizes, normalizations and channels in use are tried on some
    training images, and those far behind the best are given up early. The best of many is a little
    too good by choice; test images are not looked at.
    """

    name = "FormatSearch"
    family = "subject"
    title = "Input format"
    cost = "wait"
    proof = (
        "tests/engine/models/test_format_search.py"
        "::test_the_format_of_a_plain_training_is_found_again"
    )

    images: int = setting(
        256, Slider(32, 1024, 32), "Images", "Training images that the best formats are tried on."
    )

    def __call__(self, case: FormatCase, progress: Progress = quiet) -> Result:
        """Views: formats, a row for each of the best; order, a class for each output.

        Formats has side, mean and std by channel, channels (a place in CHANNELS), the images that
        were tried, and how many are right in each order of the case and in the assigned one, which
        was found on the other half of the images. Order is the assigned one of the best format.
        """
        search = Search(case, self.images, progress)
        scores = search.run()
        best = scores[0]
        order = assigned(best.predictions, best.labels, len(case.data.classes))
        progress(1.0, f"best: {best.format.words}")
        return {
            "formats": as_table(scores[:SHOWN], case),
            "order": Table.of({"class": (order, "")}),
        }


class Search:
    """Rounds of formats on more and more images, of which the best go on.

    Args:
        case: what is tried.
        images: of the last round.
        progress: of the whole; reported after each format.
    """

    def __init__(self, case: FormatCase, images: int, progress: Progress) -> None:
        self.case, self.progress = case, progress
        self.classes = len(case.data.classes)
        self.rows = np.random.default_rng(7).permutation(case.data.some("train", images))
        self.network = case.model.twin(paced=False)
        self.best_low, self.done, self.total = 0.0, 0, 1

    def run(self) -> list[FormatScore]:
        """The formats of the last round, best first."""
        first = min(max(4 * self.classes, FIRST_LOOK[0]), FIRST_LOOK[1], len(self.rows))
        own = format_of(self.case.model)
        sides = list(self.sides())
        probes = list(self.at_sides(sides, PROBES))
        self.total = len(probes) + BEST_SIDES * len(NORMALIZATIONS) + 3 * FINALISTS
        score = self.score(own, first, fits=True)
        scores = [score, *self.scored(probes, first)] if score else self.scored(probes, first)
        near = list(dict.fromkeys(one.format.side for one in self.ranked(scores)))[:BEST_SIDES]
        known = {one.format for one in scores}
        every = [one for one in self.at_sides(near, (*NORMALIZATIONS, "")) if one not in known]
        scores += self.scored(every, first)
        finalists = [one.format for one in self.ranked(scores)[:FINALISTS]]
        wider = [one for known in finalists for one in self.other_channels(known)]
        finalists = list(dict.fromkeys([*finalists, *wider]))
        self.best_low = 0.0
        return self.ranked(self.scored(finalists, len(self.rows)))

    def sides(self) -> Iterator[int]:
        """Sides that are tried, the likeliest first."""
        if fixed := getattr(self.case.model.network, "fixed_side", None):
            yield int(fixed)
            return
        yield from dict.fromkeys((self.case.data.side, self.case.model.side, *USUAL_SIDES))

    def at_sides(self, sides: Iterable[int], names: Iterable[str]) -> Iterator[InputFormat]:
        """Normalizations by name at some sides; "" is that of the images themselves."""
        own = format_of(self.case.model)
        named = [NORMALIZATIONS[name] if name else self.of_the_data() for name in names]
        for side in sides:
            for mean, std in dict.fromkeys([(own.mean, own.std), *named]):
                with_side = replace(own, side=side, mean=mean, std=std)
                if with_side != own:
                    yield with_side

    def of_the_data(self) -> tuple[Any, Any]:
        """Mean and spread of the training images, as many trainings use them."""
        pixels = self.case.data.pixels(self.rows)
        mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3)).clamp(min=0.01)
        return triple(mean.tolist()), triple(std.tolist())

    def other_channels(self, known: InputFormat) -> Iterator[InputFormat]:
        """The same with other channels, where that makes a difference."""
        if input_channels(self.network.network) == 1 or self.case.data.images.shape[1] == 1:
            return
        yield from (replace(known, channels=one) for one in CHANNELS if one != known.channels)

    def scored(self, formats: Iterable[InputFormat], images: int) -> list[FormatScore]:
        """Those that the network takes, on so many images."""
        scores = (self.score(one, images) for one in formats)
        return [score for score in scores if score is not None]

    def score(self, wanted: InputFormat, images: int, *, fits: bool = False) -> FormatScore | None:
        """One format, given up where it can no longer reach the best; None where it does not fit.

        Args:
            wanted: the format.
            images: how many are tried at most.
            fits: whether the network is known to take it: an error is then a fault.
        """
        self.done += 1
        share = min(self.done / max(self.total, self.done), 0.99)
        self.progress(share, f"trying {wanted.words}")
        try:
            model = self.network if fits else in_format_of(self.network, wanted)
        except BadModel:
            return None
        rows, predictions = self.rows[:images], np.empty(0, np.int64)
        labels = self.case.data.labels[rows]
        while len(predictions) < len(rows):
            start = len(predictions)
            more = self.answers(model, start, min(start + BATCH, len(rows)))
            predictions = np.concatenate([predictions, more])
            score = FormatScore(wanted, predictions, labels[: len(predictions)])
            right = score.best(self.case.every_order, self.classes)
            low, high = wilson(right, len(predictions))
            if high < self.best_low:
                break
        self.best_low = max(self.best_low, low)
        return score

    def answers(self, model: Classifier, start: int, end: int) -> Whole:
        """The outputs that are highest for some of the images."""
        images = at_side(self.case.data.images[self.rows[start:end]], model.side)
        pixels = torch.from_numpy(images / np.float32(255)).expand(-1, 3, -1, -1)
        with torch.inference_mode(), counting_passes(None):
            logits = model(pixels.to(model.device))
        return np.asarray(logits.argmax(1).cpu().numpy(), np.int64)

    def ranked(self, scores: Iterable[FormatScore]) -> list[FormatScore]:
        """Best first; of equals the earlier one."""

        def share(score: FormatScore) -> float:
            right = score.best(self.case.every_order, self.classes)
            return wilson(right, len(score.labels))[0]

        return sorted(scores, key=share, reverse=True)


def in_format_of(model: Classifier, wanted: InputFormat) -> Classifier:
    """The very network of a model in another format; it shares its weights."""
    step = model.network
    network = step.network if isinstance(step, ChannelStep) else step
    return in_format(network, wanted, model.name, model.title, device=model.device)


def as_table(scores: Iterable[FormatScore], case: FormatCase) -> Table:
    """The scores as numbers, a row for each."""
    scores = list(scores)
    formats = [score.format for score in scores]
    columns: dict[str, tuple[Any, str]] = {"side": ([one.side for one in formats], "px")}
    for name in ("mean", "std"):
        for channel in range(3):
            columns[f"{name} {channel}"] = [getattr(one, name)[channel] for one in formats], ""
    columns["channels"] = [CHANNELS.index(one.channels) for one in formats], ""
    columns["images"] = [len(score.labels) for score in scores], "images"
    for number, order in enumerate(case.every_order):
        columns[f"right {number}"] = [score.right(order) for score in scores], "images"
    classes = len(case.data.classes)
    assignments = [score.right_by_assignment(classes) for score in scores]
    columns["right by assignment"] = assignments, "images"
    columns["chance"] = [chance(score.labels) for score in scores], "share"
    return Table.of(columns, [one.words for one in formats])


def formats_in(table: Table) -> list[InputFormat]:
    """The formats of an answer, best first."""
    return [
        InputFormat(
            int(table["side"][row]),
            triple([float(table[f"mean {channel}"][row]) for channel in range(3)]),
            triple([float(table[f"std {channel}"][row]) for channel in range(3)]),
            CHANNELS[int(table["channels"][row])],
        )
        for row in range(len(table))
    ]
