"""How a model is trained, as data: drawn as a form, kept in a file, and part of a fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import cos, pi
from typing import Any

from engine.core.errors import BadSetting
from engine.core.method import Choice, Slider, Switch, check_settings, setting
from engine.vision.models.small import BUILT
from engine.vision.models.small.shape import USUAL_WIDTH, WIDTHS
from engine.vision.training.attack import Pgd

WARM = 0.25  # share of a training in which the rate of "one cycle" rises


@dataclass(frozen=True)
class Recipe:
    """Everything about a training except its data and its seed."""

    architecture: str = setting(
        "lenet", Choice(tuple(BUILT)), "Network", "Which of the small networks is trained."
    )
    epochs: int = setting(
        10, Slider(1, 200, 1), "Epochs", "How often every training image is shown."
    )
    batch: int = setting(
        64,
        Slider(1, 512, 1, log=True),
        "Batch",
        "Images to a step; the parts of an epoch are even.",
    )
    optimizer: str = setting(
        "SGD", Choice(("SGD", "Adam", "AdamW")), "Optimizer", "How a gradient becomes a step."
    )
    rate: float = setting(
        0.05, Slider(1e-5, 1.0, 1e-5, log=True), "Rate", "How far a step goes, at its highest."
    )
    momentum: float = setting(
        0.9, Slider(0.0, 0.99, 0.01), "Momentum", "How much of the last step is kept. SGD only."
    )
    decay: float = setting(
        0.0, Slider(0.0, 0.1, 0.0001), "Weight decay", "How strongly weights are drawn to zero."
    )
    schedule: str = setting(
        "cosine",
        Choice(("constant", "cosine", "one cycle")),
        "Schedule",
        "The rate over time: the same, falling, or rising for a quarter and then falling.",
    )
    shift: int = setting(
        0, Slider(0, 8, 1, unit="px"), "Move", "Every image is moved by up to so much, at random."
    )
    mirror: bool = setting(
        default=False, control=Switch(), label="Mirror", help="Half the images are mirrored."
    )
    epsilon: float = setting(
        0.0,
        Slider(0.0, 0.5, 0.005),
        "Attack",
        "Trained on images attacked by up to so much in every pixel (PGD); 0 trains on plain ones.",
    )
    attack_steps: int = setting(
        7, Slider(1, 40, 1), "Attack's steps", "How many steps an attack takes."
    )
    attack_step: float = setting(
        0.25,
        Slider(0.05, 2.0, 0.05),
        "Attack's step",
        "One step, as a share of the attack's reach.",
    )

    width: float = setting(
        USUAL_WIDTH,
        Slider(*WIDTHS, 0.25, unit="×"),
        "Width",
        "How many times the usual number of channels and hidden units the network has.",
    )

    def __post_init__(self) -> None:
        check_settings(self, "Training")

    @property
    def attack(self) -> Pgd | None:
        """The attack it trains against, if it does."""
        if not self.epsilon:
            return None
        return Pgd(self.epsilon, self.attack_steps, self.attack_step * self.epsilon)

    @property
    def passes(self) -> int:
        """Forward passes of each image, and as many backward: the attack takes its own."""
        return self.epochs * (1 + (self.attack.steps if self.attack else 0))

    def rate_at(self, share: float) -> float:
        """The rate when that share of all steps is done."""
        match self.schedule:
            case "cosine":
                return self.rate * (1 + cos(pi * share)) / 2
            case "one cycle" if share < WARM:
                # from 1/25 of the highest rate, as torch's OneCycleLR
                return self.rate * (0.04 + 0.96 * share / WARM)
            case "one cycle":
                return self.rate * (1 + cos(pi * (share - WARM) / (1 - WARM))) / 2
            case _:
                return self.rate

    def as_dict(self) -> dict[str, Any]:
        """Every field by name, as JSON and TOML have it; the usual width is left out.

        So recipes from before there was a width keep the names of their trainings.
        """
        settings = asdict(self)
        if self.width == USUAL_WIDTH:
            del settings["width"]
        return settings

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Recipe:
        """The recipe again. Raises BadSetting for an unknown field or a value out of range."""
        field_names = {spec.name for spec in fields(cls)}
        if odd := sorted(set(settings) - field_names):
            raise BadSetting(
                f"A recipe has no {odd[0]!r}: it has {', '.join(sorted(field_names))}."
            )
        return cls(**settings)
