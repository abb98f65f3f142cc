"""Certificates: how many training images can be poisoned without changing an answer.

Rezaei et al., "Run-Off Election" (2023), https://arxiv.org/abs/2302.02300
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.errors import BlindspotError
from engine.core.method import Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning.roe.ballots import recipe, vote
from engine.unlearning.roe.bounds import DPA, FA, FA_ROE, ROE, SCHEMES, certify
from engine.unlearning.roe.election import MOST_CLASSES, Ballots, Whole, hold
from engine.unlearning.roe.partitions import Partitions, digests_of
from engine.vision.data import DataSet, Rows

STORED_BALLOTS = 40  # test images whose ballots are kept
SPREAD = {DPA: False, ROE: False, FA: True, FA_ROE: True}  # whether a bucket reaches several
SEEDS = 10_000  # between the networks' seeds of one case seed and of the next
PAPER = "Rezaei et al., Run-Off Election (2023), https://arxiv.org/abs/2302.02300"


@dataclass(frozen=True)
class Voters(Method[ExperimentCase]):
    """What decides which networks vote, and about which images."""

    partitions: int = setting(
        50,
        Slider(5, 100, 5),
        "Partitions",
        "Into how many parts the training images are split. With more, a poison reaches a smaller "
        "share of the networks, and each network has fewer images to learn from.",
    )
    spread: int = setting(
        4,
        Slider(2, 8, 1),
        "Networks for each image in FA",
        "FA trains so many times as many networks, and each image reaches so many of them. DPA "
        "has one.",
    )
    epochs: int = setting(
        20, Slider(1, 60, 1), "Epochs", "How long each network learns from its part."
    )
    shown: int = setting(
        64,
        Slider(8, 256, 8),
        "Images an epoch",
        "How many images of its part each network learns from, the same in each epoch; where it "
        "has fewer, they come again. The number is fixed, so that a poison changes nothing for "
        "networks that it cannot reach.",
    )
    images: int = setting(
        300, Slider(10, 1000, 10), "Test images", "How many are certified, drawn by the seed."
    )

    def parts(self, scheme: str) -> Partitions:
        """The partitions of a scheme."""
        return Partitions(self.partitions, self.spread if SPREAD[scheme] else 1)

    def asked(self, case: ExperimentCase) -> Rows:
        """The rows of the test images, in an order drawn by the seed.

        Raises:
            BlindspotError: there is one class or too many, no test image, or a partition would have
                no image.
        """
        data, learned = case.data, len(case.data.rows("train"))
        title = data.card.title
        if len(np.unique(data.labels)) < 2:
            raise BlindspotError(f"{title} has one class: every network would vote for it.")
        if len(data.classes) > MOST_CLASSES:
            raise BlindspotError(
                f"{title} has {len(data.classes)} classes, and networks vote on at most "
                f"{MOST_CLASSES}: choose data with fewer."
            )
        if learned < self.partitions:
            raise BlindspotError(
                f"{title} has {learned} training images, fewer than the {self.partitions} "
                f"partitions: choose at most {learned}."
            )
        if not len(rows := data.some("test", self.images, case.seed)):
            raise BlindspotError(f"{title} has no test images to certify.")
        # in random order: ballots are kept of the first ones only, which are to be a fair sample
        return np.random.default_rng([case.seed, 53]).permutation(rows)

    def seeds(self, case: ExperimentCase, networks: int) -> list[int]:
        """Of each network, whichever scheme it votes in."""
        return [SEEDS * case.seed + index for index in range(networks)]


@dataclass(frozen=True)
class Certificates(Voters):
    """How many poisoned training images cannot change the answer to a test image: a proof.

    Many small networks vote, and each learned from another part of the training images. The part
    is decided by the pixels of an image alone, so that one image that is added, removed or given
    another label reaches one network (DPA) or a few (FA); an image whose pixels are altered counts
    as two, one removed and one added. However a network that is reached votes then, the lead of
    the winner cannot be made up by so many of them: that number is the certificate. With a run-off
    (ROE) the two classes that are first most often are compared again by all networks. That gains
    where many networks scatter their first votes, and loses where the run-off is narrower than the
    first round. Equal votes go to the class that stands first in the list of classes. A certificate
    does not say whether the answer is right, and does not cover images altered at test time.
    """

    name = "Certificates"
    family = "unlearning"
    title = "Certificates against poisoning"
    cost = "job"
    paper = PAPER
    proof = (
        "tests/engine/unlearning/roe/test_certificates.py"
        "::test_every_certificate_is_that_of_networks_trained_and_counted_by_hand"
    )
    example = defaults(partitions=5, spread=2, shown=8)
    argument_defaults = defaults(data="mnist-5k")

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: images, curves, ballots of DPA and of FA.

        Images: id, label, and for each scheme what it says, its radius, the rival and the round in
        which that wins. Curves: the share of images that are answered right and cannot be changed
        by so many poisons. Ballots: (networks · images) rows, the place that each network gives
        each class, of the first images only.
        """
        test_rows, data = self.asked(case), case.data
        labels = data.labels[test_rows]
        columns: dict[str, tuple[Any, str]] = {
            "id": (data.ids[test_rows], ""),
            "label": (labels, ""),
        }
        views: dict[str, Table] = {}
        part = 1 / (1 + self.spread)
        for schemes, low, high in (((DPA, ROE), 0.0, part), ((FA, FA_ROE), part, 1.0)):
            partitions = self.parts(schemes[0])
            part_progress = part_of(progress, low, high, lead=schemes[0])
            ballots = vote(
                data,
                partition_rows(data, partitions, case.seed),
                self.seeds(case, partitions.networks),
                test_rows,
                recipe(self.epochs),
                self.shown,
                part_progress,
            )
            views[f"ballots, {schemes[0]}"] = as_table(ballots[:, :STORED_BALLOTS])
            for scheme in schemes:
                result = certify(scheme, ballots, partitions.shifts)
                columns |= {
                    f"{scheme}, says": (result.says.astype(np.uint8), ""),
                    f"{scheme}, radius": (
                        # NEVER exceeds 16 bits, and there are no more networks to reach
                        np.minimum(result.radius, partitions.networks).astype(np.int16),
                        "poisons",
                    ),
                    f"{scheme}, rival": (result.rival.astype(np.uint8), ""),
                    f"{scheme}, round": (result.lost.astype(np.uint8), ""),
                }
        images = Table.of(columns)
        return {"images": images, "curves": curves(images), **views}

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How many are right, and how many of these are certain against some poisons."""
        curve: Table = result["curves"]
        at = middle_count(curve)
        return (
            f"{100 * curve[ROE][0]:.0f} % of {len(result['images'])} test images are answered "
            f"right, and {100 * curve[ROE][at]:.0f} % stay right under any {at} poisons "
            f"({ROE}; {DPA}: {100 * curve[DPA][0]:.0f} and {100 * curve[DPA][at]:.0f} %)."
        )


def partition_rows(data: DataSet, own: Partitions, seed: int) -> list[Rows]:
    """The rows that each network learns from."""
    rows = data.rows("train")
    place_sets = own.learned(digests_of(data.images[rows], seed), data.labels[rows])
    return [rows[places] for places in place_sets]


def as_table(ballots: Ballots) -> Table:
    """Ballots as rows, one network after the other."""
    flat = ballots.reshape(-1, ballots.shape[-1])
    return Table.of({str(place): (column, "") for place, column in enumerate(flat.T)})


def ballots_in(table: Table, images: int) -> Ballots:
    """The ballots again, (networks, images, classes)."""
    ballots: Ballots = table.values.reshape(-1, images, len(table.order))
    return ballots


def ballots_about(result: Mapping[str, Any], scheme: str, image: int) -> Ballots:
    """The ballots of a scheme about one image, (networks, 1, classes).

    Raises:
        BlindspotError: the image is not among those whose ballots are kept.
    """
    stored_count = min(STORED_BALLOTS, len(result["images"]))
    if not 0 <= image < stored_count:
        raise BlindspotError(
            f"Ballots are kept of {stored_count} test images, from 0 to {stored_count - 1}."
        )
    table = result[f"ballots, {FA if SPREAD[scheme] else DPA}"]
    return ballots_in(table, stored_count)[:, image : image + 1]


def election_table(ballots: Ballots, classes: tuple[str, ...]) -> Table:
    """Both rounds of one image's election: first votes, and who puts the winner above each class.

    "run-off" is the share of networks that put the winner above the class, NaN for the winner.
    """
    election = hold(ballots)
    # ahead is above − below, and both add up to the networks
    share = (election.ahead[0] + election.networks) / (2 * election.networks)
    share[election.winner[0]] = np.nan
    columns = {"first votes": (election.votes[0], "networks"), "run-off": (share, "share")}
    return Table.of(columns, classes)


def curves(images: Table) -> Table:
    """Certified accuracy over the number of poisons, for each scheme."""
    right: dict[str, Whole] = {
        scheme: np.where(
            images[f"{scheme}, says"] == images["label"], images[f"{scheme}, radius"], -1
        )
        for scheme in SCHEMES
    }
    poisons = np.arange(max(int(radii.max()) for radii in right.values()) + 2)
    columns: dict[str, tuple[Any, str]] = {"poisons": (poisons, "")}
    columns |= {
        scheme: ((radius[None] >= poisons[:, None]).mean(1), "share")
        for scheme, radius in right.items()
    }
    return Table.of(columns)


def middle_count(curve: Table) -> int:
    """A number of poisons in the middle: half of what any image withstands."""
    return max(len(curve) - 2, 0) // 2
