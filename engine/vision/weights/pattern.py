"""Masks that keep N of every M weights, learned by gradient while the weights stay as they are.

Every group of M weights that follow each other along the inputs has one logit for each of its
C(M, N) candidate masks S. With Gumbel noise g, a temperature τ that falls and a scale κ that rises,

    ỹ = softmax((κ · logits + g) / τ),   mask = ỹ · S,   weight seen = weight ⊙ mask,

so that the loss has a gradient for the logits. Read outside a training, a group has the candidate
with the largest logit: exactly N of M, at every moment. Fang et al., "MaskLLM: Learnable
Semi-Structured Sparsity for Large Language Models" (2024), https://arxiv.org/abs/2409.17481
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from engine.core.errors import BadSetting, DoesNotFit

PLACE = re.compile(r"parametrizations\.(\w+)\.original$")  # of a weight behind a mask
START = 0.01  # standard deviation of the first logits


@dataclass(frozen=True)
class Annealing:
    """Temperature and scale from the first step to the last, each on a straight line."""

    tau: tuple[float, float] = (4.0, 0.05)
    kappa: tuple[float, float] = (100.0, 500.0)

    def at(self, share: float) -> tuple[float, float]:
        """τ and κ when that share of all steps is done."""
        first, last = zip(self.tau, self.kappa, strict=True)
        return first[0] + (last[0] - first[0]) * share, first[1] + (last[1] - first[1]) * share


def candidates(n: int, m: int) -> Tensor:
    """All masks that keep n of m, (C(m, n), m) of 0 and 1: 1100, 1010, 1001, 0110, 0101, 0011.

    Raises:
        BadSetting: n is not below m.
    """
    if not 1 <= n < m:
        raise BadSetting(f"{n}:{m} is no pattern: keep at least 1 and fewer than {m} of {m}.")
    chosen = torch.tensor(list(combinations(range(m), n)))
    return torch.zeros(len(chosen), m).scatter_(1, chosen, 1.0)


def in_groups(weight: Tensor, m: int) -> Tensor:
    """A weight (out, in) or (out, in, height, width) as groups along its inputs, (groups, m).

    Raises:
        DoesNotFit: the inputs cannot be parted into groups of m.
    """
    if weight.shape[1] % m:
        raise DoesNotFit(f"No layer's inputs can be parted into groups of {m}.")
    turned = weight if weight.dim() == 2 else weight.permute(0, 2, 3, 1)
    return turned.reshape(-1, m)


def from_groups(groups: Tensor, like: Tensor) -> Tensor:
    """Groups (groups, m) back in a weight's own shape."""
    if like.dim() == 2:
        return groups.reshape(like.shape)
    return groups.reshape(like.permute(0, 2, 3, 1).shape).permute(0, 3, 1, 2)


def largest_in_group(scores: Tensor, n: int) -> Tensor:
    """The n largest of each group, (groups, m) of 0 and 1; of equal ones the first."""
    order = scores.argsort(dim=1, descending=True, stable=True)[:, :n]
    return torch.zeros_like(scores).scatter_(1, order, 1.0)


class PatternMask(nn.Module):
    """The candidates of one weight's groups, as a parametrization of that weight.

    In training mode the weight is seen through the soft mask, in eval mode through the hard one.

    Args:
        weight: which weight; its values are only looked at for their shape.
        n, m: the pattern.
        generator: draws the first logits, and the noise of every step.
        annealing: temperature and scale over the training.
    """

    options: Tensor  # (C, m)
    noise: Tensor  # (groups, C)
    prior: Tensor  # (groups, m), the mask that is preferred, or the first one
    seen: Tensor  # the weight as the last forward pass saw it

    def __init__(
        self,
        weight: Tensor,
        n: int,
        m: int,
        generator: torch.Generator,
        annealing: Annealing | None = None,
    ) -> None:
        super().__init__()
        self.annealing, self.generator = annealing or Annealing(), generator
        options = candidates(n, m)
        shape = len(in_groups(weight, m)), len(options)
        self.logits = nn.Parameter(START * torch.randn(shape, generator=generator))
        self.register_buffer("options", options)
        self.register_buffer("noise", torch.zeros(shape), persistent=False)
        self.register_buffer("prior", self.hard, persistent=False)
        self.advance(0.0)

    def advance(self, share: float) -> None:
        """Set temperature and scale for the share of steps that are done, and draw new noise."""
        self.tau, self.kappa = self.annealing.at(share)
        waits = torch.empty(self.noise.shape).exponential_(generator=self.generator)
        self.noise = -waits.clamp_min(1e-20).log().to(self.logits.device)  # Gumbel's

    @torch.no_grad()
    def prefer(self, mask: Tensor, strength: float) -> None:
        """Raise the candidates that share most with a mask (groups, m), in units of the spread."""
        self.prior = mask
        overlap = mask @ self.options.T
        self.logits.add_((overlap - 1) * self.logits.std() * strength)

    @property
    def sampled(self) -> Tensor:
        """ỹ of this step, (groups, C), with a gradient."""
        return ((self.kappa * self.logits + self.noise) / self.tau).softmax(1)

    @property
    def shares(self) -> Tensor:
        """ỹ as it would be without noise, (groups, C)."""
        return (self.kappa * self.logits.detach() / self.tau).softmax(1)

    @property
    def hard(self) -> Tensor:
        """The candidate with the largest logit, (groups, m) of 0 and 1."""
        return self.options[self.logits.detach().argmax(1)]

    def forward(self, weight: Tensor) -> Tensor:
        """The weight as the network sees it."""
        groups = self.sampled @ self.options if self.training else self.hard
        self.seen = weight * from_groups(groups, weight)
        return self.seen


def attach(network: nn.Module, masks: Mapping[str, PatternMask]) -> None:
    """Freeze a network of one's own, and let some of its weights be seen through masks.

    All weights become buffers, so that an optimizer finds nothing but logits. A weight that
    several layers share has one mask in all of them.

    Args:
        network: changed for good.
        masks: by the weight's name.
    """
    known = dict(network.named_parameters(remove_duplicate=False))
    shared = {id(known[name]): mask for name, mask in masks.items()}
    places = [(name, shared.get(id(weight))) for name, weight in known.items()]
    for name, mask in places:
        path, _, leaf = name.rpartition(".")
        module = network.get_submodule(path)
        delattr(module, leaf)
        module.register_buffer(leaf, known[name].detach())
        if mask is not None:
            mask.to(known[name].device)
            parametrize.register_parametrization(module, leaf, mask, unsafe=True)


def sha_of_weights(network: nn.Module) -> str:
    """SHA-256 of everything of a network but its masks, by plain names: equal after `attach`."""
    result = sha256()
    plain = {PLACE.sub(r"\1", name): tensor for name, tensor in network.state_dict().items()}
    for name in sorted(name for name in plain if "parametrizations." not in name):
        result.update(name.encode() + plain[name].cpu().contiguous().numpy().tobytes())
    return result.hexdigest()


def only_masks_learn(network: nn.Module) -> None:
    """Leave nothing of a network in training mode but its masks; one in eval mode stays so."""
    if network.training:
        network.eval()
        for mask in masks_within(network):
            mask.train()


def masks_within(network: nn.Module) -> Iterator[PatternMask]:
    """The masks that were attached, each once."""
    return (module for module in network.modules() if isinstance(module, PatternMask))


def mass(masks: Iterable[PatternMask]) -> Tensor:
    """The squared weights that masks left in the last forward pass, Σ ‖mask ⊙ weight‖²."""
    return torch.stack([mask.seen.square().sum() for mask in masks]).sum()


@torch.no_grad()
def sharpness(masks: Iterable[PatternMask]) -> tuple[float, float]:
    """Entropy of ỹ as a share of the highest it can be, and its largest entry; means of groups."""
    shares = [mask.sampled for mask in masks]
    entropy = [-(share * share.clamp_min(1e-30).log()).sum(1) for share in shares]
    most = torch.tensor(float(shares[0].shape[1])).log()
    top = torch.cat([share.amax(1) for share in shares])
    return float(torch.cat(entropy).mean() / most), float(top.mean())
