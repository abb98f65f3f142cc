"""What each operation does with the channels that go into it.

Operations get torch's own arguments, note who makes, reads and couples what, and give the channels
of what comes out; None where these are not known.
"""

from typing import Any

import numpy as np
from torch import Tensor

from engine.sparsity.masks.channels.book import Book, ChannelIds

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


def output_channels(book: Book, name: str, args: tuple[Any, ...], out: Tensor) -> ChannelIds | None:
    """What comes out of an operation by its name."""
    inputs = args[0] if args else None
    output_ids: ChannelIds | None = None
    if name == "convolution":
        output_ids = convolved(book, args)
    elif name in {"addmm", "mm", "linear"}:
        output_ids = multiplied(book, name, args)
    elif name in NORMS and isinstance(inputs, Tensor):
        output_ids = normed(book, args)
    elif name in {"add", "sub", "mul", "div", "add_", "mul_", "sub_", "div_"}:
        output_ids = elementwise(book, name, args)
    elif name == "cat":
        output_ids = concatenated(book, args)
    elif isinstance(inputs, Tensor) and id(inputs) in book.carried:
        output_ids = passed(book.carried[id(inputs)], name, inputs, out)
    return output_ids


def convolved(book: Book, args: tuple[Any, ...]) -> ChannelIds | None:
    """A convolution, plain or depthwise; other groups are not followed."""
    inputs, weight, bias, groups = args[0], args[1], args[2], args[8]
    name = book.name_of(weight)
    if not name or args[6]:  # not a parameter, or transposed
        return None
    inside = book.read(inputs)
    ids = book.made(name, weight.shape[0])
    if groups == 1:
        book.reads(name, inside)
    # depthwise: channel n makes channel n alone, so that both go together
    elif weight.shape[1] == 1 and groups == weight.shape[0] == len(inside):
        book.numbers.couple(ids, inside)
    else:
        book.numbers.fix(inside)
        book.numbers.fix(ids)
    if bias is not None:
        book.attach(bias, ids)
    return ChannelIds(ids, zero=True)


def multiplied(book: Book, name: str, args: tuple[Any, ...]) -> ChannelIds | None:
    """A linear layer on rows (N, in)."""
    bias = None
    if name == "addmm":
        bias, inputs, weight = args[:3]
    elif name == "linear":
        inputs, weight = args[:2]
        bias = args[2] if len(args) > 2 else None
    else:
        inputs, weight = args[:2]
    weight_name = book.name_of(weight)
    if not weight_name or inputs.dim() != 2:
        return None
    # addmm and mm get the weight transposed; `name_of` knows such a view by its memory
    count = weight.shape[0] if name == "linear" else weight.shape[1]
    inside = book.read(inputs)
    ids = book.made(weight_name, count)
    book.reads(weight_name, inside)
    if bias is not None:
        book.attach(bias, ids)
    return ChannelIds(ids, zero=True)


def normed(book: Book, args: tuple[Any, ...]) -> ChannelIds:
    """BatchNorm: one scale and shift for each channel; without them 0 does not stay 0."""
    ids = book.ids(args[0])
    for tensor in args[1:5]:
        if isinstance(tensor, Tensor):
            book.attach(tensor, ids)
    return ChannelIds(ids, zero=isinstance(args[1], Tensor))


def elementwise(book: Book, name: str, args: tuple[Any, ...]) -> ChannelIds | None:
    """A sum or product of two, channel by channel."""
    a, b = args[:2]
    times = name.startswith(("mul", "div"))
    if not isinstance(b, Tensor) or b.dim() == 0:
        # a number added moves a silent channel away from 0; a factor does not
        known = book.carried.get(id(a))
        return known and ChannelIds(known.ids, known.zero and times)
    if not isinstance(a, Tensor) or a.dim() < 2 or b.dim() < 2 or a.shape[1] != b.shape[1]:
        return None
    if id(a) not in book.carried or id(b) not in book.carried:
        return None
    first, second = book.carried[id(a)], book.carried[id(b)]
    if name.startswith("div"):
        return None
    ids = book.numbers.fresh(len(first.ids))  # of both, and so of neither alone
    book.numbers.couple(ids, first.ids)
    book.numbers.couple(ids, second.ids)
    # 0 times anything is 0, but a sum is 0 only where both terms are
    zero = (first.zero or second.zero) if times else (first.zero and second.zero)
    return ChannelIds(ids, zero)


def concatenated(book: Book, args: tuple[Any, ...]) -> ChannelIds | None:
    tensors, dim = args[0], args[1] if len(args) > 1 else 0
    if dim not in {1, 1 - tensors[0].dim()}:
        return None
    zero = all(book.carried[id(t)].zero for t in tensors if id(t) in book.carried)
    return ChannelIds(np.concatenate([book.ids(tensor) for tensor in tensors]), zero)


def passed(known: ChannelIds, name: str, inputs: Tensor, out: Tensor) -> ChannelIds | None:
    """One tensor in, one out."""
    same = inputs.dim() >= 2 and out.dim() >= 2 and inputs.shape[:2] == out.shape[:2]
    if name in KEEPS_ZERO or name in LOSES_ZERO:
        return ChannelIds(known.ids, known.zero and name in KEEPS_ZERO) if same else None
    if name in FOLDS:
        return known if same else None
    if name in TURNS:
        if same:
            return known
        if out.dim() == 2 and out.shape[0] == inputs.shape[0]:
            # flattened, each channel becomes height × width columns in a row
            repeats = inputs[0, 0].numel() if inputs.dim() > 2 else 1
            return ChannelIds(np.repeat(known.ids, repeats), known.zero)
    return None
