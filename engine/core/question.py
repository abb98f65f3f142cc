"""A question: a method, a case, and what the case does not know about itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from engine.core.method import CaseT, Method

MethodT = TypeVar("MethodT", bound=Method[Any])


@dataclass(frozen=True)
class Question(Generic[MethodT, CaseT]):
    """What is asked.

    Args:
        method: with its settings.
        case: what it is asked about.
        known: arguments that the case does not know about itself, such as where its image is from.
    """

    method: MethodT
    case: CaseT
    known: Mapping[str, Any] = field(default_factory=dict)
