"""What is noted of the channels while a network computes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from engine.sparsity.masks.channels.found import FIXED, Channels, Ids, spaces
from engine.sparsity.masks.channels.numbers import Numbers


@dataclass(frozen=True, eq=False)
class ChannelIds:
    """The numbers of a tensor's channels (dimension 1)."""

    ids: Ids
    zero: bool  # a silenced channel is exactly 0 here


class Book:
    """Who makes, reads and adds to which channels, and which of them each tensor carries."""

    def __init__(self, network: nn.Module) -> None:
        named = [*network.named_parameters(), *network.named_buffers()]
        self.names = {(t.data_ptr(), t.numel()): name for name, t in named if t.numel()}
        self.rows: dict[str, Ids] = {}
        self.columns: dict[str, Ids] = {}
        self.attached: dict[str, Ids] = {}
        self.numbers = Numbers()
        self.carried: dict[int, ChannelIds] = {}
        self.alive: list[Tensor] = []  # an id is a tensor's as long as the tensor is

    def carry(self, tensor: Tensor, these: ChannelIds) -> None:
        self.alive.append(tensor)
        self.carried[id(tensor)] = these

    def name_of(self, tensor: object) -> str:
        """The parameter's name, also of a transposed view; "" for anything else."""
        if not isinstance(tensor, Tensor) or not tensor.numel():
            return ""
        return self.names.get((tensor.data_ptr(), tensor.numel()), "")

    def ids(self, tensor: Tensor) -> Ids:
        """The numbers of a tensor's channels; fixed ones where nothing is known."""
        if id(tensor) in self.carried:
            return self.carried[id(tensor)].ids
        return np.full(tensor.shape[1] if tensor.dim() > 1 else 1, FIXED)

    def read(self, tensor: Tensor) -> Ids:
        """The numbers of what a layer reads; where 0 has become something else they are fixed."""
        if id(tensor) in self.carried and not self.carried[id(tensor)].zero:
            self.numbers.fix(self.carried[id(tensor)].ids)
        return self.ids(tensor)

    def fix_all(self, args: Sequence[Any]) -> None:
        """Nothing is known of what came of these."""
        for argument in args:
            if isinstance(argument, Tensor):
                if id(argument) in self.carried:
                    self.numbers.fix(self.carried[id(argument)].ids)
            elif isinstance(argument, tuple | list):
                self.fix_all(argument)

    def made(self, name: str, count: int) -> Ids:
        """The numbers of a weight's rows; a weight used twice makes the same channels twice."""
        if name not in self.rows:
            self.rows[name] = self.numbers.fresh(count)
        return self.rows[name]

    def reads(self, name: str, ids: Ids) -> None:
        """A weight's columns read these channels."""
        if name in self.columns:
            self.numbers.couple(self.columns[name], ids)
        self.columns[name] = ids

    def attach(self, tensor: object, ids: Ids) -> None:
        """A bias or norm belongs to these channels; one that belongs to two fixes both."""
        if not (name := self.name_of(tensor)):
            if isinstance(tensor, Tensor):
                self.numbers.fix(ids)
            return
        # one bias for two sets of channels could be cut for one of them only by harming the other
        if name in self.attached and not np.array_equal(self.attached[name], ids):
            self.numbers.fix(self.attached[name])
            self.numbers.fix(ids)
        self.attached[name] = ids

    def found(self) -> Channels:
        """Everything, once the network has computed."""
        root = self.numbers.roots()
        groups = spaces(self.rows, self.columns, root)
        return Channels(self.rows, self.columns, self.attached, root, groups)
