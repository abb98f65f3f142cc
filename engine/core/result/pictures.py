"""Views that are looked at as they are: a labeled grid of images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.result.view import View


@dataclass(frozen=True, eq=False)
class Pictures(View):
    """Images of one size in rows and columns, such as images before and after a change.

    Args:
        images: (rows, columns, H, W, C), uint8, with C = 3 for RGB or 1 for gray.
        rows: what each row shows.
        columns: what each column shows.
        finding: one sentence on what is to be seen, for those who cannot see it.
        unit: of what brightness stands for; "" where they are plain images.
        captions: one for each image, row after row; or none at all.

    Raises:
        ValueError: images, labels and captions do not belong together.
    """

    images: NDArray[np.uint8]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    finding: str
    unit: str = ""
    captions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        shape = self.images.shape
        if len(shape) != 5 or shape[-1] not in (1, 3) or self.images.dtype != np.uint8:
            message = f"images must be uint8 (rows, columns, H, W, 1 or 3), not {shape}"
            raise ValueError(message)
        if shape[:2] != (len(self.rows), len(self.columns)):
            raise ValueError(f"{shape[0]} × {shape[1]} images need as many labels")
        if self.captions and len(self.captions) != shape[0] * shape[1]:
            raise ValueError(f"{shape[0] * shape[1]} images have {len(self.captions)} captions")

    def caption(self, row: int, column: int) -> str:
        """The caption of one image, "" where there is none."""
        return self.captions[row * len(self.columns) + column] if self.captions else ""
