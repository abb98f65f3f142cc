"""What else is lost when things are suppressed: over scenes, by γ, beside other features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.method import Method, Progress, defaults, part_of, quiet
from engine.core.result import Floats, Pictures, Result, Table
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scenes import SceneBatch
from engine.unlearning.sauce.dictionary import LearnedDictionary, image_tokens
from engine.unlearning.sauce.score import Ints, Ranked, as_active, random_features, union
from engine.unlearning.sauce.suppressed import (
    PAPER,
    Concept,
    Shares,
    chances,
    enumerated_words,
    scale_features,
)
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.models.threads import one_thread

GAMMAS = (1.0, 0.5, 0.0, -0.5, -1.0, -2.0)
RANKED_FEATURES = 30  # features in the ranking, of all things together
PICTURED_FEATURES, IMAGES = 4, 6  # features with their images, and how many each
ALONE = "feature"  # what stands before a feature's number where there is one thing
KINDS = ("its features", "as active", "at random")  # sets of features


@dataclass(frozen=True)
class Collateral(Concept, Method[ScenesCase]):
    """What else is lost when things are suppressed, over scenes that nothing was learned from.

    For several γ: how often the model says yes to each thing where it is, how often it still says
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
    proof = (
        "tests/engine/unlearning/sauce/test_concepts.py"
        "::test_other_features_do_not_forget_the_thing"
    )

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Rates by γ for each set of features.

        Returns:
            rates: a row for each γ; of each thing, yes where it is; and columns of three sets: yes
                to all things to be forgotten where they are, yes to others where they are, yes to
                others where they are not.
            things: a row for each thing: yes where it is, by γ.
            ranking: for each thing the features with its highest scores: score, means with and
                without the thing, and whether it is suppressed.
            top: scenes in which the first features are most active, dark where they are not.
            fit: explained variance and L0 of the dictionary.
        """
        self.check(case)
        learned = self.learned(case.vlm, part_of(progress, 0.0, 0.5))
        rng = np.random.default_rng(case.seed)
        chosen = self.chosen(learned)
        sets = (
            chosen,
            # rare features change little: the control must be as active to be a fair one
            as_active(learned.usual, chosen, rng),
            random_features(self.width, chosen, rng),
        )
        sample = measured_scenes(case)
        present = sample.layout.present
        forgotten = [CATEGORIES.index(category) for category in self.things]
        orders = self.ranked(learned)
        top_features = union(order.order[:PICTURED_FEATURES] for order in orders.values())[
            :PICTURED_FEATURES
        ]
        with one_thread(), torch.no_grad():
            tokens = image_tokens(case.vlm, sample.pixels)
            yes = np.stack([
                np.stack([
                    self.said(case.vlm, learned, tokens, features, gamma, part_of(
                        progress, 0.5 + 0.4 * (at * len(GAMMAS) + step) / (3 * len(GAMMAS)), 0.95
                    ))
                    for step, gamma in enumerate(GAMMAS)
                ])
                for at, features in enumerate(sets)
            ])  # fmt: skip
            active = learned.autoencoder.features(tokens)[..., torch.tensor(top_features.tolist())]
        progress(1.0, "asked")
        names = [f"γ = {gamma:g}".replace("-", "−") for gamma in GAMMAS]
        columns: dict[str, tuple[Any, str]] = {"γ": (np.array(GAMMAS), "")}
        recall = np.stack([mean(yes[0][:, present[:, at], at]) for at in range(len(CATEGORIES))])
        for at in forgotten:
            columns[yes_to(CATEGORIES[at])] = recall[at], "share"
        for kind, answers in zip(KINDS, yes, strict=True):
            columns |= rates(kind, answers, present, forgotten)
        return {
            "rates": Table.of(columns, names),
            "things": Table.grid(recall, CATEGORIES, names, ["share"] * len(names)),
            "ranking": ranking(orders, learned, self.features),
            "top": activation_pictures(
                sample,
                active.numpy(),
                [feature_label(feature, orders) for feature in top_features.tolist()],
            ),
            "fit": learned.found["fit"],
        }

    def said(
        self,
        vlm: TinyVLM,
        learned: LearnedDictionary,
        tokens: Tensor,
        features: Ints,
        gamma: float,
        progress: Progress,
    ) -> NDArray[np.bool_]:
        """Whether it says yes to each thing, (n, 16)."""
        progress(0.0, "asking")
        result: NDArray[np.bool_] = (
            chances(vlm, scale_features(learned, tokens, features, gamma)) > 0.5
        )
        return result

    def finding(self, case: ScenesCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What is lost at γ = −0.5, of each thing and of others, and with other features."""
        table, row = result["rates"], f"γ = {-0.5:g}".replace("-", "−")

        def falls(column: str) -> str:
            before, after = (100 * table.cell(row_name, column) for row_name in ("γ = 1", row))
            return f"{before:.0f} to {after:.0f} %"

        phrase = enumerated_words(
            [f"to the {category} goes from {falls(yes_to(category))}" for category in self.things]
        )
        control = 100 * table.cell(row, f"yes to it, {KINDS[1]}")
        pronoun = "it" if len(self.things) == 1 else "them"
        return (
            f"At {row}, yes {phrase}, yes to other things that are there goes "
            f"from {falls(f'yes to others, {KINDS[0]}')}. With as many features that are as "
            f"active, yes to {pronoun} is {control:.0f} %."
        )


def measured_scenes(case: ScenesCase) -> SceneBatch:
    """The scenes of a case."""
    return case.sample()


def yes_to(concept: str) -> str:
    """The column of a thing to be forgotten."""
    return f"yes to the {concept}"


def mean(values: NDArray[np.bool_]) -> Shares:
    """The share of yes at each γ, of (γ, n); NaN of none."""
    shares: Shares = values.mean(1) if values.shape[1] else np.full(len(values), np.nan)
    return shares


def rates(
    kind: str, yes: NDArray[np.bool_], present: NDArray[np.bool_], forgotten: Sequence[int]
) -> dict[str, tuple[Shares, str]]:
    """The three rates of a set of features by γ, from answers (γ, n, 16)."""
    indices = list(forgotten)
    other_yes, other_present = np.delete(yes, indices, 2), np.delete(present, indices, 1)
    return {
        f"yes to it, {kind}": (mean(yes[..., indices][:, present[:, indices]]), "share"),
        f"yes to others, {kind}": (mean(other_yes[:, other_present]), "share"),
        f"false yes, {kind}": (mean(other_yes[:, ~other_present]), "share"),
    }


def ranking(orders: Mapping[str, Ranked], learned: LearnedDictionary, features: int) -> Table:
    """The best features of each thing, and which of them are suppressed."""
    rows: list[str] = []
    columns: dict[str, list[float]] = {
        "score": [],
        "with it": [],
        "without it": [],
        "suppressed": [],
    }
    for category, (order, score) in orders.items():
        top_features = order[: RANKED_FEATURES // len(orders)]
        lead = category if len(orders) > 1 else ALONE
        rows += [f"{lead} {feature}" for feature in top_features.tolist()]
        columns["score"] += score[top_features].tolist()
        for name, view in (("with it", "there"), ("without it", "absent")):
            columns[name] += learned.found[view][category][top_features].tolist()
        columns["suppressed"] += [float(at < features) for at in range(len(top_features))]
    units = dict(zip(columns, ("", "activation", "activation", "yes or no"), strict=True))
    return Table.of({name: (column, units[name]) for name, column in columns.items()}, rows)


def feature_label(feature: int, orders: Mapping[str, Ranked]) -> str:
    """A feature by its number; of several things, with the one that it stands for most."""
    if len(orders) == 1:
        return f"{ALONE} {feature}"
    ranks = {category: order.order.tolist().index(feature) for category, order in orders.items()}
    return f"{min(ranks, key=ranks.__getitem__)} {feature}"


def activation_pictures(sample: SceneBatch, active: Floats, names: Sequence[str]) -> Pictures:
    """The scenes in which features are most active; active is (n, 64, features)."""
    rows, captions = [], []
    for at in range(len(names)):
        peaks = active[..., at].max(1)
        scenes = np.argsort(-peaks, kind="stable")[:IMAGES]
        scale = max(float(peaks.max()), 1e-8)
        for scene in scenes:
            heat = (active[scene, :, at] / scale).reshape(8, 8).repeat(8, 0).repeat(8, 1)
            pixels = sample.pixels[scene].permute(1, 2, 0).numpy()
            rows.append((255 * pixels * (0.25 + 0.75 * heat[..., None])).astype(np.uint8))
            captions.append(f"{peaks[scene]:.1f}")
    columns = min(IMAGES, len(sample.pixels))
    return Pictures(
        np.stack(rows).reshape(len(names), columns, 64, 64, 3),
        tuple(names),
        tuple(f"{at + 1}." for at in range(columns)),
        "The scenes in which each feature is most active, with its activation.",
        "Bright where it is active, dark where it is not.",
        tuple(captions),
    )
