"""Where answers to one question differ, and how they share out probability between yes and no."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from math import nan

from engine.core.result import Ranking, Result, Scores, Tokens
from engine.evaluation.language.claims import telling


def differing(answers: Sequence[Sequence[str]]) -> list[set[int]]:
    """For each answer, the places of the words that set it apart from the first.

    Of the first, those at which any other one departs from it.
    """
    marks: list[set[int]] = [set() for _ in answers]
    for at, answer in enumerate(answers[1:], start=1):
        # without autojunk, which passes over frequent words of answers of 200 words or more
        for tag, i1, i2, j1, j2 in SequenceMatcher(
            None, list(answers[0]), list(answer), autojunk=False
        ).get_opcodes():
            if tag != "equal":
                marks[0] |= set(range(i1, i2))
                marks[at] |= set(range(j1, j2))
    return marks


def worth_marking(answers: Sequence[Sequence[str]]) -> list[set[int]]:
    """Of the differing words those that say something of an image; all where none does."""
    marks = differing(answers)
    informative = [mark & set(telling(answer)) for mark, answer in zip(marks, answers, strict=True)]
    return informative if any(informative) else marks


def yes_and_no(answer: Result) -> tuple[float, float]:
    """The shares of yes and no where an answer is decided, at its first yes or no; NaN for none.

    Of a strategy that chooses words: probabilities among the scores that it chose from; one that
    is not among the best eight there counts as 0. Of MVP: its two scores.
    """
    if isinstance(scores := answer.get("scores"), Scores):
        yes, no = scores.values.tolist()
        return yes, no
    tokens, best = answer["answer"], answer["final"]
    assert isinstance(tokens, Tokens)  # noqa: S101  # as every strategy gives it
    assert isinstance(best, Ranking)  # noqa: S101
    place = next((at for at, word in enumerate(tokens.words) if word in {"yes", "no"}), None)
    if place is None:
        return nan, nan
    probabilities = dict(zip(best.labels[place], best.values[place].tolist(), strict=True))
    return probabilities.get("yes", 0.0), probabilities.get("no", 0.0)
