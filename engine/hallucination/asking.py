"""Questions about scenes and pictures, ready to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from engine.data.layout import Scene
from engine.hallucination.case import CaptionCase
from engine.hallucination.tiny_vlm import weights
from engine.hallucination.tiny_vlm.model import SIDE
from engine.hallucination.vlm import VLM
from engine.hallucination.word_case import WordCase
from engine.images import Crop, Picture, square
from engine.result import Tokens

OPACITIES = (0.0, 0.03, 0.06, 0.09, 0.12, 0.16, 0.2, 0.25, 0.35, 0.5, 1.0)


def models() -> dict[str, str]:
    """The models that can be asked, name to title; the one with the habit first."""
    return {name: weights.TITLES[name] for name in weights.names()}


def model(name: str) -> VLM:
    """A model by name. Raises BadModel."""
    return weights.load(name)


def about_scene(name: str, scene: Scene, prompt: str, seed: int = 0) -> CaptionCase:
    """A prompt about a scene. Raises BlindspotError for a prompt that cannot be asked."""
    return CaptionCase(model(name), pixels(scene), prompt, seed)


def about_picture(
    name: str, picture: Picture, crop: Crop, prompt: str, seed: int = 0
) -> CaptionCase:
    """A prompt about any picture: its square at the model's size. Raises BlindspotError."""
    return CaptionCase(model(name), torch.from_numpy(square(picture, crop, SIDE)), prompt, seed)


def pixels(scene: Scene) -> Tensor:
    """A scene in [0, 1], (3, 64, 64)."""
    return torch.from_numpy(scene.image / np.float32(255))


def words_of(asked: CaptionCase, answer: Tokens, places: Sequence[int]) -> WordCase:
    """Words of an answer, by their places. Raises BlindspotError for none."""
    return WordCase.of(asked, tuple(answer.ids.tolist()), tuple(places))


def without_each(words: WordCase, scene: Scene) -> WordCase:
    """Held against the scene without each of its things, one at a time, taken out exactly."""
    named = [thing.category for thing in scene.things]
    others = torch.stack([pixels(scene.remove(one)) for one in named])
    return replace(words, others=others, names=tuple(f"without the {one}" for one in named))


def faded(words: WordCase, scene: Scene, category: str) -> WordCase:
    """Held against the scene with one thing at several opacities. Raises BadData."""
    others = torch.stack([pixels(scene.with_opacity(category, share)) for share in OPACITIES])
    return replace(words, others=others, names=tuple(f"{share:g}" for share in OPACITIES))


def held_against(words: WordCase, others: Sequence[tuple[str, Tensor]]) -> WordCase:
    """Held against other pictures, each with a name and pixels (3, H, W) in [0, 1]."""
    names = tuple(name for name, _ in others)
    return replace(words, others=torch.stack([image for _, image in others]), names=names)
