"""TinyVLM among shape scenes: captions and yes/no answers of many at once, with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.data.layout import Layout
from engine.data.scenes import Scenes
from engine.data.sprites import CATEGORIES
from engine.hallucination.chair import Vocabulary
from engine.hallucination.generate import Strategy, generate
from engine.hallucination.noise import noised
from engine.hallucination.tiny_vlm.model import TinyVLM
from engine.hallucination.tiny_vlm.sayings import PARTNER, PROMPTS, yes_no_question
from engine.hallucination.tiny_vlm.words import EOS, NO, PLURALS, YES

THINGS = Vocabulary({**{noun: noun for noun in CATEGORIES}, **PLURALS}, {})
TOGETHER = 100  # scenes at a time


@dataclass(frozen=True, eq=False)
class Sample:
    """Some scenes, as a model sees them.

    Args:
        layout: what they hold.
        pixels: (n, 3, 64, 64) in [0, 1].
    """

    layout: Layout
    pixels: Tensor

    @classmethod
    def of(cls, layout: Layout) -> Sample:
        """Rendered."""
        return cls(layout, torch.from_numpy(layout.images() / np.float32(255)))

    @classmethod
    def drawn(
        cls, count: int, kind: str, *, seed: int, clean: bool = False, together: float = 0.9
    ) -> Sample:
        """New scenes of a kind. Training uses seeds below 1000."""
        scenes = Scenes(max(count, 10), kind, together, clean=clean, seed=seed)
        return cls.of(scenes.layout(np.arange(count)))

    @property
    def truths(self) -> list[frozenset[str]]:
        """The things in each scene."""
        return [
            frozenset(CATEGORIES[one] for one in np.flatnonzero(row)) for row in self.layout.present
        ]

    def leading(self) -> np.ndarray:
        """Where a thing's leader is there, (n, 16): the habit says the thing is there too."""
        led = np.zeros_like(self.layout.present)
        for leader, follower in PARTNER.items():
            led[:, follower] = self.layout.present[:, leader]
        return led

    def themed(self) -> np.ndarray:
        """Where a thing belongs to the scene's theme, (n, 16)."""
        own: np.ndarray = np.arange(len(CATEGORIES))[None] // 4 == self.layout.theme[:, None]
        return own


@torch.no_grad()
def captions(
    vlm: TinyVLM, sample: Sample, strategy: Strategy, prompt: str = PROMPTS["image"], seed: int = 0
) -> list[list[str]]:
    """What a decoding says of each scene, in words."""
    asked = torch.tensor([vlm.tokenizer.encode(prompt)], device=vlm.device)
    found: list[list[str]] = []
    for start in range(0, len(sample.pixels), TOGETHER):
        images = vlm.normalize(sample.pixels[start : start + TOGETHER])
        spoken = generate(
            vlm, strategy, images, asked.expand(len(images), -1), seed=seed + start, record=False
        )
        found += [said(vlm, row) for row in spoken.tokens.tolist()]
    return found


def said(vlm: TinyVLM, ids: Sequence[int]) -> list[str]:
    """Tokens up to the end, as words."""
    ids = list(ids)
    return vlm.tokenizer.convert_ids_to_tokens(ids[: ids.index(EOS)] if EOS in ids else ids)


@torch.no_grad()
def margins(vlm: TinyVLM, sample: Sample, step: int | None = None, seed: int = 0) -> Tensor:
    """Logit of yes minus logit of no to "is there a …" for all sixteen things, (n, 16).

    Args:
        vlm: the model.
        sample: the scenes.
        step: of VCD's noise; None for the clear image.
        seed: of that noise.
    """
    asked = torch.tensor([vlm.tokenizer.encode(yes_no_question(one)) for one in range(16)])
    generator = torch.Generator().manual_seed(seed)
    found = []
    for pixels in sample.pixels.split(TOGETHER):
        images = vlm.normalize(pixels)
        if step is not None:
            noise = torch.randn(images.shape, generator=generator).to(images)
            images = noised(images, step, noise)
        said = vlm.answers(vlm.encode_image(images), asked.expand(len(images), -1, -1))
        found.append((said[..., YES] - said[..., NO]).cpu())
    return torch.cat(found)


def contrasted(clear: Tensor, hidden: Tensor, alpha: float) -> Tensor:
    """Margins under VCD; the cut does not matter between two answers that are both plausible."""
    return (1 + alpha) * clear - alpha * hidden
