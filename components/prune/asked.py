"""What the Prune view asks: the model with its data, by which rule it is cut, and the masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import streamlit as st

from components import runs
from components.sidebar.subject import Subject
from engine.case import ImageCase
from engine.models.classifier import Classifier
from engine.run import Answer
from engine.sparsity import Masks, Prune, PruneCase, Pruner, prune_case, pruner_of
from engine.sparsity.pruning import BY_TITLE, OF_RATIO, Pruning

KEY = "prune"
PATTERNED = "N:M"
PruningT = TypeVar("PruningT", bound=Pruning)


@dataclass(frozen=True)
class Asked:
    """The model and its data, the image of the sidebar, and what is cut by which rule."""

    subject: Subject
    case: PruneCase
    method: Prune

    @property
    def image(self) -> ImageCase:
        """The question of the sidebar."""
        return self.subject.case.at("exact")

    @property
    def patterned(self) -> bool:
        """Whether N of every M stay, so that there is no ratio to choose."""
        return self.method.structure == PATTERNED

    def with_rule(self, kind: type[PruningT], **more: Any) -> PruningT:
        """Another method that cuts by the same rule."""
        shared = {spec.name: getattr(self.method, spec.name) for spec in fields(Pruning)}
        return kind(**(shared | more))


@st.cache_resource(max_entries=4, show_spinner=False)
def case_of(_model: Classifier, fingerprint: str, seed: int) -> PruneCase:
    """The model with the data that it learned from, or with the sample photographs."""
    del fingerprint  # names the model
    return prune_case(_model, seed)


def scored(case: PruneCase, criterion: str, allocation: str, place: str = "main") -> bool:
    """Whether the scores are there; else how far they are is shown, at that place of the page."""
    kinds: Mapping[str, Any] = {criterion: BY_TITLE[criterion]}
    if allocation in OF_RATIO:
        kinds = {**kinds, allocation: OF_RATIO[allocation]}
    found = [
        runs.ask(kind(), case, f"{KEY}.scores.{place}.{at}")
        for at, kind in enumerate(kinds.values())
    ]
    if all(isinstance(one, Answer) for one in found):
        return True
    runs.watch(found)
    return False


@st.cache_resource(max_entries=4, show_spinner=False)
def pruner_for(
    _case: PruneCase, fingerprint: str, criterion: str, _rules: Any, rules: str
) -> Pruner:
    """Masks at any ratio; the scores are sorted once."""
    del fingerprint, rules  # they name what stands beside them
    return pruner_of(_case, criterion, _rules)


def pruner(case: PruneCase, method: Pruning) -> Pruner:
    """Masks at any ratio by the rule of a method."""
    return pruner_for(case, case.fingerprint, method.criterion, method.rules, repr(method.rules))


def masks_at(case: PruneCase, method: Pruning) -> Masks:
    """The masks of a method's settings."""
    return pruner(case, method).at(method.ratio)


@st.cache_resource(max_entries=3, show_spinner=False)
def model_of(_asked: Asked, fingerprint: str, _masks: Masks, digest: str) -> Classifier:
    """The pruned copy."""
    del fingerprint, digest
    return _asked.method.made(_asked.case, _masks)


def pruned_model(asked: Asked, masks: Masks) -> Classifier:
    """The pruned copy of the model; the last few are held."""
    return model_of(asked, asked.case.model.fingerprint, masks, masks.digest)
