"""What the Prune view asks: the model with its data, by which rule it is cut, and the masks."""

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import streamlit as st

from components import runs
from components.notices import escape_markdown
from components.sidebar.subject import Subject
from engine.core.charts.words import percent
from engine.core.keeping.memory import Memory
from engine.core.method import Method
from engine.core.question import Question
from engine.core.run import Answer
from engine.sparsity import MaskRules, Masks, Prune, PruneCase, Pruner, prune_case, pruner_of
from engine.sparsity.criteria.shares import OF_RATIO
from engine.sparsity.masks.pruning import Cutting, Pruning, unsearchable
from engine.vision.case import ImageCase
from engine.vision.models.classifier import Classifier

KEY = "prune"
PATTERNED = "N:M"
CuttingT = TypeVar("CuttingT", bound=Cutting)
PruneQuestion = Question[Prune, PruneCase]


@dataclass(frozen=True, kw_only=True)
class ShownPruning(PruneQuestion):
    """The question, and the image that both the whole and the pruned model are asked about."""

    subject: Subject

    @property
    def image(self) -> ImageCase:
        return self.subject.case.at("exact")


def with_rule(method: Pruning, kind: type[CuttingT], **more: Any) -> CuttingT:
    """The same rule for another method, without the ratio where that cuts at many."""
    names = {spec.name for spec in fields(kind)} & {spec.name for spec in fields(Pruning)}
    return kind(**({name: getattr(method, name) for name in names} | more))


def model_identity(model: Classifier) -> str:
    """What tells models apart for a person: weights, and the names that a file of theirs gave."""
    return repr((model.fingerprint, model.name, model.title, model.labels))


ROOM = 256 * 2**20  # bytes of all visitors' sorted scores, and as many of their pruned models
PRUNERS: Memory[Pruner] = Memory(ROOM, lambda pruner: pruner.nbytes)
PRUNED: Memory[Classifier] = Memory(ROOM, lambda model: model.held_bytes, grows=True)


@st.cache_resource(max_entries=4, show_spinner=False, scope="session")
def case_of(_model: Classifier, name: str, seed: int) -> PruneCase:
    """The model of that `name`, with the data that it learned from, or with photographs."""
    del name
    return prune_case(_model, seed)


def scores_ready(case: PruneCase, method: Pruning, place: str = "main") -> bool:
    """Whether the scores are there; else how far they are is shown, at that place of the page.

    A criterion that trains waits for a button.
    """
    if reason := unsearchable(method.criterion, method.rules):
        st.warning(escape_markdown(reason))
        return False
    methods: list[Method[PruneCase]] = [method.scoring]
    if method.allocation in OF_RATIO:
        methods.append(OF_RATIO[method.allocation]())
    for candidate in methods:
        if reason := candidate.unmet(case):
            st.warning(escape_markdown(f"{candidate.title}: {reason}"))
            return False
    outcomes = [
        scoring_outcome(candidate, case, f"{KEY}.scores.{place}.{at}", method)
        for at, candidate in enumerate(methods)
    ]
    if all(isinstance(outcome, Answer) for outcome in outcomes):
        return True
    runs.watch([outcome for outcome in outcomes if outcome is not None])
    return False


def scoring_outcome(
    scoring: Method[PruneCase], case: PruneCase, slot: str, method: Pruning
) -> runs.Outcome | None:
    """The outcome of scoring; None where a training was not asked for yet."""
    if scoring.cost != "job":
        return runs.ask(scoring, case, slot)
    by_ratio = method.searches
    cut = f"{percent(method.ratio)} cut" if by_ratio else method.pattern
    label = f"Search for the mask at {cut}"
    outcome = runs.ask_when_told(scoring, case, slot, label)
    if outcome is None:
        st.caption(
            f"{scoring.title} learns which weights stay, on the train images. A search belongs to "
            f"one {'ratio' if by_ratio else 'pattern'}: at another one there is another search."
        )
    return outcome


def pruner_for(
    case: PruneCase, criterion: str, rules: MaskRules, ratio: float | None = None
) -> Pruner:
    """Masks at any ratio, or at the one that was searched for; the scores are sorted once."""
    name = repr((case.fingerprint, model_identity(case.model), criterion, rules, ratio))
    return PRUNERS.made(name, lambda: pruner_of(case, criterion, rules, ratio=ratio))


def masks_at(case: PruneCase, method: Pruning) -> Masks:
    ratio = method.ratio if method.searches else None
    return pruner_for(case, method.criterion, method.rules, ratio).at(method.ratio)


def pruned_model(question: PruneQuestion, masks: Masks) -> Classifier:
    """The pruned copy of the model; the last few are kept."""
    name = repr((question.case.fingerprint, model_identity(question.case.model), masks.digest))
    return PRUNED.made(name, lambda: question.method.made(question.case, masks))
