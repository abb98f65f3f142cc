"""Models that were made elsewhere, judged as an unlearner's own: original, unlearned, retrained.

Nothing of theirs is run but the networks. Whatever made them forget is not known here, so a
diagnostic that needs it (`Frontier`, `KLoM`, `Steps`) is refused; all others answer as they do in
Forget.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from engine.case_base import Parts
from engine.data import DataSet
from engine.errors import BlindspotError
from engine.models.classifier import Classifier
from engine.models.own_file import check
from engine.unlearning.around import WAY, AfterCase
from engine.unlearning.case import ForgetCase
from engine.unlearning.ways.network import own_copy, settled
from engine.unlearning.ways.no_op import NoOp
from engine.unlearning.ways.unlearner import Unlearner
from engine.weights.case import PruneCase

UNKNOWN = "it is not known here how the opened model was made"


@dataclass(frozen=True, eq=False)
class GivenCase(AfterCase):
    """Two or three models of one network: the original, the unlearned and perhaps the retrained.

    Args:
        case: the original, its data and what was to be forgotten.
        unlearned: what somebody made of the original.
        retrained: the same network trained without the forgotten images, if there is one.

    Raises:
        BlindspotError: weights do not fit the original's, or the data have the model's classes in
            another order.
    """

    case_name: ClassVar[str] = "given models"
    gives: ClassVar[frozenset[str]] = frozenset()

    method: Unlearner = field(default=NoOp(), init=False)  # nothing is run
    unlearned: Classifier
    retrained: Classifier | None = None

    def __post_init__(self) -> None:
        wanted, data = self.case.model.network.state_dict(), self.case.data
        check_order(self.case.model, data)
        for name, model in list(self.given.items())[1:]:
            state = model.network.state_dict()
            check(wanted, state, f"The {name} model does not fit the original")
            PruneCase(model, data)  # says it when it takes other images
            check_order(model, data)

    @property
    def unlearners(self) -> tuple[Unlearner, ...]:
        """None: whatever was done was done elsewhere."""
        return ()

    @property
    def given(self) -> dict[str, Classifier]:
        """The models by their names in MODELS, as they were given."""
        found = {"original": self.case.model, "unlearned": self.unlearned}
        return found | ({} if self.retrained is None else {"retrained": self.retrained})

    def copies(self) -> dict[str, Classifier]:
        """A copy of each."""
        return {name: settled(own_copy(model)) for name, model in self.given.items()}

    def digest_parts(self) -> Parts:
        """The question, and the weights of each model."""
        yield "|".join(["given", self.case.fingerprint])
        for name, model in self.given.items():
            yield f"|{name}={model.fingerprint}"

    def facts(self) -> dict[str, Any]:
        """Those of the question, with the fingerprints of all models."""
        return super().facts() | {
            f"{name}_fingerprint": model.fingerprint for name, model in self.given.items()
        }

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        return f"{UNKNOWN}." if need == WAY else super().lacks(need)


def check_order(model: Classifier, data: DataSet) -> None:
    """Raise BlindspotError where model and data have the same classes in another order."""
    own, theirs = model.labels, data.classes
    if own == theirs or sorted(own) != sorted(theirs):
        return
    at = next(place for place, word in enumerate(own) if word != theirs[place])
    raise BlindspotError(
        f"{model.title} and {data.card.title} have the same classes in another order: class {at} "
        f"is “{own[at]}” in the model and “{theirs[at]}” in the data. Bring them into one order."
    )


def attack_images(case: ForgetCase) -> int:
    """How many images the attacker is fitted to, see `attack.matched`; the same for every model."""
    sides = [case.data.labels[rows] for rows in (case.splits.retain, case.splits.test)]
    counts = [np.bincount(side, minlength=len(case.data.classes)) for side in sides]
    return 2 * int(np.minimum(*counts).sum() or min(map(len, sides)))
