"""One thing is left out of what a model sees, without changing a weight: in an answer, over scenes.

SAUCE (Li et al. 2025) suppresses the features of a sparse autoencoder that stand for a concept; the
score is that of SAeUron (Cywiński and Deja 2025), and what the autoencoder cannot rebuild is added
back. No official code of SAUCE was found, and its preprint was withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.data.sprites import CATEGORIES
from engine.hallucination import CaptionCase, Greedy, ScenesCase
from engine.hallucination.decoding.generate import generate
from engine.hallucination.decoding.strategy import views_of
from engine.hallucination.measures.rates import UNSEEN
from engine.hallucination.tiny_vlm.model import TinyVLM
from engine.hallucination.tiny_vlm.sayings import yes_no_question
from engine.hallucination.tiny_vlm.scenes import SceneBatch
from engine.hallucination.tiny_vlm.words import NO, YES
from engine.method import Case, Choice, Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.models.threads import one_thread
from engine.result import Floats, Pictures, Result, Table
from engine.unlearning.concepts.dictionary import SCENES, LearnedDictionary, Sparse, seen
from engine.unlearning.concepts.score import Ints, as_active, at_random, best, scores

PAPER = "Li et al. 2025, https://arxiv.org/abs/2503.14530 (withdrawn there)"
GAMMAS = (1.0, 0.5, 0.0, -0.5, -1.0, -2.0)
LISTED = 30  # features in the ranking
SHOWN, IMAGES = 4, 6  # features with their images, and how many each
TOGETHER = 50  # scenes at a time
KINDS = ("its features", "as active", "at random")  # sets of features

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Concept(Sparse):
    """Which thing is left out: settings that one answer and many scenes share."""

    concept: str = setting(
        "car", Choice(CATEGORIES), "Thing to forget", "What the model is no longer to see."
    )
    features: int = setting(
        2, Slider(0, 50, 1, "features"), "Features",
        "How many features are suppressed: those with the highest scores. More of them take more "
        "of other things along.",
    )  # fmt: skip
    scenes: int = setting(
        SCENES, Slider(100, 2000, 100, "scenes"), "Scenes to learn from",
        "From how many scenes the dictionary of features is learned.",
    )  # fmt: skip

    def ranked(self, learned: LearnedDictionary) -> tuple[Ints, Floats]:
        """The features from the highest score on, and the score of every feature."""
        score = scores(learned.found["there"][self.concept], learned.found["absent"][self.concept])
        return best(score, self.width), score


class Suppressed(TinyVLM):
    """A model that sees its images without some features; it shares the weights."""

    def __init__(self, vlm: TinyVLM, learned: LearnedDictionary, which: Ints, gamma: float) -> None:
        super().__init__(vlm.parts, vlm.name, vlm.title, vlm.device)
        self.learned, self.which, self.gamma = learned, which, gamma

    def encode_image(self, normalized: Tensor) -> Tensor:
        """As the model does, with the features changed, (B, 64, 128)."""
        tokens = super().encode_image(normalized)
        return changed(self.learned, tokens.cpu(), self.which, self.gamma).to(tokens.device)


def changed(learned: LearnedDictionary, tokens: Tensor, which: Ints, gamma: float) -> Tensor:
    """Tokens (…, 128) with some features multiplied by gamma."""
    usual = torch.tensor(learned.usual)
    chosen = torch.from_numpy(np.asarray(which, np.int64))
    return learned.autoencoder.suppressed(tokens, chosen, gamma, usual)


@torch.no_grad()
def chances(vlm: TinyVLM, tokens: Tensor) -> Shares:
    """p(yes) among yes and no to "is there a …" for all sixteen things, (n, 16)."""
    asked = torch.tensor([vlm.tokenizer.encode(yes_no_question(one)) for one in range(16)])
    found = []
    for part in tokens.to(vlm.device).split(TOGETHER):
        said = vlm.answers(part, asked.to(vlm.device).expand(len(part), -1, -1))
        found.append((said[..., YES] - said[..., NO]).sigmoid().double().cpu().numpy())
    return np.concatenate(found)


@dataclass(frozen=True)
class SAUCE(Concept, Method[CaptionCase]):
    """An answer before and after a thing is taken out of what the model sees.

    Of a dictionary of features, those are suppressed that are more active in scenes with the thing
    than in others. No weight is changed. γ is what their activation is multiplied by: 1 changes
    nothing, 0 leaves them out, and less turns them round. What the dictionary cannot rebuild stays
    as it is. The probabilities are those of yes among yes and no to "is there a …".

    The thing is hidden from the answer, not erased: with γ = 1 it is back. How much of other things
    goes along stands beside it, over many scenes.
    """

    family = "unlearning"
    name = "SAUCE"
    title = "Without one thing"
    cost = "wait"
    paper = PAPER
    proof = "tests/engine/unlearning/test_concepts.py::test_the_answer_forgets_the_thing"

    gamma: float = setting(
        -0.5, Slider(-5.0, 1.0, 0.5), "γ",
        "What the features are multiplied by: 1 changes nothing, 0 leaves them out.",
    )  # fmt: skip

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
        learned = LearnedDictionary.of(vlm, self, self.scenes, part_of(progress, 0.0, 0.9))
        which = self.ranked(learned)[0][: self.features]
        told, shares = [], []
        with one_thread(), torch.no_grad():
            for model in (vlm, Suppressed(vlm, learned, which, self.gamma)):
                spoken = generate(model, Greedy(), case.images, case.prompts, seed=case.seed)
                told.append(views_of(model, case.prompt, spoken)["answer"])
                shares.append(chances(vlm, model.encode_image(case.images))[0])
        progress(1.0, "asked")
        columns = {
            name: (values, "probability")
            for name, values in zip(("before", "after"), shares, strict=True)
        }
        return {"before": told[0], "after": told[1], "things": Table.of(columns, CATEGORIES)}

    def finding(self, case: CaptionCase, found: Mapping[str, Any]) -> str:  # noqa: ARG002
        """p(yes) to the thing before and after, and to what else the model saw."""
        things = found["things"]
        before, after = (things.cell(self.concept, name) for name in ("before", "after"))
        others = [
            at for at, name in enumerate(things.rows)
            if name != self.concept and things["before"][at] >= 0.5
        ]  # fmt: skip
        kept = sum(bool(things["after"][at] >= 0.5) for at in others)
        said = "not seen" if before < 0.5 else "no longer seen" if after < 0.5 else "still seen"
        rest = f" {kept} of {len(others)} other things still get a yes." if others else ""
        return (
            f"The {self.concept} is {said}: yes goes from {100 * before:.0f} to "
            f"{100 * after:.0f} %.{rest}"
        )


@dataclass(frozen=True)
class Collateral(Concept, Method[ScenesCase]):
    """What else is lost when a thing is suppressed, over scenes that nothing was learned from.

    For several γ: how often the model says yes to the thing where it is, how often it still says
    yes to other things that are there (their recall), and how often to others that are not (false
    yes). Beside it stand as many features drawn at random, and as many that are about as active:
    if these did the same, it would be damage and not forgetting. Chance is half.
    """

    family = "unlearning"
    name = "Collateral"
    title = "What else is lost"
    cost = "wait"
    paper = PAPER
    argument_defaults = defaults(count=60, clean=True)
    proof = "tests/engine/unlearning/test_concepts.py::test_other_features_do_not_forget_the_thing"

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Rates by γ for each set of features.

        Returns:
            rates: a row for each γ; columns of three sets: yes to the thing where it is, yes to
                others where they are, yes to others where they are not.
            things: a row for each thing: yes where it is, by γ.
            ranking: the features with the highest scores: score, means with and without the thing.
            top: scenes in which the first features are most active, dark where they are not.
            fit: explained variance and L0 of the dictionary.
        """
        self.check(case)
        learned = LearnedDictionary.of(case.vlm, self, self.scenes, part_of(progress, 0.0, 0.5))
        order, score = self.ranked(learned)
        random = np.random.default_rng(case.seed)
        chosen = order[: self.features]
        sets = (
            chosen, as_active(learned.usual, chosen, random),
            at_random(self.width, chosen, random),
        )  # fmt: skip
        sample = SceneBatch.drawn(case.count, case.kind, seed=UNSEEN + case.seed, clean=case.clean)
        present, own = sample.layout.present, CATEGORIES.index(self.concept)
        with one_thread(), torch.no_grad():
            tokens = seen(case.vlm, sample.pixels)
            yes = np.stack([
                np.stack([
                    self.said(case.vlm, learned, tokens, which, gamma, part_of(
                        progress, 0.5 + 0.4 * (at * len(GAMMAS) + step) / (3 * len(GAMMAS)), 0.95
                    ))
                    for step, gamma in enumerate(GAMMAS)
                ])
                for at, which in enumerate(sets)
            ])  # fmt: skip
            active = learned.autoencoder.features(tokens)[..., torch.tensor(order[:SHOWN].tolist())]
        progress(1.0, "asked")
        names = [f"γ = {gamma:g}".replace("-", "−") for gamma in GAMMAS]
        columns: dict[str, tuple[Any, str]] = {"γ": (np.array(GAMMAS), "")}
        for kind, held in zip(KINDS, yes, strict=True):
            columns |= rates(kind, held, present, own)
        recall = np.stack([mean(yes[0][:, present[:, at], at]) for at in range(len(CATEGORIES))])
        listed = order[:LISTED]
        there, absent = (learned.found[one][self.concept] for one in ("there", "absent"))
        return {
            "rates": Table.of(columns, names),
            "things": Table.grid(recall, CATEGORIES, names, ["share"] * len(names)),
            "ranking": Table.of(
                {
                    "score": (score[listed], ""),
                    "with it": (there[listed], "activation"),
                    "without it": (absent[listed], "activation"),
                },
                [f"feature {one}" for one in listed],
            ),
            "top": pictured(sample, active.numpy(), order[:SHOWN]),
            "fit": learned.found["fit"],
        }

    def said(
        self, vlm: TinyVLM, learned: LearnedDictionary, tokens: Tensor, which: Ints, gamma: float,
        progress: Progress,
    ) -> NDArray[np.bool_]:  # fmt: skip
        """Whether it says yes to each thing, (n, 16)."""
        progress(0.0, "asking")
        found: NDArray[np.bool_] = chances(vlm, changed(learned, tokens, which, gamma)) > 0.5
        return found

    def finding(self, case: ScenesCase, found: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What is lost at γ = −0.5, of the thing and of others, and with other features."""
        table, row = found["rates"], f"γ = {-0.5:g}".replace("-", "−")
        cells = [
            (100 * table.cell("γ = 1", name), 100 * table.cell(row, name))
            for name in (
                f"yes to it, {KINDS[0]}",
                f"yes to others, {KINDS[0]}",
                f"yes to it, {KINDS[1]}",
            )
        ]
        return (
            f"Yes to the {self.concept} falls from {cells[0][0]:.0f} to {cells[0][1]:.0f} %, yes "
            f"to other things that are there from {cells[1][0]:.0f} to {cells[1][1]:.0f} %. "
            f"With as many features that are as active, yes to it is {cells[2][1]:.0f} %."
        )


def mean(values: NDArray[np.bool_]) -> Shares:
    """The share of yes at each γ, of (γ, n); NaN of none."""
    found: Shares = values.mean(1) if values.shape[1] else np.full(len(values), np.nan)
    return found


def rates(
    kind: str, yes: NDArray[np.bool_], present: NDArray[np.bool_], own: int
) -> dict[str, tuple[Shares, str]]:
    """The three rates of a set of features by γ, from answers (γ, n, 16)."""
    others = np.delete(yes, own, 2)
    there = np.delete(present, own, 1)
    return {
        f"yes to it, {kind}": (mean(yes[:, present[:, own], own]), "share"),
        f"yes to others, {kind}": (mean(others[:, there]), "share"),
        f"false yes, {kind}": (mean(others[:, ~there]), "share"),
    }


def pictured(sample: SceneBatch, active: Floats, which: Ints) -> Pictures:
    """The scenes in which features are most active; active is (n, 64, features)."""
    rows, captions = [], []
    for at in range(len(which)):
        most = active[..., at].max(1)
        scenes = np.argsort(-most, kind="stable")[:IMAGES]
        scale = max(float(most.max()), 1e-8)
        for scene in scenes:
            heat = (active[scene, :, at] / scale).reshape(8, 8).repeat(8, 0).repeat(8, 1)
            pixels = sample.pixels[scene].permute(1, 2, 0).numpy()
            rows.append((255 * pixels * (0.25 + 0.75 * heat[..., None])).astype(np.uint8))
            captions.append(f"{most[scene]:.1f}")
    columns = min(IMAGES, len(sample.pixels))
    return Pictures(
        np.stack(rows).reshape(len(which), columns, 64, 64, 3),
        tuple(f"feature {one}" for one in which),
        tuple(f"{at + 1}." for at in range(columns)),
        "The scenes in which each feature is most active, with its activation.",
        "Bright where it is active, dark where it is not.",
        tuple(captions),
    )
