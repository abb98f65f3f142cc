"""Some words of an answer that was given: where they looked, and what they hang on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.case_base import Parts
from engine.core.controls import Many, Text, argument
from engine.core.errors import BadData, BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.method import Method
from engine.core.naming import Unknown, named_by
from engine.core.result.words import joined_pieces
from engine.core.run import answer
from engine.core.whole import whole_number
from engine.evaluation.language.claims import Claims, claims_of, naming
from engine.evaluation.language.greedy import Greedy
from engine.vision.data.layout import Scene
from engine.vision.language.case import CaptionCase
from engine.vision.language.vlm import VLM
from engine.vision.pictures import picture_options

OTHERS = Unknown("A case does not know its other images: say against=….")


def named_answer(  # fields of the case
    text: str | None, vlm: VLM, image: Tensor, prompt: str, seed: int, scene: Scene | None
) -> tuple[int, ...]:
    """The tokens of an answer, or of the one that the model gives."""
    if text is not None:
        return tuple(vlm.tokenizer.encode_answer(text))
    case = CaptionCase(vlm, image, prompt, seed, scene=scene)
    return tuple(answer(Greedy(), case)["answer"].ids.tolist())


def named_places(words: Sequence[str], vlm: VLM, said: tuple[int, ...]) -> tuple[int, ...]:
    """The places of words, or of the first thing that is named. Raises BadData: no number."""
    if not words:
        return (next(iter(naming(vlm.tokenizer.convert_ids_to_tokens(list(said)))), 0),)
    places = tuple(place for word in words if (place := whole_number(word)) is not None)
    if len(places) < len(words):
        raise BadData("Words are given by their places in the answer: 0 is the first.")
    return places


@dataclass(frozen=True, eq=False)
class WordCase(CaptionCase):
    """Words of an answer.

    Args:
        said: the answer's tokens.
        places: which of them are asked about, from 0.
        others: other images, (k, 3, H, W) in [0, 1], each with a name: the same scene without a
            thing, with a region hidden, another scene.
        names: of the other images.
        dictated: whether somebody typed the answer, so that it is no model's.

    Raises:
        BlindspotError: no words, or a place outside the answer.
    """

    case_name: ClassVar[str] = "words"
    what: ClassVar[str] = "words of an answer that a vision-language model gave"

    said: tuple[int, ...] = named_by(
        named_answer,
        lambda said, vlm: vlm.tokenizer.decode(list(said)),
        default=(),
        answer=argument(
            None,
            Text(off="what the model says"),
            "Answer",
            "The answer whose words are asked about.",
        ),
    )
    places: tuple[int, ...] = named_by(
        named_places,
        lambda places: tuple(map(str, places)),
        default=(),
        words=argument(
            (),
            Many(),
            "Words",
            "Places of the words in the answer, from 0. Left out: the first thing that it names.",
        ),
    )
    others: Tensor | None = named_by(
        lambda _against: None,  # see `read`: they are those of the words
        lambda others: {} if others is None else OTHERS,
        default=None,
        against=argument(
            (),
            Many(picture_options),
            "Other images",
            "The same scene without each of its things (each) or one of them (without:boat), with "
            "the box around each hidden (hidden), with one at several opacities (faded:boat), or "
            "other pictures.",
        ),
    )
    names: tuple[str, ...] = ()
    dictated: bool = named_by(lambda arguments: arguments["answer"] is not None, default=False)

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Self:
        """The words, held against other images where these are named."""
        from engine.hallucination.asking import held_against, other_images

        words = super().read(arguments)
        if not (others := tuple(other_images(words, arguments["against"]))):
            return words
        held = held_against(words, others)
        return replace(words, others=held.others, names=held.names)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.said or not self.places:
            raise BlindspotError("There is no word to ask about: choose one of the answer.")
        if odd := [place for place in self.places if not 0 <= place < len(self.said)]:
            raise BlindspotError(f"The answer has {len(self.said)} words; there is no word {odd}.")
        count = 0 if self.others is None else len(self.others)
        if count != len(self.names):
            raise BlindspotError(f"{count} other images have {len(self.names)} names.")

    @classmethod
    def of(cls, asked: CaptionCase, said: tuple[int, ...], places: tuple[int, ...]) -> WordCase:
        """Words of the answer to a case."""
        return cls(
            asked.vlm,
            asked.image,
            asked.prompt,
            asked.seed,
            scene=asked.scene,
            said=said,
            places=places,
        )

    @lazy
    def spoken(self) -> tuple[str, ...]:
        """The answer's words."""
        return tuple(self.vlm.tokenizer.convert_ids_to_tokens(list(self.said)))

    @property
    def phrase(self) -> str:
        """The words that are asked about, in quotation marks."""
        return f"“{joined_pieces([self.spoken[place] for place in self.places])}”"

    @property
    def claims(self) -> Claims | None:
        """The answer against the truth; None where that is not known."""
        return claims_of(self, self.spoken)

    @property
    def things(self) -> tuple[str, ...]:
        """What the words are about, each thing once."""
        truth = self.claims
        named = (truth.thing(place) for place in self.places) if truth else ()
        return tuple(dict.fromkeys(noun for noun in named if noun))

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Where these things are in the image, (H, W); None where none of them is to be seen."""
        if self.scene is None or self.claims is None:
            return None
        masks = [self.mask_of(noun) for noun in self.things if noun in self.claims.there]
        mask = np.any(masks, axis=0) if masks else np.zeros(1, np.bool_)
        return mask if mask.any() else None

    def mask_of(self, noun: str) -> NDArray[np.bool_]:
        """Where a thing of the scene is on the image as the model sees it, (H, W)."""
        assert self.scene is not None  # noqa: S101  # who names a thing has the scene
        scene_mask = self.scene.mask(noun)
        # the nearest pixel: a mask has no values in between
        rows, columns = (
            np.arange(count) * have // count
            for count, have in zip(self.image.shape[1:], scene_mask.shape, strict=True)
        )
        return scene_mask[rows[:, None], columns]

    @property
    def answer(self) -> Tensor:
        """The answer's tokens, (n,)."""
        return torch.tensor(self.said, device=self.vlm.device)

    @property
    def compared(self) -> Tensor:
        """Normalized pixels of the image itself, first, and the others, (1 + k, 3, H, W)."""
        if self.others is None:
            return self.images
        return torch.cat([self.images, self.vlm.normalize(self.others)])

    def digest_parts(self) -> Parts:
        """The question, the answer, the words and the other images."""
        yield from super().digest_parts()
        yield f"|{self.said}|{self.places}|{self.names}"
        if self.others is not None:
            yield self.others.contiguous().numpy().tobytes()

    @property
    def typed(self) -> bool:
        """Whether prompt or answer are in somebody's own words."""
        return self.dictated or super().typed

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        return {
            **super().facts(),
            "answer": joined_pieces(self.spoken),
            "words": [self.spoken[place] for place in self.places],
            "places": list(self.places),
            "compared with": list(self.names),
        }

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        if need == "others":
            return "" if self.names else "it needs other images to hold this one against."
        return super().lacks(need)


class OfWords(Method[WordCase]):
    """What all methods share that are asked about words of an answer."""

    family = "hallucination"
    cost = "live"
