"""The numbers of channels, of which some are coupled with others and so are one."""

import numpy as np

from engine.sparsity.masks.channels.found import FIXED, Ids


class Numbers:
    """Numbers that are handed out, coupled and fixed: a union-find."""

    def __init__(self) -> None:
        self.up = [FIXED]

    def fresh(self, count: int) -> Ids:
        start = len(self.up)
        self.up.extend(range(start, start + count))
        return np.arange(start, start + count)

    def find(self, node: int) -> int:
        while self.up[node] != node:
            # path halving: every other node on the way is hung higher, which keeps chains short
            self.up[node] = self.up[self.up[node]]
            node = self.up[node]
        return node

    def couple(self, some: Ids, others: Ids) -> None:
        """Make them one, pair by pair."""
        for first, second in zip(some.tolist(), others.tolist(), strict=True):
            a, b = self.find(first), self.find(second)
            # the smaller one leads: what is coupled with FIXED, which is 0, becomes fixed
            self.up[max(a, b)] = min(a, b)

    def fix(self, ids: Ids) -> None:
        """They cannot be taken out."""
        for node in np.unique(ids).tolist():
            root = self.find(node)
            self.up[root] = FIXED

    def roots(self) -> Ids:
        return np.array([self.find(index) for index in range(len(self.up))])
