"""Times of several things taken in turns, so that a slow moment of the machine meets all."""

from collections.abc import Callable, Mapping
from time import perf_counter

from torch import Tensor

from engine.vision.models.pace import synchronize

WARM = 10  # turns that are not counted
FEWEST = 5


def in_turns(
    runs: Mapping[str, Callable[[], Tensor]],
    repeats: int,
    seconds: float,
    report: Callable[[float], None] = lambda _share: None,
) -> dict[str, list[float]]:
    """Seconds of each, turn by turn.

    Args:
        runs: by name; what a run gives is waited for, also on a GPU.
        repeats: turns of each, after some that do not count.
        seconds: after which it ends early, with a few turns at least.
        report: the share of the turns that is over.
    """
    begun = perf_counter()
    for turn in range(WARM):
        for run in runs.values():
            timed(run)
        if perf_counter() - begun > seconds / 4 and turn >= 1:
            break
    times: dict[str, list[float]] = {name: [] for name in runs}
    begun = perf_counter()
    for turn in range(repeats):
        for name, run in runs.items():
            times[name].append(timed(run))
        report((turn + 1) / repeats)
        if perf_counter() - begun > seconds and turn + 1 >= FEWEST:
            break
    return times


def timed(run: Callable[[], Tensor]) -> float:
    """Seconds of one run, until the device has finished."""
    start = perf_counter()
    synchronize(run())
    return perf_counter() - start
