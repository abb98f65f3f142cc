"""How the attention of a layer is seen, and changed, while the library's own code computes it.

The library calls an attention function by name and hands on what it does not know. Ours, under the
name `NAME`, calls the eager function of the layer's own file, and a `Listener` gets the shares.
"""

import sys
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from engine.vision.language.vlm import AttentionHook

NAME = "blindspot"
LISTENER = "blindspot_listener"  # the argument that the library hands on


@dataclass
class Listener:
    """Gets a layer's attention after softmax, (B, H, q, k); a hook may replace it."""

    hook: AttentionHook | None = None
    shares: dict[int, Tensor] = field(default_factory=dict)


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **more: Any
) -> tuple[Tensor, Tensor]:
    """Attention as the layer's own file computes it, and a listener is told.

    Args:
        module: the layer's attention.
        query: (B, H, q, d).
        key: (B, H′, k, d); several query heads may share one.
        value: (B, H′, k, d).
        mask: added to the scores, (B, 1, q, k).
        more: of the library, and the listener.

    Returns:
        What the heads read, (B, q, H, d), and the shares (B, H, q, k).
    """
    listener: Listener | None = more.pop(LISTENER, None)
    eager = sys.modules[type(module).__module__].eager_attention_forward
    read, shares = eager(module, query, key, value, mask, **more)
    if listener is None:
        return read, shares
    number: int = module.layer_idx  # type: ignore[assignment]  # a module's attribute is a module
    if listener.hook is not None:
        shares = listener.hook(number, shares)
        # what heads read is taken anew; several query heads share one head of values
        repeated_values = value.repeat_interleave(shares.shape[1] // value.shape[1], dim=1)
        read = torch.matmul(shares, repeated_values).transpose(1, 2)
    listener.shares[number] = shares
    return read, shares


def register() -> None:
    """Make the function known to the library; once is enough, twice does no harm."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
