"""A case that is made of another one."""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

from engine.core.case_base import Case, Precision
from engine.vision.models.classifier import Classifier


@dataclass(frozen=True, eq=False)
class WrappedCase(Case):
    """A case around another one, its first field, which decides model, lane and precision."""

    @property
    def inner(self) -> Any:
        """The case inside."""
        return getattr(self, fields(self)[0].name)

    @property
    def model(self) -> Classifier:
        """The classifier that is asked."""
        model: Classifier = self.inner.model
        return model

    @property
    def lane(self) -> str:
        """That of the case inside."""
        return str(self.inner.lane)

    @property
    def precision(self) -> Precision:
        """That of the case inside."""
        precision: Precision = self.inner.precision
        return precision

    def facts(self) -> dict[str, Any]:
        """Those of the case inside, under this kind."""
        return {**self.inner.facts(), "kind": self.case_name}

    def lacks(self, need: str) -> str:
        """As the case inside."""
        return "" if need in self.gives else str(self.inner.lacks(need))

    def at(self, precision: Precision) -> Self:
        """The same question in another precision."""
        return replace(self, **{fields(self)[0].name: self.inner.at(precision)})
