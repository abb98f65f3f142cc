"""What was found of a network's channels, and which of them can be taken out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.vision.models.bits import Bits

Ids = NDArray[np.int64]
FIXED = 0  # the number of whatever cannot be taken out


@dataclass(frozen=True, eq=False)
class Space:
    """Channels that the same layers make and read: the n-th of each is one channel.

    Args:
        makers: names of the weights with a row for each channel.
        rows: for each maker, the row of each channel, (channels,).
        readers: names of the weights with columns for them, and for each column the channel that
            it reads, or −1.
    """

    makers: tuple[str, ...]
    rows: Mapping[str, Ids]
    readers: tuple[tuple[str, Ids], ...]

    def __len__(self) -> int:
        return len(self.rows[self.makers[0]])


@dataclass(frozen=True, eq=False)
class Channels:
    """What was found.

    Args:
        rows: a weight's name → the number of each of its rows.
        columns: a weight's name → the number of each of its input channels.
        attached: a bias's or norm's name → the number of the channel of each of its entries.
        root: number → the number that stands for all that are coupled with it.
        spaces: the channels that can be taken out.
    """

    rows: Mapping[str, Ids]
    columns: Mapping[str, Ids]
    attached: Mapping[str, Ids]
    root: Ids
    spaces: tuple[Space, ...]

    def silenced(self, masks: Mapping[str, Bits]) -> dict[str, Bits]:
        """For biases and norms, False where every weight that makes the channel is cut."""
        dead = np.ones(len(self.root), np.bool_)  # by number
        has_rows = np.zeros(len(self.root), np.bool_)
        for name, ids in self.rows.items():
            alive = (
                masks[name].reshape(len(ids), -1).any(1)
                if name in masks
                else np.ones(len(ids), np.bool_)
            )
            dead[ids[alive]] = False
            has_rows[ids] = True
        all_dead = np.ones(len(self.root), np.bool_)  # by root: nothing of it is alive
        np.logical_and.at(all_dead, self.root[has_rows], dead[has_rows])
        # a sum has no rows of its own: it is silent once all that is added into it is
        dead = np.where(has_rows, dead, all_dead[self.root]) & (self.root != self.root[FIXED])
        silent = dead | (has_rows & self._dead_rows(masks))
        return {
            name: ~silent[ids]
            # with scale and shift 0 a norm gives 0 whatever its statistics: they need no mask
            for name, ids in self.attached.items()
            if silent[ids].any() and not name.endswith(("running_mean", "running_var"))
        }

    def _dead_rows(self, masks: Mapping[str, Bits]) -> Bits:
        """By number, whether its own rows are cut, also where the channel itself is fixed."""
        dead = np.zeros(len(self.root), np.bool_)
        for name, ids in self.rows.items():
            if name in masks:
                dead[ids] = ~masks[name].reshape(len(ids), -1).any(1)
        return dead


def spaces(outputs: Mapping[str, Ids], read: Mapping[str, Ids], root: Ids) -> tuple[Space, ...]:
    """Channels by who makes them: those that can be taken out.

    Args:
        outputs: a weight's name → the number of each of its rows.
        read: a weight's name → the number of each of its input channels.
        root: number → the number that stands for all that are coupled with it.
    """
    makers: dict[int, list[tuple[str, int]]] = {}
    for name, ids in outputs.items():
        for row, leader in enumerate(root[ids].tolist()):
            if leader != root[FIXED]:
                makers.setdefault(leader, []).append((name, row))
    by_names: dict[tuple[str, ...], list[int]] = {}
    for leader, parts in makers.items():
        names = tuple(name for name, _ in parts)
        if len(set(names)) == len(names):  # a channel that is two rows of one layer stays
            by_names.setdefault(names, []).append(leader)
    results = []
    for names, members in by_names.items():
        rows = {
            name: np.array([makers[member][k][1] for member in members])
            for k, name in enumerate(names)
        }
        place = np.full(len(root), -1)
        place[members] = np.arange(len(members))
        readers = tuple(
            (name, where) for name, ids in read.items() if ((where := place[root[ids]]) >= 0).any()
        )
        results.append(Space(names, rows, readers))
    return tuple(results)
