"""Rounds in which the plausible input formats of a network are tried on labeled images.

Each round has more images or more formats than the one before, and only the best go on. A
stranger's network may be slow: after SECONDS of computing no further format is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from engine.core.errors import BadModel
from engine.core.method import Progress
from engine.vision.data.resized import at_side
from engine.vision.models.classifier import Classifier
from engine.vision.models.input_format import (
    LUMA,
    NORMALIZATIONS,
    Channels,
    InputFormat,
    fixed_side,
    format_of,
    in_format_of,
    input_channels,
    suited,
    triple,
)
from engine.vision.models.passes import counting_passes
from engine.vision.shares import confusion, wilson

if TYPE_CHECKING:
    from engine.vision.models.format_search import FormatCase

ValueT = TypeVar("ValueT")
Whole = NDArray[np.int64]
Order = tuple[int, ...]  # for each output, the class of the data that it stands for

PROBES = ("0 … 1", "ImageNet", "−1 … 1", "0 … 255")  # tried at every side
CHANNELS: tuple[Channels, ...] = ("RGB", "BGR", "gray")
BEST_SIDES, FINALISTS = 3, 6
FIRST_LOOK = (32, 128)  # images of the first round, at least and at most
BATCH = 16  # images after which a hopeless format is given up
SECONDS = 180.0  # of computing in all
UNTIL = (0.5, 0.75, 1.0)  # shares of it after which a round ends


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
        # an order judged on the images that it was fitted to would beat chance
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


class FormatRounds:
    """Rounds of formats on more and more images, of which the best go on.

    Args:
        case: what is tried.
        images: of the last round.
        usual_sides: tried after those of the data and of the model.
        progress: of the whole; reported before each batch.
    """

    def __init__(
        self, case: FormatCase, images: int, usual_sides: Sequence[int], progress: Progress
    ) -> None:
        self.case, self.usual_sides, self.progress = case, usual_sides, progress
        self.classes = len(case.data.classes)
        # `some` sorts its rows, so that the first ones could be of a few classes alone
        self.rows = np.random.default_rng(7).permutation(case.data.some("train", images))
        self.network = case.model.twin(paced=False)
        self.best_low, self.seconds = 0.0, 0.0
        self.tried, self.planned = 0, 1  # formats, each as often as a round has it
        self.expected = 1  # formats, before later rounds are known

    @property
    def stopped(self) -> bool:
        """Whether formats were left out because there was no time for them."""
        return self.tried < self.planned

    def run(self) -> list[FormatScore]:
        """The formats of the last round, best first, and the others where it was cut short."""
        first = min(max(4 * self.classes, FIRST_LOOK[0]), FIRST_LOOK[1], len(self.rows))
        own_format = format_of(self.case.model)
        at_all_sides = list(self.at_sides(list(self.sides()), PROBES))
        # all sides in the usual order of channels first: a slow network sees few of the others
        probes = [*at_all_sides, *self.with_other_channels([own_format, *at_all_sides])]
        self.expected = len(probes) + BEST_SIDES * len(NORMALIZATIONS) + 3 * FINALISTS
        score = self.score(own_format, first, UNTIL[0], fits=True)
        scores = [score] if score else []
        scores += self.scored(probes, first, UNTIL[0])
        channels_at: dict[int, Channels] = {}
        for ranked_score in self.ranked(scores):
            channels_at.setdefault(ranked_score.format.side, ranked_score.format.channels)
        near = list(channels_at)[:BEST_SIDES]
        known = {score.format for score in scores}
        new_formats = [
            candidate
            for usual in self.at_sides(near, (*NORMALIZATIONS, ""))
            if (candidate := replace(usual, channels=channels_at[usual.side])) not in known
        ]
        scores += self.scored(new_formats, first, UNTIL[1])
        finalists = [candidate.format for candidate in self.ranked(scores)[:FINALISTS]]
        finalists = list(dict.fromkeys([*finalists, *self.with_other_channels(finalists)]))
        # the finalists are tried on more images: the bar of the first ones is not theirs
        self.best_low = 0.0
        last = self.scored(finalists, len(self.rows), UNTIL[2])
        if self.stopped:
            last += [
                score for score in scores if score.format not in {other.format for other in last}
            ]
        return self.ranked(last)

    def sides(self) -> Iterator[int]:
        """Sides that are tried, the likeliest first."""
        if side := fixed_side(self.case.model.network):
            yield side
            return
        yield from dict.fromkeys((self.case.data.side, self.case.model.side, *self.usual_sides))

    def at_sides(self, sides: Iterable[int], names: Iterable[str]) -> Iterator[InputFormat]:
        """Normalizations by name at some sides; "" is that of the images themselves."""
        own_format, network = format_of(self.case.model), self.network.network
        named = [NORMALIZATIONS[name] if name else self.of_the_data() for name in names]
        formats = (
            suited(network, replace(own_format, side=side, mean=mean, std=std))
            for side in sides
            for mean, std in [(own_format.mean, own_format.std), *named]
        )
        yield from (candidate for candidate in dict.fromkeys(formats) if candidate != own_format)

    def of_the_data(self) -> tuple[Any, Any]:
        """Mean and spread of the training images, as many trainings use them."""
        pixels = self.case.data.pixels(self.rows)
        if input_channels(self.network.network) == 1:
            pixels = (pixels * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
            pixels = pixels.expand(-1, 3, -1, -1)
        mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3)).clamp(min=0.01)
        return triple(mean.tolist()), triple(std.tolist())

    def with_other_channels(self, formats: Iterable[InputFormat]) -> Iterator[InputFormat]:
        """The same in the other channels, one after the other, where that makes a difference."""
        if input_channels(self.network.network) == 1 or self.case.data.images.shape[1] == 1:
            return
        formats = list(formats)
        for channels in CHANNELS:
            yield from (
                replace(known, channels=channels) for known in formats if channels != known.channels
            )

    def scored(
        self, formats: Sequence[InputFormat], images: int, until: float
    ) -> list[FormatScore]:
        """Those that the network takes, on so many images, until a share of the time is over."""
        self.planned += len(formats)
        scores = []
        for input_format in formats:
            if self.seconds >= until * SECONDS:
                break
            scores.append(self.score(input_format, images, until))
        return [score for score in scores if score is not None]

    def score(
        self, input_format: InputFormat, images: int, until: float, *, fits: bool = False
    ) -> FormatScore | None:
        """One format, given up where it can no longer reach the best; None where it does not fit.

        Args:
            input_format: the format.
            images: how many are tried at most.
            until: share of the time after which no further batch is tried.
            fits: whether the network is known to take it: an error is then a fault.
        """
        self.tried += 1
        self.report(input_format)
        try:
            model = self.network if fits else self.timed(in_format_of, self.network, input_format)
        except BadModel:
            return None
        rows, predictions = self.rows[:images], np.empty(0, np.int64)
        labels = self.case.data.labels[rows]
        while len(predictions) < len(rows):
            start = len(predictions)
            self.report(input_format)
            new_predictions = self.timed(self.answers, model, start, min(start + BATCH, len(rows)))
            predictions = np.concatenate([predictions, new_predictions])
            score = FormatScore(input_format, predictions, labels[: len(predictions)])
            right = score.best(self.case.every_order, self.classes)
            # intervals, not shares: after a few images the best may lie behind by luck
            low, high = wilson(right, len(predictions))
            if high < self.best_low or self.seconds >= until * SECONDS:
                break
        self.best_low = max(self.best_low, low)
        return score

    def report(self, input_format: InputFormat) -> None:
        """Say what is tried; whoever stops the search does it here."""
        share = self.tried / max(self.expected, self.tried)
        self.progress(min(share, 0.99), f"trying {input_format.words}")

    def timed(self, work: Callable[..., ValueT], *given: Any) -> ValueT:
        """What the work gives; its seconds count."""
        began = monotonic()
        try:
            return work(*given)
        finally:
            self.seconds += monotonic() - began

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
            # the lower end, so that a share over few images counts for less
            return wilson(right, len(score.labels))[0]

        return sorted(scores, key=share, reverse=True)
