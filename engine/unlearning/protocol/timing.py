"""Fair seconds: each way warmed up once, then run three times, and the median of these.

A scoreboard's seconds are those of one run, the first at that, when nothing is in any cache yet and
kept answers may stand in for a part of the work. Here nothing kept is used: what is specific to the
request (saliency, importance for the forgotten images) is computed anew in every run. Evaluation
and whatever can be had before anybody asks are left out, as in every bill.
"""

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, thread_time

import numpy as np
import torch

from engine.core.device import name_of
from engine.core.errors import BlindspotError, Cancelled, TooBusy
from engine.core.method import Case, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.core.run import answer, recompute
from engine.unlearning.around import BoardCase, unfit
from engine.unlearning.case import ForgetCase
from engine.unlearning.ways.retrain import Retrain
from engine.unlearning.ways.unlearner import Unlearner
from engine.vision.models.card import ModelCard


@dataclass(frozen=True)
class Timing(Method[BoardCase]):
    """How long each way takes here: one run to warm up, which does not count, then the median.

    Every run is begun from nothing, so that no kept answer shortens it; the warm-up also uses up
    what an interrupted training left. All runs with one seed must give the same weights to the bit:
    where they do not, it is said. Time is never part of the gap, and belongs to this machine and
    its load; the share of retraining's images is the same everywhere.
    """

    name = "Timing"
    family = "unlearning"
    title = "Fair timing"
    cost = "job"
    revision = 2
    proof = (
        "tests/engine/unlearning/test_timing.py"
        "::test_the_median_of_three_is_stored_and_the_warm_up_is_not_counted"
    )

    rounds: int = setting(
        3, Slider(3, 15, 2), "Rounds", "Runs that count, after one that does not."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or unfit(case)

    def __call__(self, case: BoardCase, progress: Progress = quiet) -> Result:
        """Views: times, a row for each way, the retrained one first.

        Columns: seconds, the median; seconds lowest, highest and warm-up, the first, which does not
        count; same, 1 where every run gave the same weights; failed_at, −1 or the step at which a
        loss was no number any more, so that its seconds are those up to there. A way that cannot be
        run has NaN and its reason as a note. And machine, a row named by the processor: its cores,
        the seconds that all runs took, and those of them in which they had a core: fewer where
        others took it away.
        """
        start, cpu_start = perf_counter(), thread_time()
        methods: list[Unlearner] = [Retrain()]
        methods += [method for method in case.methods if method != Retrain()]
        done: list[Timed] = []
        for number, method in enumerate(methods):
            ends = number / len(methods), (number + 0.99) / len(methods)
            done.append(timed(method, case.case, self.rounds, part_of(progress, *ends)))
            partial = {"times": table(methods[: number + 1], done)}
            progress((number + 1) / len(methods), f"{method.short} is timed", partial)
        took = perf_counter() - start, thread_time() - cpu_start
        return {"times": table(methods, done), "machine": machine(case.case.model.device, *took)}


def machine(device: torch.device, seconds: float, cpu_seconds: float) -> Table:
    """Where and how quietly it was measured; the row is named by what computed."""
    columns = {
        "cores": ([os.cpu_count() or 1], ""),
        "seconds": ([seconds], "s"),
        "seconds with a core": ([min(cpu_seconds, seconds)], "s"),
    }
    return Table.of(columns, [" with ".join(filter(None, (processor(), name_of(device))))])


def processor() -> str:
    """The CPU, in words."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return next(iter(names), platform.processor() or platform.machine())


@dataclass(frozen=True)
class Timed:
    """The runs of one way.

    Args:
        warm: seconds of the first, which does not count.
        seconds: of those that do.
        models: fingerprint of what each gave, the first one's too.
        failed: −1, or the step at which it came to no numbers.
        note: why there is none.
    """

    warm: float = float("nan")
    seconds: tuple[float, ...] = ()
    models: tuple[str, ...] = ()
    failed: int = -1
    note: str = ""

    @property
    def ordered(self) -> tuple[float, float, float]:
        """Median, lowest and highest; NaN of none."""
        if not self.seconds:
            return (float("nan"),) * 3
        return float(np.median(self.seconds)), min(self.seconds), max(self.seconds)


def timed(method: Unlearner, case: ForgetCase, rounds: int, progress: Progress) -> Timed:
    """Run one way once to warm up and then so often; whatever goes wrong becomes a note."""
    seconds: list[float] = []
    models: list[str] = []
    failed = -1
    for number in range(rounds + 1):
        what = f"run {number} of {rounds}" if number else "warm-up"
        ends = number / (rounds + 1), (number + 1) / (rounds + 1)
        part = part_of(progress, *ends, lead=f"{method.short}, {what}")
        try:
            # kept saliencies and importances would be read instead of computed
            with recompute(lambda question: isinstance(question, ForgetCase)):
                unlearned = answer(method, case, part)
        except (Cancelled, TooBusy):
            raise
        except BlindspotError as error:
            return Timed(note=str(error))
        run = unlearned["run"]
        seconds.append(float(run["seconds"][0]))
        failed = max(failed, int(run["failed_at"][0]))
        models.append(ModelCard.from_json(unlearned["model"].card).fingerprint)
    return Timed(seconds[0], tuple(seconds[1:]), tuple(models), failed)


def table(methods: list[Unlearner], done: list[Timed]) -> Table:
    """A row for each way that is done."""
    ordered = np.array([timing.ordered for timing in done])
    columns: dict[str, tuple[list[float], str]] = {
        "seconds": (ordered[:, 0].tolist(), "s"),
        "seconds lowest": (ordered[:, 1].tolist(), "s"),
        "seconds highest": (ordered[:, 2].tolist(), "s"),
        "seconds warm-up": ([timing.warm for timing in done], "s"),
        "same": ([float(len(set(timing.models)) == 1) for timing in done], ""),
        "failed_at": ([timing.failed for timing in done], ""),
    }
    return Table.of(
        columns, [method.label for method in methods], [note_of(timing) for timing in done]
    )


def note_of(timing: Timed) -> str:
    """What a person should know of a row, or ""."""
    if timing.note:
        return timing.note
    if timing.failed >= 0:
        return f"It came to no numbers at step {timing.failed}: its seconds are those up to there."
    if len(set(timing.models)) > 1:
        return "Its runs did not all give the same weights, although their seed was the same."
    return ""
