"""What is asked of a vision-language model: an image and a prompt."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from engine.core.case_base import Case, Parts
from engine.core.controls import Slider, Text, argument
from engine.core.errors import BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.method import Precision
from engine.core.naming import Unknown, named_by
from engine.vision.arguments import seed_argument
from engine.vision.data.layout import Scene
from engine.vision.data.sprites import CATEGORIES
from engine.vision.images import Crop, square
from engine.vision.language.catalog import kind_argument, vlm_field
from engine.vision.language.scenes import pixels, sized
from engine.vision.language.scenes import scene as drawn_scene
from engine.vision.language.tiny_vlm.sayings import PROMPTS
from engine.vision.language.tiny_vlm.words import with_article
from engine.vision.language.vlm import VLM, Prompts
from engine.vision.pictures import open_picture, picture_options

KINDS = {"attention", "hidden", "gates", "gradient", "select", "exit", "routing", "places"}
DECIDED = {"is", "are", "was", "were", "does", "do", "did", "has", "have", "can", "could"}
"""How a question begins that is answered by yes or no."""

UNNAMED = Unknown(
    "A case does not know its scene: say scene=… or image=….", unless=("scene", "image")
)


def drawn(arguments: Mapping[str, Any]) -> Scene:
    """The scene of that kind and number."""
    return drawn_scene(arguments["kind"], arguments["scene"])


def named_image(scene: int, kind: str, image: str | None, vlm: VLM) -> Tensor:
    """A scene, or the square in the middle of a picture, (3, side, side) in [0, 1]."""
    if image is None:
        return sized(pixels(drawn_scene(kind, scene)), vlm)
    return torch.from_numpy(square(open_picture(image), Crop(), vlm.spec.side))


@dataclass(frozen=True, eq=False)
class CaptionCase(Case):
    """One image, one prompt, one model.

    Args:
        vlm: the model.
        image: pixels (3, H, W) in [0, 1], float32, at the model's working size.
        prompt: a question, or what asks for a caption.
        seed: of every random number.
        scene: what the image truly shows, where that is known. No answer depends on it, so it is
            no part of the fingerprint; what is said of an answer does.

    Raises:
        BlindspotError: the prompt is empty, has words the model does not know, or is too long.
    """

    case_name: ClassVar[str] = "caption"
    what: ClassVar[str] = "a vision-language model, a picture and a prompt"
    asks: ClassVar[str] = "vlm"

    vlm: VLM = vlm_field()
    image: Tensor = named_by(
        named_image,
        lambda _image: dict.fromkeys(("scene", "image"), UNNAMED),
        scene=argument(424, Slider(0, 10**6, 1), "Scene", "The number of a drawn scene."),
        kind=kind_argument(),
        image=argument(
            None,
            Text(off="the scene", options=picture_options),
            "Picture",
            "A picture file, sample:NAME, or example:DATA/ID, instead of the scene.",
        ),
    )
    prompt: str = named_by(
        ask=argument(
            "describe the image",
            Text(),
            "Your question",
            "TinyVLM knows about a hundred words: sixteen things, eight colors, and the words of "
            "these questions.",
        )
    )
    seed: int = named_by(default=0, seed=seed_argument())
    precision: Precision = "exact"
    scene: Scene | None = named_by(
        lambda arguments: None if arguments["image"] else drawn(arguments), default=None
    )

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[0] != 3:
            raise BlindspotError(f"An image is (3, H, W), not {tuple(self.image.shape)}.")
        room = self.vlm.spec.context - self.image_tokens - 2
        if not 0 < len(self.words) <= room:
            raise BlindspotError(
                f"The prompt has {len(self.words)} words; it needs one, and {room} fit."
                if self.words
                else "The prompt is empty: ask something, or ask for a caption."
            )

    @lazy
    def words(self) -> list[int]:
        """The prompt's tokens."""
        return self.vlm.tokenizer.encode(self.prompt)

    @property
    def image_tokens(self) -> int:
        return self.vlm.spec.image_tokens

    @property
    def images(self) -> Tensor:
        """Normalized pixels (1, 3, H, W)."""
        return self.vlm.normalize(self.image[None])

    @property
    def prompts(self) -> Tensor:
        """The prompt (1, P)."""
        return torch.tensor([self.words], device=self.vlm.device)

    def digest_parts(self) -> Parts:
        """Pixels, weights, the prompt's tokens and the seed."""
        yield self.image.contiguous().numpy().tobytes()
        yield f"{tuple(self.image.shape)}|{self.vlm.fingerprint}|{self.words}|{self.seed}"
        if self.precision != "exact":
            yield f"|{self.precision}"

    @property
    def typed(self) -> bool:
        """Whether the prompt is in somebody's own words, and none of the ready ones."""
        return not is_ready(self.vlm, self.prompt)

    @property
    def decides(self) -> bool:
        """Whether the prompt is a question that is answered by yes or no."""
        return self.prompt.split()[0].lower() in DECIDED

    def options(self, source: str) -> tuple[str, ...]:
        """The words a setting may take that are read from the case: after how many layers."""
        if source != "layers":
            raise ValueError(f"a case has no {source}")
        return tuple(str(layer) for layer in range(self.vlm.spec.layers + 1))

    def facts(self) -> dict[str, Any]:
        """What it is, for the record: no pixels, no file name."""
        return super().facts() | {"prompt": self.prompt}

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        if need == "yes or no":
            asks = "it needs a question that is answered by yes or no, such as “is there a boat”."
            return "" if self.decides else asks
        return unshown(self.vlm, need) if need in KINDS else super().lacks(need)


def is_ready(vlm: VLM, prompt: str) -> bool:
    """Whether a prompt is one of those that the pages offer."""
    return prompt in ready_prompts(vlm.spec.prompts)


@cache
def ready_prompts(prompts: Prompts) -> frozenset[str]:
    """How an image is described, and what is asked of each of the sixteen things."""
    nouns = tuple(map(with_article, CATEGORIES))
    forms = prompts.there, Prompts().there
    questions = {form.format(thing=noun) for form in forms for noun in nouns}
    colors = {f"what color is the {category}" for category in CATEGORIES}
    return frozenset({*prompts.views, *PROMPTS.values(), *questions, *colors})


def unshown(vlm: VLM, need: str) -> str:
    """Why a model cannot give what a method needs, or ""."""
    if need == "places":
        reason = "each of its image tokens sums up all of the image, so that a map has no places."
        return "" if vlm.spec.grid else f"{vlm.title} shows no places: {reason}"
    if need in vlm.spec.caps:
        return ""
    if need == "routing":
        return f"{vlm.title} has no experts to choose among: choose a mixture of experts."
    return f"{vlm.title} does not show its {need}."
