"""How often, and with how small a change, K classes in order are found: three losses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.attribution.quadattack.many_images import AttackedImagesCase
from engine.attribution.quadattack.methods import PAPER, PROOF, RATE, QuadAttacK
from engine.attribution.quadattack.order_losses import NAMES, QUAD, order_loss
from engine.attribution.quadattack.order_search import OrderSearchRules, search_order
from engine.attribution.quadattack.ordered_case import MOST, drawn_order
from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.measures.levels import levels_of, sizes

LENGTHS = (1, 2, 3, 5, 7, 10)  # K, as far as the model has classes


@dataclass(frozen=True)
class OrderedSuccess(Method[AttackedImagesCase]):
    """For lists of growing length: how often each of three attacks finds them, at equal budget.

    Each image gets a random list of K wrong classes, the same for all three. A success is an 8-bit
    image of which the model ranks these classes first, in this order. The size is the root mean
    square of the change in gray levels of 255, the median over the images that all three succeed
    on, so that an attack is not punished for succeeding on hard images too. Beside it stands the
    median over each attack's own successes, which are other images for each.
    """

    name = "OrderedSuccess"
    family = "attribution"
    title = "Success by length of the list"
    cost = "job"
    paper = PAPER
    needs = frozenset({"gradient", "head", "one of many"})
    revision = 2
    proof = PROOF + "test_success_by_length_counts_what_single_attacks_find"

    steps: int = setting(
        30, Slider(1, 200, 1), "Steps", "Of each attack; each is a forward and a backward pass."
    )
    longest: int = setting(
        MOST,
        Slider(1, MOST, 1),
        "Longest list",
        "Lists of 1, 2, 3, 5, 7 and 10 classes are tried up to this length.",
    )

    rate: float = setting(
        0.0022,
        RATE,
        "Learning rate",
        "Of AdamW, in pixel values; small images of strong contrast "
        "need larger steps, such as 0.01.",
    )

    def lengths(self, classes: int) -> list[int]:
        """The lengths that are tried."""
        most = min(self.longest, classes - 1)
        return [length for length in LENGTHS if length < most] + [most]

    def __call__(self, case: AttackedImagesCase, progress: Progress = quiet) -> Result:
        """Views: success, size where all succeed and own size by K, a column for each loss;
        attacks, one row for each."""
        lengths, classes = self.lengths(len(case.model.labels)), len(case.model.labels)
        usual = QuadAttacK()
        rules = OrderSearchRules(self.steps, 1, self.rate, usual.weight)
        images, labels = case.images()
        levels = [levels_of(image) for image in images]
        won = np.zeros((len(lengths), len(levels), len(NAMES)), np.float32)
        size = np.full(won.shape, np.nan, np.float32)
        total, done = won.size, 0
        for at, length in enumerate(lengths):
            for image, (label, image_levels) in enumerate(zip(labels, levels, strict=True)):
                seed = (case.seed * 1009 + image) * 101 + length
                order = drawn_order(classes, label, length, seed)
                for place, name in enumerate(NAMES):
                    loss = order_loss(name, case.model, order, usual.margin)
                    # the same noise to begin with for all three losses
                    generator = torch.Generator().manual_seed(seed)
                    result = search_order(
                        case.model, image_levels, order, loss, rules, generator, lambda *_: None
                    )
                    won[at, image, place] = result.success
                    size[at, image, place] = sizes(result.change)["RMS"]
                    progress(done / total, f"lists of {length}: image {image + 1}, {name}")
                    done += 1
        progress(1.0, "counted")
        return {
            "success": by_length(won.mean(1), lengths, "share"),
            "size": by_length(common_median(won, size), lengths, "/255"),
            "own size": by_length(own_median(won, size), lengths, "/255"),
            "attacks": Table.of(
                {
                    "K": (np.repeat(lengths, len(levels)).astype(np.float32), "classes"),
                    "image": (np.tile(np.arange(len(levels)), len(lengths)), "number"),
                    **{
                        f"{what} {name}": (values[..., place].ravel(), unit)
                        for place, name in enumerate(NAMES)
                        for what, values, unit in (
                            ("success", won, "yes or no"),
                            ("size", size, "/255"),
                        )
                    },
                }
            ),
        }

    def finding(self, case: AttackedImagesCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """The longest list, and how often each attack finds it."""
        success, longest = result["success"], int(result["success"]["K"][-1])
        count = len(set(result["attacks"]["image"].tolist()))
        shares = {name: float(success[name][-1]) for name in NAMES}
        rest = ", ".join(
            f"{name} {100 * share:.0f} %" for name, share in shares.items() if name != QUAD
        )
        return (
            f"A list of {longest} classes in order: QuadAttacK finds it for "
            f"{100 * shares[QUAD]:.0f} % of {count} images, {rest}."
        )


def by_length(values: Any, lengths: list[int], unit: str) -> Table:
    """A row for each length, a column for each loss."""
    columns = {"K": (np.array(lengths, np.float32), "classes")}
    columns |= {
        name: (np.asarray(values[:, place], np.float32), unit) for place, name in enumerate(NAMES)
    }
    return Table.of(columns, rows=[f"K = {length}" for length in lengths])


def common_median(won: Any, size: Any) -> Any:
    """The median size where every loss succeeds, (lengths, losses); NaN where that is nowhere."""
    result = np.full((len(won), won.shape[2]), np.nan, np.float32)
    for at, (wins, image_sizes) in enumerate(zip(won, size, strict=True)):
        if (all_won := wins.all(1)).any():
            result[at] = np.median(image_sizes[all_won], axis=0)
    return result


def own_median(won: Any, size: Any) -> Any:
    """The median size where a loss itself succeeds, (lengths, losses); NaN where it never does."""
    result = np.full((len(won), won.shape[2]), np.nan, np.float32)
    for at, place in np.ndindex(result.shape):
        if (has_won := won[at, :, place] > 0).any():
            result[at, place] = np.median(size[at, has_won, place])
    return result
