"""Does a detector that watches the rest make a mask keep all of the evidence?

Zhang et al., "Comprehensive Attribution: Inherently Explainable Vision Model with Feature Detector"
(ECCV 2024), https://arxiv.org/abs/2407.19308
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.attribution.gp_unet.experiment import check_masks, grad_cam, scores_of
from engine.core.borrow import borrowed
from engine.core.charts.drawing import Drawing
from engine.core.method import Progress, Slider, setting
from engine.core.pictures import as_bytes, overlay_masks, tint
from engine.core.result import Floats, HeatMap, Pictures, Result
from engine.evaluation.experiment import Claim, ExperimentCase, Figures
from engine.evaluation.kept_experiment import KeptExperiment
from engine.evaluation.measures import located
from engine.evaluation.measures.outlines import HALF, dice
from engine.vision.data import DataSet, Rows
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.models.own_map import own_maps
from engine.vision.models.small.comet import SHARE_KEPT
from engine.vision.training import Recipe, comet_loss, detector_of, fresh, train_whole
from engine.vision.training.comet import AREA, GAP, WATCH, comet_of

WITH, WITHOUT = "with its detector", "without"
RECALL, BOTH, RANK = "evidence kept", "images with both copies kept", "evidence among the strongest"
DICE, CAM_DICE = "Dice of its mask", "Dice of Grad-CAM on its detector"
FILLED, BEYOND = "share of the image kept", "kept beyond the bound"
RIGHT, WHOLE = "right", "right, detector on whole images"
REST, NATS_GAP, SHAPE = (
    "right, detector on the rest",
    "nats between rest and kept",
    "right by shape",
)
PICTURED_IMAGES = 6  # test images in a picture
LOOK = 250  # images at a time

CLAIMS = (
    Claim(
        "Without the detector a mask keeps enough, not all",
        "at most 65 % of the evidence kept",
        lambda of: 0.65 - of(WITHOUT, RECALL),
    ),
    Claim(
        "With it a mask keeps the evidence",
        "at least 85 % of it",
        lambda of: of(WITH, RECALL) - 0.85,
    ),
    Claim(
        "What is taken away tells nothing",
        f"the detector is worse on the rest than the predictor on what is kept, by {GAP - 0.3:g} "
        "nats at least",
        lambda of: of(WITH, NATS_GAP) - GAP + 0.3,
    ),
    Claim(
        "A mask of its own costs no accuracy",
        "at most one point less right than on whole images",
        lambda of: of(WITH, RIGHT) - of(WITH, WHOLE) + 0.01,
    ),
    Claim(
        "The mask stays within its bound",
        "it is at most two points of an image above θ",
        lambda of: 0.02 - of(WITH, BEYOND),
    ),
)


@dataclass(frozen=True)
class CometExperiment(KeptExperiment):
    """Does a mask keep all of the evidence, or only enough of it?

    In every image the shape that makes the class stands twice, so that one copy would be enough. A
    selector learns a mask and a predictor sees only what that keeps. With its detector, which has
    learned whole images before, the selector is also told off as long as the class can be read from
    the rest. Both have the same networks, the same bound on the mask and the same seeds. *Evidence
    kept* is the share of the shapes' pixels of which the mask keeps more than half; *strongest* is
    the share of the shapes among as many highest pixels of the mask, which does not hang on how
    much it keeps. *Dice* is of the mask above one half, and of Grad-CAM on the detector, which has
    learned whole images as any classifier does, cut by multi-Otsu. *By shape* is a control: the
    predictor's answers when what is inside the mask is noise. What is above chance there is given
    away by the mask's outline alone.
    """

    name = "COMET"
    family = "attribution"
    title = "A mask that keeps all the evidence (COMET)"
    paper = "Zhang et al. 2024, https://arxiv.org/abs/2407.19308"
    question = "Does a model's own mask show all that speaks for the class, or only enough of it?"
    proof = (
        "tests/engine/attribution/comet/test_comet_experiment.py"
        "::test_every_figure_is_that_of_networks_trained_and_asked_by_hand"
    )
    data = ("twice:count=1500",)
    revision = 2
    measures = (
        RECALL, BOTH, RANK, DICE, CAM_DICE, FILLED, BEYOND, RIGHT, WHOLE, REST, SHAPE, NATS_GAP,
    )  # fmt: skip
    charted = (RECALL, BOTH, RANK, DICE, CAM_DICE, RIGHT, SHAPE)
    units = {NATS_GAP: "nat"}  # noqa: RUF012 - read only
    axis = "%"
    claims = CLAIMS
    drawings = (Drawing("found without"),)
    main_drawing = Drawing("found")

    epochs: int = setting(10, Slider(1, 60, 1), "Epochs", "How often each image is seen.")
    area: float = setting(
        AREA,
        Slider(0.05, 0.8, 0.05),
        "Area",
        "How much of an image the mask may keep for nothing (θ); more is punished.",
    )
    watch: float = setting(
        WATCH,
        Slider(0.0, 8.0, 0.5),
        "Detector",
        "How much it counts that the class can be read from the rest (λ_c).",
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """The same training with and without the detector's word."""
        recipe = Recipe(
            "comet",
            self.epochs,
            batch=64,
            optimizer="AdamW",
            rate=0.003,
            decay=0.03,
            schedule="one cycle",
        )
        training = TrainCase(case.data, recipe, case.seed)
        plain = replace(training, recipe=replace(recipe, architecture="selector"))
        return {WITH: training, WITHOUT: plain}

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Those of detector, selector and predictor, and masks of some images."""
        watch = self.watch if name == WITH else 0.0
        model = learned(self.conditions(case)[name], self.area, watch, progress)
        return self.measured(model, case), self.seen(name, model, case)

    def measured(self, model: Classifier, case: ExperimentCase) -> Figures:
        """Of the test images: what the mask keeps, and what the parts make of it."""
        data, rows = case.data, case.data.rows("test")
        masks = masks_of(model, data, rows)
        finding = rows[data.truth["mask"][rows].any((1, 2))]
        return {
            **kept_figures(model, data, masks, case.seed),
            CAM_DICE: median_score(of_grad_cam(detector_of(model), data, finding)),
            BEYOND: float((masks.mean((1, 2)) - self.area).clip(0).mean()),
        }

    def picture(self, case: ExperimentCase) -> Pictures:
        """Images, and the pixels that the class can be read from."""
        check_masks(case.data)
        rows = balanced_rows(case.data)
        images = as_bytes(case.data.pixels(rows))
        truth = case.data.truth["mask"][rows]
        marked = [overlay_masks(*triple) for triple in zip(images, truth, truth, strict=True)]
        return Pictures(
            np.stack([images, marked]),
            ("image", "evidence, twice"),
            case.data.class_names(rows),
            "Each shape stands in the image twice: one of them is enough to name the class.",
        )

    def seen(self, condition: str, model: Classifier, case: ExperimentCase) -> Result:
        """Views: masks with the detector, or masks without, over the same images."""
        rows = balanced_rows(case.data)
        masks = masks_of(model, case.data, rows)
        images = as_bytes(case.data.pixels(rows))
        truth = case.data.truth["mask"][rows]
        over = [overlay_masks(*triple) for triple in zip(images, masks > HALF, truth, strict=True)]
        shares, pixels = torch.from_numpy(masks)[:, None], case.data.pixels(rows)
        mean = model.mean.cpu()  # what a part sees where nothing is left to it
        inside, rest = (as_bytes(mean + (pixels - mean) * part) for part in (shares, 1 - shares))
        targets = case.data.targets(rows)[:, None]
        percentages = (
            100 * logits.softmax(1).gather(1, targets)[:, 0]
            for logits in masked_logits(model, pixels, case.seed)[:2]
        )
        captions = ("",) * 3 * len(rows) + tuple(
            f"{percent:.0f} %" for part in percentages for percent in part
        )
        drawn = [tint(HeatMap(mask, SHARE_KEPT, signed=False), (0.0, 1.0)) for mask in masks]
        recall = float(((masks > HALF) & truth).sum() / max(truth.sum(), 1))
        name = "found" if condition == WITH else "found without"
        return {
            name: Pictures(
                np.stack([images, drawn, over, inside, rest]),
                ("image", "mask", "more than half kept", "what is kept", "what is taken away"),
                case.data.class_names(rows),
                f"{condition.capitalize()}: {100 * recall:.0f} % of the evidence in these "
                "images is kept (white); red is left out, blue is kept beside it. In percent: the "
                "true class, by the predictor of what is kept and by the detector of the rest.",
                captions=captions,
            )
        }


def learned(training: TrainCase, area: float, watch: float, progress: Progress) -> Classifier:
    """Detector, then selector and predictor."""
    model = fresh(training.data, training.recipe, training.seed)
    loss = partial(comet_loss, watch=watch, area=area)
    train_whole(
        model, training.data, training.recipe, training.seed, objective=loss, progress=progress
    )
    return model


def kept_figures(model: Classifier, data: DataSet, masks: Floats, seed: int) -> Figures:
    """What masks (n, H, W) of the test images keep, and what the parts of the model make of it."""
    rows = data.rows("test")
    truth = data.truth["mask"][rows]
    above_half, present = (
        masks > HALF,
        truth.any((1, 2)),
    )  # images with nothing to find have no share
    targets = data.targets(rows)
    inside, rest, whole, shape = masked_logits(model, data.pixels(rows), seed)
    return {
        RECALL: float((above_half & truth).sum() / truth.sum()) if present.any() else float("nan"),
        BOTH: copies_kept(above_half[present], data, rows[present]),
        RANK: evidence_share(masks[present], truth[present]),
        DICE: median_score(
            [dice(*pair) for pair in zip(above_half[present], truth[present], strict=True)]
        ),
        FILLED: float(masks.mean()),
        RIGHT: top1_accuracy(inside, targets),
        WHOLE: top1_accuracy(whole, targets),
        REST: top1_accuracy(rest, targets),
        SHAPE: top1_accuracy(shape, targets),
        NATS_GAP: float(F.cross_entropy(rest, targets) - F.cross_entropy(inside, targets)),
    }


def masks_of(model: Classifier, data: DataSet, rows: Rows) -> Floats:
    """The model's masks of some rows, (n, H, W)."""
    parts = np.array_split(rows, max(-(-len(rows) // LOOK), 1))
    return np.concatenate([own_maps(model, data.pixels(part))[:, 0].numpy() for part in parts])


def masked_logits(
    model: Classifier, pixels: Tensor, seed: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Logits (n, classes): the predictor's of what is kept, the detector's of the rest and of whole
    images, and the predictor's of noise behind the same masks."""
    generator = torch.Generator().manual_seed(seed)
    results: list[tuple[Tensor, ...]] = []
    with borrowed(model) as net, torch.inference_mode():
        network = comet_of(net)
        for part in pixels.split(LOOK):
            images = (part.to(net.device) - net.mean) / net.std
            mask, visible, removed = network.split(images)
            noise = torch.randn(visible.shape, generator=generator).to(visible)
            passes = (
                (network.predictor, visible),
                (network.detector, removed),
                (network.detector, images),
                # of the image, the outline of the mask alone is left
                (network.predictor, mask * noise),
            )
            results.append(
                tuple(classify(network_input).float().cpu() for classify, network_input in passes)
            )
    inside, rest, whole, shape = (torch.cat(batches) for batches in zip(*results, strict=True))
    return inside, rest, whole, shape


def of_grad_cam(model: Classifier, data: DataSet, rows: Rows) -> list[float]:
    """Dice of Grad-CAM of the true class, image by image."""
    truth = data.truth["mask"]
    return [scores_of(grad_cam(model, data, row), truth[row])[0] for row in rows]


def median_score(scores: list[float]) -> float:
    """Their median; NaN without images."""
    return float(np.median(scores)) if scores else float("nan")


def top1_accuracy(logits: Tensor, targets: Tensor) -> float:
    """Of right answers."""
    return (logits.argmax(1) == targets).double().mean().item()


def evidence_share(masks: Floats, truth: NDArray[np.bool_]) -> float:
    """The mean share of evidence among as many highest pixels of a mask; NaN without images."""
    shares = [located(*pair).rank for pair in zip(masks, truth, strict=True)]
    return float(np.mean(shares)) if shares else float("nan")


def copies_kept(masks: NDArray[np.bool_], data: DataSet, rows: Rows) -> float:
    """The share of images of which each copy is kept by more than half; NaN without images."""
    copies = data.truth.get("copy", data.truth["mask"].astype(np.uint8))[rows]
    all_copies_kept = [
        all(mask[copy == number].mean() > HALF for number in np.unique(copy[copy > 0]))
        for mask, copy in zip(masks, copies, strict=True)
    ]
    return float(np.mean(all_copies_kept)) if all_copies_kept else float("nan")


def balanced_rows(data: DataSet) -> Rows:
    """Test images, as many of each class."""
    return data.some("test", PICTURED_IMAGES)
