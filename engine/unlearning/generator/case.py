"""What is asked about a generator: its images, and the classifier that reads what it draws."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.core.case_base import Case, Precision
from engine.core.controls import Option, OtherArguments, Text, argument
from engine.core.errors import BlindspotError
from engine.core.naming import named_by
from engine.unlearning.generator import weights
from engine.unlearning.generator.model import ImageGenerator
from engine.vision import data as data_sets
from engine.vision.arguments import seed_argument
from engine.vision.data import DataSet
from engine.vision.models import embedded
from engine.vision.models.classifier import Classifier


def generator_options(_arguments: OtherArguments) -> Iterator[Option]:
    """The generators whose weights are here."""
    for name in weights.names():
        yield Option(name, weights.plan(name).title)


@dataclass(frozen=True, eq=False)
class GeneratorCase(Case):
    """A generator with what it learned, and a judge.

    Args:
        generator: draws; it is never changed.
        data: what it learned from.
        judge: a classifier of the same classes, which learned from the same data.
        seed: of the noise and of the forgetting.
        precision: "exact" is the only one.

    Raises:
        BlindspotError: the three have not the same number of classes, or a class has no training
            image or no test image.
    """

    case_name: ClassVar[str] = "generator"
    what: ClassVar[str] = "an image generator, its training images and a classifier as judge"
    asks: ClassVar[str] = "generator"

    generator: ImageGenerator = named_by(
        weights.load,
        lambda generator: generator.name,
        model=argument(
            "digits-generator",
            Text(options=generator_options),
            "Generator",
            "A small diffusion model that ships. It is never changed: what forgets is a copy.",
        ),
    )
    data: DataSet = named_by(lambda generator: data_sets.load(weights.plan(generator.name).data))
    judge: Classifier = named_by(
        lambda generator: embedded.load(weights.plan(generator.name).judge)
    )
    seed: int = named_by(default=0, seed=seed_argument())
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        class_count = len(self.generator.labels)
        others = {self.data.card.title: self.data.classes, self.judge.title: self.judge.labels}
        for title, labels in others.items():
            if len(labels) != class_count:
                raise BlindspotError(
                    f"{self.generator.title} draws {class_count} classes, but {title} has "
                    f"{len(labels)}: "
                    "choose data and a judge of the same classes."
                )
        for split, why in (
            ("train", "there is nothing to compare with"),
            ("test", "whether the judge can read it is not known"),
        ):
            present_labels = set(self.data.labels[self.data.rows(split)].tolist())
            if missing := sorted(set(range(class_count)) - present_labels):
                kind = "training" if split == "train" else split
                raise BlindspotError(
                    f"{self.data.card.title} has no {kind} image of the class "
                    f"{self.data.classes[missing[0]]!r}: {why}."
                )

    def options(self, source: str) -> tuple[str, ...]:
        """The words a setting may take that are read from the case: the classes."""
        if source != "classes":
            raise ValueError(f"a case has no {source}")
        return self.generator.labels

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        alike = f"{self.generator.name}|{self.generator.side}"  # in seconds
        return super().facts() | {"judge": self.judge.name, "alike": alike}
