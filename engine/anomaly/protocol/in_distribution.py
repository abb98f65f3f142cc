"""In-distribution check: is an image of the kind that a model learned from?

For a model that learned a data set of ours the answer is a conformal p-value: the distance in
pixels to the 10th nearest training image, among the same distances of held-out images. Pixels and
not features, because the last layer of a small network can map a photograph of a cat close to a
digit (docs/measured.md).

For a model that learned from ImageNet no bank ships that a p-value could come from. There the check
only looks for reasons against: where the picture came from, whether it has color, and whether it is
perfectly even as drawings are. It can miss a foreign image, and it says that it measures nothing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from engine.anomaly.protocol.pixel_bank import BankCase, PixelBank, averaged_rows, bank
from engine.core.errors import BlindspotError
from engine.evaluation.detection.photographs import ODD
from engine.evaluation.detection.sources import training_data_name
from engine.vision import data as data_sets
from engine.vision.data.example import Example, example
from engine.vision.data.registry import UPLOAD
from engine.vision.images import Picture
from engine.vision.images.samples import SAMPLES
from engine.vision.models.chest import CHEST
from engine.vision.models.classifier import Classifier
from engine.vision.models.lite import imagenet_labels
from engine.vision.models.own_file import FILE_PREFIX

ALPHA = 0.02  # at or below this p-value no verdict is given
COLORLESS = 8 / 255  # largest difference between channels of a pixel that counts as gray
GRAY_SHARE = 0.99  # of the pixels: the picture has no color
FLAT_SHARE = 0.5  # of the pixels equal to both neighbors: drawn, not photographed

Kind = Literal["usual", "unusual", "unmeasured"]


@dataclass(frozen=True)
class InDistribution:
    """What is known of an image for a model.

    Args:
        kind: "usual" and "unusual" were measured or known; "unmeasured" is neither.
        sentence: why, in plain words.
        p: the p-value; NaN where there is none.
    """

    kind: Kind
    sentence: str
    p: float = float("nan")

    @property
    def foreign(self) -> bool:
        """Whether verdicts on the model's answer are withheld."""
        return self.kind == "unusual"


NOT_COMPARED = InDistribution(
    "unmeasured", "This image was not compared with what the model learned from."
)


def in_distribution(
    model: Classifier, image: Tensor, picture: Picture, source: str = ""
) -> InDistribution:
    """Whether an image is of the kind that a model learned from.

    Args:
        model: which is asked.
        image: (3, side, side) in [0, 1], as the model sees it.
        picture: where the image was cut from.
        source: name of a sample, of an image of a data set ("digits/17"), or "" for an upload.
    """
    if name := training_data_name(model):
        try:
            return image_p_value(bank(BankCase(name, model.side)), name, image, source)
        except BlindspotError:
            return InDistribution(
                "unmeasured",
                "The images that this model learned from are not here, so how usual this one is "
                "for it was not measured.",
            )
    if model.name.startswith(CHEST):
        return among_xrays(image, picture, source)
    if model.name.startswith(FILE_PREFIX) or model.labels != imagenet_labels():
        return InDistribution(
            "unmeasured",
            "What this model learned from is not known here, so how usual this image is for it "
            "was not measured.",
        )
    return among_photographs(image, picture, source)


# ---------------------------------------------------------------- with images to compare with


def image_p_value(bank: PixelBank, name: str, image: Tensor, source: str) -> InDistribution:
    """The p-value of an image among held-out images of the data that the model learned from."""
    ruler = bank.ruler(group_of(name, source))
    grouped = bank.groups is not None
    count = len(np.unique(ruler.groups)) if ruler.groups is not None else len(ruler)
    title = title_of(name)
    # no p-value could reach the line: "usual" would say nothing
    if 1 / (count + 1) > ALPHA:
        return InDistribution(
            "unmeasured",
            f"Only {count} independent images of {title} were held out, too few to say how usual "
            "this one is.",
        )
    distance = bank.distance(averaged_rows(image[None]))
    p = float(ruler.p_by_group(distance)[0] if grouped else ruler.p(distance)[0])
    among = f"p = {p:.2g} among {count} held-out {'groups' if grouped else 'images'} of {title}"
    if p <= ALPHA:
        sentence = (
            "Its pixels are farther from what the model learned from than those of nearly all "
            "other images"
        )
        return InDistribution("unusual", f"{sentence} ({among}).", p)
    sentence = "Its pixels are as near to what the model learned from as those of other images"
    return InDistribution("usual", f"{sentence} ({among}).", p)


def title_of(name: str) -> str:
    """What the data set of that name is called. Raises BadData."""
    if name.startswith(UPLOAD):
        return data_sets.load(name).card.title
    return data_sets.entry(name).card.title


def group_of(name: str, source: str) -> int | None:
    """The group of an image of the data set of that name, which it is not compared with."""
    result = of_data(source)
    if result is None or result.data.name != name or "group" not in result.data.truth:
        return None
    return int(result.data.truth["group"][result.row])


def of_data(source: str) -> Example | None:
    """The image of a data set that a source names; None for samples and uploads."""
    return example(source) if "/" in source else None


# ---------------------------------------------------------------- without


def among_photographs(image: Tensor, picture: Picture, source: str) -> InDistribution:
    """Reasons against an image being an everyday photograph; that none was found proves nothing."""
    reason = (
        unlike_by_source(picture, source) if source or picture.behind else mismatch_reason(image)
    )
    if reason:
        return InDistribution("unusual", f"This model learned from photographs. {reason}")
    return InDistribution(
        "unmeasured",
        "This model learned from photographs, and nothing speaks against this being one. How usual "
        "it is was not measured: too few photographs ship to compare with.",
    )


def among_xrays(image: Tensor, picture: Picture, source: str) -> InDistribution:
    """Reasons against an image being a chest X-ray; that none was found proves nothing."""
    reason = unlike_by_source(picture, source) if source else ""
    if not reason and not colorless(image):
        reason = "This picture has color."
    if not reason and picture.behind is not None and picture.behind.unit == "HU":
        reason = "This is a slice of a CT."
    if reason:
        return InDistribution("unusual", f"This model learned from chest X-rays. {reason}")
    return InDistribution(
        "unmeasured",
        "This model learned from chest X-rays, and nothing speaks against this being one. How "
        "usual it is was not measured: no X-rays ship to compare with.",
    )


def unlike_by_source(picture: Picture, source: str) -> str:
    """Why a scan, a sample or an image of a data set is no everyday photograph, or ""."""
    if picture.behind is not None:
        return "Nothing like a scan was in its training data."
    if (result := of_data(source)) is not None:
        return f"Nothing like {result.data.card.title} was in its training data."
    title = next(
        (sample.title for sample in SAMPLES if sample.name == source and source in ODD), ""
    )
    return title and f"Nothing like this was in its training data: {title[0].lower()}{title[1:]}."


def mismatch_reason(image: Tensor) -> str:
    """Why an image of unknown source does not look like an everyday photograph, or ""."""
    if colorless(image):
        return (
            "This picture has no color, as scans, X-rays and drawings have none; gray photographs "
            "are treated alike."
        )
    if evenness(image) >= FLAT_SHARE:
        return "Half of this picture or more is perfectly even, as in drawings and screenshots."
    return ""


def colorless(image: Tensor) -> bool:
    """Whether nearly all pixels are gray."""
    spread = image.amax(0) - image.amin(0)
    return bool((spread <= COLORLESS).float().mean() >= GRAY_SHARE)


def is_gray(picture: Picture) -> bool:
    """Whether nearly all pixels of a whole picture are gray; one in nine is looked at."""
    some = picture.pixels[::3, ::3].astype(np.int16)
    spread = some.max(2) - some.min(2)
    return bool((spread <= 255 * COLORLESS).mean() >= GRAY_SHARE)


def evenness(image: Tensor) -> float:
    """The share of pixels that equal their right and their lower neighbor, in 8 bits."""
    eight = torch.round(image * 255)
    right = (eight[:, :-1, 1:] == eight[:, :-1, :-1]).all(0)
    # in photographs noise makes neighbors that are equal in all channels rare
    below = (eight[:, 1:, :-1] == eight[:, :-1, :-1]).all(0)
    return float((right & below).float().mean())


__all__ = ["InDistribution", "in_distribution"]
