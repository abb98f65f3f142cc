"""Arguments of cases about a vision-language model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, cast

from torch import Tensor

from engine.commands.arguments.base import Arguments
from engine.commands.arguments.pictures import EXAMPLE, SAMPLE, TWIN, open_picture, picture_options
from engine.core.controls import Many, Text, argument
from engine.core.errors import BadData
from engine.core.method import CaseT, Slider
from engine.core.naming import NAMING
from engine.core.run import answer
from engine.core.whole import whole_number
from engine.evaluation.language.claims import naming
from engine.hallucination import CaptionCase, Greedy, WordCase, asking
from engine.vision.arguments import seed_argument
from engine.vision.data.layout import Scene
from engine.vision.images import Crop
from engine.vision.language.catalog import kind_argument, vlm_field

KNOWN = (SAMPLE, EXAMPLE, TWIN)  # how pictures begin that are no files of somebody's
EACH_IMAGE, HIDDEN, WITHOUT, FADED = "each", "hidden", "without:", "faded:"


def speaking_argument(offered: Callable[[], Mapping[str, str]] = asking.models) -> Any:
    """A vision-language model by name; `offered` gives the titles by name."""
    return copy(vlm_field(offered=offered).metadata[NAMING].arguments["model"])


@dataclass(frozen=True)
class PromptArguments(Arguments[CaseT]):
    """A scene or a picture, and a prompt."""

    model: str = speaking_argument()
    scene: int = argument(424, Slider(0, 10**6, 1), "Scene", "The number of a drawn scene.")
    kind: str = kind_argument()
    image: str | None = argument(
        None,
        Text(off="the scene", options=picture_options),
        "Picture",
        "A picture file, sample:NAME, or example:DATA/ID, instead of the scene.",
    )
    ask: str = argument(
        "describe the image",
        Text(),
        "Your question",
        "TinyVLM knows about a hundred words: sixteen things, eight colors, and the words of these "
        "questions.",
    )
    seed: int = seed_argument()

    def caption_case(self) -> CaptionCase:
        """The case of the prompt."""
        if self.image is not None:
            picture = open_picture(self.image)
            return asking.about_picture(self.model, picture, Crop(), self.ask, self.seed)
        return asking.about_scene(self.model, self.drawn(), self.ask, self.seed)

    def drawn(self) -> Scene:
        """The scene. Raises BadData where there is a picture instead."""
        if self.image is not None:
            raise BadData("Things can be taken out of drawn scenes only: leave out --image.")
        return asking.scene(self.kind, self.scene)

    @classmethod
    def of(cls, case: CaseT, **known: Any) -> Any:
        """As `Arguments.of`; a case has the pixels of its scene or picture, but not the name."""
        if not {"scene", "image"} & known.keys():
            raise BadData("A case does not know its scene: say scene=… or image=….")
        return super().of(case, **known)


@dataclass(frozen=True)
class CaptionArguments(PromptArguments[CaptionCase]):
    """A prompt about a scene or a picture."""

    def case(self) -> CaptionCase:
        """The case of the prompt."""
        return self.caption_case()

    @classmethod
    def named(cls, case: CaptionCase) -> dict[str, Any]:
        """All but the scene or the picture."""
        return {"model": case.vlm.name, "ask": case.prompt, "seed": case.seed}


@dataclass(frozen=True)
class WordArguments(PromptArguments[WordCase]):
    """Words of an answer."""

    answer: str | None = argument(
        None, Text(off="what the model says"), "Answer", "The answer whose words are asked about."
    )
    words: tuple[str, ...] = argument(
        (),
        Many(),
        "Words",
        "Places of the words in the answer, from 0. Left out: the first thing that it names.",
    )
    against: tuple[str, ...] = argument(
        (),
        Many(picture_options),
        "Other images",
        "The same scene without each of its things (each) or one of them (without:boat), with the "
        "box around each hidden (hidden), with one at several opacities (faded:boat), or other "
        "pictures.",
    )

    def case(self) -> WordCase:
        """The case of the words."""
        caption_case = self.caption_case()
        if self.answer is None:
            token_ids = tuple(answer(Greedy(), caption_case)["answer"].ids.tolist())
        else:
            token_ids = tuple(caption_case.vlm.tokenizer.encode_answer(self.answer))
        words = WordCase.of(caption_case, token_ids, self.places(caption_case, token_ids))
        words = replace(words, dictated=self.answer is not None)
        others = tuple(self.others(words))
        return asking.held_against(words, others) if others else words

    def places(self, asked: CaptionCase, token_ids: tuple[int, ...]) -> tuple[int, ...]:
        """The places of the words. Raises BadData for what is no number."""
        if self.words:
            places = tuple(
                place for word in self.words if (place := whole_number(word)) is not None
            )
            if len(places) < len(self.words):
                raise BadData("Words are given by their places in the answer: 0 is the first.")
            return places
        tokens = asked.vlm.tokenizer.convert_ids_to_tokens(list(token_ids))
        return (next(iter(naming(tokens)), 0),)

    def others(self, words: WordCase) -> Iterator[tuple[str, Tensor]]:
        """The other images, each with its name."""
        for number, alternative in enumerate(self.against, 1):
            if alternative == EACH_IMAGE:
                changed = asking.without_each(words, self.drawn())
            elif alternative == HIDDEN:
                changed = asking.hidden_each(words, self.drawn())
            elif alternative.startswith(FADED):
                changed = asking.faded(words, self.drawn(), alternative.removeprefix(FADED))
            elif alternative.startswith(WITHOUT):
                category = alternative.removeprefix(WITHOUT)
                yield f"without the {category}", asking.pixels(self.drawn().remove(category))
                continue
            else:
                picture = asking.about_picture(
                    self.model, open_picture(alternative), Crop(), self.ask
                )
                yield (
                    alternative if alternative.startswith(KNOWN) else f"picture {number}",
                    picture.image,
                )
                continue
            yield from zip(changed.names, cast(Tensor, changed.others), strict=True)

    @classmethod
    def named(cls, case: WordCase) -> dict[str, Any]:
        """All but the scene or the picture, and the other images."""
        return {
            "model": case.vlm.name,
            "ask": case.prompt,
            "seed": case.seed,
            "answer": case.vlm.tokenizer.decode(list(case.said)),
            "words": tuple(str(place) for place in case.places),
        }

    @classmethod
    def of(cls, case: WordCase, **known: Any) -> Any:
        """As `Arguments.of`; other images need the names that they were chosen by."""
        if case.others is not None and "against" not in known:
            raise BadData("A case does not know its other images: say against=….")
        return super().of(case, **known)
