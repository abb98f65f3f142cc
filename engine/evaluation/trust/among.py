"""Where an image stands among others of its kind, by how well a map's outline meets the truth."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.core.errors import BadData, BlindspotError
from engine.core.method import Case, Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.core.run import answer
from engine.evaluation.measures import located
from engine.evaluation.measures.outlines import dice, inside_of, iou
from engine.evaluation.trust.case import TrustCase
from engine.vision import data as data_sets
from engine.vision.case import ImageCase, model_input
from engine.vision.data import DataSet
from engine.vision.data.example import SPLIT, Mask, example_picture, mask_in_square
from engine.vision.images import Crop

DICE, IOU, POINTS = MEASURES = "Dice", "IoU", "points inside"
CHANCE = "share of the image"  # that the finding has, which is what a random point hits
HIT = 0.5  # of the places that share the highest value
THIS_IMAGE = "this image"
DRAWN = 0.5  # share of the progress at which the data are there


@dataclass(frozen=True)
class AmongOthers(Method[TrustCase]):
    """How well a map's outline meets the truth here, and on other images of the same kind.

    The others are test images, with a finding, of the data that the model learned from; each is
    asked about its own class. Every map is cut by one rule (multi-Otsu; a map of the model's own by
    its own). Where nothing is outlined, as in a GP network's map of a class that it does not see,
    Dice and IoU are 0; the highest value of its map is somewhere all the same. By chance as many
    maps point inside as findings have of their images, added up.
    """

    name = "AmongOthers"
    family = "attribution"
    title = "Its outline among those of other images"
    cost = "job"
    paper = "Chatterjee et al. 2022, https://arxiv.org/abs/2206.05148"
    needs = frozenset({"mask"})
    revision = 4
    argument_defaults = defaults(
        image="example:phantoms:count=40/17", model="phantom-cnn", others="phantoms"
    )
    proof = (
        "tests/engine/evaluation/trust/test_among.py"
        "::test_every_dice_is_that_of_a_map_asked_for_and_cut_by_hand"
    )

    images: int = setting(
        100, Slider(10, 300, 10), "Other images", "With a finding, evenly from all that there are."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why there is nothing to compare with, or ""."""
        if reason := case.lacks("class") or super().unmet(case):
            return reason
        if isinstance(case, TrustCase) and case.asked.target.versus is not None:
            return "it needs a question about one class, and two are held against each other here."
        try:
            truth = isinstance(case, TrustCase) and data_sets.entry(case.others).card.truth
        except BlindspotError:  # photographs, or images that were opened in another session
            truth = ""
        masks = "mask" in (truth or "")
        named = "other images to compare with: name the data that the model learned from (others)"
        if isinstance(case, TrustCase) and not case.others:
            return f"it needs {named}."
        return "" if masks else "it needs other images whose masks are known."

    def __call__(self, case: TrustCase, progress: Progress = quiet) -> Result:
        """Views: here, the measures of this image; others, those of each other, by its class."""
        if case.mask is None or not case.mask.any():
            raise BadData("No truth is known for this image, or nothing is there.")
        own_figures = outline_scores(answer(case.method, case.asked), case.mask)
        data = data_sets.load(case.others, part_of(progress, 0.0, DRAWN, "making images"))
        if data.classes != case.model.labels:
            raise BadData(
                f"{data.card.title} has other classes than {case.model.title}: name the data that "
                "it learned from."
            )
        questions = list(self.others(case.asked, data))
        if not questions:
            raise BadData(f"{data.card.title} has no other test images whose truth is known.")
        results = []
        for done, (question, mask) in enumerate(questions):
            low, high = (DRAWN + (1 - DRAWN) * at / len(questions) for at in (done, done + 1))
            words = f"image {done + 1} of {len(questions)}"
            results.append(
                outline_scores(case.method(question, part_of(progress, low, high, words)), mask)
            )
        names = [case.model.labels[question.target.index] for question, _ in questions]
        return {
            "here": image_table([own_figures], [THIS_IMAGE]),
            "others": image_table(results, names),
        }

    def others(self, image_case: ImageCase, data: DataSet) -> Iterator[tuple[ImageCase, Mask]]:
        """Test images with a finding but this one, each asked about its class; their masks."""
        model, masks = image_case.model, data.truth.get("mask")
        if data.classes != model.labels or masks is None:
            return
        rows = data.rows(SPLIT)
        rows = rows[masks[rows].any((1, 2))]
        rows = rows[~same_image(data.pixels(rows), image_case.image)]
        for row in rows[np.linspace(0, len(rows) - 1, min(self.images, len(rows))).astype(int)]:
            target = replace(image_case.target, index=int(data.labels[row]), versus=None)
            image = model_input(example_picture(data.images[row]), Crop(), model)
            mask = mask_in_square(masks[row], Crop(), model.side)
            if mask.any():  # and not smaller than a pixel of what the model sees
                yield replace(image_case, image=image, target=target), mask

    def finding(self, case: TrustCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How many others it does better than, and how often maps point inside."""
        return f"{rank_sentence(result, DICE)} Its map {rank_sentence(result, POINTS)}"


def outline_scores(result: Mapping[str, Any], mask: Mask) -> tuple[float, float, float, float]:
    """Dice and IoU of a map's outline, whether it points inside, and what chance would hit.

    Where nothing is outlined Dice and IoU are 0, however small the finding is.
    """
    inside, place = inside_of(result), located(result["map"].values, mask)
    if not inside.any():
        return 0.0, 0.0, place.hit, place.chance
    return dice(inside, mask), iou(inside, mask), place.hit, place.chance


def image_table(rows: Sequence[tuple[float, float, float, float]], names: Sequence[str]) -> Table:
    """What was measured, a row for each image."""
    columns = zip(
        (*MEASURES, CHANCE), ("", "", "share", "share"), zip(*rows, strict=True), strict=True
    )
    return Table.of(
        {name: (np.array(column, np.float32), unit) for name, unit, column in columns}, names
    )


def same_image(images: Tensor, image: Tensor) -> NDArray[np.bool_]:
    """Which of some images (n, C, H, W) are that one."""
    if images.shape[1:] != image.shape:
        return np.zeros(len(images), np.bool_)
    return (images == image).flatten(1).all(1).numpy()


def rank_sentence(result: Mapping[str, Any], measure: str) -> str:
    """How many others it does better than, and what is usual; of pointing, how often it hits."""
    score, values = float(result["here"][measure][0]), np.asarray(result["others"][measure])
    if measure == POINTS:
        inside = "inside" if score >= HIT else "outside"
        expected_hits = float(np.asarray(result["others"][CHANCE]).sum())
        return (
            f"points {inside} here, and inside on {int((values >= HIT).sum())} of "
            f"{len(values)} other images (by chance on {expected_hits:.0f})."
        )
    better = int((values < score).sum())
    return (
        f"{measure} {score:.2f}: higher than on {better} of {len(values)} other images "
        f"(median {np.median(values):.2f})."
    )
