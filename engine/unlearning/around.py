"""Cases that are made of a forget case and the unlearners that are asked about it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Self

from engine.errors import BlindspotError
from engine.lazy import lazy
from engine.method import Case, Method, Precision
from engine.models.classifier import Classifier
from engine.unlearning.case import ForgetCase
from engine.unlearning.unlearner import Unlearner


@dataclass(frozen=True, eq=False)
class Around:
    """What both kinds of case share: all but the unlearners is the forget case's."""

    case: ForgetCase

    @property
    def unlearners(self) -> tuple[Unlearner, ...]:
        """Those that it is about."""
        raise NotImplementedError

    @lazy
    def fingerprint(self) -> str:
        """Digest of the forget case and of the unlearners with their settings."""
        said = [type(self).__name__, self.case.fingerprint]
        said += [json.dumps(named(one), sort_keys=True) for one in self.unlearners]
        return blake2b("|".join(said).encode(), digest_size=16).hexdigest()

    @property
    def model(self) -> Classifier:
        """The original."""
        return self.case.model

    @property
    def lane(self) -> str:
        """The device whose lane computes it."""
        return self.case.lane

    @property
    def precision(self) -> Precision:
        """That of the forget case."""
        return self.case.precision

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        names = [one.label for one in self.unlearners]
        facts = self.case.facts()
        alike = f"{facts['alike']}|{names}"
        return facts | {"kind": "forgotten", "unlearners": names, "alike": alike}

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        return self.case.lacks(need)

    def at(self, precision: Precision) -> Self:
        """The same question in another precision."""
        return replace(self, case=self.case.at(precision))


@dataclass(frozen=True, eq=False)
class BoardCase(Around):
    """Unlearners side by side on one request.

    Args:
        case: what is to be forgotten by which model.
        methods: the unlearners, in the order of the table; retraining is added where it is missing.

    Raises:
        BlindspotError: there is none, or one is named twice.
    """

    methods: tuple[Unlearner, ...]

    def __post_init__(self) -> None:
        if not self.methods:
            raise BlindspotError("Choose at least one way to forget.")
        labels = [one.label for one in self.methods]
        if twice := [label for label in labels if labels.count(label) > 1]:
            raise BlindspotError(f"{twice[0]} is chosen twice: change a setting of one.")

    @property
    def unlearners(self) -> tuple[Unlearner, ...]:
        """The methods."""
        return self.methods


@dataclass(frozen=True, eq=False)
class AfterCase(Around):
    """One unlearner, looked at closely: the original, what it made of it, and the retrained model.

    Args:
        case: what is to be forgotten by which model.
        method: the unlearner.
    """

    method: Unlearner

    @property
    def unlearners(self) -> tuple[Unlearner, ...]:
        """The one."""
        return (self.method,)


def named(method: Method[Any]) -> dict[str, Any]:
    """What tells a method from others: name, revision, settings."""
    return {
        "method": method.full_name(),
        "revision": method.revision,
        "settings": method.settings(),
    }


def asked_of(kind: type[Around], case: Case) -> str:
    """Why a method on that kind of case cannot be asked, or ""."""
    if not isinstance(case, kind):
        return "it needs a model, what it is to forget, and how, not a picture."
    reasons = (one.unmet(case.case) for one in case.unlearners)
    return next((reason for reason in reasons if reason), "")
