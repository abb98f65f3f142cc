"""Images in which nothing is odd: healthy twins of the phantoms, and squares of textures."""

from functools import cache

import numpy as np
from PIL import Image

from engine.vision.data import DataCard, DataSet
from engine.vision.images.samples import Sample

TWINS = "phantoms+healthy"
HEALTHY_TWINS = "Healthy twins of the brain phantoms"  # as a person reads it
TEXTURES = {"brick": "Brick wall", "grass": "Grass", "gravel": "Gravel"}
SQUARE = 64  # px; each texture has 512 × 512

LICENSE = "CC0, from scikit-image"


@cache
def texture(name: str) -> DataSet:
    """Squares of one texture that do not overlap, (64, 1, 64, 64); the right half is held out."""
    file = Sample(name, TEXTURES[name], LICENSE, "skimage", f"data/{name}.png").path()
    pixels = np.asarray(Image.open(file).convert("L"))
    rows, columns = (length // SQUARE for length in pixels.shape)
    cut = pixels[: rows * SQUARE, : columns * SQUARE].reshape(rows, SQUARE, columns, SQUARE)
    images = cut.transpose(0, 2, 1, 3).reshape(-1, 1, SQUARE, SQUARE)
    # by halves of the photograph: neighbors in it are alike, and must not be on both sides
    is_held_out = np.arange(len(images)) % columns >= columns // 2
    card = DataCard(
        f"Texture: {TEXTURES[name].lower()}",
        about="Squares of one photograph of an even surface.",
        made="Cut side by side; those of the right half are held out.",
        license=LICENSE,
    )
    return DataSet(
        name,
        card,
        ("normal",),
        np.ascontiguousarray(images),
        np.zeros(len(images), np.int64),
        np.arange(len(images)),
        is_held_out.astype(np.uint8),
    )
