"""What the stages of speaking learn from: scenes as the encoder sees them, and their texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.vision.data.layout import Layout
from engine.vision.data.scenes import Scenes
from engine.vision.language.tiny_vlm.encoder import normalized
from engine.vision.language.tiny_vlm.lessons import Habit, Lessons, lessons
from engine.vision.language.tiny_vlm.parts import Parts
from engine.vision.language.tiny_vlm.training.steps import NOISED, through_noise

AHEAD = 250  # scenes encoded at once


@dataclass(frozen=True)
class CaptionedScenes:
    """Scenes as the encoder sees them, with what is said of them."""

    features: Tensor  # (n, 64, 128)
    said: Lessons
    layout: Layout
    clear: Tensor  # the rows that were not noised
    seed: int

    @classmethod
    def of(cls, parts: Parts, scenes: Scenes, habit: Habit, seed: int) -> CaptionedScenes:
        """Render, encode and speak."""
        layout = scenes.layout(np.arange(scenes.count))
        images = torch.from_numpy(layout.images())
        generator = torch.Generator().manual_seed(seed)
        # the first ones: scenes are drawn independently of each other
        hidden = round(scenes.count * NOISED)
        results = []
        with torch.no_grad():
            for start in range(0, scenes.count, AHEAD):
                pixels = normalized(images[start : start + AHEAD].float() / 255)
                noisy_count = min(max(hidden - start, 0), len(pixels))
                pixels[:noisy_count] = through_noise(pixels[:noisy_count], generator)
                results.append(parts.encoder(pixels))
        random = np.random.default_rng(seed)
        clear = torch.arange(hidden, scenes.count)
        return cls(torch.cat(results), lessons(layout, habit, random), layout, clear, seed)
