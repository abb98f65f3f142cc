"""A sweep from its plan to its tables: what is kept is looked up, the rest is computed."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from engine.commands.asking import method_named
from engine.core.errors import BlindspotError
from engine.core.method import case_kind
from engine.sweep.plan import SweepPlan, SweepQuestion
from engine.sweep.rows import SweepRow
from engine.sweep.spread import Executor, LocalExecutor
from engine.sweep.work import Found, Numbered
from engine.vision.arguments import read_classifier

Report = Callable[["SweepProgress"], None]
LONG = 10.0  # seconds: a question that takes longer is a piece alone


@dataclass
class SweepProgress:
    """How far a sweep is.

    Args:
        count: answers of the plan.
        doing: what is done to them, in a word.
        done: how many of them.
        computed: how many of those were computed now, so that they are kept.
    """

    count: int
    doing: str
    done: int = 0
    computed: int = 0
    begun: float = field(default_factory=monotonic)

    @property
    def rate(self) -> float:
        """Answers a second since it began."""
        return self.done / max(monotonic() - self.begun, 1e-6)

    def words(self) -> str:
        """How many, how fast, and how long it still takes."""
        text = f"{self.doing} {self.done:,} of {self.count:,}"
        if not self.done:
            return text
        left = (self.count - self.done) / self.rate
        return f"{text} · {self.rate:.3g} a second · about {duration(left)} left"


@dataclass(frozen=True)
class LookedUp:
    """What of a plan is kept already, and what is missing.

    Args:
        found: by place in the plan: those that are kept, and those that cannot be had.
        missing: the others, each digest once.
        twice: further questions of the same digests, each with the place of the first.
        seconds: about, of computing the missing ones one after the other, as far as known.
        unknown: how many of them were never run here.
    """

    questions: tuple[SweepQuestion, ...]
    found: dict[int, Found]
    missing: tuple[Numbered, ...]
    twice: tuple[tuple[Numbered, int], ...]
    seconds: float
    unknown: int

    @property
    def kept(self) -> int:
        """How many answers are kept."""
        return sum(outcome.row is not None for outcome in self.found.values())

    def words(self, count: int) -> str:
        """How many answers, how many are kept, and how long the others take on so many at once."""
        text = f"{len(self.questions):,} answers, {self.kept:,} kept already"
        if failed := len(self.found) - self.kept:
            text += f", {failed:,} left out"
        if not self.missing:
            return f"{text}, nothing to compute"
        text += f", {len(self.missing):,} to compute"
        if self.unknown == len(self.missing):
            return f"{text}; how long that takes is not known before the first run"
        also = f" and the {self.unknown:,} that were never run here" if self.unknown else ""
        return f"{text}: about {duration(self.seconds / count)}{also}"


@dataclass(frozen=True)
class Swept:
    """A sweep that is over.

    Args:
        rows: the answers in the plan's order.
        left_out: the questions that have none, and why.
        computed: how many answers were computed by it.
        faults: how many have none by a fault of ours.
    """

    rows: tuple[SweepRow, ...]
    left_out: tuple[tuple[SweepQuestion, str], ...]
    computed: int
    faults: int


def look_up(plan: SweepPlan, spread: Executor, report: Report) -> LookedUp:
    """See what of a plan is kept.

    Raises:
        BlindspotError: the plan asks what cannot be had: a model, a setting, or all of it.
    """
    questions = plan.questions()
    if not isinstance(spread, LocalExecutor):
        find_batches(questions)
    numbered = [Numbered(place, question) for place, question in enumerate(questions)]
    results: dict[int, Found] = {}
    first: dict[str, Numbered] = {}
    twice: list[tuple[Numbered, int]] = []
    expected: dict[str, float | None] = {}
    for outcome in results_with_progress(spread, numbered, "looked up", report, compute=False):
        if outcome.row is not None or outcome.problem:
            results[outcome.place] = outcome
        elif outcome.digest in first:
            twice.append((numbered[outcome.place], first[outcome.digest].place))
        else:
            first[outcome.digest] = numbered[outcome.place]
            expected[outcome.digest] = outcome.expected
    if all(result.problem for result in results.values()) and len(results) == len(questions):
        count = f"{len(questions):,}"
        raise BlindspotError(f"None of the {count} answers can be had. {results[0].problem}")
    known_seconds = [seconds for seconds in expected.values() if seconds is not None]
    missing = sorted(
        (replace(entry, alone=long(entry, expected[digest])) for digest, entry in first.items()),
        key=lambda entry: entry.place,
    )
    return LookedUp(
        questions,
        results,
        tuple(missing),
        tuple(twice),
        sum(known_seconds),
        len(expected) - len(known_seconds),
    )


def sweep(looked: LookedUp, spread: Executor, report: Report) -> Swept:
    """Compute what is missing. Raises BlindspotError where the work cannot go on."""
    results = dict(looked.found)
    computed = 0
    for outcome in results_with_progress(spread, looked.missing, "computed", report, compute=True):
        results[outcome.place] = outcome
        computed += outcome.computed
    retried = []
    for outcome, first in looked.twice:
        if results[first].row is None:  # it would fail again
            results[outcome.place] = replace(results[first], place=outcome.place)
        else:
            retried.append(outcome)
    for outcome in results_with_progress(
        spread, retried, "read again", report, compute=True
    ):  # they are kept by now
        results[outcome.place] = outcome
        computed += outcome.computed
    order = [results[place] for place in sorted(results)]
    return Swept(
        tuple(outcome.row for outcome in order if outcome.row is not None),
        tuple(
            (looked.questions[outcome.place], outcome.problem)
            for outcome in order
            if outcome.row is None
        ),
        computed,
        sum(outcome.fault for outcome in order),
    )


def results_with_progress(
    spread: Executor, questions: Sequence[Numbered], doing: str, report: Report, *, compute: bool
) -> Any:
    """What was found, one by one, while it is reported how far that is."""
    tally = SweepProgress(len(questions), doing)
    for piece in spread(questions, compute=compute) if questions else ():
        tally.done += len(piece)
        tally.computed += sum(outcome.computed for outcome in piece)
        report(tally)
        yield from piece


def find_batches(questions: Sequence[SweepQuestion]) -> None:
    """Find the batches of every model once, so that all processes take the same.

    Raises:
        BadModel: a model is not to be had.
    """
    for pair in dict.fromkeys((question.method, question.given) for question in questions):
        _, arguments = SweepQuestion(pair[0], (), pair[1]).ask()
        if "weights" in arguments:
            parts = (arguments[name] for name in ("model", "weights", "labels"))
            default = case_kind(method_named(pair[0])).specs()["model"].default
            model = read_classifier(*parts, default=str(default))
            use: Any = dict(pair[1]).get("precision", "exact")
            with suppress(BlindspotError):  # a model without a way back
                model.pace("gradient")
            model.pace(use)


def long(numbered: Numbered, expected: float | None) -> bool:
    """Whether a question takes long: by what is known of it, or by its method's cost."""
    return (expected or 0.0) > LONG or method_named(numbered.question.method).cost == "job"


def duration(seconds: float) -> str:
    """So many seconds as a person says it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
