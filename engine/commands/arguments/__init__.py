"""The arguments of every case, declared once: for the command line, Python and `methods --json`."""

from __future__ import annotations

from typing import Any, get_args

from engine.anomaly import DataCase, FamiliarCase, LesionsCase
from engine.attribution.prototypes import PrototypeCase
from engine.attribution.robustness import AttackedImagesCase, OrderedCase
from engine.attribution.slides import BagsCase, WholeSlideCase
from engine.commands.arguments.base import Arguments, CaseArguments, arguments_for
from engine.commands.arguments.normal import StudyArguments
from engine.commands.arguments.trained import (
    AfterArguments,
    BoardArguments,
    ForgetArguments,
    PruneArguments,
)
from engine.core.method import Case, Method, case_kind
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.language.photo_pair import PhotoPairCase
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.trust import TrustCase
from engine.hallucination import CaptionCase, WordCase
from engine.unlearning import GeneratorCase
from engine.vision.case import ImageCase, PairCase
from engine.vision.lab import TrainCase

ARGUMENTS: tuple[type[Arguments[Any]], ...] = (
    arguments_for(ImageCase), arguments_for(PairCase), arguments_for(TrustCase),
    StudyArguments, ForgetArguments, BoardArguments,
    AfterArguments, arguments_for(CaptionCase), arguments_for(WordCase),
    arguments_for(ScenesCase), arguments_for(PhotoPairCase),
    arguments_for(FamiliarCase), arguments_for(LesionsCase), arguments_for(DataCase),
    PruneArguments, arguments_for(TrainCase),
    arguments_for(ExperimentCase), arguments_for(GeneratorCase), arguments_for(OrderedCase),
    arguments_for(AttackedImagesCase),
    arguments_for(PrototypeCase), arguments_for(BagsCase), arguments_for(WholeSlideCase),
)  # fmt: skip


def made_by(kind: type[Arguments[Any]]) -> type[Case]:
    """The case that arguments make: X of the Arguments[X] that they derive from."""
    if issubclass(kind, CaseArguments):
        return kind.kind
    bases: tuple[Any, ...] = vars(kind)["__orig_bases__"]
    case: type[Case] = get_args(bases[0])[0]
    return case


BY_CASE = {made_by(kind): kind for kind in ARGUMENTS}


def arguments_of(method: type[Method[Any]]) -> type[Arguments[Any]]:
    """The arguments of the case that a method is asked about."""
    return BY_CASE[case_kind(method)]


__all__ = ["ARGUMENTS", "BY_CASE", "Arguments", "arguments_of", "made_by"]


def bridge(kind: type[Case], old: type[Arguments[Any]]) -> None:
    """As long as a case does not declare its arguments, it takes them from here."""
    plain = {name: getattr(kind, name) for name in ("specs", "read", "to_arguments")}

    def specs(cls: type[Case]) -> Any:
        return old.specs() if cls is kind else plain["specs"].__func__(cls)

    def read(cls: type[Case], arguments: Any) -> Any:
        return old(**arguments).case() if cls is kind else plain["read"].__func__(cls, arguments)

    def to_arguments(self: Case, **known: Any) -> Any:
        if type(self) is not kind:
            return plain["to_arguments"](self, **known)
        return dict(vars(old.of(self, **known)))

    kind.specs, kind.read = classmethod(specs), classmethod(read)  # type: ignore[assignment,method-assign]
    kind.to_arguments = to_arguments  # type: ignore[method-assign]


for case_class, declaration in BY_CASE.items():
    if not issubclass(declaration, CaseArguments):
        bridge(case_class, declaration)
