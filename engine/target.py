"""What is scored: a class, or one class against another, read as logit, probability or margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Reading = Literal["logit", "probability", "margin"]
READINGS: tuple[Reading, ...] = ("logit", "probability", "margin")


@dataclass(frozen=True)
class Target:
    """A class index; with `versus`, "why this rather than that": the difference of the two."""

    index: int
    versus: int | None = None
    reading: Reading = "logit"

    def of(self, logits: Tensor) -> Tensor:
        """Scores (N,) of logits (N, classes).

        A margin is the logit less the largest other logit (of the contrasted class, when given).
        """
        if self.reading == "margin" and self.versus is None:
            others = logits.clone()
            others[:, self.index] = -torch.inf
            return logits[:, self.index] - others.amax(1)
        values = logits.softmax(1) if self.reading == "probability" else logits
        if self.versus is None:
            return values[:, self.index]
        return values[:, self.index] - values[:, self.versus]

    @property
    def unit(self) -> str:
        """The unit of the score."""
        return "probability" if self.reading == "probability" else "logit"

    def words(self, labels: tuple[str, ...]) -> str:
        """The target as a person would say it."""
        name = labels[self.index]
        return name if self.versus is None else f"{name} rather than {labels[self.versus]}"
