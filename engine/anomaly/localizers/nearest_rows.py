"""The nearest of many rows, found by one product of matrices.

‖x − m‖² = ‖x‖² − 2 (x·m − ‖m‖² / 2), so the nearest row has the largest x·m − ‖m‖² / 2: the product
says which it is, and only its distance is then measured, without the product's rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

COMPARED = 2**20  # products that are made at a time, so that they stay in the processor's cache
ASKED = 256  # rows that are asked at a time, at least


@dataclass(frozen=True, eq=False)
class KnownRows:
    """Rows that others are compared with, and what each comparison needs of them.

    Args:
        rows: (M, C).
        middle: their mean, (C,).
        centered: without it, since float32 then loses little to the rows' common part.
        half: −‖m‖² / 2 of each centered row, (M,).
    """

    rows: Tensor
    middle: Tensor
    centered: Tensor
    half: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> KnownRows:
        """From rows (M, C)."""
        middle = rows.mean(0)
        centered = rows - middle
        return cls(rows, middle, centered, (centered**2).sum(1) / -2)

    def nearest(self, asked: Tensor) -> tuple[Tensor, Tensor]:
        """Euclidean distances (P,) of rows (P, C) to their nearest known row, and which it is."""
        # along rows, NumPy's argmax is several times quicker than torch's on a CPU
        results = [torch.from_numpy(some.numpy().argmax(1)) for some in self.products(asked)]
        which = torch.cat(results)
        return (asked - self.rows[which]).norm(dim=1), which

    def several(self, asked: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """As `nearest` for the `count` nearest, at most M, nearest first: (P, k) both."""
        count = min(count, len(self.rows))
        results = [some.topk(count, 1, sorted=False).indices for some in self.products(asked)]
        which = torch.cat(results)
        distance, order = (asked[:, None] - self.rows[which]).norm(dim=2).sort(dim=1, stable=True)
        return distance, which.gather(1, order)

    def products(self, asked: Tensor) -> Iterator[Tensor]:
        """x·m − ‖m‖² / 2 of all known rows, (≤ P, M) at a time; the nearest's is the largest."""
        for some in asked.split(max(COMPARED // len(self.rows), ASKED)):
            yield torch.addmm(self.half, some - self.middle, self.centered.T)
