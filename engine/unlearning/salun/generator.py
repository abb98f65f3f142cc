"""A generator is made to forget a class: what it draws before, after, and with a chance mask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.errors import BlindspotError
from engine.core.method import Choice, Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.unlearning.generator.case import GeneratorCase
from engine.unlearning.generator.judging import (
    Doubles,
    JudgedSheet,
    RealImages,
    as_pictures,
    judge_samples,
)
from engine.unlearning.generator.model import ImageGenerator
from engine.unlearning.generator.sampling import SampleSettings
from engine.unlearning.salun.generator_steps import (
    ForgetImages,
    Masks,
    chance_scores,
    saliency,
    unlearn,
)
from engine.unlearning.salun.saliency import salient

BEFORE, AFTER, CHANCE = "before", "after SalUn", "chance mask"
ALIKE = 10  # points of percent: a smaller difference is none, however many samples there are


@dataclass(frozen=True)
class GeneratorSalUn(SampleSettings, Method[GeneratorCase]):
    """A generator forgets to draw one class: samples before, after, and with a chance mask.

    Asked for the class, the generator is taught to say what it says for the next class; for all
    others it goes on learning from real images. Only the weights on which the class pulls most may
    move. The chance mask moves as many weights, drawn at random, by the same steps: what saliency
    is worth is the difference between the two.

    The judge is a classifier of the same real images. The distance (FID) of the other classes is
    taken on its features, beside that of training images from each other, which is the floor.

    That samples are read as another class does not say that nothing of the class is left in the
    weights.
    """

    family = "unlearning"
    name = "GeneratorSalUn"
    title = "SalUn for a generator"
    cost = "wait"
    revision = 2  # the mask is that of the class without guidance; the judge reads test images
    paper = "Fan et al. 2024, https://arxiv.org/abs/2310.12508"
    proof = (
        "tests/engine/unlearning/salun/test_generator.py"
        "::test_the_class_is_forgotten_and_the_others_are_kept"
    )
    example = defaults(each=4, passes=5)

    label: str = setting(
        "3", Choice(source="classes"), "To be forgotten", "The class that it is to draw no more."
    )
    share: float = setting(
        0.5, Slider(0.01, 1.0, 0.01), "Share", "Of all weights, the most salient that may move."
    )
    steps: int = setting(
        200, Slider(5, 600, 5, "steps"), "Steps", "Of forgetting, 64 images of each part at a step."
    )
    retain: float = setting(
        3.0, Slider(0.1, 10.0, 0.1), "Keeping", "Weight of the other classes' loss (β)."
    )

    def __call__(self, case: GeneratorCase, progress: Progress = quiet) -> Result:
        """Drawn, forgotten twice, and drawn again.

        Returns:
            sheet: a row for each class, the forgotten one first; before, after, chance.
            read: the share of each class that is read as asked, with the same columns.
            instead: as what samples of the forgotten class are read.
            figures: of real images and each sheet: shares, the distance of the others, and of how
                many images it is taken.
            losses: by step, of SalUn and of the chance mask.
            where: the share of each layer's weights that may move.

        Raises:
            BlindspotError: the generator has no such class, or no other one.
        """
        forget_images = self.asked(case)
        labels, label = case.generator.labels, forget_images.label
        sheets = {BEFORE: judge_samples(case.generator, case, self, part_of(progress, 0.0, 0.06))}
        scores = saliency(forget_images, case.seed, part_of(progress, 0.06, 0.1))
        results: dict[str, Doubles] = {}
        masks = salient(scores, self.share)
        controls = {
            AFTER: (masks, part_of(progress, 0.1, 0.54)),
            CHANCE: (
                salient(chance_scores(scores, case.seed), self.share),
                part_of(progress, 0.54, 0.98),
            ),
        }
        for name, (moving, part_progress) in controls.items():
            sheets[name], results[name] = self.after(forget_images, case, moving, part_progress)
        real = RealImages.of(case, (len(labels) - 1) * self.each, without=label)
        progress(1.0, "judged")
        return self.views(sheets, results, masks, real, labels, label)

    def asked(self, case: GeneratorCase) -> ForgetImages:
        """The generator's images in two parts. Raises BlindspotError, see above."""
        self.check(case)
        if len(case.generator.labels) < 2:
            raise BlindspotError(
                f"{case.generator.title} draws one class only: nothing would be left to keep."
            )
        label, rows = case.generator.number(self.label), case.data.rows("train")
        images = case.generator.images(case.data, rows)
        return ForgetImages(
            case.generator, label, images, case.data.targets(rows).to(images.device)
        )

    def forgotten(self, case: GeneratorCase, progress: Progress = quiet) -> ImageGenerator:
        """The generator after SalUn alone: the very one whose samples are judged."""
        forget_images = self.asked(case)
        scores = saliency(forget_images, case.seed, part_of(progress, 0.0, 0.1))
        masks, part_progress = salient(scores, self.share), part_of(progress, 0.1, 1.0)
        return unlearn(forget_images, masks, self.steps, self.retain, case.seed, part_progress)[0]

    def after(
        self, request: ForgetImages, case: GeneratorCase, masks: Masks, progress: Progress
    ) -> tuple[JudgedSheet, Doubles]:
        """What is drawn after forgetting with a mask, and the losses of its steps."""
        unlearned, losses = unlearn(
            request, masks, self.steps, self.retain, case.seed, part_of(progress, 0.0, 0.88)
        )
        return judge_samples(unlearned, case, self, part_of(progress, 0.88, 1.0)), losses

    def views(
        self,
        sheets: Mapping[str, JudgedSheet],
        losses: Mapping[str, Doubles],
        masks: Masks,
        real: RealImages,
        labels: tuple[str, ...],
        label: int,
    ) -> Result:
        """The answer, from what was drawn and how it was read."""
        remaining = [index for index in range(len(labels)) if index != label]
        order = [label, *remaining]
        agreed = {name: sheet.agreed for name, sheet in sheets.items()}
        forgotten = [np.nan, *(agreement[label] for agreement in agreed.values())]
        others = [real.right, *(agreement[remaining].mean() for agreement in agreed.values())]
        far = [real.floor, *(real.distance(sheet, label) for sheet in sheets.values())]
        images = [len(real.part), *[len(remaining) * self.each] * len(sheets)]
        curves = {
            f"{what}, {name}": (values[:, at], "mean square")
            for name, values in losses.items()
            for at, what in enumerate(("forgets", "keeps"))
        }
        layers = layer_shares(masks)
        return {
            "sheet": as_pictures(sheets, labels, self.seen(sheets, labels, label), label),
            "read": Table.of(
                {name: (agreement[order], "share") for name, agreement in agreed.items()},
                [labels[place] for place in order],
            ),
            "instead": Table.grid(
                np.stack([sheet.readings[label] for sheet in sheets.values()]),
                tuple(sheets),
                labels,
                ["share"] * len(labels),
            ),
            "figures": Table.of(
                {
                    "forgotten class": (forgotten, "share"),
                    "other classes": (others, "share"),
                    "distance of the others": (far, "features²"),
                    "images compared": (images, ""),
                },
                ("real images", *sheets),
            ),
            "losses": Table.of({"step": (np.arange(1, self.steps + 1), ""), **curves}),
            "where": Table.of({"may move": (list(layers.values()), "share")}, tuple(layers)),
        }

    def seen(self, sheets: Mapping[str, JudgedSheet], labels: tuple[str, ...], label: int) -> str:
        """How many of the first row are read as the class that was asked for."""
        right = [int((sheet.read[label] == label).sum()) for sheet in sheets.values()]
        names = [f"with a {name}" if name == CHANCE else name for name in sheets]
        counts = ", ".join(f"{count} {name}" for count, name in zip(right, names, strict=True))
        return f"Of {self.each} asked for as {labels[label]}, read as {labels[label]}: {counts}."

    def finding(self, case: GeneratorCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """The forgotten class and the others, after SalUn and with a chance mask."""
        figures, instead = result["figures"], result["instead"]
        forgotten, others = (
            {name: 100 * figures.cell(name, column) for name in (BEFORE, AFTER, CHANCE)}
            for column in ("forgotten class", "other classes")
        )
        most = max(instead.order, key=lambda name: instead.cell(AFTER, name))
        half = instead.cell(AFTER, most) > 0.5
        mostly = f", mostly as {most}" if half and most != self.label else ""
        compared = chance_mask_words(forgotten, others, self.each, len(instead.order))
        return (
            f"Asked for {self.label}, {forgotten[AFTER]:.0f} % are read as {self.label} "
            f"(before: {forgotten[BEFORE]:.0f} %){mostly}; others {others[AFTER]:.0f} % "
            f"({others[BEFORE]:.0f} %). One chance mask {compared}."
        )


def chance_mask_words(
    own: Mapping[str, float], others: Mapping[str, float], per_class: int, classes: int
) -> str:
    """How a chance mask does beside SalUn's, in percent of the class and of the others.

    Args:
        own: of the forgotten class, by the name of the sheet.
        others: of the other classes.
        per_class: how many samples there are of a class.
        classes: how many there are.
    """
    forgets, keeps = own[AFTER] - own[CHANCE], others[CHANCE] - others[AFTER]
    if max(abs(forgets), abs(keeps)) <= ALIKE:
        return "does as well"
    clear = clear_of(forgets, per_class), clear_of(keeps, per_class * (classes - 1))
    if clear == (0, 0):
        return f"is neither clearly better nor worse on {per_class} samples a class"
    if max(clear) <= 0:
        return "does worse"
    return "does better" if min(clear) >= 0 else "does differently"


def clear_of(points: float, count: int) -> int:
    """The sign of a difference of two shares of `count` samples, 0 where chance may make it.

    Chance makes one of less than two standard errors; they are largest for shares of one half.

    Args:
        points: the difference, in points of percent.
        count: of samples in each of the two.
    """
    # the standard error of a difference of two shares, √(2 · ¼ / n), twice, in points of percent
    return int(np.sign(points)) if abs(points) > max(ALIKE, 200 * np.sqrt(0.25 * 2 / count)) else 0


def layer_shares(masks: Masks) -> dict[str, float]:
    """The share of each layer's weights that may move, in the order of the network."""
    layer_masks: dict[str, list[Any]] = {}
    for name, mask in masks.items():
        layer_masks.setdefault(name.split(".")[0], []).append(mask.flatten())
    return {
        layer: float(np.concatenate([part.numpy() for part in parts]).mean())
        for layer, parts in layer_masks.items()
    }
