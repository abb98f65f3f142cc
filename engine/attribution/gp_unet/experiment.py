"""Do maps that come with a classifier outline what was never outlined in training?

Chatterjee et al., "Weakly-supervised segmentation using inherently-explainable classification
models and their application to brain tumour classification" (2022),
https://arxiv.org/abs/2206.05148
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from engine.attribution.gp_unet.drawings import REACHED
from engine.core.charts.drawing import Drawing
from engine.core.errors import BadData
from engine.core.method import Progress, Slider, setting
from engine.core.pictures import as_bytes, overlay_masks, tint
from engine.core.result import Floats, HeatMap, Pictures, Result, Table
from engine.evaluation.experiment import Claim, ExperimentCase, Figures, trained_model
from engine.evaluation.kept_experiment import KeptExperiment
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.measures import located
from engine.evaluation.measures.outlines import dice, iou, outlined
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.data import DataSet, Rows
from engine.vision.data.variants import shuffled_labels
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, outputs

GP, SHUFFLE, RECON, MEAN, PLAIN, CHANCE = (
    "GP-UNet",
    "GP-ShuffleUNet",
    "GP-ReconResNet",
    "GP-UNet with a mean",
    "plain CNN",
    "GP-UNet, shuffled labels",
)
NETWORKS = {
    GP: "gp_unet",
    SHUFFLE: "gp_shuffle_unet",
    RECON: "gp_recon_resnet",
    MEAN: "mean_unet",
    PLAIN: "scene_cnn",
    CHANCE: "gp_unet",
}
DICE, IOU, HIT = "Dice of its own map", "IoU of its own map", "own map points inside"
CAM_DICE, CAM_HIT = "Dice of Grad-CAM", "Grad-CAM points inside"
RIGHT, EMPTY = "right", "healthy images without an outline"
STEPS = np.linspace(0, 1, 21, dtype=np.float32)  # of Dice, in the curve over images
DATA = "phantoms:count=1500,side=64,size=1.6+classes:count=3"  # none, compact, ring
PICTURED_SLICES = 2  # slices of each class in the picture
HEALTHY = 0  # the class without a finding

CLAIMS = (
    Claim(
        "Classes alone are enough to outline a lesion",
        "a median Dice of at least .5 for the best of the three networks",
        lambda of: max(of(name, DICE) for name in (GP, SHUFFLE, RECON)) - 0.5,
    ),
    Claim(
        "Its own map is finer than Grad-CAM",
        "twice the median Dice of Grad-CAM, on the same network with a mean and on a plain CNN",
        lambda of: of(GP, DICE) - 2 * max(of(name, CAM_DICE) for name in (MEAN, PLAIN)),
    ),
    Claim(
        "The outline comes from the labels",
        "a median Dice below .15 where labels were shuffled",
        lambda of: 0.15 - of(CHANCE, DICE),
    ),
    Claim(
        "A map of its own costs no accuracy",
        "at least 90 % of test images right",
        lambda of: of(GP, RIGHT) - 0.9,
    ),
)


@dataclass(frozen=True)
class OwnMapsExperiment(KeptExperiment):
    """Does a classifier with a map of its own find the lesion that nobody showed it?

    Networks learn from slices of brain phantoms which kind of lesion there is, if any; no mask is
    used. Their map of the true class is cut by multi-Otsu's threshold, the same for all, and held
    against the exact mask on test slices of other patients. Beside the three published networks
    stand one with the mean of each feature in place of the maximum and a plain CNN, whose Grad-CAMs
    (at the deepest layer, where such maps are usually read) are cut by the same rule, and, as what
    chance gives, one that learned shuffled labels. Small networks, synthetic lesions.
    """

    name = "OwnMaps"
    family = "attribution"
    title = "Outlines from classes alone (GP-UNet)"
    paper = "Chatterjee et al. 2022, https://arxiv.org/abs/2206.05148"
    question = "Can a classifier outline a lesion when it was only told which images have one?"
    proof = (
        "tests/engine/attribution/gp_unet/test_own_maps_experiment.py"
        "::test_every_figure_is_that_of_networks_trained_and_asked_by_hand"
    )
    revision = 2
    data = (DATA,)
    measures = (DICE, IOU, HIT, CAM_DICE, CAM_HIT, RIGHT, EMPTY)
    charted = (DICE, CAM_DICE, HIT, RIGHT)
    axis = "%"
    claims = CLAIMS
    drawings = (REACHED,)
    main_drawing = Drawing("found")

    epochs: int = setting(12, Slider(1, 60, 1), "Epochs", "How often each slice is seen.")
    images: int = setting(
        150, Slider(10, 400, 10), "Test slices", "With a lesion, whose maps are measured."
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """The three networks, those with Grad-CAM alone, and the one whose labels were shuffled."""
        recipe = Recipe(
            "gp_unet",
            self.epochs,
            batch=32,
            optimizer="AdamW",
            rate=0.003,
            decay=0.01,
            schedule="one cycle",
            shift=2,
            mirror=True,
        )
        return {
            name: TrainCase(
                shuffled(case.data, case.seed) if name == CHANCE else case.data,
                replace(recipe, architecture=architecture),
                case.seed,
            )
            for name, architecture in NETWORKS.items()
        }

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Those of the trained network, and how many of its maps reach which Dice."""
        model = trained_model(self.conditions(case)[name], progress)
        return self.measured(name, model, case.data), self.seen(name, model, case.data)

    def measured(self, name: str, model: Classifier, data: DataSet) -> Figures:
        """Medians over test slices with a lesion; the share that points inside; accuracy."""
        rows = self.rows(data)
        scores, empty, has_map = [], [], name != PLAIN
        if has_map:
            scores = [scores_of(own_map(model, data, row), data.truth["mask"][row]) for row in rows]
        cam = [scores_of(grad_cam(model, data, row), data.truth["mask"][row]) for row in rows]
        test = data.rows("test")
        right = (outputs(model, data, test).argmax(1) == data.targets(test)).double().mean()
        healthy = test[data.labels[test] == HEALTHY][: self.images]
        if has_map:
            empty = [not outline.any() for row in healthy for outline in outlines(model, data, row)]
        return {
            DICE: median(scores, 0),
            IOU: median(scores, 1),
            HIT: mean(scores, 2),
            CAM_DICE: median(cam, 0),
            CAM_HIT: mean(cam, 2),
            RIGHT: float(right),
            EMPTY: float(np.mean(empty)) if empty else float("nan"),
        }

    def seen(self, name: str, model: Classifier, data: DataSet) -> Result:
        """Views: reached, the share of slices whose Dice is that high or higher; of GP-UNet found,
        its maps and outlines."""
        rows = self.rows(data)
        column, draw = name, own_map
        if name in {MEAN, PLAIN}:
            column, draw = f"{name}, Grad-CAM", grad_cam
        masks = data.truth["mask"]
        scores = np.array([scores_of(draw(model, data, row), masks[row])[0] for row in rows])
        shares = (scores[:, None] >= STEPS).mean(0)
        reached = Table.of({"Dice": (STEPS, ""), column: (shares, "share")})
        return {"reached": reached} | (
            {"found": measure_outlines(model, data)} if name == GP else {}
        )

    def rows(self, data: DataSet) -> Rows:
        """Test slices with a lesion, as many of each class."""
        rows = data.some("test", len(data))
        rows = rows[data.truth["mask"][rows].any((1, 2))]
        return rows[np.linspace(0, len(rows) - 1, min(self.images, len(rows))).astype(int)]

    def picture(self, case: ExperimentCase) -> Pictures:
        """Slices of each class, and the lesions whose masks stay hidden."""
        check_masks(case.data)
        rows = examples(case.data)
        images = as_bytes(case.data.pixels(rows))
        nothing = np.zeros(case.data.images.shape[2:], np.bool_)
        masks = [
            overlay_masks(image, mask, nothing)
            for image, mask in zip(images, case.data.truth["mask"][rows], strict=True)
        ]
        return Pictures(
            np.stack([images, masks]),
            ("slice", "lesion, never shown in training"),
            case.data.class_names(rows),
            "A network is told the kind of lesion, nothing of its place.",
        )


def check_masks(data: DataSet) -> None:
    """Raise BadData where no truth is known that a map could be held against."""
    if "mask" not in data.truth:
        raise BadData(f"{data.card.title} has no masks to hold a map against.")


def own_map(model: Classifier, data: DataSet, row: int) -> Floats:
    """The model's own map of the true class, (H, W)."""
    return cast("HeatMap", OwnMap()(image_case(model, data, row))["map"]).values


def grad_cam(model: Classifier, data: DataSet, row: int) -> Floats:
    """Grad-CAM of the true class at the deepest layer, (H, W)."""
    cells = {layer.name: layer.cells[0] * layer.cells[1] for layer in model.layers if layer.is_map}
    deepest = [name for name, count in cells.items() if count == min(cells.values())][-1]
    return cast("HeatMap", GradCam(layer=deepest)(image_case(model, data, row))["map"]).values


def image_case(model: Classifier, data: DataSet, row: int, label: int | None = None) -> ImageCase:
    """An image with its true class, or another one."""
    target = int(data.labels[row]) if label is None else label
    return ImageCase(model, data.pixels(np.array([row]))[0].contiguous(), Target(target))


def outlines(model: Classifier, data: DataSet, row: int) -> list[NDArray[np.bool_]]:
    """What the model outlines of each class with a finding, whether that is there or not."""
    labels = [index for index in range(len(data.classes)) if index != HEALTHY]
    heats = [OwnMap()(image_case(model, data, row, label))["outline"] for label in labels]
    return [cast("HeatMap", heat).values > 0 for heat in heats]


def scores_of(values: Floats, mask: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Dice and IoU of the outline, and whether the highest value lies inside."""
    inside = outlined(values).inside
    return dice(inside, mask), iou(inside, mask), located(values, mask).hit


def median(scores: list[tuple[float, float, float]], index: int) -> float:
    """Of one of the scores, over images; NaN where the network has no map of its own."""
    return float(np.median([score[index] for score in scores])) if scores else float("nan")


def mean(scores: list[tuple[float, float, float]], index: int) -> float:
    """Of one of the scores, over images."""
    return float(np.mean([score[index] for score in scores])) if scores else float("nan")


def shuffled(data: DataSet, seed: int) -> DataSet:
    """The same images; those for training have each other's labels."""
    labels = shuffled_labels(data, seed)
    return replace(data, name=f"{data.name}, labels shuffled", labels=labels)


def examples(data: DataSet) -> Rows:
    """Test images of each class with a finding, class by class."""
    test = data.rows("test")
    labels = [index for index in range(len(data.classes)) if index != HEALTHY]
    return np.concatenate([test[data.labels[test] == label][:PICTURED_SLICES] for label in labels])


def measure_outlines(model: Classifier, data: DataSet) -> Pictures:
    """Slices, the model's own maps, and its outlines against the masks."""
    rows = examples(data)
    images = as_bytes(data.pixels(rows))
    maps = [own_map(model, data, row) for row in rows]
    inside = [outlined(heat).inside for heat in maps]
    masks = data.truth["mask"][rows]
    scores = [dice(outline, mask) for outline, mask in zip(inside, masks, strict=True)]
    drawn = [tint(HeatMap(heat, "logit", signed=True)) for heat in maps]
    over = [overlay_masks(*triple) for triple in zip(images, inside, masks, strict=True)]
    captions = ("",) * 2 * len(rows) + tuple(f"Dice {score:.2f}" for score in scores)
    return Pictures(
        np.stack([images, drawn, over]),
        ("slice", "own map", "outline"),
        data.class_names(rows),
        f"White is found and there, red is missed, blue is extra; the median Dice of these "
        f"{len(rows)} test slices is {np.median(scores):.2f}.",
        captions=captions,
    )
