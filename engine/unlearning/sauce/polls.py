"""POPE of a model before and after things are left out of what it sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Method, Progress, part_of, quiet
from engine.core.result import Result, Table
from engine.core.run import answer
from engine.evaluation.language.polling import SPLITS, confusion_counts, with_intervals
from engine.evaluation.language.pope import POPE
from engine.evaluation.language.rates import ScenesCase
from engine.unlearning.sauce.suppressed import PAPER, Suppression, enumerated_words
from engine.vision.data.sprites import CATEGORIES

WHEN = ("before", "after")
RATES = ("accuracy", "yes-ratio", "false yes")
OTHERS = "other things"

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class PollsAfter(Suppression, Method[ScenesCase]):
    """POPE's questions, asked before and after things are left out of what a model sees.

    The same questions about the same scenes, whose truth does not change: a model that no longer
    sees cars is wrong about scenes with one. So right answers about the forgotten things are to
    fall, at best to the share of scenes without them, and the yes-ratio of their questions to 0;
    those about other things are to stay. Each different question counts once, from whichever of
    POPE's three splits; by split they are as POPE counts them. Intervals hold 95 % of the figures
    when the scenes are drawn again: about one thing few questions are asked.
    """

    family = "unlearning"
    name = "PollsAfter"
    title = "POPE before and after"
    cost = "wait"
    paper = f"{POPE.paper}; {PAPER}"
    proof = (
        "tests/engine/unlearning/sauce/test_polls.py"
        "::test_rates_are_those_of_the_models_own_answers"
    )

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Ask both.

        Returns:
            rates: a row for each thing to be forgotten, and one for all others: accuracy, yes-ratio
                and false yes, before and after, with their intervals; how many questions, and about
                how many the thing is there.
            splits: a row for each split of POPE: accuracy and yes-ratio before and after.
            questions: a row for each different question: scene, thing, there, the answer before
                and after, as POPE reads it.
        """
        self.check(case)
        learned = self.learned(case.vlm, part_of(progress, 0.0, 0.4))
        before = answer(POPE(), case, part_of(progress, 0.4, 0.7, lead="before"))
        suppressed_case = replace(case, vlm=self.suppressed(case.vlm, learned))
        after: Mapping[str, Any] = POPE()(
            suppressed_case, part_of(progress, 0.7, 1.0, lead="after")
        )
        progress(1.0, "counted")
        questions = once(before["questions"], after["questions"])
        return {
            "rates": thing_rates(questions, self.things),
            "splits": by_split(before["rates"], after["rates"]),
            "questions": questions,
        }

    def finding(self, case: ScenesCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How often the things get a yes, and how many other answers are right."""
        rates = result["rates"]

        def moved(row: str, rate: str) -> str:
            before, after = (100 * rates.cell(row, f"{rate} {when}") for when in WHEN)
            return f"{before:.0f} to {after:.0f} %"

        polled = [category for category in self.things if rates.cell(category, "questions")]
        phrases = [
            f"the {category} from {moved(category, 'yes-ratio')} of "
            f"{rates.cell(category, 'questions'):.0f} "
            "questions"
            for category in polled
        ]
        rest = (
            f"right answers about other things from {moved(OTHERS, 'accuracy')} of "
            f"{rates.cell(OTHERS, 'questions'):.0f}."
        )
        if not rates.cell(OTHERS, "questions"):
            return "No scene has as many things as are asked for, so nothing was asked."
        if not phrases:
            return f"No question is about the {enumerated_words(self.things)}; {rest}"
        return f"Yes to {enumerated_words(phrases).replace(' from', ' goes from', 1)}; {rest}"


def once(before: Table, after: Table) -> Table:
    """Each different question once, with both answers; they were asked in one order."""
    keys = np.stack([before["scene"], before["thing"]], 1).astype(np.int64)
    # in the order in which they were asked, not in that of their numbers
    first = np.sort(np.unique(keys, axis=0, return_index=True)[1])
    columns = {
        name: (before[name][first], unit)
        for name, unit in (("scene", ""), ("thing", ""), ("there", "yes or no"))
    }
    for when, answers in zip(WHEN, (before, after), strict=True):
        columns[f"yes {when}"] = answers["yes"][first], "yes or no"
    return Table.of(columns, [before.rows[at] for at in first])


def thing_rates(questions: Table, categories: Sequence[str]) -> Table:
    """The rates of the questions about each thing, and about all others together."""
    number = questions["thing"].astype(np.int64)
    about = {category: number == CATEGORIES.index(category) for category in categories}
    about[OTHERS] = ~np.any(list(about.values()), 0)
    rows = [rates_of(questions, mask) for mask in about.values()]
    columns = {name: ([row[name][0] for row in rows], unit) for name, (_, unit) in rows[0].items()}
    return Table.of(columns, tuple(about))


def rates_of(questions: Table, mask: Bools) -> dict[str, tuple[float, str]]:
    """The rates of some questions, before and after."""
    present, scenes = questions["there"][mask] > 0, questions["scene"][mask].tolist()
    results: dict[str, tuple[float, str]] = {}
    for when in WHEN:
        yes = questions[f"yes {when}"][mask] > 0
        intervals = with_intervals(confusion_counts(yes, present), scenes, RATES)
        for rate in RATES:
            for end in ("", " low", " high"):
                results[f"{rate} {when}{end}"] = intervals[f"{rate}{end}"]
    results["questions"] = float(mask.sum()), "questions"
    results["there"] = float(present.sum()), "questions"
    return results


def by_split(before: Table, after: Table) -> Table:
    """POPE's own rates by split, before and after."""
    columns = {
        f"{rate} {when}": (rates[rate], "share")
        for rate in RATES
        for when, rates in zip(WHEN, (before, after), strict=True)
    }
    return Table.of(columns, SPLITS)
