"""The scoreboard: unlearners side by side, each against a model retrained with the same seed.

Jia et al. (2023), https://arxiv.org/abs/2304.04934: the average gap is the mean of the differences
in UA, MIA, RA and TA from the retrained model; time is reported apart. Where the attack on the
retrained model is within a band around chance (see `attack.band`), its figure is noise, and ways
are ranked by the gap without it; both gaps are given. Seeds are paired: what seed s unlearnt is
compared with what seed s retrained, and the gaps are averaged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.errors import BlindspotError, Cancelled, TooBusy
from engine.core.method import Case, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.core.run import Answer, answer
from engine.evaluation.forgetting.attack import informative, matched
from engine.unlearning.around import BoardCase, unfit
from engine.unlearning.case import ForgetCase
from engine.unlearning.protocol.metrics import (
    GAP,
    OF_A_MODE,
    WITHOUT,
    ModelAnswers,
    evaluate_model,
    forgetting,
    gap,
    keeping,
    nearness,
    zero_forgetting,
)
from engine.unlearning.ways.network import untrained
from engine.unlearning.ways.retrain import Retrain
from engine.unlearning.ways.unlearner import Unlearner
from engine.vision.models.rebuild import rebuilt

SHARES = (
    *GAP,
    "attack accuracy",
    "forgetting",
    "keeping",
    "TV forget",
    "TV test",
    "ZRF",
    "share of retraining",
)
NUMBERS = {
    "KL forget": "nat",
    "KL test": "nat",
    "seconds": "s",
    "seconds before": "s",
    "attack images": "",
}
GAPS = {"gap": GAP, "gap without MIA": WITHOUT}


@dataclass(frozen=True)
class Scoreboard(Method[BoardCase]):
    """Ways to forget side by side: the nearer to the retrained model, the first, the better.

    UA is the share of forgotten images that are now wrong, RA and TA are right shares of what stays
    and of the test, MIA the share of forgotten images that an attacker takes for strangers. None is
    good by being large: the gap is the mean distance of the four from the retrained model. Where
    the attacker's accuracy on the retrained model is within 5 points of one half (two standard
    errors with fewer than 400 images), it says nothing, and ways are ranked by the gap without it.
    """

    name = "Scoreboard"
    family = "unlearning"
    title = "Scoreboard"
    cost = "job"
    paper = "Jia et al. 2023, https://arxiv.org/abs/2304.04934"
    revision = 2
    proof = (
        "tests/engine/unlearning/test_scoreboard.py"
        "::test_the_gap_is_that_of_a_plain_count_over_paired_seeds"
    )

    seeds: int = setting(
        1, Slider(1, 10, 1), "Seeds", "How often each is run, with a retraining of its own."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or unfit(case)

    def __call__(self, case: BoardCase, progress: Progress = quiet) -> Result:
        """Views: table, a row for each way, its means over seeds; runs, a row for each run.

        The table's columns: UA, RA, TA, MIA and their mean signed differences from the retrained
        ("UA − retrained"); gap and gap sd over paired seeds, the same without MIA, gap of means;
        forgetting and keeping, 1 at the retrained model; KL, TV and ZRF; attack accuracy, the
        images it is of, and whether it says anything (informative); seconds, seconds before, share
        of retraining in passes; where a mode of a class is to go, what `of_a_mode` gives, and its
        difference from the retrained; failed_at, −1 or the step. What failed has no gap, and a
        note.
        """
        others = [method for method in case.methods if method != Retrain()]
        methods: list[Unlearner] = [Retrain(), *others]
        runs: list[MethodRun] = []
        total = len(methods) * self.seeds
        for number, method in enumerate(methods):
            for seed in range(self.seeds):
                place = number * self.seeds + seed
                part = part_of(progress, place / total, (place + 0.9) / total, lead=method.short)
                seeded_case = case.case.seeded(case.case.seed + seed)
                runs.append(run_of(method, seeded_case, part))
                done = number + 1 if seed + 1 == self.seeds else number
                partial = {"table": table(methods[:done], runs)} if done else None
                progress((place + 1) / total, f"{method.short} is done", partial)
        return {"table": table(methods, runs), "runs": run_table(methods, runs)}


@dataclass(frozen=True)
class MethodRun:
    """One way with one seed: its figures, and why there are none or few."""

    label: str
    seed: int
    figures: Mapping[str, float]
    retrained: Mapping[str, float]
    note: str = ""

    def gap(self, names: Sequence[str] = GAP) -> float:
        """The average gap in some figures; NaN where it failed."""
        if not self.figures or self.figures["failed_at"] >= 0:
            return float("nan")
        return gap(self.figures, self.retrained, names)


def run_of(method: Unlearner, case: ForgetCase, progress: Progress) -> MethodRun:
    """Run one way, or look up what it gave; whatever goes wrong with it alone becomes a note."""
    try:
        reference = method.reference(case, part_of(progress, 0.0, 0.3))
        retrained = answer(Retrain(), reference, part_of(progress, 0.3, 0.6))
        unlearned = answer(method, case, part_of(progress, 0.6, 0.95))
    except (Cancelled, TooBusy):
        raise
    except BlindspotError as error:
        return MethodRun(method.label, case.seed, {}, {}, str(error))
    method_scores, retrained_scores = scores(unlearned), scores(retrained)
    answers, retrained_answers = answers_of(unlearned, case), answers_of(retrained, case)
    # not the seed itself: with its first weights the retrained model began
    untrained_answers = evaluate_model(untrained(case.model, case.seed + 1), case)
    cost = unlearned["run"]
    figures = {
        **method_scores,
        "attack images": 2.0 * len(matched(answers.retain, answers.test, answers.seed)[0]),
        "forgetting": forgetting(method_scores, retrained_scores),
        "keeping": keeping(method_scores, retrained_scores),
        **nearness(answers, retrained_answers),
        "ZRF": zero_forgetting(answers.forget, untrained_answers.forget),
        **{name: float(cost[name][0]) for name in cost.order},
    }
    progress(1.0, "measured")
    note = note_of(method, unlearned, retrained_apart=reference is not case)
    return MethodRun(method.label, case.seed, figures, retrained_scores, note)


def note_of(method: Unlearner, unlearned: Answer, *, retrained_apart: bool) -> str:
    """What a person should know of a row, or ""."""
    if (step := int(unlearned["run"]["failed_at"][0])) >= 0:
        return (
            f"{method.short} came to no numbers at step {step}: its figures are those of the last "
            "good weights. Choose a lower rate."
        )
    if note := next(iter(unlearned["run"].notes), ""):
        return note
    if retrained_apart:
        return "Compared with a retrained model that has the same zeros."
    return ""


def scores(made: Answer) -> dict[str, float]:
    """The shares of an unlearner's answer."""
    view = made["scores"]
    return dict(zip(view.labels, view.values.tolist(), strict=True))


def answers_of(unlearned: Answer, case: ForgetCase) -> ModelAnswers:
    """What its model says."""
    return evaluate_model(rebuilt(unlearned["model"], case.model.name), case)


def table(methods: list[Unlearner], runs: list[MethodRun]) -> Table:
    """Means over the seeds of those that are done."""
    rows = [[run for run in runs if run.label == method.label] for method in methods]
    columns: dict[str, tuple[list[float], str]] = {}
    column_names = (*GAP, *(name for name in OF_A_MODE if any(name in run.figures for run in runs)))
    for name in column_names:
        columns[name] = [mean(some, name) for some in rows], "share"
    for name in column_names:
        columns[f"{name} − retrained"] = [mean_difference(some, name) for some in rows], "share"
    for word, names in GAPS.items():
        gaps = [[run.gap(names) for run in some] for some in rows]
        columns[word] = [float(np.mean(some)) for some in gaps], "share"
        columns[f"{word} sd"] = [seed_deviation(some) for some in gaps], "share"
    columns["gap of means"] = [of_means(some) for some in rows], "share"
    for name in (*SHARES[len(GAP) :], *NUMBERS):
        columns[name] = [mean(some, name) for some in rows], NUMBERS.get(name, "share")
    columns["informative"] = (
        [
            float(informative(mean(some, "attack accuracy"), mean(some, "attack images")))
            for some in rows
        ],
        "",
    )
    columns["failed_at"] = [worst(some) for some in rows], ""
    columns["seeds"] = [float(len(some)) for some in rows], ""
    notes = [next((run.note for run in some if run.note), "") for some in rows]
    return Table.of(columns, [method.label for method in methods], notes)


def ranking(table: Table) -> str:
    """The gap by which ways are ranked: without the attack, where that says nothing."""
    return "gap" if table.cell(Retrain.short, "informative") else "gap without MIA"


def mean(runs: list[MethodRun], name: str) -> float:
    """The mean over seeds that gave a number."""
    values = [run.figures[name] for run in runs if run.figures]
    return float(np.mean(values)) if values else float("nan")


def mean_difference(runs: list[MethodRun], name: str) -> float:
    """The mean signed difference from the retrained model of the same seed."""
    values = [run.figures[name] - run.retrained[name] for run in runs if run.figures]
    return float(np.mean(values)) if values else float("nan")


def of_means(runs: list[MethodRun]) -> float:
    """The gap between means over seeds, in which what is off in both directions cancels."""
    return float(np.mean([abs(mean_difference(runs, name)) for name in GAP]))


def seed_deviation(values: list[float]) -> float:
    """The standard deviation over seeds; NaN of one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def worst(runs: list[MethodRun]) -> float:
    """The step at which one failed, or −1; NaN where it was never begun."""
    steps = [run.figures["failed_at"] for run in runs if run.figures]
    return max(steps) if steps else float("nan")


def run_table(methods: list[Unlearner], runs: list[MethodRun]) -> Table:
    """Every run by itself."""
    place = {method.label: number for number, method in enumerate(methods)}
    nothing = dict.fromkeys(GAP, float("nan"))
    columns: dict[str, tuple[list[float], str]] = {
        "method": ([place[run.label] for run in runs], ""),
        "seed": ([run.seed for run in runs], ""),
    }
    for name in GAP:
        columns[name] = [(run.figures or nothing)[name] for run in runs], "share"
        columns[f"{name} retrained"] = [(run.retrained or nothing)[name] for run in runs], "share"
    for word, names in GAPS.items():
        columns[word] = [run.gap(names) for run in runs], "share"
    return Table.of(columns, [run.label for run in runs], [run.note for run in runs])
