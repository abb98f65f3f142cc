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
LEAST_ROWS = 256  # rows that are asked at a time, at least


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

    def nearest(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Euclidean distances (P,) of rows (P, C) to their nearest known row, and which it is."""
        # along rows, NumPy's argmax is several times quicker than torch's on a CPU
        results = [torch.from_numpy(some.numpy().argmax(1)) for some in self.products(queries)]
        indices = torch.cat(results)
        # anew from differences: |x|² − 2 x·m + |m|² cancels where a patch is nearly known
        return (queries - self.rows[indices]).norm(dim=1), indices

    def several(self, queries: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """As `nearest` for the `count` nearest, at most M, nearest first: (P, k) both."""
        count = min(count, len(self.rows))
        results = [some.topk(count, 1, sorted=False).indices for some in self.products(queries)]
        indices = torch.cat(results)
        distance, order = (
            (queries[:, None] - self.rows[indices]).norm(dim=2).sort(dim=1, stable=True)
        )
        return distance, indices.gather(1, order)

    def products(self, queries: Tensor) -> Iterator[Tensor]:
        """x·m − ‖m‖² / 2 of all known rows, (≤ P, M) at a time; the nearest's is the largest."""
        for chunk in queries.split(max(COMPARED // len(self.rows), LEAST_ROWS)):
            yield torch.addmm(self.half, chunk - self.middle, self.centered.T)
