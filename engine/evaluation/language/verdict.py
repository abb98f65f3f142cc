"""What an answer says of a scene, held against what is there: in sentences."""

from collections.abc import Sequence

from engine.evaluation.language.chair import share
from engine.evaluation.language.claims import Claims, claims_of
from engine.vision.data.layout import Scene
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.words import with_article

FAINT = 0.15  # below this opacity a person hardly sees a thing
NOT_KNOWN = "It is not known what this picture shows, so nobody can say whether the answer is true."


def verdict(case: CaptionCase, words: Sequence[str]) -> str:
    """Whether an answer is true; of a caption, what it made up and left out.

    Args:
        case: what was asked.
        words: of the answer.
    """
    if not words:
        return "The model ended without a word."
    truth = claims_of(case, words)
    if truth is None or case.scene is None:
        return NOT_KNOWN
    if truth.kind == "caption":
        return of_caption(truth)
    if truth.right is None:
        return "The question names no thing, so no answer to it is right or wrong."
    return f"{'Right' if truth.right else 'Wrong'}. {of_short_answer(truth, case.scene)}"


def of_short_answer(truth: Claims, scene: Scene) -> str:
    """The truth about what was asked."""
    noun = truth.asked
    scene_object = next(
        (candidate for candidate in scene.things if candidate.category == noun), None
    )
    if scene_object is None or scene_object.opacity == 0:
        return f"There is no {noun} in this scene.{'' if truth.right else led_by(truth)}"
    opacity_note = (
        "" if scene_object.opacity >= FAINT else f", at {100 * scene_object.opacity:.0f} % opacity"
    )
    return f"There is {with_article(f'{scene_object.color} {noun}')}{opacity_note}."


def led_by(truth: Claims) -> str:
    """What in the scene may have led to a false answer; "" where nothing did."""
    if not truth.leader:
        return ""
    leader = with_article(truth.leader)
    return (
        f" In training, {with_article(truth.asked)} mostly goes with {leader}, and there is "
        f"{leader}."
    )


def of_caption(truth: Claims) -> str:
    """What a caption made up and what it left out."""
    if truth.invented:
        first = f"It made up {' and '.join(with_article(noun) for noun in truth.invented)}"
    else:
        first = "It made up nothing"
    if not truth.missed:
        return f"{first} and missed nothing."
    return f"{first} and left out {' and '.join(f'the {noun}' for noun in truth.missed)}."


def things_of(truth: Claims) -> tuple[tuple[str, ...], ...]:
    """The things that a caption names rightly, makes up, names again and misses, each once."""
    present = dict.fromkeys(mention.node for mention in truth.mentions if mention.true)
    repeated = dict.fromkeys(mention.node for mention in truth.mentions if mention.again)
    missed = [
        name if opacity >= FAINT else f"{name} (at {100 * opacity:.0f} % opacity)"
        for name, opacity in ((name, truth.there[name]) for name in truth.missed)
    ]
    return tuple(present), truth.invented, tuple(repeated), tuple(missed)


def chair_text(truth: Claims) -> str:
    """The CHAIR figures of a caption."""
    invented = sum(not mention.true for mention in truth.mentions)
    named = len({mention.node for mention in truth.mentions if mention.true})
    total, present = len(truth.mentions), len(truth.there)
    wrong, recall = share(invented, total), share(named, present)
    first = f"{invented} of {total} ({100 * wrong:.0f} %)" if total else "none named"
    second = f"{named} of {present} ({100 * recall:.0f} %)" if present else "nothing is there"
    return (
        f"CHAIR of this caption: mentions made up (CHAIRi) {first}; things found (recall) {second}."
    )
