"""In which format does a network answer labeled images rightly? The plausible ones are tried.

Only training images are looked at: what judges a model later must not have chosen its format.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.core.case_base import Case, Precision
from engine.core.errors import BlindspotError
from engine.core.method import Method, Progress, Slider, defaults, quiet, setting
from engine.core.result import Result, Table
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.models.format_rounds import CHANNELS, FormatRounds, FormatScore, Order, assigned
from engine.vision.models.input_format import InputFormat, triple
from engine.vision.shares import majority_share

LISTED_FORMATS = 8  # formats of an answer


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
class FormatSearch(Method[FormatCase]):
    """How many labeled training images a network gets right in each plausible input format.

    A file of weights does not say at which size, with which normalization and in which order of
    channels and classes its network was trained. In a wrong format it answers at chance, as a
    network that learned nothing. The sizes, normalizations and channels in use are tried on some
    training images, and those far behind the best are given up early. The best of many is a little
    too good by choice; test images are not looked at. A slow network is not asked forever: after
    three minutes of computing the rest is left out, and the answer says how much that is.
    """

    name = "FormatSearch"
    family = "subject"
    title = "Input format"
    cost = "wait"
    revision = 3  # tries BGR and gray at every size
    proof = (
        "tests/engine/vision/models/test_format_search.py"
        "::test_the_format_of_a_plain_training_is_found_again"
    )
    # px, tried after the sides of the data and of the model
    usual_sides: ClassVar[tuple[int, ...]] = (28, 32, 64, 96, 128, 160, 176, 192, 224, 256, 299)
    example_constants = defaults(usual_sides=(8, 64))

    images: int = setting(
        256, Slider(32, 1024, 32), "Images", "Training images that the best formats are tried on."
    )

    def __call__(self, case: FormatCase, progress: Progress = quiet) -> Result:
        """Views: formats, a row for each of the best; order, a class for each output; tried.

        Formats has side, mean and std by channel, channels (a place in CHANNELS), the images that
        were tried, and how many are right in each order of the case and in the assigned one, which
        was found on the other half of the images. Order is the assigned one of the best format.
        Tried has how many formats were tried, and how many there were in all rounds.
        """
        search = FormatRounds(case, self.images, self.usual_sides, progress)
        scores = search.run()
        best = scores[0]
        order = assigned(best.predictions, best.labels, len(case.data.classes))
        progress(1.0, f"best: {best.format.words}")
        return {
            "formats": as_table(scores[:LISTED_FORMATS], case),
            "order": Table.of({"class": (order, "")}),
            "tried": Table.of({"tried": ([search.tried], ""), "planned": ([search.planned], "")}),
        }


def as_table(scores: Iterable[FormatScore], case: FormatCase) -> Table:
    """The scores as numbers, a row for each."""
    scores = list(scores)
    formats = [score.format for score in scores]
    columns: dict[str, tuple[Any, str]] = {
        "side": ([input_format.side for input_format in formats], "px")
    }
    for name in ("mean", "std"):
        for channel in range(3):
            columns[f"{name} {channel}"] = (
                [getattr(input_format, name)[channel] for input_format in formats],
                "",
            )
    columns["channels"] = [CHANNELS.index(input_format.channels) for input_format in formats], ""
    columns["images"] = [len(score.labels) for score in scores], "images"
    for number, order in enumerate(case.every_order):
        columns[f"right {number}"] = [score.right(order) for score in scores], "images"
    classes = len(case.data.classes)
    assignments = [score.right_by_assignment(classes) for score in scores]
    columns["right by assignment"] = assignments, "images"
    columns["chance"] = [majority_share(score.labels) for score in scores], "share"
    return Table.of(columns, [input_format.words for input_format in formats])


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
