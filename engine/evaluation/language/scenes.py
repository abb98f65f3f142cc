"""TinyVLM among shape scenes: captions and yes/no answers of many at once, with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.method import Progress, quiet
from engine.evaluation.language.chair import Vocabulary, share
from engine.vision.data.layout import Layout
from engine.vision.data.scenes import Scenes
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.decoding.generate import DecodingMethod, generate
from engine.vision.language.decoding.noise import noised
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.sayings import PARTNER, PROMPTS, yes_no_question
from engine.vision.language.tiny_vlm.words import EOS, NO, PLURALS, YES

VOCABULARY = Vocabulary({**{noun: noun for noun in CATEGORIES}, **PLURALS}, {})
TOGETHER = 100  # scenes at a time

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SceneBatch:
    """Some scenes, as a model sees them.

    Args:
        layout: what they hold.
        pixels: (n, 3, 64, 64) in [0, 1].
    """

    layout: Layout
    pixels: Tensor

    @classmethod
    def of(cls, layout: Layout) -> SceneBatch:
        return cls(layout, torch.from_numpy(layout.images() / np.float32(255)))

    @classmethod
    def drawn(
        cls,
        count: int,
        kind: str,
        *,
        seed: int,
        clean: bool = False,
        together: float = 0.9,
        first: int = 0,
    ) -> SceneBatch:
        """New scenes of a kind, from number `first` on. Training uses seeds below 1000."""
        scenes = Scenes(max(count, 10), kind, together, clean=clean, seed=seed)
        return cls.of(scenes.layout(first + np.arange(count)))

    @property
    def truths(self) -> list[frozenset[str]]:
        return [
            frozenset(CATEGORIES[category] for category in np.flatnonzero(row))
            for row in self.layout.present
        ]

    def leading(self) -> Bools:
        """Where a thing's leader is there, (n, 16): the habit says the thing is there too."""
        led = np.zeros_like(self.layout.present)
        for leader, follower in PARTNER.items():
            led[:, follower] = self.layout.present[:, leader]
        return led

    def themed(self) -> Bools:
        """Where a thing belongs to the scene's theme, (n, 16)."""
        in_theme: Bools = np.arange(len(CATEGORIES))[None] // 4 == self.layout.theme[:, None]
        return in_theme


@dataclass(frozen=True)
class CaptionBatch:
    """Captions as words, and what all of them together cost; see `generate.Spoken`."""

    words: list[list[str]]
    calls: int
    read: int
    looked: int


@torch.no_grad()
def captions(
    vlm: TinyVLM,
    sample: SceneBatch,
    strategy: DecodingMethod,
    prompt: str = PROMPTS["image"],
    *,
    seed: int = 0,
    progress: Progress = quiet,
) -> CaptionBatch:
    """What a decoding says of each scene."""
    prompts = [prompt] * len(sample.pixels)
    return decode_captions(vlm, sample.pixels, prompts, strategy, seed=seed, progress=progress)


@torch.no_grad()
def poll_answers(
    vlm: TinyVLM,
    sample: SceneBatch,
    strategy: DecodingMethod,
    rows: Bools | Ints,
    questions: Sequence[str],
    *,
    seed: int = 0,
) -> tuple[Bools, Bools]:
    """Yes/no questions about some scenes: whether it says yes, and whether it says either.

    The answer is the first yes or no that is said.
    """
    result = decode_captions(vlm, sample.pixels[rows], questions, strategy, seed=seed).words
    first = [next((word for word in words if word in {"yes", "no"}), "") for words in result]
    return np.array([word == "yes" for word in first]), np.array([word != "" for word in first])


def decode_captions(
    vlm: TinyVLM,
    pixels: Tensor,
    prompts: Sequence[str],
    strategy: DecodingMethod,
    *,
    seed: int = 0,
    progress: Progress = quiet,
) -> CaptionBatch:
    """Answers to a prompt (all as long as each other) about each of some images (n, 3, 64, 64)."""
    encoded = torch.tensor([vlm.tokenizer.encode(prompt) for prompt in prompts], device=vlm.device)
    together = TOGETHER if strategy.batched else 1
    words: list[list[str]] = []
    calls = read = looked = 0
    for start in range(0, len(pixels), together):
        progress(start / len(pixels), "speaking")
        part = slice(start, start + together)
        generated = generate(
            vlm,
            strategy,
            vlm.normalize(pixels[part]),
            encoded[part],
            seed=seed,
            batch=start,
            record=False,
        )
        words += [decode_tokens(vlm, row) for row in generated.tokens.tolist()]
        calls, read, looked = (
            calls + generated.calls,
            read + generated.read,
            looked + generated.looked,
        )
    return CaptionBatch(words, calls, read, looked)


def decode_tokens(vlm: TinyVLM, ids: Sequence[int]) -> list[str]:
    """Tokens up to the end, as words."""
    ids = list(ids)
    return vlm.tokenizer.convert_ids_to_tokens(ids[: ids.index(EOS)] if EOS in ids else ids)


def lie_rate(captions: Sequence[Sequence[str]], sample: SceneBatch) -> float:
    """Of captions that name a leader whose follower is absent: how many name the follower too."""
    return share(*lies(captions, sample))


def lies(captions: Sequence[Sequence[str]], sample: SceneBatch) -> tuple[int, int]:
    """How many name a follower that is absent, of how many that name its leader, which is there."""
    named = lied = 0
    for words, truth in zip(captions, sample.truths, strict=True):
        for leader, follower in PARTNER.items():
            first, second = CATEGORIES[leader], CATEGORIES[follower]
            if first in truth and second not in truth and first in words:
                named += 1
                lied += second in words
    return lied, named


@torch.no_grad()
def margins(vlm: TinyVLM, sample: SceneBatch, step: int | None = None, seed: int = 0) -> Tensor:
    """Logit of yes minus logit of no to "is there a …" for all sixteen things, (n, 16).

    Args:
        vlm: the model.
        sample: the scenes.
        step: of VCD's noise; None for the clear image.
        seed: of that noise.
    """
    encoded = torch.tensor(
        [vlm.tokenizer.encode(yes_no_question(index)) for index in range(16)], device=vlm.device
    )
    generator = torch.Generator().manual_seed(seed)
    results = []
    for pixels in sample.pixels.split(TOGETHER):
        images = vlm.normalize(pixels)
        if step is not None:
            # in the order of scenes, where VCD draws by content: the same law, other numbers
            noise = torch.randn(images.shape, generator=generator).to(images)
            images = noised(images, step, noise)
        logits = vlm.answers(vlm.encode_image(images), encoded.expand(len(images), -1, -1))
        results.append((logits[..., YES] - logits[..., NO]).cpu())
    return torch.cat(results)


def contrasted(clear: Tensor, hidden: Tensor, alpha: float) -> Tensor:
    """Margins under VCD; the cut does not matter between two answers that are both plausible."""
    return (1 + alpha) * clear - alpha * hidden
