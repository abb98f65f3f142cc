"""Files that were never on a disk."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image


def written(write: Callable[..., Any], *rest: Any, **options: Any) -> bytes:
    """The file that a function writes into its first argument, as Pillow's and NumPy's do."""
    file = io.BytesIO()
    write(file, *rest, **options)
    return file.getvalue()


def png(pixels: np.ndarray) -> bytes:
    return written(Image.fromarray(pixels).save, "PNG")


def torch_file(content: Any, **options: Any) -> bytes:
    import torch

    return written(lambda file: torch.save(content, file, **options))
