"""What is scored: a class or a contrast of two, a region, a number, or likeness to an image.

Every target turns a network's outputs into one score per image, so that each method that asks the
model through its case works with all of them. Methods that need the probability of one class have
"class" among their needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.core.errors import BlindspotError, DoesNotFit
from engine.vision.models.several import at_points

Reading = Literal["logit", "probability", "margin"]
READINGS: tuple[Reading, ...] = ("logit", "probability", "margin")
OF_FINDINGS = READINGS[:2]  # where several findings are said at once, none has a rival


@dataclass(frozen=True)
class Target:
    """A class index; with `versus`, "why this rather than that": the difference of the two."""

    index: int
    versus: int | None = None
    reading: Reading = "logit"
    is_class: ClassVar[bool] = True  # of a whole image

    def check(self, outputs: int, title: str) -> None:
        """Raise BlindspotError when a model of so many outputs does not have it."""
        for index in (self.index, self.versus):
            if index is not None and not 0 <= index < outputs:
                raise BlindspotError(f"Class {index} is unknown: {title} has {outputs}.")
        if self.versus == self.index:
            raise BlindspotError("A class cannot be compared with itself: choose two.")

    def of(self, logits: Tensor) -> Tensor:
        """Scores (N,) of logits (N, classes).

        A margin is the logit less the largest other logit (of the contrasted class, when given).
        """
        if logits.ndim != 2:
            raise DoesNotFit(
                "This model has a score at every place: ask about a class in a region."
            )
        if self.reading == "margin" and self.versus is None:
            others = logits.clone()
            others[:, self.index] = -torch.inf
            return logits[:, self.index] - others.amax(1)
        values = logits.softmax(1) if self.reading == "probability" else logits
        if self.versus is None:
            return values[:, self.index]
        return values[:, self.index] - values[:, self.versus]

    def as_logit(self, logits: Tensor) -> Target:
        """The target read linearly; a margin is taken against the first image's strongest rival.

        Args:
            logits: (N, classes) of at least one image.

        Raises:
            DoesNotFit: it is not linear in the outputs.
        """
        if self.reading != "margin" or self.versus is not None:
            return replace(self, reading="logit")
        others = logits[0].detach().clone()
        others[self.index] = -torch.inf
        return replace(self, reading="logit", versus=int(others.argmax()))

    @property
    def unit(self) -> str:
        """The unit of the score."""
        return "probability" if self.reading == "probability" else "logit"

    def words(self, labels: tuple[str, ...]) -> str:
        """The target as a person would say it."""
        name = labels[self.index]
        return name if self.versus is None else f"{name} rather than {labels[self.versus]}"


@dataclass(frozen=True)
class FindingTarget(Target):
    """One finding of a model that says several at once; with `versus`, the difference of two.

    Args:
        points: of all of the model's findings, see `Classifier`.
    """

    points: tuple[float, ...] = field(kw_only=True)

    def check(self, outputs: int, title: str) -> None:
        """Raise BlindspotError for a margin too: findings have no rivals."""
        super().check(outputs, title)
        if self.reading == "margin":
            raise BlindspotError(
                f"{title} says several findings at once, so none is a rival of another: read the "
                "score as logit or probability, not as margin."
            )

    def of(self, logits: Tensor) -> Tensor:
        """Scores (N,) of logits (N, findings)."""
        if self.reading != "probability":
            return super().of(logits)
        return replace(self, reading="logit").of(at_points(logits, self.points))


def target_for_points(target: Target, points: tuple[float, ...]) -> Target:
    """The target as the model of these points reads it: a finding if there are any."""
    if type(target) not in {Target, FindingTarget}:
        return target
    if points:
        return FindingTarget(target.index, target.versus, target.reading, points=points)
    return Target(target.index, target.versus, target.reading)


@dataclass(frozen=True)
class RegionTarget(Target):
    """A class in a region of a dense output: its mean score over the places of a mask.

    Args:
        mask: (H, W), true inside; logits of another size are interpolated to it (bilinear).
    """

    mask: Tensor = field(kw_only=True, repr=False, compare=False)
    digest: str = field(init=False)  # of the mask
    is_class = False

    def __post_init__(self) -> None:
        mask = self.mask.bool()
        if mask.ndim != 2 or not mask.any():
            raise BlindspotError("A region is a mask (H, W) with at least one place inside.")
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "digest", digest_of(mask))

    def of(self, logits: Tensor) -> Tensor:
        """Scores (N,) of logits (N, classes, h, w), read at each place and averaged."""
        inside = self.inside(logits)  # (N, classes, places)
        places = inside.transpose(1, 2).flatten(0, 1)
        return super().of(places).view(len(logits), -1).mean(1)

    def as_logit(self, logits: Tensor) -> Target:
        """The same, read linearly; a margin is taken against the region's strongest rival."""
        return super().as_logit(self.inside(logits).mean(2))

    def inside(self, logits: Tensor) -> Tensor:
        """Logits of the region's places, (N, classes, places)."""
        if logits.ndim != 4:
            raise DoesNotFit("This model scores whole images: ask about a class, not a region.")
        if logits.shape[2:] != self.mask.shape:
            size = self.mask.shape
            logits = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return logits[:, :, self.mask.to(logits.device)]

    def words(self, labels: tuple[str, ...]) -> str:
        """The target as a person would say it."""
        return f"{super().words(labels)} in the region"


@dataclass(frozen=True)
class NumberTarget(Target):
    """A number that the model predicts, such as an age; with `versus`, the difference of two.

    Args:
        measure: the unit of the number.
    """

    index: int = 0
    measure: str = "output"
    is_class = False

    def __post_init__(self) -> None:
        if self.reading != "logit":
            raise BlindspotError("A predicted number has no probability and no margin.")

    @property
    def unit(self) -> str:
        """The unit of the number."""
        return self.measure


@dataclass(frozen=True)
class SimilarityTarget(Target):
    """How similar an embedding is to a second image's: their cosine, from −1 to 1.

    The model's outputs are the embedding: see `engine.vision.case.similarity_case`.

    Args:
        reference: the second image's embedding, (D,).
    """

    index: int = field(default=0, init=False, repr=False)
    versus: int | None = field(default=None, init=False, repr=False)
    reading: Reading = field(default="logit", init=False, repr=False)
    reference: Tensor = field(kw_only=True, repr=False, compare=False)
    digest: str = field(init=False)  # of the reference
    is_class = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest_of(self.reference))

    def check(self, outputs: int, title: str) -> None:
        """Raise BlindspotError when a model's embeddings have another length."""
        if self.reference.shape != (outputs,):
            shape = tuple(self.reference.shape)
            raise BlindspotError(f"{title} gives embeddings ({outputs},), and this is {shape}.")

    def of(self, logits: Tensor) -> Tensor:
        """Cosines (N,) of embeddings (N, D)."""
        return F.cosine_similarity(logits, self.reference.to(logits)[None], dim=1)

    def as_logit(self, logits: Tensor) -> Target:
        """A cosine cannot be read linearly."""
        del logits
        raise DoesNotFit("A cosine is not linear in the embedding, which this method needs.")

    @property
    def unit(self) -> str:
        """The unit of the score."""
        return "cosine"

    def words(self, labels: tuple[str, ...]) -> str:
        """The target as a person would say it."""
        del labels
        return "similarity to the second image"


def digest_of(values: Tensor) -> str:
    """A short digest of a tensor's shape, type and numbers."""
    plain = values.detach().cpu().contiguous()
    hasher = blake2b(f"{tuple(plain.shape)}|{plain.dtype}".encode(), digest_size=16)
    hasher.update(plain.numpy().tobytes())
    return hasher.hexdigest()
