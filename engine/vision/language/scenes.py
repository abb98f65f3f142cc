"""Drawn scenes that no model has learned from, as a vision-language model sees them."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.vision.data.layout import Scene
from engine.vision.data.scenes import Scenes
from engine.vision.language.vlm import VLM

UNSEEN = 1000  # seeds of training lie below


def scene(kind: str, number: int) -> Scene:
    """A scene of a kind of `Scenes` that no model has learned from, by its number."""
    return Scenes(kind=kind, seed=UNSEEN).scene(number)


def pixels(scene: Scene) -> Tensor:
    """A scene in [0, 1], (3, 64, 64)."""
    return torch.from_numpy(scene.image / np.float32(255))


def sized(images: Tensor, vlm: VLM) -> Tensor:
    """Images (…, 3, H, W) in [0, 1] at a model's size."""
    side = vlm.spec.side
    if images.shape[-2:] == (side, side):
        return images
    flat = images.reshape(-1, *images.shape[-3:])
    result = F.interpolate(flat, (side, side), mode="bilinear", antialias=True).clamp(0, 1)
    return result.reshape(*images.shape[:-2], side, side)
