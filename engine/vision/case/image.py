"""What is asked about. A case is frozen, and its fingerprint is made once."""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from engine.core.case_base import Case, Parts
from engine.core.controls import Many, Text, argument
from engine.core.device import PRECISIONS
from engine.core.errors import BlindspotError
from engine.core.keeping.memory import Memory
from engine.core.method import Choice, Precision, quiet
from engine.core.naming import Unknown, case_field, named_by, with_name
from engine.core.tally import count_images
from engine.vision.arguments import class_number, class_options, classifier_field, seed_argument
from engine.vision.case.scoring import score_renders
from engine.vision.case.target import READINGS, Reading, SimilarityTarget, Target, target_for_points
from engine.vision.case.wrapped import WrappedCase
from engine.vision.images import Crop, Picture
from engine.vision.models.catalog import DEFAULT
from engine.vision.models.classifier import Classifier
from engine.vision.models.embedding import SUFFIX, embedding_of
from engine.vision.models.pace import in_batches
from engine.vision.pictures import model_input, named_input, picture_field, picture_options

_embeddings: Memory[Classifier] = Memory(256 * 2**20, lambda model: model.held_bytes)  # bytes
LIKE = with_name(
    "like",
    argument(
        None,
        Text(off="a class is scored", options=picture_options),
        "Other image",
        "Another picture: the score is how similar the model's features of both are (cosine).",
    ),
)
OF_A_CLASS = ("target", "versus", "reading")
LIKENESS = Unknown("A case does not know its second picture: say like=….")


def named_target(
    target: str | None, versus: str | None, reading: Reading, model: Classifier, image: Tensor
) -> Target:
    """A class of the model, or the one that it sees first."""
    if target is None:
        index = int(model.logits(image[None])[0].argmax())
    else:
        index = class_number(target, model)
    return Target(index, None if versus is None else class_number(versus, model), reading)


def target_names(target: Target) -> dict[str, Any]:
    """Classes by their numbers."""
    versus = None if target.versus is None else str(target.versus)
    return {"target": str(target.index), "versus": versus, "reading": target.reading}


def offered_precision(precision: Precision, model: Classifier) -> Precision:
    """The precision, where the device has it."""
    if precision == "fast" and not model.offers_fast:
        raise BlindspotError("This device does not compute bfloat16 faster: use --precision exact.")
    return precision


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

    model: Classifier = classifier_field(DEFAULT)
    image: Tensor = picture_field()
    target: Target = named_by(
        named_target,
        target_names,
        target=argument(
            None,
            Text(off="the most likely class", options=class_options),
            "Ask about",
            "The class whose score is explained: its name, or its number.",
        ),
        versus=argument(
            None,
            Text(off="anything else", options=class_options),
            "Rather than",
            "Explain the difference between two classes: why this rather than that.",
        ),
        reading=argument(
            "logit",
            Choice(READINGS),
            "Read the score as",
            "Logit: the model's raw score, which keeps moving when the probability is near one. "
            "Probability: softmax, or of the finding itself where there are several. Margin: the "
            "logit less the best other class's.",
        ),
    )
    precision: Precision = named_by(
        offered_precision,
        default="exact",
        precision=argument(
            "exact",
            Choice(PRECISIONS),
            "Precision",
            "Exact: float32. Fast: bfloat16 for methods that only look at the model's answers; "
            "good for exploring, not for figures. Fast results are labeled and kept apart.",
        ),
    )
    seed: int = named_by(default=0, seed=seed_argument())

    @classmethod
    def specs(cls) -> dict[str, Field[Any]]:
        """Those of the fields, and the second picture, with which nothing is asked of a class."""
        return {**super().specs(), "like": LIKE}

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Self:
        """The case about a class, or about the similarity to a second picture."""
        case = super().read(arguments)
        if arguments["like"] is None:
            return case
        if [arguments[name] for name in OF_A_CLASS] != [None, None, "logit"]:
            raise BlindspotError("A similarity is not about a class: leave target and reading out.")
        other = named_input(arguments["like"], Crop(), case.model)
        similar = similarity_case(case.model, case.image, other)
        return replace(case, model=similar.model, target=similar.target)

    def written(self) -> dict[str, Any]:
        """As `Case.written`; of a similarity not the second picture."""
        names = super().written()
        if not isinstance(self.target, SimilarityTarget):
            return names
        if isinstance(names["model"], str):
            names["model"] = names["model"].removesuffix(SUFFIX)
        return {"like": LIKENESS} | {
            name: value for name, value in names.items() if name not in OF_A_CLASS
        }

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

    source: ImageCase = case_field(ImageCase, without=("like",))
    others: tuple[Tensor, ...] = named_by(
        lambda against, source: tuple(named_input(name, Crop(), source.model) for name in against),
        lambda _others: Unknown(),
        against=argument(
            ("sample:china",),
            Many(picture_options),
            "Walk to",
            "Pictures that the first is compared with or walked to.",
        ),
    )

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
