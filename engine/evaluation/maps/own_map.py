"""The model's own map: what a classifier that was built to explain itself says at every pixel.

Two kinds. A GP network scores every pixel with the weights of its last layer, M = W · z + b, and
its logits come from the same features at their maximum (`engine.vision.models.small.gp`). A COMET
sees only what its mask keeps, x · m, and the mask is the map (`engine.vision.models.small.comet`).
Both are trained with the classes of images alone.

Chatterjee et al., "Weakly-supervised segmentation using inherently-explainable classification
models and their application to brain tumour classification" (2022),
https://arxiv.org/abs/2206.05148; Zhang et al., "Comprehensive Attribution: Inherently Explainable
Vision Model with Feature Detector" (2024), https://arxiv.org/abs/2407.19308
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.borrow import borrowed
from engine.core.method import Method, Progress, Slider, Switch, defaults, quiet, setting
from engine.core.result import Floats, HeatMap, Result, Scores, Table
from engine.evaluation.measures.outlines import GROUPS, HALF, OFFSET, Outline, outlined
from engine.vision.case import ImageCase
from engine.vision.case.prediction import probabilities
from engine.vision.models.own_map import is_mask, own_maps, own_peaks
from engine.vision.models.small.comet import SHARE_KEPT, Comet

NONE = "none"  # the class of images without a finding
KEEPS, TAKES = "from what the mask keeps", "from what it takes away"


@dataclass(frozen=True)
class OwnMap(Method[ImageCase]):
    """What the model itself says at every pixel, with no method in between.

    Some models are built so that their answer and a map come from the same weights. A *GP network*
    gives each pixel a score for each class; one unit is one logit, and the answer is made of the
    highest values. What all classes have in common cancels there, and is taken away from the map.
    Where that is well above 0 lies what the model takes for the class: the outline is what stands
    out by multi-Otsu's threshold, if the class is what the model sees at all. A *COMET* first makes
    a mask and then sees only what that keeps: one unit is the share of a pixel that is kept,
    whichever class is asked about, and the outline is where more than half is. A map of its own
    shows what the answer is made of; it is no proof that this is the finding. A mask may also give
    the class away by its shape.
    """

    name = "OwnMap"
    family = "attribution"
    title = "The model's own map"
    cost = "live"
    paper = (
        "Chatterjee et al. 2022, https://arxiv.org/abs/2206.05148; "
        "Zhang et al. 2024, https://arxiv.org/abs/2407.19308"
    )
    needs = frozenset({"own map", "class"})
    revision = 2
    argument_defaults = defaults(image="example:phantoms:count=40/17", model="phantom-gp-unet")
    proof = (
        "tests/engine/attribution/test_own_map.py"
        "::test_the_map_is_the_last_layer_at_every_pixel_of_features_worked_out_by_hand"
    )

    groups: int = setting(
        GROUPS,
        Slider(2, 4, 1),
        "Groups",
        "Into how many groups of values multi-Otsu parts a map "
        "of logits; the highest is inside the outline.",
    )
    offset: float = setting(
        OFFSET,
        Slider(0.0, 2.0, 0.1),
        "Offset",
        "How far below multi-Otsu's highest threshold the "
        "outline still reaches, in standard deviations of the map.",
    )

    relative: bool = setting(
        True,
        Switch(),
        "Against the other classes",
        "Take away what the maps of all classes "
        "share: it cancels in the model's answer. Off shows the map as published.",
    )

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in logits or in shares kept; outline, 1 inside; level, of the outline's edge,
        and the score of the whole image; peaks, of a GP network, the pixel of each feature's
        maximum and what it adds to the class; watched, what a COMET's two parts make of theirs."""
        score = float(case.score(case.image[None])[0])
        maps = own_maps(case.model, case.image[None])
        mask = is_mask(case.model)
        values = maps[0, 0] if mask else at_each_pixel(case, maps, relative=self.relative)
        answer = probabilities(case)
        edge = self.outline(values, mask=mask)
        if not mask and refusal(case, answer):
            edge = Outline(np.zeros_like(edge.inside), edge.threshold)
        level = np.array([edge.threshold, float(values.max()), score], np.float32)
        results: dict[str, Any] = {
            "map": HeatMap(
                values.numpy(), SHARE_KEPT if mask else case.target.unit, signed=not mask
            ),
            "outline": HeatMap(edge.inside.astype(np.float32), "inside", signed=False),
            "level": Scores(level, ("outline", "highest", "whole image"), case.target.unit),
            "answer": Scores(answer, case.model.labels, "probability"),
        }
        peaks = own_peaks(case.model, case.image) if case.target.reading == "logit" else None
        if peaks is not None:
            results["peaks"] = feature_rows(case, *peaks, relative=self.relative)
        if isinstance(case.model.network, Comet):
            results["watched"] = Scores(watched(case), (KEEPS, TAKES), "probability")
        progress(1.0, "the model's own map")
        return results

    def outline(self, values: Tensor, *, mask: bool) -> Outline:
        """What stands out of a map of logits, or where more than half is kept."""
        if not mask:
            return outlined(values.numpy(), self.groups, self.offset)
        inside = values.numpy() > HALF
        return Outline(inside, HALF, "" if inside.any() else "the mask keeps half of no pixel")

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:
        """How much of the image is inside the outline, or why nothing is."""
        words, share = case.target.words(case.model.labels), float(result["outline"].values.mean())
        edge, highest, _ = result["level"].values
        if "watched" in result:
            kept_probability, removed_probability = (
                in_percent(float(fraction)) for fraction in result["watched"].values
            )
            mean = in_percent(float(result["map"].values.mean()))
            name = case.model.labels[case.target.index]  # whatever it is held against
            return (
                f"The mask keeps {mean} of the image: "
                f"“{name}” {kept_probability} {KEEPS}, {removed_probability} {TAKES}."
            )
        if why := refusal(case, result["answer"].values):
            return f"Nothing is outlined: {why}."
        if not share:
            same = "the same everywhere" if highest > 0 else "nowhere above 0"
            return f"Nothing is found: the map of “{words}” is {same}."
        return (
            f"“{words}” stands out in {in_percent(share)} of the image, up to {highest:.2g} "
            f"{result['map'].unit}; the outline is at {edge:.2g}."
        )


def refusal(case: ImageCase, answer: Floats) -> str:
    """Why a class has no outline in this image, or "": the model sees another, or it is none."""
    labels, target = case.model.labels, case.target
    if target.versus is not None or case.model.points:
        return ""
    if labels[target.index] == NONE:
        return f"“{NONE}” is no finding that could be outlined"
    if (predicted := int(answer.argmax())) != target.index:
        return f"the model does not see “{labels[target.index]}” here, but “{labels[predicted]}”"
    return ""


def at_each_pixel(case: ImageCase, maps: Tensor, *, relative: bool) -> Tensor:
    """The target's score (H, W), read at every pixel of maps (1, classes, H, W).

    Args:
        case: what is asked.
        maps: scores.
        relative: whether what all classes share is taken away, where a class's own logit is asked.
    """
    size = maps.shape[-2:]
    logits = maps[0].flatten(1).T  # (pixels, classes)
    is_logit = case.target.reading == "logit" and case.target.versus is None
    if relative and is_logit and not case.model.points and logits.shape[1] > 1:
        # what is added to the logits of all classes alike changes no answer
        logits = logits - logits.mean(1, keepdim=True)
    return case.target.of(logits).view(size)


def feature_rows(case: ImageCase, places: Tensor, parts: Tensor, *, relative: bool) -> Table:
    """A row for each feature: its pixel, as shares of the sides, and what it adds to the logit.

    Args:
        case: what is asked.
        places: rows and columns, (features, 2).
        parts: of the logits, (features, classes).
        relative: whether what all classes share is taken away, as in the map.
    """
    target, side = case.target, case.model.side
    part = parts[:, target.index]
    if target.versus is not None:
        part = part - parts[:, target.versus]
    elif relative and not case.model.points and parts.shape[1] > 1:
        # as in the map: what a feature adds to all classes alike decides nothing
        part = part - parts.mean(1)
    middle = (places.double() + 0.5) / side
    return Table.of(
        {
            "left": (middle[:, 1].numpy(), "share"),
            "top": (middle[:, 0].numpy(), "share"),
            "part": (part.numpy(), "logit"),
        },
        [f"feature {at + 1}" for at in range(len(part))],
    )


def watched(case: ImageCase) -> NDArray[np.float32]:
    """The class's probability: the predictor's inside the mask, the detector's outside, (2,)."""
    with borrowed(case.model) as net, torch.inference_mode():
        network = cast("Comet", net.network)
        images = (case.image[None].to(net.device) - net.mean) / net.std
        _, visible, removed = network.split(images)
        logits = torch.cat([network.predictor(visible), network.detector(removed)])
    return case.model.probabilities(logits.float().cpu())[:, case.target.index].numpy()


def in_percent(share: float) -> str:
    """A share, with a digit more where it is small."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
