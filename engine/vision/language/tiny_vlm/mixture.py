"""The second kind of MLP: eight small experts, of which a router asks two for every token.

    y = Σ w_e · down_e(silu(gate_e x) · up_e x),   w = p of the asked, renormalized to sum to 1

with p = softmax(router x) over all experts. Who is asked is given by ranks in the order of p:
[0, 1], the two best, is what training asks; [2] is the third alone, with weight 1. As in Mixtral
(Jiang et al. 2024, https://arxiv.org/abs/2401.04088) no token is dropped.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.language.tiny_vlm.decoder import WIDTH, DecoderBlock, Inside, linear
from engine.vision.language.vlm import Ranks

EXPERTS, UNITS = 8, 128  # experts of a layer, hidden units of an expert
TRAINED: Ranks = (0, 1)


class ExpertMLP(nn.Module):
    """A gated MLP of 128 hidden units."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up = linear(WIDTH, UNITS), linear(WIDTH, UNITS)
        self.down = linear(UNITS, WIDTH)


class MixtureBlock(DecoderBlock):
    """A layer whose MLP is a router and its experts."""

    def mlp(self, _units: int, /) -> None:
        """A router and its experts."""
        self.router = linear(WIDTH, EXPERTS)
        self.experts = nn.ModuleList(ExpertMLP() for _ in range(EXPERTS))

    @property
    def crew(self) -> tuple[ExpertMLP, ...]:
        return tuple(expert for expert in self.experts if isinstance(expert, ExpertMLP))

    def said(self, read: Tensor, ranks: Ranks | None, /) -> tuple[Tensor, Inside]:
        """What the asked experts say together, (N, T, 128); gates are 0 where nobody was asked."""
        flat = read.flatten(0, 1)
        # in 32 bits whatever the layer computes in, as Mixtral does it
        router = self.router(flat).float().softmax(-1)
        experts, weights = route_tokens(router, TRAINED if ranks is None else ranks)
        output = torch.zeros_like(flat)
        gates = flat.new_zeros(len(flat), EXPERTS, UNITS)
        for number, expert in enumerate(self.crew):
            tokens, places = (experts == number).nonzero(as_tuple=True)
            if not len(tokens):
                continue
            expert_inputs = flat[tokens]
            gate = F.silu(expert.gate(expert_inputs))
            answer = expert.down(gate * expert.up(expert_inputs))
            output = output.index_add(0, tokens, weights[tokens, places, None].to(answer) * answer)
            gates[tokens, number] = gate.detach()
        shares = torch.zeros_like(router).scatter(-1, experts, weights)
        shape = read.shape[:2]
        inside = Inside(
            gates.view(*shape, -1), router.view(*shape, EXPERTS), shares.view(*shape, EXPERTS)
        )
        return output.view_as(read), inside


def route_tokens(router: Tensor, ranks: Ranks) -> tuple[Tensor, Tensor]:
    """Which experts are asked and their weights, which sum to 1, (T, ranks) each.

    Args:
        router: probabilities of all experts, (T, E).
        ranks: of the experts that are asked; 0 is the most probable.
    """
    # stable: after `upcycle` experts tie in pairs, and ties must fall alike everywhere
    order = router.argsort(dim=-1, descending=True, stable=True)
    experts = order[:, list(ranks)]
    weights = router.gather(-1, experts)
    return experts, weights / weights.sum(-1, keepdim=True)


def balance(routed: Sequence[Inside]) -> Tensor:
    """How unevenly experts are asked: 2 where all are asked alike, up to 8 where two do all.

    The loss of Fedus et al. 2021 (Switch Transformer, https://arxiv.org/abs/2101.03961, equation
    4) for two experts a token: E · Σ_e (share of tokens that ask e) · (mean probability of e),
    the mean over layers.
    """
    losses = []
    for inside in routed:
        assert inside.router is not None  # noqa: S101  # only mixtures are balanced
        assert inside.shares is not None  # noqa: S101
        # counts have no gradient: it flows through the mean probability alone
        asking = (inside.shares > 0).float().flatten(0, 1).mean(0)
        losses.append(EXPERTS * (asking * inside.router.flatten(0, 1).mean(0)).sum())
    return torch.stack(losses).mean()


@torch.no_grad()
def upcycle(dense: DecoderBlock, mixture: MixtureBlock, generator: torch.Generator) -> None:
    """Begin as the dense layer: the first four experts are its first half, the others its second.

    Experts e and e + 4 have the same row of the router, so the two that are asked are always two
    halves, with a weight of one half each, which `down` makes up for. Training parts them.
    Komatsuzaki et al. 2022, Sparse Upcycling, https://arxiv.org/abs/2212.05055; halves as in He
    et al. 2024, Upcycling Large Language Models into Mixture of Experts,
    https://arxiv.org/abs/2410.07524.
    """
    state = mixture.state_dict()
    shared = {name: tensor for name, tensor in dense.state_dict().items() if name in state}
    mixture.load_state_dict(state | shared)
    for number, expert in enumerate(mixture.crew):
        half = slice(UNITS, 2 * UNITS) if number >= EXPERTS // 2 else slice(0, UNITS)
        expert.gate.weight.copy_(dense.gate.weight[half])
        expert.up.weight.copy_(dense.up.weight[half])
        expert.down.weight.copy_(2 * dense.down.weight[:, half])
    rows = 0.05 * torch.randn(EXPERTS // 2, WIDTH, generator=generator)
    mixture.router.weight.copy_(torch.cat([rows, rows]))
