"""One face for every image model: RGB pixels in [0, 1] in, logits out, normalization inside.

Attacks, walks and occlusions then work in pixel space, and an epsilon means what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import torch
from torch import Tensor, nn

from engine.device import best_device, has_fast
from engine.errors import BadModel
from engine.method import Precision
from engine.models.borrow import borrowed
from engine.models.pace import Pace, find_pace
from engine.result import digest_arrays


@dataclass(frozen=True)
class Lineage:
    """Where a model came from: its parent's fingerprint, the method and settings that made it."""

    title: str
    parent: str = ""
    made_by: str = ""
    settings: str = "{}"


@dataclass(frozen=True)
class Layer:
    """A place in the network whose output can be looked at."""

    name: str
    shape: tuple[int, ...]  # of one output: (C, h, w) for maps, (tokens, width) for tokens

    @property
    def is_map(self) -> bool:
        """Whether it is a spatial map of more than one place."""
        return len(self.shape) == 3 and min(self.shape[1:]) > 1  # noqa: PLR2004 - (C, h, w)

    @property
    def is_tokens(self) -> bool:
        """Whether it is a row of tokens."""
        return len(self.shape) == 2 and self.shape[0] > 1  # noqa: PLR2004 - (tokens, width)


class Classifier(nn.Module):
    """A network with its own normalization, labels and name.

    Args:
        network: takes normalized images (N, 3, side, side), gives logits (N, classes).
        name: how a link or the command line calls it.
        title: how a person calls it.
        side: working size in pixels.
        mean, std: normalization per channel, in [0, 1] pixels.
        labels: one for each class; numbers when left out.
        device: where it computes; the best there is when left out.
        lineage: where it came from.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        name: str,
        title: str,
        side: int,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
        labels: Sequence[str] = (),
        device: torch.device | None = None,
        lineage: Lineage | None = None,
    ) -> None:
        super().__init__()
        self.name, self.title, self.side = name, title, side
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.device = device or best_device()
        self.eval().to(self.device)
        self.requires_grad_(requires_grad=False)  # for looking; whoever trains works on a copy
        with torch.inference_mode():
            classes = int(self(torch.zeros(1, 3, side, side, device=self.device)).shape[1])
        self.labels = tuple(labels) or tuple(f"class {index}" for index in range(classes))
        if len(self.labels) != classes:
            message = f"{title} has {classes} classes but {len(self.labels)} labels were given."
            raise BadModel(message)
        self.lineage = lineage or Lineage(title)
        self._fast: Classifier | None = None
        self._paces: dict[Precision, Pace] = {}

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes) of pixels (N, 3, side, side) in [0, 1], on the model's device."""
        logits: Tensor = self.network((pixels - self.mean) / self.std)
        return logits

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes) on the CPU, float32, in batches of the best size, without gradients."""
        pace = self.pace("exact")
        runner = self.runner("exact")
        with torch.inference_mode():
            parts = [runner(batch).float().cpu() for batch in pixels.split(pace.batch)]
        return torch.cat(parts)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of weights, normalization and size, made once."""
        state = {k: v.detach().float().cpu().numpy() for k, v in self.network.state_dict().items()}
        state |= {"mean/": self.mean.cpu().numpy(), "std/": self.std.cpu().numpy()}
        shape = ";".join(f"{n}:{type(m).__name__}" for n, m in self.network.named_modules())
        return f"{digest_arrays(state)}-{digest_text(f'{shape}@{self.side}')}"

    @property
    def offers_fast(self) -> bool:
        """Whether bfloat16 pays on this device."""
        return has_fast(self.device)

    def pace(self, precision: Precision) -> Pace:
        """Batch size and memory format that run best here, found once by trying."""
        if precision not in self._paces:
            body = self if precision == "exact" else self._in_bfloat16()
            self._paces[precision] = find_pace(body, precision)
        return self._paces[precision]

    def runner(self, precision: Precision) -> Callable[[Tensor], Tensor]:
        """The forward pass in that precision and its best format: pixels to logits."""
        body = self if precision == "exact" else self._in_bfloat16()
        pace = self.pace(precision)

        def run(pixels: Tensor) -> Tensor:
            moved = pixels.to(self.device, pace.dtype, memory_format=pace.memory_format)
            return body(moved)

        return run

    def _in_bfloat16(self) -> Classifier:
        if self._fast is None:
            # Kept in a list-free plain attribute: a submodule would appear in parameters().
            twin = deepcopy(self).to(torch.bfloat16)
            object.__setattr__(self, "_fast", twin)
        assert self._fast is not None
        return self._fast

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every block whose output is a map or a row of tokens, in the order of the forward pass."""
        found: dict[str, Layer] = {}

        def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
            def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
                if isinstance(output, Tensor) and name not in found:
                    layer = Layer(name, tuple(output.shape[1:]))
                    if layer.is_map or layer.is_tokens:
                        found[name] = layer

            return hook

        with borrowed(self) as net, torch.inference_mode():
            for name, module in blocks(net.network):
                module.register_forward_hook(note(name))
            net(torch.zeros(1, 3, self.side, self.side, device=self.device))
        return tuple(found.values())

    def layer(self, name: str) -> nn.Module:
        """The module of that name. Raises BadModel naming the known ones."""
        known = [one.name for one in self.layers]
        if name not in known:
            message = f"{self.title} has no layer {name!r}; it has {', '.join(known)}."
            raise BadModel(message)
        return self.network.get_submodule(name)

    @property
    def last_map(self) -> Layer | None:
        """The deepest layer that still is a map: where class activation maps are read."""
        maps = [layer for layer in self.layers if layer.is_map]
        return maps[-1] if maps else None

    @cached_property
    def head(self) -> nn.Linear:
        """The last linear layer. Raises BadModel when there is none."""
        linear = [m for m in self.network.modules() if isinstance(m, nn.Linear)]
        if not linear or linear[-1].out_features != len(self.labels):
            raise BadModel(f"{self.title} does not end in a linear layer.")
        return linear[-1]

    def features(self, pixels: Tensor) -> Tensor:
        """What the head sees, (N, D), without gradients, on the model's device."""
        with borrowed(self) as net, torch.inference_mode(), capturing(net.head, inputs=True) as seen:
            net(pixels.to(self.device))
        return seen[0]

    def maps(self, pixels: Tensor, layer: str) -> Tensor:
        """Output of a layer, (N, C, h, w) or (N, tokens, width), without gradients."""
        with borrowed(self) as net, torch.inference_mode():
            with capturing(self.layer(layer)) as seen:
                net(pixels.to(self.device))
            return seen[0]

    def lacks(self, need: str) -> str:
        """Why the model cannot give what a method needs, or ""."""
        match need:
            case "convolution" if self.last_map is None or not self._has(nn.Conv2d):
                return "it needs a convolutional map, and this model has none."
            case "attention" if not self.attentions:
                return "it needs attention layers, and this model has none."
            case _:
                return ""

    def _has(self, kind: type[nn.Module]) -> bool:
        return any(isinstance(module, kind) for module in self.network.modules())

    @cached_property
    def attentions(self) -> tuple[nn.Module, ...]:
        """Attention layers whose softmax can be read (timm's form), first to last."""
        return tuple(
            module
            for module in self.network.modules()
            if hasattr(module, "fused_attn") and hasattr(module, "attn_drop")
        )


def blocks(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Top-level parts, and the members of those that are only rows of blocks, not their insides."""
    for name, part in network.named_children():
        if isinstance(part, nn.Identity | nn.Dropout):
            continue
        if isinstance(part, nn.Sequential | nn.ModuleList):
            yield from ((f"{name}.{inner}", one) for inner, one in part.named_children())
        else:
            yield name, part


@contextmanager
def capturing(module: nn.Module, *, inputs: bool = False) -> Iterator[list[Tensor]]:
    """Collect what a module gives (or is given) while the block runs; the hook always comes off."""
    seen: list[Tensor] = []

    def hook(_module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append(given[0] if inputs else output)

    handle = module.register_forward_hook(hook)
    try:
        yield seen
    finally:
        handle.remove()


def digest_text(text: str) -> str:
    """A short digest of words."""
    return blake2b(text.encode(), digest_size=6).hexdigest()
