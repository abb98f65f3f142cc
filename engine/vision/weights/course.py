"""What is to be seen while masks of N of every M weights are learned: how sharp the choice gets."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from engine.core.result import Table
from engine.vision.models.classifier import Classifier
from engine.vision.weights.pattern import PatternMask, sharpness

MOMENTS = 24  # at which something is noted, beside the first
WATCHED = 512  # groups of one layer that are noted
ROWS = 24  # candidates that are shown, of as many groups as that makes


class Course:
    """What is seen of masks while they are learned, and their steps.

    As the hook of a training it has a memory, so that an interrupted one goes on with the same
    noise.

    Args:
        masks: to be advanced after each step, by the weight's name; of the last one some groups
            are noted.
        steps: of the whole training.
    """

    def __init__(self, masks: Mapping[str, PatternMask], steps: int) -> None:
        self.learned, self.steps, self.done = list(masks.values()), steps, 0
        self.layer = list(masks)[-1].removesuffix(".weight")
        self.generators = list(dict.fromkeys(mask.generator for mask in self.learned))
        self.drawn = [
            generator.get_state() for generator in self.generators
        ]  # before the noise of now
        self.moments: list[tuple[float, ...]] = []
        self.watched: list[Tensor] = []
        self.note()

    def __call__(self, model: Classifier, rate: float) -> None:
        """After each step of a training."""
        del model, rate
        self.step()

    def memory(self) -> dict[str, Tensor]:
        """Steps that are done, what was noted, and from where the noise of now is drawn."""
        return {
            "done": torch.tensor(self.done),
            "drawn": torch.stack(self.drawn),
            "moments": torch.tensor(self.moments, dtype=torch.float64),
            "watched": torch.stack(self.watched),
        }

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Go on from there; the logits come back with the network."""
        self.done = int(memory["done"])
        self.moments = [tuple(row) for row in memory["moments"].tolist()]
        self.watched, self.drawn = list(memory["watched"]), list(memory["drawn"])
        for generator, state in zip(self.generators, self.drawn, strict=True):
            generator.set_state(state)
        self.advance()

    def step(self) -> None:
        """Count a step that was taken, and set the masks for the next."""
        self.done += 1
        self.drawn = [generator.get_state() for generator in self.generators]
        self.advance()
        if self.done * MOMENTS // self.steps > (self.done - 1) * MOMENTS // self.steps:
            self.note()

    def advance(self) -> None:
        """Temperature, scale and noise of the step that comes next."""
        for mask in self.learned:
            mask.advance(self.done / self.steps)

    def note(self) -> None:
        """Note how sharp the choice is, and how many groups have another mask than the prior."""
        changed = [(mask.hard != mask.prior).any(1) for mask in self.learned]
        other = float(torch.cat(changed).float().mean())
        self.moments.append((self.done, *sharpness(self.learned), other))
        self.watched.append(self.learned[-1].shares[:WATCHED].cpu())

    def views(self) -> dict[str, Table]:
        """course and candidates: of the groups of one layer that changed their mind first of all.

        The rows of candidates are named by their group and what they keep, such as "3 · 1010";
        their notes name the layer.
        """
        steps, entropy, top, other = (
            np.array(column) for column in zip(*self.moments, strict=True)
        )
        course = {
            "step": (steps.astype(np.int64), "step"),
            "entropy": (entropy.astype(np.float32), "share"),
            "highest": (top.astype(np.float32), "share"),
            "changed": (other.astype(np.float32), "share"),
        }
        over_time = torch.stack(self.watched, 2)  # (groups, candidates, moments)
        options = over_time.shape[1]
        changed = over_time[..., 0].argmax(1) != over_time[..., -1].argmax(1)
        order = changed.float().argsort(descending=True, stable=True)
        groups = order[: max(ROWS // options, 1)].sort().values.tolist()
        rows, values = [], []
        for group in groups:
            likely = over_time[group].amax(1).argsort(descending=True)[:ROWS].sort().values.tolist()
            for option in likely:
                pattern = self.learned[-1].options[option].int().tolist()
                rows.append(f"{group + 1} · {''.join(map(str, pattern))}")
                values.append(over_time[group, option].numpy())
        names = tuple(str(step) for step in steps.tolist())
        grid = Table.grid(np.stack(values), tuple(rows), names, ("probability",) * len(names))
        notes = (self.layer,) * len(rows)
        return {"course": Table.of(course), "candidates": replace(grid, notes=notes)}


def course_words(course: Table) -> str:
    """How far the choice got, what of it the schedule did, and what was learned."""
    return (
        f"{changed_words(course)} Before the first of {course['step'][-1]:,.0f} steps it was "
        f"{100 * course['changed'][0]:.1f} %. The entropy of the choice fell from "
        f"{100 * course['entropy'][0]:.0f} % to {100 * course['entropy'][-1]:.1f} % of its "
        "highest, as τ and κ are scheduled."
    )


def changed_words(course: Table) -> str:
    """What was learned: how many groups keep others than was preferred at first."""
    return (
        f"{100 * course['changed'][-1]:.1f} % of the groups of weights left the mask that was "
        "preferred at first."
    )


def weights_table(size: int, hashes: Sequence[str]) -> Table:
    """How many weights there are before and after, with their SHA-256 as notes."""
    return Table.of({"weights": ([size, size], "")}, ("before", "after"), hashes)


def weights_words(weights: Table) -> str:
    """Whether the weights are those from before, by their SHA-256."""
    first, second = (sha[:8] for sha in weights.notes)
    if weights.notes[0] == weights.notes[1]:
        return f"No weight moved (SHA-256 {first}… before and after)."
    return f"Weights moved (SHA-256 {first}… before, {second}… after)."
