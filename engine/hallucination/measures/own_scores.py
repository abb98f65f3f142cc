"""POPE and CHAIR of a person's own answers and captions: no model is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import BadData
from engine.hallucination.measures.captioned import counts_of, rates_of
from engine.hallucination.measures.chair import Mention, mentions
from engine.hallucination.measures.coco import node_of, vocabulary, words_of
from engine.hallucination.measures.polling import Bools, amber, counted, reading, with_intervals
from engine.hallucination.own_rows import OwnRows, parts
from engine.result import Table

BOUNDED = ("accuracy", "F1")
MOST_GROUPS = 24
NAMED = 5  # names that are no thing of COCO's, in a sentence


@dataclass(frozen=True, eq=False)
class OwnAnswers:
    """Answers against their labels.

    Args:
        rates: a row for each group, the first for all where there are several.
        yes: how POPE reads each answer.
        there: each label.
        words: "yes", "no", or "" where an answer is neither.
    """

    rates: Table
    yes: Bools
    there: Bools
    words: tuple[str, ...]

    @property
    def wrong(self) -> Bools:
        """Which answers POPE counts as wrong."""
        found: Bools = self.yes != self.there
        return found


@dataclass(frozen=True, eq=False)
class OwnCaptions:
    """Captions against what is there.

    Args:
        rates: a row for each group, the first for all where there are several.
        words: of each caption.
        there: the things of each image, by COCO's names.
        mentions: in each caption.
        notes: which names play no part, in sentences.
    """

    rates: Table
    words: tuple[tuple[str, ...], ...]
    there: tuple[frozenset[str], ...]
    mentions: tuple[tuple[Mention, ...], ...]
    notes: tuple[str, ...]

    @property
    def invented(self) -> list[int]:
        """Mentions of each caption that are not there."""
        return [sum(not one.true for one in found) for found in self.mentions]


def score_answers(own: OwnRows) -> OwnAnswers:
    """POPE's rates of each group, AMBER's F1 beside them, and what could not be read."""
    held = [reading(answer) for answer in own.column("answer")]
    yes = np.array([one.yes for one in held], bool)
    there = np.array([label == "yes" for label in own.column("label")], bool)
    words = tuple(one.word for one in held)
    counts, images = counted(yes, there), units(own)
    rows = []
    for rowed in groups(own).values():
        at = np.array(rowed)
        plain = [words[place] for place in rowed]
        found = with_intervals(counts[at], [images[place] for place in rowed], BOUNDED)
        caught = amber(plain, there[at])
        other = [bool(w) and (w == "yes") != y for w, y in zip(plain, yes[at], strict=True)]
        rows.append({
            **found,
            "neither": (float(plain.count("")), "answers"),
            "read otherwise": (float(sum(other)), "answers"),
            "no found": (caught["recall"], "share"),
            "F1 of no": (caught["F1"], "share"),
            "answers": (float(len(rowed)), "answers"),
        })  # fmt: skip
    return OwnAnswers(stacked(rows, list(groups(own))), yes, there, words)


def score_captions(own: OwnRows, *, negation: bool = False) -> OwnCaptions:
    """CHAIR's rates of each group; what is there is what the row and its references name.

    Args:
        own: the rows.
        negation: leave out what a caption says is not there.

    Raises:
        BadData: no row names a thing of COCO's.
    """
    things, unknown, held = [], dict[str, None](), vocabulary()
    for objects, references in zip(own.column("objects"), own.column("references"), strict=True):
        listed = {name: node_of(name) for name in parts(objects)}
        unknown |= dict.fromkeys(name for name, node in listed.items() if not node)
        told = (
            one.node for text in parts(references) for one in mentions(words_of(text), (), held)
        )
        things.append(frozenset({*filter(None, listed.values()), *told}))
    if not any(things):
        raise BadData(
            "No name under “objects” is one of COCO's eighty things, such as dog, cup or dining "
            "table: CHAIR cannot say what is true."
        )
    words = tuple(tuple(words_of(caption)) for caption in own.column("caption"))
    found = tuple(
        mentions(said, there, held, negation=negation)
        for said, there in zip(words, things, strict=True)
    )
    counts, images = counts_of(words, things, found), units(own)
    rows = [
        {
            **rates_of(counts[np.array(rowed)], [images[place] for place in rowed]),
            "captions": (float(len(rowed)), "captions"),
        }
        for rowed in groups(own).values()
    ]
    return OwnCaptions(
        stacked(rows, list(groups(own))), words, tuple(things), found, left_out(list(unknown))
    )


def left_out(names: Sequence[str]) -> tuple[str, ...]:
    """That some names are none of COCO's."""
    if not names:
        return ()
    listed = ", ".join(f"“{name[:30]}”" for name in names[:NAMED])
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return (f"Not among COCO's eighty things, so left out of what is there: {listed}{more}.",)


def units(own: OwnRows) -> list[str]:
    """What is drawn again for intervals: the image of each row, or the row itself."""
    return [image or f"row {at}" for at, image in enumerate(own.column("image"))]


def groups(own: OwnRows) -> dict[str, list[int]]:
    """The rows of each group; all of them first where there are several groups."""
    named: dict[str, list[int]] = {}
    for at, name in enumerate(own.column("group")):
        named.setdefault(name.strip()[:40] or "no group", []).append(at)
    if len(named) > MOST_GROUPS:
        raise BadData(
            f"The file has {len(named):,} groups, and {MOST_GROUPS} are compared: group holds what "
            "is compared, such as the split or the decoder."
        )
    every = {"all rows": list(range(len(own.rows)))}
    return (
        every
        if len(named) == 1 and "no group" in named
        else (named if len(named) == 1 else every | named)
    )


def stacked(rows: Sequence[Mapping[str, tuple[float, str]]], names: Sequence[str]) -> Table:
    """A table of rows that have the same columns."""
    columns = {name: ([row[name][0] for row in rows], unit) for name, (_, unit) in rows[0].items()}
    return Table.of(columns, names)
