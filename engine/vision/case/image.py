"""What is asked about. A case is frozen, and its fingerprint is made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from engine.core.case_base import Case, Parts
from engine.core.errors import BlindspotError
from engine.core.keeping.memory import Memory
from engine.core.method import Precision, quiet
from engine.core.tally import count_images
from engine.vision.case.scoring import score_renders
from engine.vision.case.target import SimilarityTarget, Target, target_for_points
from engine.vision.case.wrapped import WrappedCase
from engine.vision.images import Crop, Picture, square
from engine.vision.models.classifier import Classifier
from engine.vision.models.embedding import embedding_of
from engine.vision.models.pace import in_batches

_embeddings: Memory[Classifier] = Memory(256 * 2**20, lambda model: model.held_bytes)  # bytes


@dataclass(frozen=True, eq=False)
class ImageCase(Case):
    """One image, one model, one target.

    Args:
        model: the classifier.
        image: pixels (3, H, W) in [0, 1], float32, at the model's working size.
        target: a class index or a Target (a class, a region, a number, a similarity).
        precision: "exact" (float32) or "fast" (bfloat16 forwards of perturbation methods).
        seed: of every random number a method draws.
    """

    case_name: ClassVar[str] = "image"
    what: ClassVar[str] = "an image and a classifier"

    model: Classifier
    image: Tensor
    target: Target
    precision: Precision = "exact"
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.target, int):
            object.__setattr__(self, "target", Target(self.target))
        object.__setattr__(self, "target", target_for_points(self.target, self.model.points))
        self.target.check(len(self.model.labels), self.model.title)
        if self.image.ndim != 3 or self.image.shape[0] != 3:
            raise BlindspotError(f"An image is (3, H, W), not {tuple(self.image.shape)}.")

    def digest_parts(self) -> Parts:
        """Pixels, weights, target, precision and seed."""
        yield self.image.contiguous().numpy().tobytes()
        yield f"{tuple(self.image.shape)}|{self.model.fingerprint}|{self.target}"
        yield f"|{self.precision}|{self.seed}"

    def facts(self) -> dict[str, Any]:
        """What it is, for the record: no pixels, no file name."""
        return super().facts() | {
            "target": self.target.words(self.model.labels),
            "target_index": self.target.index,
            "versus_index": self.target.versus,
            "reading": self.target.reading,
            "unit": self.target.unit,
        }

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        if need == "pair":
            return f"it needs {PairCase.what}."
        if need == "class":
            return "" if self.target.is_class else "it asks about a class of the whole image."
        return super().lacks(need)

    def options(self, source: str) -> tuple[str, ...]:
        """The words a setting may take that are read from the case: layers or classes."""
        match source:
            case "maps":
                return tuple(layer.name for layer in self.model.layers if layer.is_map)
            case "layers":
                return tuple(layer.name for layer in self.model.layers)
            case "classes":
                return self.model.labels
            case _:
                raise ValueError(f"a case has no {source}")

    @property
    def batch(self) -> int:
        """Images at a time, as found best for the model here."""
        return self.model.pace(self.precision).batch

    def generator(self) -> torch.Generator:
        """A fresh source of random numbers, always from the same seed."""
        return torch.Generator().manual_seed(self.seed)

    def score(self, images: Tensor) -> Tensor:
        """Scores (N,) of images (N, 3, H, W), float32 on the CPU, without gradients."""

        def copy(index: int, out: Tensor) -> None:
            out.copy_(images[index])

        return score_renders(self, len(images), copy, quiet)

    def gradient(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (N,) and their gradients with respect to the pixels (N, 3, H, W), on the CPU."""
        pace = self.model.pace("gradient")
        scores, gradients = torch.empty(len(images)), torch.empty(images.shape)

        def run(start: int, end: int) -> None:
            pixels = images[start:end].to(self.model.device, memory_format=pace.memory_format)
            pixels = pixels.detach().requires_grad_()
            score = self.target.of(self.model(pixels))
            (gradient,) = torch.autograd.grad(score.sum(), pixels)
            scores[start:end] = score.detach()
            gradients[start:end] = gradient
            count_images(pace, end - start)

        in_batches(len(images), pace.batch, run, self.model.title)
        return scores, gradients

    def baseline(self, kind: str) -> Tensor:
        """What stands for "nothing there", (3, H, W): black, mean (the model's zero) or blur."""
        return BASELINES[kind](self)


@dataclass(frozen=True, eq=False)
class PairCase(WrappedCase):
    """One image and others that it is compared with or walked to, all for one model.

    Args:
        source: the image's own case: model, target, precision and seed are taken from it.
        others: at least one more image (3, H, W) in [0, 1], of the source's size.
    """

    case_name: ClassVar[str] = "pair"
    what: ClassVar[str] = "other images to compare with or walk to: give at least one"
    gives: ClassVar[frozenset[str]] = frozenset({"pair"})

    source: ImageCase
    others: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        if not self.others:
            raise BlindspotError("Choose at least one other image to compare with.")
        shape = tuple(self.source.image.shape)
        for other in self.others:
            if tuple(other.shape) != shape:
                raise BlindspotError(f"The images differ in size: {shape}, {tuple(other.shape)}.")

    def digest_parts(self) -> Parts:
        """The source's case and the others' pixels, in their order."""
        yield f"pair|{self.source.fingerprint}"
        yield from (other.contiguous().numpy().tobytes() for other in self.others)

    def facts(self) -> dict[str, Any]:
        """Those of the source, and how many others there are."""
        return super().facts() | {"others": len(self.others)}


def image_case(
    model: Classifier,
    picture: Picture,
    crop: Crop,
    target: Target,
    precision: Precision = "exact",
    seed: int = 0,
) -> ImageCase:
    """The case of a picture's square, cropped and resized once to the model's working size."""
    return ImageCase(model, model_input(picture, crop, model), target, precision, seed)


def similarity_case(
    model: Classifier, image: Tensor, other: Tensor, precision: Precision = "exact", seed: int = 0
) -> ImageCase:
    """How similar an image's embedding is to another's, both images (3, H, W) in [0, 1].

    Raises:
        BadModel: the model does not end in a linear layer, below which its embedding lies.
    """
    name = f"{model.fingerprint}|{model.name}|{model.title}|{model.device}"
    embedding = _embeddings.made(name, lambda: embedding_of(model))
    target = SimilarityTarget(reference=embedding.logits(other[None])[0])
    return ImageCase(embedding, image, target, precision, seed)


def model_input(picture: Picture, crop: Crop, model: Classifier) -> Tensor:
    """A picture's square as the model sees it, (3, side, side) in [0, 1]."""
    return torch.from_numpy(square(picture, crop, model.side))


def black(case: ImageCase) -> Tensor:
    """All zero."""
    return torch.zeros_like(case.image)


def mean_color(case: ImageCase) -> Tensor:
    """The color that the model's own normalization turns into zero."""
    return case.model.mean[0].cpu().expand_as(case.image).clone()


def blur(case: ImageCase) -> Tensor:
    """The image blurred until only broad color is left: a Gaussian of a tenth of the side."""
    from torchvision.transforms.v2.functional import gaussian_blur

    sigma = max(case.image.shape[-1] / 10, 0.5)
    reach = min(2 * round(2 * sigma) + 1, 2 * (min(case.image.shape[1:]) // 2) - 1)
    blurred: Tensor = gaussian_blur(case.image, [max(reach, 1)] * 2, [sigma] * 2)
    return blurred


BASELINES: dict[str, Callable[[ImageCase], Tensor]] = {
    "mean": mean_color,
    "black": black,
    "blur": blur,
}
