"""Arguments of cases about an image generator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.commands.arguments.base import Arguments
from engine.core.controls import OtherArguments, Text, argument
from engine.core.method import Option
from engine.unlearning import GeneratorCase
from engine.unlearning.generator import weights
from engine.vision.arguments import seed_argument


def generator_options(_arguments: OtherArguments) -> Iterator[Option]:
    """The generators whose weights are here."""
    for name in weights.names():
        yield Option(name, weights.plan(name).title)


@dataclass(frozen=True)
class GeneratorArguments(Arguments[GeneratorCase]):
    """An image generator that ships, with its images and its judge."""

    model: str = argument(
        "digits-generator",
        Text(options=generator_options),
        "Generator",
        "A small diffusion model that ships. It is never changed: what forgets is a copy.",
    )
    seed: int = seed_argument()

    def case(self) -> GeneratorCase:
        """The case of the generator."""
        return weights.shipped_case(self.model, self.seed)

    @classmethod
    def named(cls, case: GeneratorCase) -> dict[str, Any]:
        """Everything."""
        return {"model": case.generator.name, "seed": case.seed}
