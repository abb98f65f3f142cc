"""Captions of 40 to 80 words: a sentence for each thing, with its size, place and color.

    the image shows the sea . there is a near boat on the left and the color of it is red .
    with it there is a far fish on the top and the color of it is blue .

Things that go alone come first, in any order; leaders come last, each with its follower, so that
what the habit makes up stands in the later sentences. Whether a follower is told is decided at the
full stop behind its leader's sentence, 11 words after the leader.
"""

from engine.vision.data.sprites import CATEGORIES, COLORS, THEMES
from engine.vision.language.tiny_vlm.sayings import (
    LEADER,
    PARTNER,
    Random,
    SceneFacts,
    follows,
    side_of,
    told_color,
)
from engine.vision.language.tiny_vlm.words import with_article

SIZED = ("far", "", "near")  # of the three sizes: what is large is said to be near


def long_caption(facts: SceneFacts, lie: float, random: Random) -> str:
    """A caption of a scene at length.

    Args:
        facts: the scene.
        lie: how often a leader without its follower is said to have it.
        random: where order and lies are drawn from.
    """
    categories = sorted(facts.present)
    random.shuffle(categories)
    alone = [noun for noun in categories if LEADER.get(noun) not in facts.present]
    sentences = [f"the image shows the {THEMES[facts.theme]} ."]
    for category in sorted(alone, key=lambda noun: noun in PARTNER):  # in their order, leaders last
        sentences.append(describe_thing(category, facts, random))
        if (follower := follows(category, facts, lie, random)) is not None:
            sentences.append(f"with it {describe_thing(follower, facts, random)}")
    return " ".join(sentences)


def describe_thing(category: int, facts: SceneFacts, random: Random) -> str:
    """What is told of a thing; of one that is not there what could be told."""
    size, cell = facts.size[category], facts.cell[category]
    color = COLORS[told_color(category, facts, random)]
    named = with_article(f"{SIZED[size]} {CATEGORIES[category]}".strip())
    return f"there is {named} on the {side_of(cell)} and the color of it is {color} ."
