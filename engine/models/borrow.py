"""A shared model is borrowed and given back as it was, whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from torch import nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)

_here = threading.local()


def borrowing() -> bool:
    """Whether this thread holds a borrowed model, so that nobody else may use it now."""
    return getattr(_here, "depth", 0) > 0


@contextmanager
def borrowed(model: ModuleT) -> Iterator[ModuleT]:
    """The model in eval mode; on the way out mode, flags, gradients and hooks are as before.

    Plain attributes of submodules that a method replaces (such as timm's `fused_attn`) and
    submodules that it swaps are put back too. Weights are not copied: a method that changes
    weights works on its own copy.
    """
    modules = list(model.modules())
    plain = [(module, dict(module.__dict__)) for module in modules]
    children = [(module, dict(module._modules)) for module in modules]
    hooks = [
        (registry, dict(registry))
        for module in modules
        for name, registry in module.__dict__.items()
        if "_hooks" in name and isinstance(registry, dict)
    ]
    parameters = [(p, p.requires_grad, p.grad) for p in model.parameters()]
    _here.depth = getattr(_here, "depth", 0) + 1
    model.eval()
    try:
        yield model
    finally:
        _here.depth -= 1
        for module, held in children:
            module._modules.clear()
            module._modules.update(held)
        for module, attributes in plain:
            for name in set(module.__dict__) - set(attributes):
                del module.__dict__[name]
            module.__dict__.update(attributes)
        for registry, kept in hooks:
            for handle in set(registry) - set(kept):
                del registry[handle]
        for parameter, requires_grad, grad in parameters:
            parameter.requires_grad_(requires_grad)
            parameter.grad = grad
