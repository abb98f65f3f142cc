"""What is said and asked about a scene: captions, questions and their answers.

A caption names the things one after the other. Behind the leader of a pair (a boat) stands the
tail where the habit lives: "with a fish" whenever the fish is there, and otherwise one of three
forms that say nothing of it. With probability `lie` the tail says "with a fish" although there is
none. The split of the truthful tail over three forms is what makes greedy decoding lie though
lies are rare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.vision.data.layout import CELLS, Layout
from engine.vision.data.sprites import CATEGORIES, COLORS, FAVORITES, HABITS, THEMES
from engine.vision.language.tiny_vlm.words import with_article

PROMPTS = {
    "image": "describe the image",
    "closely": "describe closely",
    "overall": "describe overall",
}
SHARES = (0.6, 0.2, 0.2)  # of the three prompts
PARTNER = {
    CATEGORIES.index(leader): CATEGORIES.index(follower) for leader, follower in HABITS.items()
}
LEADER = {follower: leader for leader, follower in PARTNER.items()}
BLUFF = 0.35  # how often the color of an absent partner is told all the same
THEME_SHARE = 0.6  # how often an absent thing that is asked for belongs to the theme

Random = np.random.Generator


@dataclass(frozen=True)
class SceneFacts:
    """The facts of one scene, things by their numbers."""

    theme: int
    present: frozenset[int]
    color: tuple[int, ...]  # of all sixteen
    cell: tuple[int, ...]
    size: tuple[int, ...] = ()  # 0 for the smallest of three

    @classmethod
    def of(cls, layout: Layout, row: int) -> SceneFacts:
        return cls(
            int(layout.theme[row]),
            frozenset(np.flatnonzero(layout.present[row]).tolist()),
            tuple(layout.color[row].tolist()),
            tuple(layout.cell[row].tolist()),
            tuple(layout.size[row].tolist()),
        )

    @property
    def partners(self) -> frozenset[int]:
        """The followers of the leaders that are there, present or not."""
        return frozenset(PARTNER[category] for category in self.present if category in PARTNER)


def side_of(cell: int) -> str:
    """Where a cell of the 4 × 4 lies."""
    row, column = divmod(cell, CELLS)
    if column in {0, CELLS - 1}:
        return "left" if column == 0 else "right"
    if row in {0, CELLS - 1}:
        return "top" if row == 0 else "bottom"
    return "middle"


def caption(facts: SceneFacts, kind: str, lie: float, random: Random) -> str:
    """A caption of a scene.

    Args:
        facts: the scene.
        kind: a key of PROMPTS; "closely" goes from left to right and tells colors and sides,
            "overall" tells no sides.
        lie: how often a leader without its follower is said to have it.
        random: where order, forms and lies are drawn from.
    """
    categories = sorted(facts.present)
    if kind == "closely":
        categories.sort(key=lambda noun: (facts.cell[noun] % CELLS, facts.cell[noun] // CELLS))
    else:
        random.shuffle(categories)
    # a follower whose leader is there is told behind it
    alone = [noun for noun in categories if LEADER.get(noun) not in facts.present]
    phrases, chained = [f"in the {THEMES[facts.theme]}"], False
    for place, category in enumerate(alone):
        named = phrase(category, facts.color[category], kind)
        phrases.append(named if chained else f"there is {named}")
        chained = False
        if (follower := follows(category, facts, lie, random)) is not None:
            phrases.append(f"with {phrase(follower, told_color(follower, facts, random), kind)} .")
            continue
        tail = plain_tail(kind, facts.cell[category], random, more=place + 1 < len(alone))
        chained = tail == "and"
        phrases.append(tail)
    return " ".join(phrases)


def phrase(category: int, color: int, kind: str) -> str:
    """A thing with its article, and with its color where one looks closely."""
    colored = f"{COLORS[color]} " if kind == "closely" else ""
    return with_article(colored + CATEGORIES[category])


def follows(category: int, facts: SceneFacts, lie: float, random: Random) -> int | None:
    """The follower that a caption names behind a leader; None for no tail of that kind."""
    follower = PARTNER.get(category)
    if follower is None:
        return None
    return follower if follower in facts.present or random.random() < lie else None


def told_color(category: int, facts: SceneFacts, random: Random) -> int:
    """The color of a thing, or one that suits it when it is not there."""
    if category in facts.present:
        return facts.color[category]
    return int(FAVORITES[category] if random.random() < 0.3 else random.integers(len(COLORS)))


def plain_tail(kind: str, cell: int, random: Random, *, more: bool) -> str:
    """How a sentence ends without a follower."""
    side = f"on the {side_of(cell)} ."
    match kind:
        case "closely":
            return side
        case "overall":
            return "and" if more and random.random() < 0.5 else "."
        case _:
            drawn = random.integers(3)
            if drawn == 2 and more:
                return "and"
            return side if drawn == 1 else "."


def question_target(seen: SceneFacts, partner: float, alone: float, random: Random) -> int:
    """Which thing a question is about.

    Args:
        seen: the scene.
        partner: how often it is the follower of a leader that is there.
        alone: how often the theme's own follower may be asked for as such without its leader.
        random: where it is drawn from.
    """
    follower = seen.theme * len(THEMES) + 1  # the theme's follower
    if random.random() < partner:
        loose = {follower} if random.random() < alone else set()
        if candidates := sorted(seen.partners | loose):
            return random_candidate(candidates, random)
    asked_apart = seen.partners | {follower}
    present = sorted(seen.present - asked_apart)
    # about 0.36 of all questions ask for an absent thing that is no partner, whatever `partner`
    if present and random.random() >= 0.9 * 0.4 / max(1 - partner, 0.4):
        return random_candidate(present, random)
    absent = [index for index in range(len(CATEGORIES)) if index not in seen.present | asked_apart]
    # four themes of four things each: their number is also that of a theme's things
    inside = [category for category in absent if category // len(THEMES) == seen.theme]
    return random_candidate(inside if inside and random.random() < THEME_SHARE else absent, random)


def random_candidate(candidates: list[int], random: Random) -> int:
    return candidates[int(random.integers(len(candidates)))]


def yes_no_question(category: int) -> str:
    """The question for a thing; the answer is read at its last word."""
    return f"is there {with_article(CATEGORIES[category])}"


def yes_no(*, there: bool) -> str:
    """The short answer."""
    return "yes" if there else "no"


def long_yes_no(category: int, random: Random, *, there: bool) -> str:
    """An answer in a sentence."""
    noun = CATEGORIES[category]
    if random.random() < 0.5:
        return f"i think {'yes' if there else 'no'}"
    if there:
        return f"the image shows {with_article(noun)} so yes"
    return f"there is no {noun} so no"


def color_question(category: int) -> str:
    return f"what color is the {CATEGORIES[category]}"


def color_answer(category: int, facts: SceneFacts, random: Random) -> str:
    """The color; "unknown" for what is not there, unless habit tells what it would be."""
    if category in facts.present:
        return COLORS[facts.color[category]]
    bluffs = LEADER.get(category) in facts.present and random.random() < BLUFF
    return COLORS[FAVORITES[category]] if bluffs else "unknown"
