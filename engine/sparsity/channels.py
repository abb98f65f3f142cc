"""The way of every channel through a network: who makes it, who adds to it, who reads it.

One forward pass is watched operation by operation. Every output channel of a convolution or linear
layer gets a number; sums and products couple the numbers of both sides; concatenation and
flattening carry them along. What comes of an operation that is not known here is fixed: its
channels stay. So whatever is found to be removable is so, and what is not found stays whole.

torch-pruning does the same and more by tracing autograd's graph; it is not among what this app
needs, and these few operations are all that convolutional networks are made of here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from engine.models.bits import Bits
from engine.models.borrow import borrowed
from engine.models.classifier import Classifier

Ids = NDArray[np.int64]
FIXED = 0  # the number of whatever cannot be taken out

KEEPS_ZERO = frozenset(
    {
        "relu", "relu_", "hardtanh", "hardtanh_", "silu", "silu_", "gelu", "tanh", "tanh_",
        "hardswish", "hardswish_", "leaky_relu", "leaky_relu_", "elu", "elu_", "clone", "detach",
        "alias", "_to_copy", "contiguous", "constant_pad_nd", "max_pool2d_with_indices",
        "max_pool2d", "avg_pool2d", "_adaptive_avg_pool2d", "adaptive_avg_pool2d",
        "adaptive_max_pool2d", "upsample_nearest2d", "upsample_bilinear2d", "abs", "neg",
        "native_dropout", "mkldnn_max_pool2d",
    }
)  # fmt: skip
LOSES_ZERO = frozenset({"sigmoid", "sigmoid_", "hardsigmoid", "hardsigmoid_", "exp", "softplus"})
NORMS = frozenset(
    {"_native_batch_norm_legit_no_training", "native_batch_norm", "cudnn_batch_norm", "batch_norm"}
)
FOLDS = frozenset({"mean", "sum", "amax", "max", "amin"})
TURNS = frozenset({"view", "_unsafe_view", "reshape", "flatten", "squeeze", "unsqueeze"})


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
        whole = np.ones(len(self.root), np.bool_)  # by root: nothing of it is alive
        np.logical_and.at(whole, self.root[has_rows], dead[has_rows])
        dead = np.where(has_rows, dead, whole[self.root]) & (self.root != self.root[FIXED])
        own = dead | (has_rows & self._dead_rows(masks))
        return {
            name: ~own[ids]
            for name, ids in self.attached.items()
            if own[ids].any() and not name.endswith(("running_mean", "running_var"))
        }

    def _dead_rows(self, masks: Mapping[str, Bits]) -> Bits:
        """By number, whether its own rows are cut, also where the channel itself is fixed."""
        dead = np.zeros(len(self.root), np.bool_)
        for name, ids in self.rows.items():
            if name in masks:
                dead[ids] = ~masks[name].reshape(len(ids), -1).any(1)
        return dead


def channels_of(model: Classifier) -> Channels:
    """Follow the channels of a model through one forward pass of one image."""
    watch = Watch(model)
    with borrowed(model) as net, torch.no_grad():
        pixels = torch.zeros(1, 3, net.side, net.side, device=net.device)
        given = (pixels - net.mean) / net.std
        with watch:
            logits = net.network(given)
    watch.fix(watch.ids(logits))
    return watch.found()


@dataclass(frozen=True, eq=False)
class Carried:
    """The numbers of a tensor's channels (dimension 1)."""

    ids: Ids
    zero: bool  # a silenced channel is exactly 0 here


class Watch(TorchDispatchMode):
    """Follows channel numbers while a network computes."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        named = [*model.network.named_parameters(), *model.network.named_buffers()]
        self.names = {(t.data_ptr(), t.numel()): name for name, t in named if t.numel()}
        self.rows: dict[str, Ids] = {}
        self.columns: dict[str, Ids] = {}
        self.attached: dict[str, Ids] = {}
        self.up = [FIXED]  # union-find
        self.carried: dict[int, Carried] = {}
        self.alive: list[Tensor] = []  # an id is a tensor's as long as the tensor is

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        first = out[0] if isinstance(out, tuple | list) and out else out
        if isinstance(first, Tensor):
            self.follow(func.overloadpacket.__name__, args, first)
        return out

    def follow(self, name: str, args: tuple[Any, ...], out: Tensor) -> None:
        """Note what one operation did with the channels."""
        given = args[0] if args else None
        got: Carried | None = None
        if name == "convolution":
            got = self.convolved(args)
        elif name in {"addmm", "mm", "linear"}:
            got = self.multiplied(name, args)
        elif name in NORMS and isinstance(given, Tensor):
            got = self.normed(args)
        elif name in {"add", "sub", "mul", "div", "add_", "mul_", "sub_", "div_"}:
            got = self.joined(name, args)
        elif name == "cat":
            got = self.concatenated(args)
        elif isinstance(given, Tensor) and id(given) in self.carried:
            got = self.passed(name, given, out)
        if got is not None and out.dim() >= 2 and out.shape[1] == len(got.ids):
            self.alive.append(out)
            self.carried[id(out)] = got
        else:
            self.fix_all(args)

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
            self.fix(self.carried[id(tensor)].ids)
        return self.ids(tensor)

    def fresh(self, count: int) -> Ids:
        """New numbers."""
        start = len(self.up)
        self.up.extend(range(start, start + count))
        return np.arange(start, start + count)

    def find(self, one: int) -> int:
        """What stands for a number."""
        while self.up[one] != one:
            self.up[one] = self.up[self.up[one]]
            one = self.up[one]
        return one

    def couple(self, some: Ids, others: Ids) -> None:
        """Make them one, pair by pair."""
        for one, other in zip(some.tolist(), others.tolist(), strict=True):
            a, b = self.find(one), self.find(other)
            self.up[max(a, b)] = min(a, b)

    def fix(self, ids: Ids) -> None:
        """They cannot be taken out."""
        for one in np.unique(ids).tolist():
            root = self.find(one)
            self.up[root] = FIXED

    def fix_all(self, args: Sequence[Any]) -> None:
        """Nothing is known of what came of these."""
        for one in args:
            if isinstance(one, Tensor):
                if id(one) in self.carried:
                    self.fix(self.carried[id(one)].ids)
            elif isinstance(one, tuple | list):
                self.fix_all(one)

    def made(self, name: str, count: int) -> Ids:
        """The numbers of a weight's rows; a weight used twice makes the same channels twice."""
        if name not in self.rows:
            self.rows[name] = self.fresh(count)
        return self.rows[name]

    def reads(self, name: str, ids: Ids) -> None:
        """A weight's columns read these channels."""
        if name in self.columns:
            self.couple(self.columns[name], ids)
        self.columns[name] = ids

    def attach(self, tensor: object, ids: Ids) -> None:
        """A bias or norm belongs to these channels; one that belongs to two fixes both."""
        if not (name := self.name_of(tensor)):
            if isinstance(tensor, Tensor):
                self.fix(ids)
            return
        if name in self.attached and not np.array_equal(self.attached[name], ids):
            self.fix(self.attached[name])
            self.fix(ids)
        self.attached[name] = ids

    def convolved(self, args: tuple[Any, ...]) -> Carried | None:
        """A convolution, plain or depthwise; other groups are not followed."""
        given, weight, bias, groups = args[0], args[1], args[2], args[8]
        name = self.name_of(weight)
        if not name or args[6]:  # not a parameter, or transposed
            return None
        inside = self.read(given)
        ids = self.made(name, weight.shape[0])
        if groups == 1:
            self.reads(name, inside)
        elif weight.shape[1] == 1 and groups == weight.shape[0] == len(inside):
            self.couple(ids, inside)
        else:
            self.fix(inside)
            self.fix(ids)
        if bias is not None:
            self.attach(bias, ids)
        return Carried(ids, zero=True)

    def multiplied(self, name: str, args: tuple[Any, ...]) -> Carried | None:
        """A linear layer on rows (N, in)."""
        bias = None
        if name == "addmm":
            bias, given, weight = args[:3]
        elif name == "linear":
            given, weight = args[:2]
            bias = args[2] if len(args) > 2 else None
        else:
            given, weight = args[:2]
        own = self.name_of(weight)
        if not own or given.dim() != 2:
            return None
        count = weight.shape[0] if name == "linear" else weight.shape[1]
        inside = self.read(given)
        ids = self.made(own, count)
        self.reads(own, inside)
        if bias is not None:
            self.attach(bias, ids)
        return Carried(ids, zero=True)

    def normed(self, args: tuple[Any, ...]) -> Carried:
        """BatchNorm: one scale and shift for each channel; without them 0 does not stay 0."""
        ids = self.ids(args[0])
        for tensor in args[1:5]:
            if isinstance(tensor, Tensor):
                self.attach(tensor, ids)
        return Carried(ids, zero=isinstance(args[1], Tensor))

    def joined(self, name: str, args: tuple[Any, ...]) -> Carried | None:
        """A sum or product of two, channel by channel."""
        a, b = args[:2]
        times = name.startswith(("mul", "div"))
        if not isinstance(b, Tensor) or b.dim() == 0:
            known = self.carried.get(id(a))
            return known and Carried(known.ids, known.zero and times)
        if not isinstance(a, Tensor) or a.dim() < 2 or b.dim() < 2 or a.shape[1] != b.shape[1]:
            return None
        if id(a) not in self.carried or id(b) not in self.carried:
            return None
        one, other = self.carried[id(a)], self.carried[id(b)]
        if name.startswith("div"):
            return None
        ids = self.fresh(len(one.ids))  # of both, and so of neither alone
        self.couple(ids, one.ids)
        self.couple(ids, other.ids)
        zero = (one.zero or other.zero) if times else (one.zero and other.zero)
        return Carried(ids, zero)

    def concatenated(self, args: tuple[Any, ...]) -> Carried | None:
        """Channels one after another."""
        given, dim = args[0], args[1] if len(args) > 1 else 0
        if dim not in {1, 1 - given[0].dim()}:
            return None
        zero = all(self.carried[id(t)].zero for t in given if id(t) in self.carried)
        return Carried(np.concatenate([self.ids(tensor) for tensor in given]), zero)

    def passed(self, name: str, given: Tensor, out: Tensor) -> Carried | None:
        """One tensor in, one out."""
        known = self.carried[id(given)]
        same = given.dim() >= 2 and out.dim() >= 2 and given.shape[:2] == out.shape[:2]
        if name in KEEPS_ZERO or name in LOSES_ZERO:
            return Carried(known.ids, known.zero and name in KEEPS_ZERO) if same else None
        if name in FOLDS:
            return known if same else None
        if name in TURNS:
            if same:
                return known
            if out.dim() == 2 and out.shape[0] == given.shape[0]:
                each = given[0, 0].numel() if given.dim() > 2 else 1
                return Carried(np.repeat(known.ids, each), known.zero)
        return None

    def found(self) -> Channels:
        """Everything, once the network has computed."""
        root = np.array([self.find(one) for one in range(len(self.up))])
        return Channels(self.rows, self.columns, self.attached, root, self.spaces(root))

    def spaces(self, root: Ids) -> tuple[Space, ...]:
        """Channels by who makes them: those that can be taken out."""
        makers: dict[int, list[tuple[str, int]]] = {}
        for name, ids in self.rows.items():
            for row, one in enumerate(root[ids].tolist()):
                if one != root[FIXED]:
                    makers.setdefault(one, []).append((name, row))
        by_names: dict[tuple[str, ...], list[int]] = {}
        for one, made in makers.items():
            names = tuple(name for name, _ in made)
            if len(set(names)) == len(names):  # a channel that is two rows of one layer stays
                by_names.setdefault(names, []).append(one)
        found = []
        for names, members in by_names.items():
            rows = {
                name: np.array([makers[one][k][1] for one in members])
                for k, name in enumerate(names)
            }
            place = np.full(len(root), -1)
            place[members] = np.arange(len(members))
            readers = tuple(
                (name, where)
                for name, ids in self.columns.items()
                if ((where := place[root[ids]]) >= 0).any()
            )
            found.append(Space(names, rows, readers))
        return tuple(found)
