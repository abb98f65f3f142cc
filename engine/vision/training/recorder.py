"""What a training keeps on its way: weights at chosen steps, their average, the loss by step."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.errors import BlindspotError
from engine.core.result import Curve
from engine.vision.models.classifier import Classifier
from engine.vision.training.masks import Masks, bake, effective_weights

Weights = dict[str, Tensor]  # a network's weights and buffers by name, as its state_dict


@dataclass
class Recorder:
    """What to keep of a training beside its final weights; `train` fills it.

    Steps are counted from the beginning of the recipe, 1 for the first: also in a training that
    starts later.

    Args:
        snapshots: the steps after which the weights are kept, 0 for those it begins with.
        decay: μ of the exponential moving average θ̄ ← μ θ̄ + (1 − μ) θ after each step, which
            begins at the first weights; None for no average.

    Attributes:
        weights: of each snapshot, on the CPU; `model.network.load_state_dict` takes them.
        average: the model with averaged weights and its own last buffers, in eval mode.
        losses: of each step.
        start: the number of steps before the first of these.

    Raises:
        BlindspotError: the decay is out of range.
    """

    snapshots: tuple[int, ...] = ()
    decay: float | None = None
    weights: dict[int, Weights] = field(default_factory=dict, init=False)
    average: Classifier | None = field(default=None, init=False)
    losses: list[float] = field(default_factory=list, init=False)
    start: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.decay is not None and not 0 <= self.decay < 1:
            raise BlindspotError(f"The decay of an average is from 0 to below 1, not {self.decay}.")

    def begin(self, model: Classifier, masks: Masks, start: int) -> None:
        """Start anew; called before the masks are applied to the model."""
        self.weights, self.losses, self.start = {}, [], start
        self.average = None if self.decay is None else model.twin(paced=False)
        if self.average is not None:
            self.average.requires_grad_(requires_grad=False)
            bake(self.average.network, masks)

    def snapshot(self, network: nn.Module, step: int) -> None:
        """Keep the weights, if this is one of the steps."""
        if step in self.snapshots:
            self.weights[step] = {
                k: tensor.cpu().clone() for k, tensor in effective_weights(network).items()
            }

    @torch.no_grad()
    def update(self, network: nn.Module, step: int, loss: float) -> None:
        """Record a step: its loss, its weights if asked for, and the average."""
        self.losses.append(loss)
        self.snapshot(network, step)
        if self.average is None or self.decay is None:
            return
        current = effective_weights(network)
        for name, mean in self.average.network.named_parameters():
            mean.lerp_(current[name], 1 - self.decay)
        for name, buffer in self.average.network.named_buffers():
            if name in current:
                buffer.copy_(current[name])

    def curve(self) -> Curve:
        """The loss of each step."""
        steps = np.arange(len(self.losses), dtype=np.float32) + self.start + 1
        return Curve(steps, np.array(self.losses, np.float32), "step", "loss", "nat")

    def state(self) -> Weights:
        """Everything recorded so far, as tensors by name."""
        tensors = {
            f"{step}/{name}": tensor
            for step, weights in self.weights.items()
            for name, tensor in weights.items()
        }
        if self.average is not None:
            average = self.average.network.state_dict()
            tensors |= {f"average/{name}": tensor for name, tensor in average.items()}
        return tensors | {"losses": torch.tensor(self.losses, dtype=torch.float64)}

    def recall(self, state: Weights) -> None:
        """Restore what `state` gave."""
        self.losses = state.pop("losses", torch.zeros(0)).tolist()
        if self.average is not None:
            for name, tensor in self.average.network.state_dict().items():
                tensor.copy_(state.pop(f"average/{name}"))
        for key, tensor in state.items():
            step, name = key.split("/", 1)
            self.weights.setdefault(int(step), {})[name] = tensor
