"""Data that notes which of their images were looked at: the proof of who saw what.

Whoever asks for pixels, by whichever way, leaves a count behind; an unlearner is handed such data
only, so that what it must not see cannot be seen unnoticed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.vision.data import DataSet


class Noted:
    """Images (N, C, H, W) that count how often each was read."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self.plain = images
        self.counts = np.zeros(len(images), np.int64)
        self.shape, self.ndim, self.dtype = images.shape, images.ndim, images.dtype
        self.nbytes = images.nbytes

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        np.add.at(self.counts, rows if not isinstance(rows, tuple) else rows[0], 1)
        return self.plain[rows]

    def __len__(self) -> int:
        return len(self.plain)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        self.counts += 1
        return np.array(self.plain, dtype, copy=copy)

    def __truediv__(self, number: Any) -> NDArray[Any]:
        self.counts += 1
        return self.plain / number


@dataclass(frozen=True, eq=False)
class RecordedData(DataSet):
    """A data set whose images are noted whenever they are read."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "images", Noted(self.images))

    @classmethod
    def of(cls, data: DataSet) -> RecordedData:
        """The same data, with nothing seen yet."""
        recorded = cls(**{spec.name: getattr(data, spec.name) for spec in fields(DataSet)})
        recorded.__dict__["fingerprint"] = data.fingerprint  # not read again for it
        return recorded

    @property
    def seen(self) -> NDArray[np.int64]:
        """How often each image was read, (N,), up to now."""
        return self.images.counts.copy()  # type: ignore[attr-defined]
