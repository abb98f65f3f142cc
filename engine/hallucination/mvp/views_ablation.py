"""What each of MVP's three views adds: its answers again with some of the views alone.

A view is left out by leaving out its paths; that the weights of the others would then be divided by
a smaller sum changes both scores alike, and so no answer.

Qu et al. 2024, Look, Compare, Decide, https://arxiv.org/abs/2408.17150, whose ablation of
views this repeats on questions about partners.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Case, Method, Progress, defaults, part_of, quiet
from engine.core.result import Floats, Result, Table
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import ScenesCase, share
from engine.evaluation.language.scenes import poll_answers
from engine.hallucination.mvp.method import MVP, VIEWS
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.sayings import yes_no_question

SUBSETS = tuple(some for many in (1, 2, 3) for some in combinations(range(len(VIEWS)), many))

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class ViewsAblation(Method[ScenesCase]):
    """How MVP answers with only some of its views.

    Each row keeps the paths of the views that it names; the last one asks greedily, with no
    description before the question. The questions are “is there a …” about the partner of a leader
    that is there. If a row with fewer views is as good as all three, the others add nothing here.
    Nothing is described anew: all rows are of the same paths.
    """

    family = "hallucination"
    name = "ViewsAblation"
    title = "What each view adds"
    cost = "wait"
    paper = "Qu et al. 2024, https://arxiv.org/abs/2408.17150"
    argument_defaults = defaults(decoding=MVP.name, count=20)
    proof = "tests/engine/hallucination/mvp/test_mvp.py::test_with_one_view_alone_its_paths_decide"

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why this method cannot be asked about the case, or "" when it can."""
        if isinstance(case, ScenesCase) and not isinstance(case.strategy, MVP):
            return "it needs scenes and the decoding MVP."
        return super().unmet(case)

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Rates of every subset of views.

        Returns:
            views: a row for each subset and one for the plain question: the share of right answers,
                of false yes among absent partners, of missed among those there, and the number of
                questions.
        """
        self.check(case)
        sample = case.sample()
        rows, categories = np.nonzero(sample.leading())
        questions = [yes_no_question(category) for category in categories.tolist()]
        present = sample.layout.present[rows, categories]
        leads = np.zeros((len(questions), len(VIEWS)), np.float32)
        for at, (row, question) in enumerate(zip(rows.tolist(), questions, strict=True)):
            part = part_of(progress, at / len(questions), (at + 1) / len(questions))
            caption_case = CaptionCase(case.vlm, sample.pixels[row], question, case.seed)
            leads[at] = lead(cast(Table, case.strategy(caption_case, part)["paths"]))
        plain, _ = poll_answers(case.vlm, sample, Greedy(), rows, questions)
        progress(1.0, "asked")
        answers = {
            " + ".join(list(VIEWS)[at] for at in some): answers_yes(leads, some) for some in SUBSETS
        }
        return {"views": table(answers | {"no description": plain}, present)}


def lead(paths: Table) -> Floats:
    """By how much yes is ahead of no in each view, (views,); silence counts as yes, as in MVP."""
    signed = np.where(paths["says yes"] == 0, -paths["adds"], paths["adds"])
    return np.array([signed[paths["view"] == at].sum() for at in range(len(VIEWS))], np.float32)


def answers_yes(leads: Floats, some: tuple[int, ...]) -> Bools:
    """Whether each question is answered by yes with these views; yes where both are alike."""
    result: Bools = leads[:, list(some)].sum(1) >= 0
    return result


def table(said: dict[str, Bools], there: Bools) -> Table:
    """Rates of each row."""
    columns = {
        "right": ([float((yes == there).mean()) for yes in said.values()], "share"),
        "false yes": ([share(yes, ~there) for yes in said.values()], "share"),
        "missed": ([share(~yes, there) for yes in said.values()], "share"),
        "questions": ([float(len(there))] * len(said), ""),
    }
    return Table.of(columns, rows=list(said))
