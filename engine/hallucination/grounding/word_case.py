"""Some words of an answer that was given: where they looked, and what they hang on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from engine.case_base import Parts
from engine.errors import BlindspotError
from engine.hallucination.case import CaptionCase
from engine.method import Method


@dataclass(frozen=True, eq=False)
class WordCase(CaptionCase):
    """Words of an answer.

    Args:
        said: the answer's tokens.
        places: which of them are asked about, from 0.
        others: other images, (k, 3, H, W) in [0, 1], each with a name: the same scene without a
            thing, with a region hidden, another scene.
        names: of the other images.

    Raises:
        BlindspotError: no words, or a place outside the answer.
    """

    case_name: ClassVar[str] = "words"
    what: ClassVar[str] = "words of an answer that a vision-language model gave"

    said: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    others: Tensor | None = None
    names: tuple[str, ...] = ()

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
        return cls(asked.vlm, asked.image, asked.prompt, asked.seed, said=said, places=places)

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

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        words = self.vlm.tokenizer.convert_ids_to_tokens(list(self.said))
        return {
            **super().facts(),
            "answer": " ".join(words),
            "words": [words[place] for place in self.places],
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
