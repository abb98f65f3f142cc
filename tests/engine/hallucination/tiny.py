"""An untrained TinyVLM and images to ask it about: enough for everything that is an identity."""

from functools import cache

import numpy as np
import torch

from engine.vision.data.scenes import Scenes
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.parts import fresh, upcycled
from engine.vision.language.vlm import LOGITS


@cache
def untrained(seed: int = 0) -> TinyVLM:
    """Weights as they are drawn, with BatchNorm's statistics at rest."""
    return TinyVLM(fresh(seed), "tiny", "untrained TinyVLM")


@cache
def mixture(seed: int = 0) -> TinyVLM:
    """An untrained mixture whose eight experts have weights of their own."""
    parts = upcycled(fresh(seed), seed)
    generator = torch.Generator().manual_seed(seed)
    for layer in parts.decoder.stack:
        for weight in (*layer.experts.parameters(), *layer.router.parameters()):
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    return TinyVLM(parts, "tiny-experts", "untrained mixture")


@cache
def scenes(count: int = 4, kind: str = "biased", seed: int = 5) -> torch.Tensor:
    """Scenes as pixels in [0, 1], (count, 3, 64, 64)."""
    layout = Scenes(max(count, 10), kind, seed=seed).layout(np.arange(count))
    return torch.from_numpy(layout.images() / np.float32(255))


def case(prompt: str = "describe the image", row: int = 0, seed: int = 0) -> CaptionCase:
    """A question to the untrained model about one of the scenes."""
    return CaptionCase(untrained(), scenes()[row], prompt, seed)


def prompts(text: str = "describe the image", count: int = 1) -> torch.Tensor:
    """The same prompt so many times, (count, P)."""
    return torch.tensor([untrained().tokenizer.encode(text)]).repeat(count, 1)


def pictures(count: int = 1) -> torch.Tensor:
    """The first scenes as the untrained model sees them."""
    return untrained().normalize(scenes()[:count])


def one_pass(vlm, pixels: torch.Tensor, text: torch.Tensor, want=LOGITS):
    """What a model makes of pixels (B, 3, side, side) in [0, 1] and words (B, n)."""
    return vlm.prefill(vlm.encode_image(vlm.normalize(pixels)), text, want)[0]
