"""Models that were made elsewhere, judged as an unlearner's own: original, unlearned, retrained.

Nothing of theirs is run but the networks. Whatever made them forget is not known here, so a
diagnostic that needs it (`Frontier`, `Steps`) is refused; all others answer as they do in Forget.
KLoM needs many models of each kind (`GivenGroups`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from engine.core.case_base import Parts
from engine.core.errors import BlindspotError
from engine.evaluation.forgetting.klom import NEEDED
from engine.unlearning.around import SEVERAL, WAY, AfterCase
from engine.unlearning.case import ForgetCase
from engine.unlearning.ways.network import own_copy, settled
from engine.unlearning.ways.no_op import NoOp
from engine.unlearning.ways.unlearner import Unlearner
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.models.own_file import check
from engine.vision.weights.case import check_fit

UNKNOWN = "it is not known here how the opened model was made"
ALONE = "it compares many models of each kind, and one of each was opened"
KINDS = ("original", "unlearned", "retrained")


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
    unlearned: Classifier  # type: ignore[misc]  # no field before it has a default
    retrained: Classifier | None = None

    def __post_init__(self) -> None:
        check_order(self.case.model, self.case.data)
        for name, model in list(self.given.items())[1:]:
            self.check_model(model, f"The {name} model does not fit the original")

    def check_model(self, model: Classifier, called: str) -> None:
        """Raise BlindspotError where a model has other weights, images or classes."""
        check(self.case.model.network.state_dict(), model.network.state_dict(), called)
        check_fit(model, self.case.data)
        check_order(model, self.case.data)

    @property
    def unlearners(self) -> tuple[Unlearner, ...]:
        """None: whatever was done was done elsewhere."""
        return ()

    @property
    def given(self) -> dict[str, Classifier]:
        """The models by their names in KINDS, as they were given."""
        results = {"original": self.case.model, "unlearned": self.unlearned}
        return results | ({} if self.retrained is None else {"retrained": self.retrained})

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
        reason = {WAY: UNKNOWN, SEVERAL: ALONE}.get(need)
        return f"{reason}." if reason and need not in self.gives else super().lacks(need)


@dataclass(frozen=True, eq=False)
class GivenGroups(GivenCase):  # type: ignore[misc]  # as `unlearned`, which has none
    """Many models of each kind; the first of each is judged alone, all of them by KLoM.

    The retrained ones are needed twice: one half is compared with, the other half is the noise.

    Args:
        groups: the models by KINDS, each of a training of its own.

    Raises:
        BlindspotError: weights, images or classes do not fit the first original's, or two models of
            a kind are the same.
    """

    case_name: ClassVar[str] = "given groups"
    gives: ClassVar[frozenset[str]] = frozenset({SEVERAL})

    groups: Mapping[str, tuple[Classifier, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for kind, models in self.groups.items():
            numbers: dict[str, int] = {}
            for number, model in enumerate(models, 1):
                self.check_model(model, f"The {kind} model {number} does not fit the first")
                if first := numbers.setdefault(model.fingerprint, number) - number:
                    raise BlindspotError(
                        f"The {kind} models {number + first} and {number} hold the same weights: "
                        "give models of trainings of their own."
                    )

    @property
    def counts(self) -> dict[str, int]:
        """How many models of each kind there are."""
        return {kind: len(self.groups.get(kind, ())) for kind in KINDS}

    @property
    def usable(self) -> int:
        """How many of each kind can be compared: the retrained ones are halved."""
        counts = self.counts
        return min(counts["original"], counts["unlearned"], counts["retrained"] // 2)

    def too_few(self, form: str) -> str:
        """Why KLoM cannot compare them in a form, with what it needs, or ""."""
        if self.usable >= NEEDED[form]:
            return ""
        need, counts = NEEDED[form], self.counts
        count_phrases = [f"{count} {kind}" for kind, count in counts.items()]
        return (
            f"KLoM with {form} needs at least {need} original, {need} unlearned and {2 * need} "
            f"retrained models (half of these are the noise); {', '.join(count_phrases[:2])} and "
            f"{count_phrases[2]} were opened. With fewer, two groups of one kind differ as much "
            "as two "
            "kinds do."
        )

    def digest_parts(self) -> Parts:
        """The question, and the weights of every model."""
        yield from super().digest_parts()
        for kind, models in self.groups.items():
            yield f"|{kind}s=" + ",".join(model.fingerprint for model in models)


def check_order(model: Classifier, data: DataSet) -> None:
    """Raise BlindspotError where model and data have the same classes in another order."""
    model_labels, theirs = model.labels, data.classes
    if model_labels == theirs or sorted(model_labels) != sorted(theirs):
        return
    at = next(place for place, word in enumerate(model_labels) if word != theirs[place])
    raise BlindspotError(
        f"{model.title} and {data.card.title} have the same classes in another order: class {at} "
        f"is “{model_labels[at]}” in the model and “{theirs[at]}” in the data. Bring them into "
        "one order."
    )


def attack_images(case: ForgetCase) -> int:
    """How many images the attacker is fitted to, see `attack.matched`; the same for every model."""
    sides = [case.data.labels[rows] for rows in (case.splits.retain, case.splits.test)]
    counts = [np.bincount(side, minlength=len(case.data.classes)) for side in sides]
    return 2 * int(np.minimum(*counts).sum() or min(map(len, sides)))
