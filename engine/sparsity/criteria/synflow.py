"""SynFlow: what flows through a weight when ones enter a network of absolute weights.

R = Σ f(1; |θ|) and s = |∂R/∂θ ⊙ θ|: the sum of all paths through the weight, each the product of
its weights. Every layer's scores add up to R, so that no layer dies before the others. The paper
scores again after each of 100 small cuts; so does this, down to the sparsest that is asked for: in
float64 for small networks, in float32 with the flow's size taken out for large ones. The order in
which weights go is the score: at each of the rounds' densities a threshold on it gives exactly the
paper's masks, and between two rounds those that the later round's scores give.

Biases and shifts are off, BatchNorm is its scale alone, and activations pass everything on, since
nothing is negative. Tanaka et al., "Pruning neural networks without any data by iteratively
conserving synaptic flow" (2020), https://arxiv.org/abs/2006.05467
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.core.borrow import borrowed
from engine.core.device import for_double
from engine.core.method import Case, Progress, Slider, quiet, setting
from engine.core.result import Result, WeightScores
from engine.sparsity.method import SparsityMethod
from engine.vision.models.classifier import Classifier
from engine.vision.weights.case import PruneCase
from engine.vision.weights.parts import PrunableWeight, prunable_parts

ScalarT = TypeVar("ScalarT", bound=np.generic)

EXACT = 2**24  # whole numbers that float32 holds
LARGE = 1_000_000  # weights above which float32 must do, which is several times faster
ACTIVATIONS = (
    "ReLU", "ReLU6", "Hardtanh", "SiLU", "Swish", "GELU", "Hardswish", "HardSwish", "Tanh",
    "LeakyReLU", "ELU", "Sigmoid", "Hardsigmoid", "HardSigmoid", "Mish", "HardMish", "PReLU",
)  # fmt: skip
NORMS = (nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)


@dataclass(frozen=True)
class SynFlow(SparsityMethod):
    """What flows through a weight when ones enter the network with all its weights made positive.

    A score is the weight's place in the order of removal: it is asked again after every small cut,
    and what goes first is lowest. No image is looked at. Its strength is that no layer is emptied
    before the others, also when one weight in a hundred is left.
    """

    name = "SynFlow"
    title = "SynFlow"
    cost = "wait"
    paper = "Tanaka et al. 2020, https://arxiv.org/abs/2006.05467"
    needs = frozenset({"gradient"})
    proof = "tests/engine/sparsity/test_synflow.py::test_the_flow_is_the_same_through_every_layer"

    rounds: int = setting(100, Slider(1, 200, 1), "Rounds", "How often it is asked again.")
    final: float = setting(
        0.01,
        Slider(0.001, 0.5, 0.001, log=True),
        "Sparsest",
        "The density that the last round reaches; each round keeps the same share of what is left.",
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """It needs a network through which positive numbers flow."""
        model = getattr(case, "model", None)
        if isinstance(model, Classifier) and not flows(model):
            return (
                "it needs a network without attention and LayerNorm, through which ones can flow."
            )
        return super().unmet(case)

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: scores, places in the order of removal, the last removed highest."""
        all_parts = prunable_parts(case.model)
        size = sum(part.size for part in all_parts)
        # places are whole numbers, and float32 tells neighbors apart below 2²⁴ only
        place: NDArray[np.floating] = np.empty(size, np.float32 if size < EXACT else np.float64)
        remaining = np.arange(size)  # in the order of index, so that ties go by it
        alive = np.ones(size, np.bool_)
        removed_count, exact, scale = 0, size <= LARGE, 1.0
        if not exact:
            # with 1 ÷ √R at both ends the flow through the whole network is 1
            scale = total_flow(case.model) ** -0.5
        for turn in range(1, self.rounds + 1):
            flow = flow_of(case.model, split(alive, all_parts), exact, scale)
            # every path passes the first layer, so its scores add up to all of R
            if not exact and (flow_sum := float(flow[all_parts[0].name].sum(dtype=np.float64))) > 0:
                scale *= flow_sum**-0.5  # the flow falls with every cut
            scores = np.concatenate([flow[part.name].ravel() for part in all_parts])[remaining]
            # exponential, as in the paper: of equal steps the last would cut most of what is left
            keep = max(round(size * self.final ** (turn / self.rounds)), 1)
            last = turn == self.rounds
            # the last round ranks all that is left, so that sparser cuts have an order too
            cut = len(remaining) - (0 if last else keep)
            order = lowest(scores, cut)
            place[remaining[order]] = removed_count + np.arange(len(order))
            removed_count += len(order)
            alive[remaining[order]] = False
            remaining = np.delete(remaining, order)
            progress(turn / self.rounds, f"round {turn} of {self.rounds}")
        return {"scores": WeightScores(split(place, all_parts), "place", "mean")}


def lowest(scores: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """Where the lowest so many are, lowest first; of equal ones the last come first."""
    if count <= 0:
        return np.empty(0, np.intp)
    # only what goes is sorted: one partition is linear, a full sort in every round is not
    edge = np.partition(scores, count - 1)[count - 1]
    below = np.flatnonzero(scores < edge)
    ties = np.flatnonzero(scores == edge)
    indices = np.concatenate([below, ties[len(ties) - (count - len(below)) :]])
    return indices[np.lexsort((-indices, scores[indices]))]


def split(
    row: NDArray[ScalarT], prunable_weights: Sequence[PrunableWeight]
) -> dict[str, NDArray[ScalarT]]:
    """A row of numbers as the parts' own."""
    result, start = {}, 0
    for part in prunable_weights:
        result[part.name] = row[start : start + part.size].reshape(part.shape)
        start += part.size
    return result


def flows(model: Classifier) -> bool:
    """Whether nothing in the network turns positive numbers into others."""
    norms = any(isinstance(module, NORMS) for module in model.network.modules())
    return not model.attentions and not norms


def flow_of(
    model: Classifier,
    masks: Mapping[str, NDArray[np.bool_]],
    exact: bool = True,
    scale: float = 1.0,
) -> dict[str, NDArray[np.floating]]:
    """The synaptic flow |∂R/∂θ ⊙ θ| of each masked weight, times `scale` squared.

    Args:
        model: borrowed and given back as it was.
        masks: which weights are there, by name; others are all there.
        exact: in float64, else in float32.
        scale: of the ones that enter, and of what is asked back from the end: with 1 ÷ √R on both
            ways, a flow of 10^48 stays in the middle of what float32 holds.
    """
    dtype = torch.float64 if exact else torch.float32
    with borrowed(model) as net, torch.enable_grad():
        pass_on(net.network)
        device = for_double(net.device) if exact else net.device
        tensors = {
            n: positive(n, tensor.to(device), net, dtype)
            for n, tensor in named_tensors(net.network)
        }
        masked_weights: dict[str, Tensor] = {}
        for name, mask in masks.items():
            masked = tensors[name] * torch.from_numpy(np.array(mask)).to(tensors[name])
            masked_weights[name] = tensors[name] = masked.requires_grad_()
        size = (1, 3, net.side, net.side)
        inputs = torch.full(size, scale, dtype=dtype, device=device)
        logits = torch.func.functional_call(net.network, tensors, (inputs,))
        output_gradient = torch.full_like(logits, scale)
        slopes = torch.autograd.grad(
            logits, list(masked_weights.values()), output_gradient, allow_unused=True
        )
    return {
        name: (torch.zeros_like(weight) if slope is None else slope * weight.detach()).cpu().numpy()
        for (name, weight), slope in zip(masked_weights.items(), slopes, strict=True)
    }


def total_flow(model: Classifier) -> float:
    """R of the whole network, in float64, without gradients."""
    with borrowed(model) as net, torch.inference_mode():
        pass_on(net.network)
        dtype, device = torch.float64, for_double(net.device)
        tensors = {
            n: positive(n, tensor.to(device), net, dtype)
            for n, tensor in named_tensors(net.network)
        }
        inputs = torch.ones(1, 3, net.side, net.side, dtype=dtype, device=device)
        return float(torch.func.functional_call(net.network, tensors, (inputs,)).sum())


def named_tensors(network: nn.Module) -> list[tuple[str, Tensor]]:
    """Parameters and buffers."""
    return [*network.named_parameters(), *network.named_buffers()]


def positive(name: str, tensor: Tensor, net: Classifier, dtype: torch.dtype) -> Tensor:
    """A weight's size; what is added on the way is 0."""
    if not tensor.is_floating_point():
        return tensor
    module = net.network.get_submodule(name.rpartition(".")[0])
    leaf = name.rpartition(".")[2]
    is_norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
    if leaf == "bias" or (is_norm and leaf == "running_mean"):
        return torch.zeros_like(tensor, dtype=dtype)
    return tensor.detach().to(dtype).abs()


def pass_on(network: nn.Module) -> None:
    """Activations become identities; whoever borrowed the network gets them back afterwards."""
    for module in network.modules():
        for name, child in list(module.named_children()):
            if type(child).__name__ in ACTIVATIONS:
                setattr(module, name, nn.Identity())
