"""CHAIR: which things a caption names that are not in the image.

    CHAIR_i = invented mentions / all mentions of things, over all captions
    CHAIR_s = captions with an invented mention / captions

Rohrbach et al. 2018, Object Hallucination in Image Captioning, https://arxiv.org/abs/1809.02156,
section 3.1, after the authors' code (`utils/chair.py`): every mention counts, repeated ones too,
and so do negated ones ("there is no boat") unless `negation` is on. Recall is added, since a model
that says less invents less.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan

NEGATIONS = frozenset({"no", "not", "without"})
REACH = 2  # words before a mention where a negation is looked for


@dataclass(frozen=True)
class Vocabulary:
    """The things that are looked for.

    Args:
        nodes: every word that names a thing, plurals and synonyms too, to the thing's own name.
        doubles: pairs of words that name one thing together, to the word that replaces them.
        parts: words that name nothing beside a thing, to that thing: a toilet's seat.
    """

    nodes: Mapping[str, str]
    doubles: Mapping[tuple[str, str], str]
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mention:
    """A thing in a caption.

    Args:
        place: of its word among the caption's words, the first of two.
        node: the thing.
        true: whether it is in the image.
        again: whether it was named before.
        width: of how many words it is made.
    """

    place: int
    node: str
    true: bool
    again: bool
    width: int = 1


@dataclass(frozen=True)
class Chair:
    """The rates over some captions; NaN where there is nothing to count.

    Args:
        instance: CHAIR_i.
        sentence: CHAIR_s.
        recall: different true things that were named, of all things there.
        words: mean length of a caption.
        mentions: of each caption.
    """

    instance: float
    sentence: float
    recall: float
    words: float
    mentions: tuple[tuple[Mention, ...], ...]


def mentions(
    words: Sequence[str], there: Collection[str], vocabulary: Vocabulary, *, negation: bool = False
) -> tuple[Mention, ...]:
    """The things in one caption.

    Args:
        words: the caption's words in lower case.
        there: the things in the image.
        vocabulary: what counts as a thing.
        negation: leave out what the caption says is not there.
    """
    results: list[Mention] = []
    spoken = merge_word_pairs(words, vocabulary)
    # a seat beside a toilet is the toilet's and no chair, as the authors' code has it
    spoken_of = {vocabulary.nodes[word] for _, word in spoken if word in vocabulary.nodes}
    named: set[str] = set()
    for place, word in spoken:
        node = vocabulary.nodes.get(word)
        if node is None or vocabulary.parts.get(word) in spoken_of:
            continue
        if negation and NEGATIONS & set(words[max(place - REACH, 0) : place]):
            continue
        pair = tuple(words[place : place + 2])
        width = 2 if len(pair) == 2 and pair in vocabulary.doubles else 1
        results.append(Mention(place, node, node in there, node in named, width))
        named.add(node)
    return tuple(results)


def merge_word_pairs(words: Sequence[str], vocabulary: Vocabulary) -> list[tuple[int, str]]:
    """Words with their places; pairs that name one thing become one, from left to right."""
    joined_words: list[tuple[int, str]] = []
    place = 0
    while place < len(words):
        pair = tuple(words[place : place + 2])
        double = vocabulary.doubles.get(pair) if len(pair) == 2 else None
        joined_words.append((place, double or words[place]))
        place += 2 if double else 1
    return joined_words


def chair(
    captions: Sequence[Sequence[str]],
    truths: Sequence[Collection[str]],
    vocabulary: Vocabulary,
    *,
    negation: bool = False,
) -> Chair:
    """The rates over captions and what their images hold. Raises ValueError for unequal numbers."""
    results = tuple(
        mentions(words, present, vocabulary, negation=negation)
        for words, present in zip(captions, truths, strict=True)
    )
    flat = [mention for result in results for mention in result]
    right = sum(len({mention.node for mention in result if mention.true}) for result in results)
    return Chair(
        instance=share(sum(not mention.true for mention in flat), len(flat)),
        sentence=share(
            sum(any(not mention.true for mention in result) for result in results), len(results)
        ),
        recall=share(right, sum(len(set(present)) for present in truths)),
        words=share(sum(len(words) for words in captions), len(captions)),
        mentions=results,
    )


def share(part: int, whole: int) -> float:
    """A part of a whole; NaN of nothing."""
    return part / whole if whole else nan
