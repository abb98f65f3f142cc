"""Nothing at all: the original, as the row that every other must beat."""

from dataclasses import dataclass

from engine.unlearning.ways.unlearner import Unlearner, UnlearningRun


@dataclass(frozen=True)
class NoOp(Unlearner):
    """The original as it is; nothing was forgotten.

    Its gap to the retrained model says how much there is to forget at all. Where it is near 0, as
    with a few clean images drawn at random, no method can show anything.
    """

    name = "NoOp"
    title = "Do nothing"
    short = "NoOp"
    cost = "live"
    sees = frozenset()
    proof = "tests/engine/unlearning/test_baselines.py::test_doing_nothing_gives_the_original"

    def change(self, work: UnlearningRun) -> None:
        """Leave it."""
        work.progress(1.0, "nothing to do")
