"""A method with one setting of every kind, and methods that fail or take their time."""

import threading
from dataclasses import dataclass

import numpy as np

from engine.core.method import Choice, Method, Progress, Slider, Switch, quiet, setting
from engine.core.result import HeatMap, Result
from engine.vision.case import ImageCase

COUNT = Slider(2, 40, 1, "px")
SHARE = Slider(0.0, 1.0, 0.05)
DECADES = Slider(0.001, 1.0, 0.001, log=True)
OFTEN = Slider(10, 5000, 10, log=True)
MAYBE = Slider(0.0, 1.0, 0.1, off="as it comes")
WORD = Choice(("one", "two"))
LAYER = Choice(source="layers", off="the last")


def flat(value: float) -> Result:
    return {"map": HeatMap(np.full((8, 8), value, np.float32), "logit", signed=False)}


@dataclass(frozen=True)
class Toy(Method[ImageCase]):
    """One setting of every kind."""

    name = "Toy"
    family = "toys"
    title = "Toy"
    cost = "live"

    count: int = setting(8, COUNT, "Count", "How many.")
    share: float = setting(0.5, SHARE, "Share", "How much.")
    decades: float = setting(0.03, DECADES, "Decades", "How strong.")
    often: int = setting(1000, OFTEN, "Often", "How often.")
    maybe: float | None = setting(None, MAYBE, "Maybe", "How much, if at all.")
    word: str = setting("two", WORD, "Word", "Which.")
    layer: str | None = setting(None, LAYER, "Layer", "Where.")
    switch: bool = setting(False, Switch(), "Switch", "Whether.")

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        return flat(self.share)


@dataclass(frozen=True)
class Broken(Method[ImageCase]):
    """Fails in a way that nobody thought of."""

    name = "Broken"
    family = "toys"
    title = "Broken"
    cost = "wait"
    calls = 0

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        type(self).calls += 1
        progress(0.5, "half", flat(0.5))
        raise ZeroDivisionError("a secret of the inside")


@dataclass(frozen=True)
class Slow(Method[ImageCase]):
    """Goes on until it is let go, or stopped."""

    name = "Slow"
    family = "toys"
    title = "Slow"
    cost = "wait"
    running = threading.Event()
    stopped = threading.Event()
    let_go = threading.Event()

    size: float = setting(0.5, SHARE, "Size", "How much.")

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        let_go, stopped = self.let_go, self.stopped  # of this test, whatever comes after it
        self.running.set()
        try:
            while not let_go.wait(0.01):
                progress(0.25, "round 1 of 4", flat(0.25))
        except BaseException:
            stopped.set()
            raise
        return flat(self.size)


class Elsewhere(ImageCase):
    """A case that the lane of another device computes."""

    lane = "cpu:1"
