"""Cases that are made of a forget case and the unlearners that are asked about it."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.core.case_base import Parts
from engine.core.controls import Many, Text, argument
from engine.core.errors import BlindspotError
from engine.core.method import Case, Method, methods_of
from engine.core.naming import case_field, named_by
from engine.core.texts import MethodsByName
from engine.unlearning.case import ForgetCase
from engine.unlearning.ways.unlearner import Unlearner
from engine.vision.case.wrapped import WrappedCase

WAY = "way"  # the need of a diagnostic that runs the unlearner once more
SEVERAL = "several models"  # the need of one that compares many of each kind


def unlearners_by_name() -> MethodsByName:
    """Every unlearner; their list is made of modules that know these cases."""
    return MethodsByName(methods_of("unlearning", "UNLEARNERS"))


@dataclass(frozen=True, eq=False)
class ForgetEvaluationCase(WrappedCase):
    """What both kinds of case share: all but the unlearners is the forget case's."""

    case_name: ClassVar[str] = "forgotten"
    what: ClassVar[str] = "a model, what it is to forget, and how"

    case: ForgetCase = case_field(ForgetCase)

    @property
    def unlearners(self) -> tuple[Unlearner, ...]:
        """Those that it is about."""
        raise NotImplementedError

    def digest_parts(self) -> Parts:
        """The forget case, and the unlearners with their settings."""
        parts = [type(self).__name__, self.case.fingerprint]
        parts += [
            json.dumps(method_identity(unlearner), sort_keys=True) for unlearner in self.unlearners
        ]
        yield "|".join(parts)

    def facts(self) -> dict[str, Any]:
        """Those of the forget case, with the names of the unlearners."""
        names = [unlearner.label for unlearner in self.unlearners]
        facts = super().facts()
        return facts | {"unlearners": names, "alike": f"{facts['alike']}|{names}"}


@dataclass(frozen=True, eq=False)
class BoardCase(ForgetEvaluationCase):
    """Unlearners side by side on one request.

    Args:
        case: what is to be forgotten by which model.
        methods: the unlearners, in the order of the table; retraining is added where it is missing.

    Raises:
        BlindspotError: there is none, or one is named twice.
    """

    methods: tuple[Unlearner, ...] = named_by(
        lambda names: tuple(unlearners_by_name().read(name) for name in names),
        lambda methods: tuple(unlearners_by_name().write(method) for method in methods),
        ways=argument(
            ("NoOp", "FT", "NegGradPlus", "SalUn", "SSD"),
            Many(lambda arguments: unlearners_by_name().options(arguments)),
            "Ways to forget",
            "Unlearners; on a command line by name, with their settings after a colon: "
            "FT:epochs=3.",
        ),
    )

    def __post_init__(self) -> None:
        if not self.methods:
            raise BlindspotError("Choose at least one way to forget.")
        labels = [method.label for method in self.methods]
        if twice := [label for label in labels if labels.count(label) > 1]:
            raise BlindspotError(f"{twice[0]} is chosen twice: change a setting of one.")

    @property
    def unlearners(self) -> tuple[Unlearner, ...]:
        """The methods."""
        return self.methods


@dataclass(frozen=True, eq=False)
class AfterCase(ForgetEvaluationCase):
    """One unlearner, looked at closely: the original, what it made of it, and the retrained model.

    Args:
        case: what is to be forgotten by which model.
        method: the unlearner.
    """

    gives: ClassVar[frozenset[str]] = frozenset({WAY, SEVERAL})

    method: Unlearner = named_by(
        lambda name: unlearners_by_name().read(name),
        lambda method: unlearners_by_name().write(method),
        way=argument(
            "NegGradPlus",
            Text(options=lambda arguments: unlearners_by_name().options(arguments)),
            "Look closer at",
            "An unlearner; on a command line by name, with its settings after a colon: "
            "FT:epochs=3.",
        ),
    )

    @property
    def unlearners(self) -> tuple[Unlearner, ...]:
        """The one."""
        return (self.method,)


def method_identity(method: Method[Any]) -> dict[str, Any]:
    """What tells a method from others: name, revision, settings."""
    return {
        "method": method.full_name(),
        "revision": method.revision,
        "settings": method.settings(),
    }


def unfit(case: Case) -> str:
    """Why an unlearner cannot be asked what the case asks of it, or ""."""
    if not isinstance(case, ForgetEvaluationCase):
        return ""
    reasons = (unlearner.unmet(case.case) for unlearner in case.unlearners)
    return next((reason for reason in reasons if reason), "")
