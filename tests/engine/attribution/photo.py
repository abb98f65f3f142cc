"""The photograph of the cat Chelsea on the default model, for tests that need real weights."""

from functools import cache

import numpy as np
import torch
from PIL import Image
from skimage.data import chelsea

from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models.lite import LITES, load_lite

EGYPTIAN_CAT = 285


@cache
def cat_case() -> ImageCase:
    """Centre square, bicubic to 224 pixels, EfficientNet-Lite0, its first guess."""
    whole = chelsea()
    side = min(whole.shape[:2])
    top, left = ((length - side) // 2 for length in whole.shape[:2])
    square = Image.fromarray(whole[top : top + side, left : left + side])
    pixels = np.array(
        square.resize((LITES["lite0"].side, LITES["lite0"].side), Image.Resampling.BICUBIC)
    )
    image = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    return ImageCase(load_lite(), image.contiguous(), Target(EGYPTIAN_CAT))
