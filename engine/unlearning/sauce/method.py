"""Things are left out of what a model sees, without changing a weight: an answer before and after.

SAUCE (Li et al. 2025) suppresses the features of a sparse autoencoder that stand for a concept; the
score is that of SAeUron (Cywiński and Deja 2025), and what the autoencoder cannot rebuild is added
back. No official code of SAUCE was found, and its preprint was withdrawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch

from engine.core.method import Case, Method, Progress, part_of, quiet
from engine.core.result import Result, Table
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.strategy import views_of
from engine.unlearning.sauce.suppressed import PAPER, Suppression, chances
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import generate
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.models.threads import one_thread

HALF = 0.5  # from which p(yes) on it is a yes
NEVER, GONE, STAYS = "not seen before either", "no longer seen", "still seen"


@dataclass(frozen=True)
class SAUCE(Suppression, Method[CaptionCase]):
    """An answer before and after one to three things are taken out of what the model sees.

    Of a dictionary of features, those are suppressed that are more active in scenes with the thing
    than in others; of several things those of all together. No weight is changed. γ is what their
    activation is multiplied by: 1 changes nothing, 0 leaves them out, and less turns them round.
    What the dictionary cannot rebuild stays as it is. The probabilities are those of yes among yes
    and no to "is there a …".

    The thing is hidden from the answer, not erased: with γ = 1 it is back. How much of other things
    goes along stands beside it, over many scenes.
    """

    family = "unlearning"
    name = "SAUCE"
    title = "Without these things"
    cost = "wait"
    paper = PAPER
    proof = "tests/engine/unlearning/sauce/test_concepts.py::test_the_answer_forgets_the_thing"

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why this method cannot be asked about the case, or "" when it can."""
        if isinstance(case, CaptionCase) and not isinstance(case.vlm, TinyVLM):
            return "its dictionary is learned from drawn scenes, which only TinyVLM knows."
        return super().unmet(case)

    def __call__(self, case: CaptionCase, progress: Progress = quiet) -> Result:
        """The greedy answer before and after.

        Returns:
            before, after: the words with their probabilities.
            things: p(yes) to each of the sixteen things, before and after.
        """
        self.check(case)
        progress(0.0, "asking")
        vlm = cast(TinyVLM, case.vlm)
        learned = self.learned(vlm, part_of(progress, 0.0, 0.9))
        answers, shares = [], []
        with one_thread(), torch.no_grad():
            for model in (vlm, self.suppressed(vlm, learned)):
                captions = generate(model, Greedy(), case.images, case.prompts, seed=case.seed)
                answers.append(views_of(model, case.prompt, captions)["answer"])
                shares.append(chances(vlm, model.encode_image(case.images))[0])
        progress(1.0, "asked")
        columns = {
            name: (values, "probability")
            for name, values in zip(("before", "after"), shares, strict=True)
        }
        return {"before": answers[0], "after": answers[1], "things": Table.of(columns, CATEGORIES)}

    def finding(self, case: CaptionCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """p(yes) to each thing before and after, and to what else the model saw."""
        table = result["things"]
        others = [
            at
            for at, name in enumerate(table.rows)
            if name not in self.things and table["before"][at] >= HALF
        ]
        remaining = sum(bool(table["after"][at] >= HALF) for at in others)
        rest = (
            f" {remaining} of {len(others)} other thing{'s' * (len(others) > 1)} still "
            f"get{'s' * (remaining == 1)} a yes."
        )
        return f"{fates(table, self.things)}{rest if others else ''}"


def fates(table: Table, forgotten: Sequence[str]) -> str:
    """What has become of the things to be forgotten, with p(yes) before and after."""
    by_fate: dict[str, list[str]] = {}
    for category in forgotten:
        before, after = (table.cell(category, name) for name in ("before", "after"))
        fate = NEVER if before < HALF else GONE if after < HALF else STAYS
        by_fate.setdefault(fate, []).append(
            f"{category} ({100 * before:.0f} → {100 * after:.0f} %)"
        )
    if len(forgotten) == 1:
        fate, before, after = (
            next(iter(by_fate)),
            *(100 * table.cell(forgotten[0], name) for name in ("before", "after")),
        )
        return f"The {forgotten[0]} is {fate}: yes goes from {before:.0f} to {after:.0f} %."
    parts = "; ".join(f"{fate}: {', '.join(named)}" for fate, named in by_fate.items())
    return f"{parts[0].upper()}{parts[1:]}."
