"""What was claimed against what is there, in words."""

from __future__ import annotations

from components.dialog.answer_words import caption_words
from components.dialog.scene import FAINT
from components.notices import plain
from engine.data.layout import Scene
from engine.data.sprites import COLORS
from engine.hallucination.measures.chair import share
from engine.hallucination.measures.claims import Claims
from engine.hallucination.tiny_vlm.words import with_article


def verdict(truth: Claims | None, scene: Scene | None) -> str:
    """Whether an answer is true, in a sentence."""
    if truth is None or scene is None:
        return "What is truly in this picture is not known, so nothing can be held against it."
    if truth.kind == "caption":
        return caption_words(truth)
    sign = ":material/check_circle: Right." if truth.right else ":material/cancel: Wrong."
    return f"{sign} {short_words(truth, scene)}"


def short_words(truth: Claims, scene: Scene) -> str:
    """The truth about what was asked."""
    asked = truth.asked
    thing = next((one for one in scene.things if one.category == asked), None)
    if thing is None or thing.opacity == 0:
        return f"There is no {asked} in this scene.{'' if truth.right else made_up(truth)}"
    seen = "" if thing.opacity >= FAINT else f", at {100 * thing.opacity:.0f} % opacity"
    return f"There is {with_article(f'{thing.color} {asked}')}{seen}."


def made_up(truth: Claims) -> str:
    """What a false answer made up, and what in the scene may have led to it."""
    color = truth.kind == "color" and any(word in COLORS for word in truth.words)
    words = f" The model made up a {'color for what' if color else 'thing that'} is not there."
    if truth.leader:
        words += (
            f" In what it learned, {with_article(truth.asked)} mostly goes with "
            f"{with_article(truth.leader)}, and there is {with_article(truth.leader)}."
        )
    return words


def lists(truth: Claims) -> list[str]:
    """Of a caption: true, invented, repeated and missed things, each with its sign."""
    there = dict.fromkeys(mention.node for mention in truth.mentions if mention.true)
    again = dict.fromkeys(mention.node for mention in truth.mentions if mention.again)
    missed = [
        name if opacity >= FAINT else f"{name} (at {100 * opacity:.0f} % opacity)"
        for name, opacity in ((name, truth.there[name]) for name in truth.missed)
    ]
    rows = (
        (":blue[✓ There, and named]", there),
        (":orange[✗ Made up]", truth.invented),
        ("↻ Named again", again),
        ("○ There, and not named", missed),
    )
    return [f"{title}: **{plain(', '.join(names)) or 'none'}**" for title, names in rows]


def rates(truth: Claims) -> str:
    """The CHAIR figures of a caption."""
    invented = sum(not mention.true for mention in truth.mentions)
    named = len({mention.node for mention in truth.mentions if mention.true})
    total, there = len(truth.mentions), len(truth.there)
    wrong, recall = share(invented, total), share(named, there)
    first = f"{invented} of {total} ({100 * wrong:.0f} %)" if total else "none named"
    second = f"{named} of {there} ({100 * recall:.0f} %)" if there else "nothing is there"
    return (
        f"CHAIR of this caption: mentions made up (CHAIRi) {first}; things found (recall) {second}."
    )
