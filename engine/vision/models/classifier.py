"""One face for every image model: RGB pixels in [0, 1] in, logits out, normalization inside.

Attacks, walks and occlusions then work in pixel space, and an epsilon means what it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from engine.core.borrow import borrowed, holding, hookless_copy, is_lazy
from engine.core.case_base import digest_text
from engine.core.device import best_device, has_fast
from engine.core.errors import BadModel
from engine.core.keeping.lazy import lazy
from engine.core.method import Precision
from engine.core.result import digest_arrays
from engine.vision.models.bits import Packed
from engine.vision.models.compiled import Runner
from engine.vision.models.compiled_gradient import GradientRunner
from engine.vision.models.layers import Layer, capturing, is_attention, survey
from engine.vision.models.operations import (
    ACTIVATIONS,
    LINEAR,
    MAX_POOLS,
    RECTIFIERS,
    operation_names,
    operations,
)
from engine.vision.models.pace import Pace, Use, find_pace, in_batches
from engine.vision.models.passes import note_pass
from engine.vision.models.several import at_points

INSIDE = {  # what a network that only answers lacks, see `onnx_network`
    "attention": "attention layers",
    "gradient": "gradients",
    "head": "the features before the last layer",
    "map": "a layer that can be read as a map",
    "own map": "a map of the model's own",
    "rectifier": "the layers inside the network",
    "rescale": "the layers inside the network",
    "weights": "weights",
}


@dataclass(frozen=True)
class Lineage:
    """Where a model came from: its parent's fingerprint, the method and settings that made it."""

    title: str
    parent: str = ""
    made_by: str = ""
    settings: str = "{}"
    above: tuple[str, ...] = ()  # titles from the first model down to the parent

    @property
    def trail(self) -> str:
        """The way here in one line."""
        return " ▸ ".join((*self.above, self.title))


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
        architecture: what `checkpoints` builds it from again; "" when it cannot.
        narrowed: whether channels were taken out of that architecture.
        masks: of a pruned model, which weights are held at 0: by name, one bit a weight, 1 for
            those that stay (see `bits`).
        points: of a model that says several findings at once: for each label the probability
            from which on the finding counts as there (see `several`); left out, its classes
            exclude each other.
    """

    mean: Tensor
    std: Tensor
    typed = False  # whether its classes are words that somebody typed, not those of a file

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
        architecture: str = "",
        narrowed: bool = False,
        masks: Mapping[str, Packed] | None = None,
        points: Sequence[float] = (),
    ) -> None:
        super().__init__()
        self.name, self.title, self.side = name, title, side
        self.architecture, self.narrowed = architecture, narrowed
        self.masks: Mapping[str, Packed] = masks or {}
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
        self.points = tuple(points)
        if self.points and len(self.points) != classes:
            raise BadModel(f"{title} has {classes} findings but {len(self.points)} points.")
        self.lineage = lineage or Lineage(title)
        self._paces: dict[Use, Pace] = {}
        self._runners: dict[Precision, Runner] = {}
        self._gradients: dict[int, GradientRunner] = {}  # by images at a time

    @property
    def ships(self) -> bool:
        """Whether it comes with Blindspot, class names included."""
        from engine.vision.models import catalog

        return catalog.ships(self.name)

    @property
    def given_names(self) -> tuple[str, ...]:
        """What a visitor calls it: classes, title and lineage of a model of their own."""
        from engine.vision.models.own_names import OWN_MODELS

        own = self.name.startswith(OWN_MODELS)
        return (*self.labels, self.title, *self.lineage.above) if own else ()

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes) of pixels (N, 3, side, side) in [0, 1], on the model's device."""
        with holding(self):  # nobody else's hooks are on it now
            logits: Tensor = self.network((pixels - self.mean) / self.std)
        note_pass(logits)
        return logits

    def __getstate__(self) -> dict[str, Any]:
        """What a copy takes with it: not what was found out about these weights."""
        state = {name: value for name, value in vars(self).items() if not is_lazy(self, name)}
        return state | {"_paces": {}, "_runners": {}, "_gradients": {}}

    def changed(self) -> None:
        """Drop what was found out about the weights before they were changed in place.

        What was compiled of them too; the pace stays, which depends on the form alone.
        """
        for variable in [name for name in vars(self) if is_lazy(self, name)]:
            delattr(self, variable)
        self._runners, self._gradients = {}, {}

    def twin(self, *, paced: bool = True) -> Classifier:
        """A copy in eval mode and without hooks, whose weights may be changed.

        It is made while nobody else has the model in hand.

        Args:
            paced: whether it runs at the pace that was found for this one, or finds its own.
        """
        with borrowed(self):
            copy = hookless_copy(self)
        if paced:
            copy._paces |= self._paces
        return copy

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes) on the CPU, float32, in batches of the best size, no gradients."""
        runner = self.runner("exact", len(pixels))
        logits = torch.empty(len(pixels), len(self.labels))

        def run(start: int, end: int) -> None:
            with torch.inference_mode():
                logits[start:end] = runner(pixels[start:end]).float().cpu()

        in_batches(len(pixels), self.pace("exact").batch, run, self.title)
        return logits

    @lazy
    def fingerprint(self) -> str:
        """A digest of weights, normalization, structure and size, made once.

        Whoever changes the weights works on a copy, and a copy makes its own.
        """
        state = {k: v.detach().float().cpu().numpy() for k, v in self.network.state_dict().items()}
        state |= {"mean/": self.mean.float().cpu().numpy(), "std/": self.std.float().cpu().numpy()}
        shape = ";".join(
            f"{name}:{type(module).__name__}({module.extra_repr()})"
            for name, module in self.network.named_modules()
        )
        if self.points:
            shape += f";{self.points}"
        return f"{digest_arrays(state)}-{digest_text(f'{shape}@{self.side}')}"

    def probabilities(self, logits: Tensor) -> Tensor:
        """Of logits (N, classes): softmax, or one for each finding where there are several."""
        return at_points(logits, self.points) if self.points else logits.softmax(1)

    @property
    def offers_fast(self) -> bool:
        """Whether bfloat16 pays on this device."""
        return has_fast(self.device)

    def pace(self, use: Use) -> Pace:
        """Batch size and memory format that run best here, found once by trying."""
        with holding(self):
            if use == "gradient" and use not in self._paces:
                self._paces[use] = find_pace(self, use, (self.pace("exact").channels_last,))
            elif use not in self._paces:
                self._paces[use] = find_pace(self._body(use), use)
            return self._paces[use]

    def runner(self, precision: Precision, forwards: int = 0) -> Runner:
        """The forward pass in that precision and its best format: pixels to logits.

        Args:
            precision: "exact" or "fast".
            forwards: how many are coming; after enough of them the model is compiled.
        """
        pace = self.pace(precision)
        with holding(self):
            if precision not in self._runners:
                self._runners[precision] = Runner(self._body(precision), pace)
        self._runners[precision].expect(forwards)
        return self._runners[precision]

    def differentiable(self, batch: int) -> GradientRunner:
        """The forward pass of so many images with the way back to their pixels.

        After enough of them it is compiled for that number of images.
        """
        pace = replace(self.pace("gradient"), batch=batch)
        with holding(self):
            if batch not in self._gradients:
                self._gradients[batch] = GradientRunner(self, pace)
            return self._gradients[batch]

    def _body(self, use: Use) -> Classifier:
        with holding(self):
            return self._fast if use == "fast" else self

    @lazy
    def _fast(self) -> Classifier:
        """The twin in bfloat16; a cached property is no submodule, so it is not in parameters()."""
        return hookless_copy(self).to(torch.bfloat16)

    @property
    def own_bytes(self) -> int:
        state = [*self.parameters(), *self.buffers()]
        return sum(tensor.numel() * tensor.element_size() for tensor in state)

    @property
    def held_bytes(self) -> int:
        """Bytes of its weights, and of those of its twin and compiled copies if there are any."""
        twin: Classifier | None = vars(self).get("_fast")
        runners = [*self._runners.values(), *self._gradients.values()]
        copies = sum(runner.held_bytes for runner in runners)
        return self.own_bytes + copies + (twin.own_bytes if twin is not None else 0)

    @lazy
    def layers(self) -> tuple[Layer, ...]:
        """Every block whose output is a map or a row of tokens, in the order of the forward."""
        with borrowed(self) as net, torch.inference_mode():
            return survey(net, torch.zeros(1, 3, self.side, self.side, device=self.device))

    def layer(self, name: str) -> nn.Module:
        """The module of that name. Raises BadModel naming the known ones."""
        return self.network.get_submodule(self.place(name).name)

    def place(self, name: str) -> Layer:
        """The layer of that name. Raises BadModel naming the known ones."""
        layers_by_name = {layer.name: layer for layer in self.layers}
        if name not in layers_by_name:
            message = f"{self.title} has no layer {name!r}; it has {', '.join(layers_by_name)}."
            raise BadModel(message)
        return layers_by_name[name]

    @property
    def last_map(self) -> Layer | None:
        """The deepest layer that still is a map: where class activation maps are read."""
        maps = [layer for layer in self.layers if layer.is_map]
        return maps[-1] if maps else None

    @lazy
    def head(self) -> nn.Linear:
        """The last linear layer. Raises BadModel when there is none."""
        linear = [m for m in self.network.modules() if isinstance(m, nn.Linear)]
        if not linear or linear[-1].out_features != len(self.labels):
            raise BadModel(f"{self.title} does not end in a linear layer.")
        return linear[-1]

    def features(self, pixels: Tensor) -> Tensor:
        """What the head sees, (N, D), without gradients, on the model's device."""
        return self._captured(pixels, self.head, inputs=True)

    def maps(self, pixels: Tensor, layer: str) -> Tensor:
        """Output of a layer as maps (N, C, h, w), without gradients.

        Raises:
            BadModel: there is no such layer, or it cannot be read as a map.
        """
        place = self.place(layer)
        if not place.is_map:
            raise BadModel(f"{self.title} has no map at layer {layer!r}.")
        return place.as_maps(self.outputs(pixels, layer))

    def outputs(self, pixels: Tensor, layer: str) -> Tensor:
        """Output of a layer in the network's own form, without gradients."""
        return self._captured(pixels, self.layer(layer), inputs=False)

    def _captured(self, pixels: Tensor, module: nn.Module, *, inputs: bool) -> Tensor:
        """What a module is given or gives; the pace comes first, because it settles the format."""
        form = self.pace("exact").memory_format
        with (
            borrowed(self) as net,
            torch.inference_mode(),
            capturing(module, inputs=inputs) as captures,
        ):
            net(pixels.to(self.device, memory_format=form))
        return captures[0]

    def lacks(self, need: str) -> str:
        """Why the model cannot give what a method needs, or ""."""
        if need in INSIDE and getattr(self.network, "answers_only", False):
            return f"it needs {INSIDE[need]}, and this model only gives answers (ONNX)."
        missing = ""
        match need:
            case "map" if self.last_map is None:
                missing = "a layer that can be read as a map"
            case "attention" if not self.attentions:
                missing = "attention layers"
            case "own map" if not hasattr(self.network, "own_maps"):
                missing = "a map of the model's own"
            case "rectifier" if not self.operations & RECTIFIERS:
                missing = "rectifiers (such as ReLU)"
            case "one of many" if self.points:
                return (
                    "it needs a model whose classes exclude each other, and this one says several "
                    "findings at once."
                )
            case "rescale" if odd := self.operations - LINEAR - ACTIVATIONS - MAX_POOLS:
                return f"it needs rules for {operation_names(odd)}, and has none."
        return f"it needs {missing}, and this model has none." if missing else ""

    @lazy
    def operations(self) -> frozenset[str]:
        """Every step between pixels and logits, read from the graph of one forward pass."""
        with borrowed(self) as net, torch.enable_grad():
            pixels = torch.zeros(1, 3, self.side, self.side, device=self.device)
            return operations(net(pixels.requires_grad_()).sum())

    @lazy
    def attentions(self) -> tuple[nn.Module, ...]:
        """Attention layers whose softmax can be read (timm's form), first to last."""
        return tuple(filter(is_attention, self.network.modules()))
