"""A model that sees its images without some features, and which features stand for things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.keeping.lazy import lazy
from engine.core.method import Choice, Progress, Slider, setting
from engine.core.result import digest_arrays
from engine.unlearning.sauce.dictionary import SCENES, LearnedDictionary, Sparse
from engine.unlearning.sauce.score import Ints, Ranked, ranked, union
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.sayings import yes_no_question
from engine.vision.language.tiny_vlm.words import NO, YES

PAPER = "Li et al. 2025, https://arxiv.org/abs/2503.14530 (withdrawn there)"
NOTHING = "nothing else"
TOGETHER = 50  # scenes at a time

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Concept(Sparse):
    """Which things are left out: settings that one answer and many scenes share."""

    concept: str = setting(
        "car", Choice(CATEGORIES), "Thing to forget", "What the model is no longer to see."
    )
    second: str | None = setting(
        None,
        Choice(CATEGORIES, off=NOTHING),
        "Second thing",
        "Another thing that is forgotten at the same time.",
    )
    third: str | None = setting(
        None,
        Choice(CATEGORIES, off=NOTHING),
        "Third thing",
        "One more thing that is forgotten at the same time.",
    )
    features: int = setting(
        2,
        Slider(0, 50, 1),
        "Features for each thing",
        "How many features are suppressed: those with the highest scores. More of them take more "
        "of other things along.",
    )
    scenes: int = setting(
        SCENES,
        Slider(100, 2000, 100, "scenes"),
        "Scenes to learn from",
        "From how many scenes the dictionary of features is learned.",
    )

    @property
    def things(self) -> tuple[str, ...]:
        """What is forgotten, each thing once."""
        return tuple(dict.fromkeys(filter(None, (self.concept, self.second, self.third))))

    def learned(self, vlm: TinyVLM, progress: Progress) -> LearnedDictionary:
        """The dictionary of a model."""
        return LearnedDictionary.of(vlm, self, self.scenes, progress)

    def ranked(self, learned: LearnedDictionary) -> dict[str, Ranked]:
        """For each thing the features from the highest score on, and the score of every feature."""
        present_means, absent_means = learned.found["there"], learned.found["absent"]
        return {
            category: ranked(present_means[category], absent_means[category])
            for category in self.things
        }

    def chosen(self, learned: LearnedDictionary) -> Ints:
        """The features of all things together, each once."""
        return union(ranking.order[: self.features] for ranking in self.ranked(learned).values())


@dataclass(frozen=True)
class Suppression(Concept):
    """Which things are left out, and how strongly."""

    gamma: float = setting(
        -0.5,
        Slider(-5.0, 1.0, 0.5),
        "γ",
        "What the features are multiplied by: 1 changes nothing, 0 leaves them out.",
    )

    def suppressed(self, vlm: TinyVLM, learned: LearnedDictionary) -> Suppressed:
        """The model without the things."""
        return Suppressed(vlm, learned, self.chosen(learned), self.gamma)


class Suppressed(TinyVLM):
    """A model that sees its images without some features; it shares the weights.

    It can be asked whatever the model can: its fingerprint, under which answers are kept, has the
    dictionary, the features and γ too.
    """

    def __init__(self, vlm: TinyVLM, learned: LearnedDictionary, which: Ints, gamma: float) -> None:
        label = f"{len(which)} features × {gamma:g}"
        super().__init__(vlm.parts, f"{vlm.name} ({label})", f"{vlm.title}, {label}", vlm.device)
        self.whole, self.learned, self.which, self.gamma = vlm, learned, which, gamma

    @lazy
    def fingerprint(self) -> str:
        """A digest of the model's weights and of everything that changes what it sees."""
        return digest_arrays(
            {
                "dictionary": self.learned.autoencoder.flat,
                "usual": np.asarray(self.learned.usual),
                "which": np.asarray(self.which, np.int64),
                "numbers": np.array([self.gamma, self.learned.autoencoder.active]),
                self.whole.fingerprint: np.zeros(0),
            }
        )

    def encode_image(self, normalized: Tensor) -> Tensor:
        """As the model does, with the features changed, (B, 64, 128)."""
        tokens = super().encode_image(normalized)
        return scale_features(self.learned, tokens.cpu(), self.which, self.gamma).to(tokens.device)


def scale_features(learned: LearnedDictionary, tokens: Tensor, which: Ints, gamma: float) -> Tensor:
    """Tokens (…, 128) with some features multiplied by gamma."""
    mean_activations = torch.tensor(learned.usual)
    chosen = torch.from_numpy(np.asarray(which, np.int64))
    return learned.autoencoder.suppressed(tokens, chosen, gamma, mean_activations)


@torch.no_grad()
def chances(vlm: TinyVLM, tokens: Tensor) -> Shares:
    """p(yes) among yes and no to "is there a …" for all sixteen things, (n, 16)."""
    questions = torch.tensor([vlm.tokenizer.encode(yes_no_question(index)) for index in range(16)])
    results = []
    for part in tokens.to(vlm.device).split(TOGETHER):
        logits = vlm.answers(part, questions.to(vlm.device).expand(len(part), -1, -1))
        # a softmax over the two words alone is the sigmoid of their difference
        results.append((logits[..., YES] - logits[..., NO]).sigmoid().cpu().double().numpy())
    return np.concatenate(results)


def enumerated_words(names: Sequence[str]) -> str:
    """One or several, such as "car, lamp and wheel"."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
