"""The features that image tokens are made of, and how active each is where a thing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.errors import BlindspotError
from engine.core.method import Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Curve, Floats, Result, Table
from engine.core.run import answer
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scene_ranges import FEATURES
from engine.evaluation.language.scenes import SceneBatch
from engine.unlearning.sauce.autoencoder import Autoencoder, train_autoencoder
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.models.threads import one_thread

SCENES = 600
LEARNED = 0.8  # of the scenes; the autoencoder is tried on the others
TOGETHER = 50  # scenes at a time


@dataclass(frozen=True)
class Sparse:
    """How large a dictionary is: settings that its training and its use share."""

    width: int = setting(
        512,
        Slider(128, 1024, 64, "features"),
        "Dictionary",
        "How many features there are for the 128 numbers of a token.",
    )
    active: int = setting(
        12,
        Slider(1, 64, 1, "features"),
        "Active",
        "How many features may rebuild one token (its L0).",
    )
    steps: int = setting(
        500, Slider(20, 2000, 20), "Steps", "Steps of the training, 256 tokens each."
    )


@dataclass(frozen=True)
class Dictionary(Sparse, Method[ScenesCase]):
    """What the tokens of an image are made of.

    TinyVLM sees an image as 64 tokens of 128 numbers each. A sparse autoencoder learns to rebuild
    every token from few of many features, without being told what the scenes show. Explained
    variance is the share of the tokens' variance that is rebuilt, on scenes that it did not learn
    from; L0 is how many features are active in a token. A dead feature is active in none of them.

    A feature that is active where a thing is need not stand for that thing alone.
    """

    family = "unlearning"
    name = "Dictionary"
    title = "A dictionary of features"
    cost = "wait"
    revision = 2  # learned from scenes that no measure draws, whatever its seed
    paper = (
        "Li et al. 2025 (SAUCE), with a top-K autoencoder of Gao et al. 2024, "
        "https://arxiv.org/abs/2406.04093"
    )
    argument_defaults = defaults(count=SCENES, clean=True)
    proof = (
        "tests/engine/unlearning/sauce/test_concepts.py::test_few_features_rebuild_unseen_tokens"
    )

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Learned on 80 % of the scenes, tried on the others.

        Returns:
            fit: one row: explained variance, L0, the share of dead features, tokens tried.
            learning: the squared error as a share of the variance, by step.
            weights: those of the autoencoder in a row, as `Autoencoder.read` takes them.
            there, absent: means of each feature over all tokens of the scenes learned from that
                have a thing, and of those that have not, (features, 16).
            usual: mean of each feature over all tokens learned from.

        Raises:
            BlindspotError: too few scenes, or a thing that is in none or in all of them.
        """
        self.check(case)
        sample = own_scenes(case)
        cut = int(LEARNED * case.count)
        present = sample.layout.present[:cut]
        constant_categories = [
            CATEGORIES[at] for at, flags in enumerate(present.T) if flags.all() or not flags.any()
        ]
        if constant_categories or cut == case.count:
            raise BlindspotError(
                f"{case.count} scenes are too few: some have to be with and some without "
                f"{constant_categories[0] if constant_categories else 'each thing'}. Choose "
                "more scenes."
            )
        with one_thread(), torch.no_grad():
            tokens = image_tokens(case.vlm, sample.pixels, part_of(progress, 0.0, 0.2))
        train_tokens, held_out_tokens = (
            part.flatten(0, 1) for part in (tokens[:cut], tokens[cut:])
        )
        autoencoder, curve = train_autoencoder(
            train_tokens,
            self.width,
            self.active,
            self.steps,
            case.seed,
            part_of(progress, 0.2, 0.9),
        )
        with one_thread(), torch.no_grad():
            parts = tokens[:cut].split(TOGETHER)
            means = torch.cat([autoencoder.features(part).mean(1) for part in parts])
            is_active = autoencoder.features(held_out_tokens) > 0
            explained = autoencoder.explained(held_out_tokens)
        progress(1.0, "learned")
        scene_means = means.numpy()
        present_means = np.stack([scene_means[flags].mean(0) for flags in present.T], 1)
        absent_means = np.stack([scene_means[~flags].mean(0) for flags in present.T], 1)
        fit = {
            "explained variance": ([explained], "share"),
            "L0": ([float(is_active.sum(1).float().mean())], "features"),
            "dead": ([float((~is_active.any(0)).float().mean())], "share"),
            "tokens": ([len(held_out_tokens)], "tokens"),
        }
        return {
            "fit": Table.of(fit, ("autoencoder",)),
            "learning": Curve(
                curve[:, 0].copy(), curve[:, 1].copy(), "step", "not explained", "share"
            ),
            "weights": Table.of({"weight": (autoencoder.flat, "")}),
            "there": thing_columns(present_means),
            "absent": thing_columns(absent_means),
            "usual": Table.of({"mean": (scene_means.mean(0), "activation")}),
        }

    def finding(self, case: ScenesCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How much so few features explain."""
        fit = result["fit"]
        return (
            f"{fit['L0'][0]:.0f} of {self.width} features explain "
            f"{100 * fit['explained variance'][0]:.0f} % of the variance of tokens not learned "
            f"from; {100 * fit['dead'][0]:.0f} % of the features are never active there."
        )


def own_scenes(case: ScenesCase) -> SceneBatch:
    """The scenes of a dictionary, by numbers that no other case about scenes has."""
    return case.sample(FEATURES)


def thing_columns(values: Floats) -> Table:
    """A column for each thing."""
    return Table.of(
        {
            name: (activations, "activation")
            for name, activations in zip(CATEGORIES, values.T, strict=True)
        }
    )


def image_tokens(vlm: TinyVLM, pixels: Tensor, progress: Progress = quiet) -> Tensor:
    """Image tokens (n, 64, 128), on the CPU, of pixels (n, 3, 64, 64)."""
    results = []
    for at in range(0, len(pixels), TOGETHER):
        progress(at / len(pixels), "looking at scenes")
        results.append(vlm.encode_image(vlm.normalize(pixels[at : at + TOGETHER])).cpu())
    return torch.cat(results)


@dataclass(frozen=True)
class LearnedDictionary:
    """A dictionary that has been learned, with its means."""

    autoencoder: Autoencoder
    found: Mapping[str, Any]

    @classmethod
    def of(
        cls, vlm: TinyVLM, sparse: Sparse, scenes: int, progress: Progress, seed: int = 0
    ) -> LearnedDictionary:
        """Of a model; kept like every answer."""
        method, case = question(vlm, sparse, scenes, seed)
        result = answer(method, case, progress)
        flat = result["weights"]["weight"]
        return cls(Autoencoder.read(flat, sparse.width, sparse.active), result)

    @property
    def usual(self) -> Floats:
        """The mean of every feature, (M,)."""
        mean: Floats = self.found["usual"]["mean"]
        return mean


def question(
    vlm: TinyVLM, sparse: Sparse, scenes: int, seed: int = 0
) -> tuple[Dictionary, ScenesCase]:
    """What is asked for a model's dictionary."""
    method = Dictionary(sparse.width, sparse.active, sparse.steps)
    return method, ScenesCase(vlm, Greedy(), scenes, clean=True, seed=seed)
