"""Which rows of a sweep are shown, and in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from engine.sweep.rows import SweepRow

ALL, ERRORS, CORRECT = RIGHT = ("all", "the errors", "correct answers")
BY_NAME = {  # what rows can be told apart by: the name in a row
    "Label": "label",
    "Predicted class": "top_class",
    "Model": "model",
    "Method": "method",
    "Settings": "settings",
}
SORTS = {"Image": "image", "Label": "label", "Confidence": "confidence", "Seconds": "seconds"}
PLANNED = "As planned"


@dataclass(frozen=True)
class RowChoice:
    """What a person wants to see of a sweep.

    Args:
        right: one of `RIGHT`.
        only: by name in `BY_NAME`: the word that a row must have.
        by: one of `sorts_of`.
        down: whether the highest comes first.
    """

    right: str = ALL
    only: Mapping[str, str] = field(default_factory=dict)
    by: str = PLANNED
    down: bool = False

    def of(self, rows: Sequence[SweepRow]) -> list[SweepRow]:
        """The rows that fit, in their order; those without what they are sorted by come last."""
        accepted = {ALL: (True, False, None), ERRORS: (False,), CORRECT: (True,)}[self.right]
        fit = [
            row
            for row in rows
            if row.correct in accepted
            and all(getattr(row, BY_NAME[name]) == word for name, word in self.only.items())
        ]
        if self.by == PLANNED:
            return fit[::-1] if self.down else fit
        known = [row for row in fit if self.value(row) is not None]
        known.sort(key=self.value, reverse=self.down)  # type: ignore[arg-type]  # none is None
        return [*known, *(row for row in fit if self.value(row) is None)]

    def value(self, row: SweepRow) -> str | float | None:
        """What a row is sorted by; None where it has none."""
        result: str | float | None = row.figures.get(self.by)
        if self.by in SORTS:
            result = getattr(row, SORTS[self.by])
        return (
            None if result == "" or (isinstance(result, float) and not isfinite(result)) else result
        )


def sorts_of(rows: Sequence[SweepRow]) -> tuple[str, ...]:
    figures = dict.fromkeys(name for row in rows for name in row.figures)
    return (PLANNED, *SORTS, *figures)


def filter_options(rows: Sequence[SweepRow]) -> dict[str, list[str]]:
    """By name in `BY_NAME`: the words that the rows have, where there are several."""
    results = {
        name: sorted({getattr(row, key) for row in rows} - {""}) for name, key in BY_NAME.items()
    }
    return {name: words for name, words in results.items() if len(words) > 1}


def summary(rows: Sequence[SweepRow], titles: Mapping[str, str]) -> str:
    """How often each model is wrong, in a sentence; what there is, where no class is known.

    Args:
        rows: the answers.
        titles: of models, by name.
    """
    models: dict[str, dict[str, bool]] = {}
    for row in rows:
        if row.correct is not None:
            models.setdefault(row.model, {})[row.image] = row.correct
    if not models:
        images, methods = ({getattr(row, key) for row in rows} for key in ("image", "method"))
        counts_text = (
            f"{several(len(methods), 'method')} asked about {several(len(images), 'image')}"
        )
        return f"{several(len(rows), 'answer')}: {counts_text}."
    clauses = [
        f"{titles.get(name, name).strip()} is wrong about "
        f"{sum(not is_right for is_right in right.values())} of {several(len(right), 'image')}"
        for name, right in models.items()
    ]
    return f"{'; '.join(clauses[:3])}{'; …' if len(clauses) > 3 else ''}."


def several(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
