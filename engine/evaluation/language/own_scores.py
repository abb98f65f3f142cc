"""POPE and CHAIR of a person's own answers and captions: no model is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np

from engine.core.errors import BadData
from engine.core.result import Table
from engine.evaluation.language.captioned import COUNTS, counts_of, rates_of
from engine.evaluation.language.chair import Mention, mentions
from engine.evaluation.language.coco import node_of, tokenize, vocabulary
from engine.evaluation.language.own_rows import OwnRows, Row, flagged, split_cell
from engine.evaluation.language.polling import (
    Bools,
    Floats,
    amber,
    confusion_counts,
    reading,
    with_intervals,
)

BOUNDED = ("accuracy", "F1")
MOST_GROUPS = 24
MOST_WORDS = 2_000_000  # of captions, things and references together
MOST_UNKNOWN = 1000  # names that are kept to be told
ALL = "all rows"
LETTERS = 40  # of a group's name, as it is shown
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
        result: Bools = self.yes != self.there
        return result


@dataclass(frozen=True, eq=False)
class OwnCaptions:
    """Captions against what is there.

    Args:
        rates: a row for each group, the first for all where there are several.
        counts: of each caption, (captions, 7), as `COUNTS` has them; its mentions are not kept.
        there: the things of each image, by COCO's names.
        negation: whether what a caption says is not there was left out.
        notes: which names play no part, in sentences.
    """

    rates: Table
    counts: Floats
    there: tuple[tuple[str, ...], ...]
    negation: bool
    notes: tuple[str, ...]

    @property
    def invented(self) -> list[int]:
        """Mentions of each caption that are not there."""
        return self.whole("invented")

    def whole(self, name: str) -> list[int]:
        """One of the counts, of each caption."""
        results: list[int] = self.counts[:, COUNTS.index(name)].astype(int).tolist()
        return results

    def mentions(self, own: OwnRows, at: int) -> tuple[list[str], tuple[Mention, ...]]:
        """The words of one caption and what they mention, read again."""
        words = tokenize(own.rows[at]["caption"])
        return words, mentions(words, self.there[at], vocabulary(), negation=self.negation)


def score_answers(own: OwnRows) -> OwnAnswers:
    """POPE's rates of each group, AMBER's F1 beside them, and what could not be read."""
    readings = [reading(flagged(answer)) for answer in own.column("answer")]
    yes = np.array([parsed.yes for parsed in readings], bool)
    present = np.array([label == "yes" for label in own.column("label")], bool)
    words = tuple(parsed.word for parsed in readings)
    counts, images = confusion_counts(yes, present), units(own)
    rows = []
    for group_rows in groups(own).values():
        at = np.array(group_rows)
        plain = [words[place] for place in group_rows]
        result = with_intervals(counts[at], [images[place] for place in group_rows], BOUNDED)
        amber_scores = amber(plain, present[at])
        read_otherwise = [
            bool(w) and (w == "yes") != y for w, y in zip(plain, yes[at], strict=True)
        ]
        rows.append(
            {
                **result,
                "neither": (float(plain.count("")), "answers"),
                "read otherwise": (float(sum(read_otherwise)), "answers"),
                "no found": (amber_scores["recall"], "share"),
                "F1 of no": (amber_scores["F1"], "share"),
                "answers": (float(len(group_rows)), "answers"),
            }
        )
    return OwnAnswers(stacked(rows, list(groups(own))), yes, present, words)


def score_captions(own: OwnRows, *, negation: bool = False) -> OwnCaptions:
    """CHAIR's rates of each group; what is there is what the row and its references name.

    Args:
        own: the rows.
        negation: leave out what a caption says is not there.

    Raises:
        BadData: no row names a thing of COCO's, or there are more than MOST_WORDS words.
    """
    truths, unknown, lexicon = [], dict[str, None](), vocabulary()
    counts = np.zeros((len(own.rows), len(COUNTS)))
    spent = 0
    for at, row in enumerate(own.rows):
        words, (present, strange, read) = tokenize(row.get("caption", "")), truth_of(row)
        spent += len(words) + read
        if spent > MOST_WORDS:
            raise BadData(
                f"Captions, objects and references have more than {MOST_WORDS:,} words by row "
                f"{at + 1:,}, which is the most that is counted: open the file in parts."
            )
        result = mentions(words, present, lexicon, negation=negation)
        counts[at] = counts_of([words], [present], [result])[0]
        truths.append(present)
        unknown |= dict.fromkeys(strange[: MOST_UNKNOWN - len(unknown)])
    if not any(truths):
        raise BadData(
            "No name under “objects” is one of COCO's eighty things, such as dog, cup or dining "
            "table: CHAIR cannot say what is true."
        )
    images = units(own)
    rows = [
        {
            **rates_of(counts[np.array(rowed)], [images[place] for place in rowed]),
            "captions": (float(len(rowed)), "captions"),
        }
        for rowed in groups(own).values()
    ]
    rates = stacked(rows, list(groups(own)))
    return OwnCaptions(rates, counts, tuple(truths), negation, left_out(list(unknown)))


def truth_of(row: Row) -> tuple[tuple[str, ...], list[str], int]:
    """The things there, the names that are none of COCO's, and how many words were read."""
    names, texts = split_cell(row.get("objects", "")), split_cell(row.get("references", ""))
    nodes = {name: node_of(name) for name in names}
    mentioned, read = set[str](), len(names)
    for text in texts:
        words = tokenize(text)
        read += len(words)
        mentioned |= {mention.node for mention in mentions(words, (), vocabulary())}
    present = tuple(sorted({*filter(None, nodes.values()), *mentioned}))
    return present, [name for name, node in nodes.items() if not node], read


def left_out(names: Sequence[str]) -> tuple[str, ...]:
    """That some names are none of COCO's."""
    if not names:
        return ()
    quoted = ", ".join(f"“{name[:30]}”" for name in names[:NAMED])
    rest_words = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    if len(names) == MOST_UNKNOWN:
        rest_words = rest_words.replace("and", "and at least", 1)
    return (f"Not among COCO's eighty things, so left out of what is there: {quoted}{rest_words}.",)


def units(own: OwnRows) -> list[str]:
    """What is drawn again for intervals: the image of each row, or the row itself."""
    return [image or f"row {at}" for at, image in enumerate(own.column("image"))]


def groups(own: OwnRows) -> dict[str, list[int]]:
    """The rows of each group; all of them first where there are several groups."""
    named: dict[str, list[int]] = {}
    for at, name in enumerate(own.column("group")):
        named.setdefault(name.strip(), []).append(at)
    if len(named) > MOST_GROUPS:
        raise BadData(
            f"The file has {len(named):,} groups, and {MOST_GROUPS} are compared: group holds what "
            "is compared, such as the split or the decoder."
        )
    rows_by_group = {ALL: list(range(len(own.rows)))} if len(named) > 1 or "" in named else {}
    if len(named) == 1 and rows_by_group:
        return rows_by_group
    for name, rows in named.items():
        rows_by_group[unique_name(name[:LETTERS] or "no group", list(rows_by_group))] = rows
    return rows_by_group


def unique_name(name: str, taken: Sequence[str]) -> str:
    """A name that is none of those taken: with a number behind it where it is one."""
    numbered = (f"{name} ({number})" for number in count(2))
    return next(candidate for candidate in chain([name], numbered) if candidate not in taken)


def stacked(rows: Sequence[Mapping[str, tuple[float, str]]], names: Sequence[str]) -> Table:
    """A table of rows that have the same columns."""
    columns = {name: ([row[name][0] for row in rows], unit) for name, (_, unit) in rows[0].items()}
    return Table.of(columns, names)
