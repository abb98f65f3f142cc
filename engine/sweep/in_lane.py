"""A sweep as a job of the app: it can be stopped, and lets live questions through."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from time import monotonic

from engine.commands.asking import method_named
from engine.core.device import best_device
from engine.core.errors import BlindspotError
from engine.core.lane import Job, lane
from engine.core.lane.job import T
from engine.core.method import Cost, Progress
from engine.core.result import Result
from engine.sweep.plan import SweepPlan
from engine.sweep.sweeping import LookedUp, Report, SweepProgress, Swept, duration, look_up, sweep
from engine.sweep.work import Found, Numbered, visit
from engine.vision import data as data_sets
from engine.vision.models import catalog

MOST_SECONDS = 3600.0  # that one job computes
TITLE = "Sweep"


@dataclass(frozen=True)
class InLane:
    """This process, within a job.

    Args:
        progress: of the job; it raises when the job was stopped.
        count: of questions at once.
    """

    progress: Progress
    count: int = 1

    def __call__(self, questions: Sequence[Numbered], *, compute: bool) -> Iterator[list[Found]]:
        """One after the other; the progress of each is part of the whole."""
        finished = 0

        def inner(done: float, words: str = "", partial: Result | None = None) -> None:
            del words, partial
            self.progress((finished + done) / len(questions))

        for result in visit(questions, compute=compute, progress=inner):
            finished += 1
            yield [result]


def plan_name(plan: SweepPlan) -> str:
    """A digest of all that its answers depend on: words, methods, weights and images."""
    facts = [repr(plan), *(str(method_named(name).revision) for name in plan.methods)]
    facts += [catalog.load(str(name)).fingerprint for name in plan.axes.get("model", ())]
    sets = {image.source.partition(":")[2].rpartition("/")[0] for image in plan.images}
    facts += [data_sets.load(name).fingerprint for name in sorted(sets) if name]
    return blake2b("\n".join(facts).encode(), digest_size=16).hexdigest()


def looking_up(plan: SweepPlan) -> Callable[[Progress], LookedUp]:
    """The work of a job that sees what of a plan is kept."""
    return lambda progress: look_up(plan, InLane(progress), reporter(progress))


def computing(looked: LookedUp) -> Callable[[Progress], Swept]:
    """The work of a job that computes what is missing. It raises when an hour is over."""

    def work(progress: Progress) -> Swept:
        begun, report = monotonic(), reporter(progress)

        def watched(tally: SweepProgress) -> None:
            report(tally)
            if tally.done < tally.count and monotonic() - begun > MOST_SECONDS:
                raise BlindspotError(
                    f"{duration(MOST_SECONDS)} are over, and {tally.done:,} of {tally.count:,} "
                    "answers are computed and kept. Start again for the others, or take the plan "
                    "to the command line."
                )

        return sweep(looked, InLane(progress), watched)

    return work


def reporter(progress: Progress) -> Report:
    """How far it is, in words, for the line of a job."""
    return lambda tally: progress(tally.done / tally.count, tally.words())


def submit(name: str, work: Callable[[Progress], T], cost: Cost, visitor: str) -> Job[T]:
    """Put it into the lane of the best device, or join the job of that name. Raises TooBusy."""
    return lane(device()).submit(name, work, cost, visitor, TITLE, TITLE)


def device() -> str:
    """In whose lane a sweep is computed."""
    return str(best_device())


def under_way(name: str) -> bool:
    """Whether somebody's job of that name waits or runs."""
    return lane(device()).find(name) is not None
