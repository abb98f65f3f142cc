"""A network is watched while it computes, operation by operation."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from engine.core.borrow import borrowed
from engine.sparsity.masks.channels.book import Book
from engine.sparsity.masks.channels.found import Channels
from engine.sparsity.masks.channels.operations import output_channels
from engine.vision.models.classifier import Classifier


def channels_of(model: Classifier) -> Channels:
    """Follow the channels of a model through one forward pass of one image."""
    book = Book(model.network)
    with borrowed(model) as net, torch.no_grad():
        pixels = torch.zeros(1, 3, net.side, net.side, device=net.device)
        normalized = (pixels - net.mean) / net.std
        with Watch(book):
            logits = net.network(normalized)
    # every class must keep its logit
    book.numbers.fix(book.ids(logits))
    return book.found()


class Watch(TorchDispatchMode):
    """Follows channel numbers through every operation of torch, and notes them in a book."""

    def __init__(self, book: Book) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.book = book

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
        output_ids = output_channels(self.book, name, args, out)
        # fixed where in doubt: a channel too many costs size, one too few the function
        if output_ids is not None and out.dim() >= 2 and out.shape[1] == len(output_ids.ids):
            self.book.carry(out, output_ids)
        else:
            self.book.fix_all(args)
