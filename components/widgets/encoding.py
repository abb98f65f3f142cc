"""Arrays as image files that a browser opens, encoded once."""

import io
from base64 import b64encode
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core.keeping.memory import Memory

EncodedT = TypeVar("EncodedT")

GRAY_LIMIT = 400_000  # bytes of a PNG in gray, whose values are often read off
COLOR_LIMIT = 40_000  # bytes of a PNG in color, which only photographs exceed at these sizes
WEBP_QUALITY = 92


class RecentEncodings(Generic[EncodedT]):
    """The last few encodings, under a digest of what was encoded."""

    def __init__(self, most: int) -> None:
        self.held: Memory[EncodedT] = Memory(most)

    def get(self, array: NDArray[Any], extra: str, make: Callable[[], EncodedT]) -> EncodedT:
        """The encoding kept for this array, made once."""
        array = np.ascontiguousarray(array)
        name = blake2b(f"{array.dtype}{array.shape}{extra}".encode())
        name.update(array.data)
        return self.held.made(name.hexdigest(), make)


def data_url(kind: str, body: bytes) -> str:
    """An image file as text that a browser can open."""
    return f"data:image/{kind};base64,{b64encode(body).decode()}"


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def light(image: Image.Image, limit: int = COLOR_LIMIT) -> tuple[str, bytes]:
    """The kind and content of a file: PNG, or WebP where that is heavy.

    A page with many photographs stays below a megabyte by it.

    Args:
        image: gray or in color.
        limit: of a PNG in color, in bytes; one in gray may be larger.
    """
    body = saved(image, "PNG")
    if len(body) <= (limit if image.mode == "RGB" else GRAY_LIMIT):
        return "png", body
    return "webp", saved(image, "WEBP", quality=WEBP_QUALITY)
