"""What an answer says of a scene, held against what is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.core.result.words import whole_words
from engine.evaluation.language.chair import Mention, mentions
from engine.evaluation.language.scenes import VOCABULARY
from engine.vision.data.layout import Scene
from engine.vision.data.sprites import COLORS, HABITS, THEMES
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.words import SIDES, with_article

LED = {follower: leader for leader, follower in HABITS.items()}
TELLING = {*VOCABULARY.nodes, *COLORS, *THEMES, *SIDES, "yes", "no", "unknown"}

Kind = Literal["yes or no", "color", "caption"]


@dataclass(frozen=True)
class Claims:
    """An answer against the truth.

    Args:
        kind: what sort of answer it is.
        words: the answer's.
        asked: the thing that the prompt is about; "" where it names none.
        there: the things in the scene, to their opacities.
        mentions: the things that the answer names.
        right: whether a yes, a no or a color is true; None where that cannot be said, and for
            captions.
    """

    kind: Kind
    words: tuple[str, ...]
    asked: str
    there: dict[str, float]
    mentions: tuple[Mention, ...]
    right: bool | None

    @property
    def missed(self) -> tuple[str, ...]:
        """The things there that a caption does not name."""
        named = {mention.node for mention in self.mentions}
        return tuple(noun for noun in self.there if noun not in named)

    @property
    def leader(self) -> str:
        """The thing in the scene that the asked one mostly goes with; "" for none."""
        leader = LED.get(self.asked, "")
        return leader if leader in self.there else ""

    @property
    def invented(self) -> tuple[str, ...]:
        """The things that a caption names and that are not there, each once."""
        return tuple(dict.fromkeys(mention.node for mention in self.mentions if not mention.true))

    def thing(self, place: int) -> str:
        """The thing that a word of the answer is about; "" for none.

        A name is about its thing, a color about the thing named behind it. A word of a short
        answer is about the thing that was asked for.
        """
        for position in (place, place + 1) if self.words[place] in COLORS else (place,):
            for mention in self.mentions:
                if mention.place == position:
                    return mention.node
        return self.asked if self.kind != "caption" else ""


def claims(prompt: str, words: Sequence[str], scene: Scene) -> Claims:
    """An answer's words against a scene; they may be pieces of words."""
    opacities = {
        scene_object.category: scene_object.opacity
        for scene_object in scene.things
        if scene_object.opacity > 0
    }
    noun = first_thing(prompt)
    full_words, starts = whole_words(words)
    result = mentions(full_words, opacities, VOCABULARY)
    named = tuple(replace(mention, place=starts[mention.place]) for mention in result)
    verdicts = [word for word in full_words if word in {"yes", "no"}]
    kind: Kind = "caption"
    right = None
    if prompt.lower().strip().startswith("what color"):
        kind = "color"
        right = is_color_right(noun, full_words, opacities, scene) if noun else None
    elif verdicts and noun:
        kind = "yes or no"
        # the last one decides: "there is no fish so no" ends with its verdict
        right = (verdicts[-1] == "yes") == (noun in opacities)
    return Claims(kind, tuple(words), noun, opacities, named, right)


def claims_of(case: CaptionCase, words: Sequence[str]) -> Claims | None:
    """An answer's words against what the case's image shows; None where that is not known."""
    return claims(case.prompt, words, case.scene) if case.scene else None


def first_thing(prompt: str) -> str:
    """The thing that a prompt names first; "" for none."""
    plain = prompt.lower().replace("?", " ").replace(".", " ").replace(",", " ").split()
    named = mentions(plain, (), VOCABULARY)
    return named[0].node if named else ""


def is_color_right(
    noun: str, words: Sequence[str], opacities: Mapping[str, float], scene: Scene
) -> bool:
    """Whether an answer has the thing's color, or says that it knows none where it is absent."""
    color = next(
        (scene_object.color for scene_object in scene.things if scene_object.category == noun), ""
    )
    return (color if noun in opacities else "unknown") in words


def telling(words: Sequence[str]) -> list[int]:
    """The places of words that say something of an image; the others are grammar."""
    full_words, starts = whole_words(words)
    return [place for place, word in zip(starts, full_words, strict=True) if word in TELLING]


def naming(words: Sequence[str]) -> list[int]:
    """The places of words that name a thing."""
    full_words, starts = whole_words(words)
    return [starts[mention.place] for mention in mentions(full_words, (), VOCABULARY)]


def suggested_questions(scene: Scene) -> tuple[str, ...]:
    """What a person may want to ask of a scene, the partner that is missing first."""
    nouns = [scene_object.category for scene_object in scene.things]
    led = [HABITS[noun] for noun in nouns if noun in HABITS]
    absent = [noun for noun in led if noun not in nouns]
    chosen = list(dict.fromkeys([*absent, *led, *nouns[:2]]))[:3]
    colored = list(dict.fromkeys([*nouns[:1], *absent[:1]]))
    return (
        *(f"is there {with_article(noun)}" for noun in chosen),
        "describe the image",
        "describe closely",
        *(f"what color is the {noun}" for noun in colored),
    )
