"""What a search lowers: the loss that says which subspace a question is to be moved into.

Each loss is asked about embedded prompts and says how far up the network has to be computed.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from engine.hallucination.ssr_audit.directions import Subspaces
from engine.hallucination.ssr_audit.network import LAYERS, QuestionNet
from engine.hallucination.ssr_audit.questions import DECLINE

STEER, PROBE, LOGIT = "direction", "probe", "output logit"


@dataclass(frozen=True, eq=False)
class Goal:
    """What is lowered.

    Args:
        kind: by cosine with the direction, by the probe, or by the logit of DECLINE.
        layers: whose states it is about; none for the output logit.
        alpha: how far to the other side the direction's cosine is to go.
        spaces: directions and probes.
    """

    kind: str
    layers: tuple[int, ...]
    alpha: float
    spaces: Subspaces

    @property
    def depth(self) -> int:
        """The last layer that has to be computed."""
        return max(self.layers) if self.layers else LAYERS

    def losses(self, net: QuestionNet, words: Tensor, last: Tensor) -> Tensor:
        """One for each prompt, (N,), from embedded words (N, T, d) without their places."""
        return self.of(net, net.states(net.at_places(words), last, upto=self.depth))

    def of(self, net: QuestionNet, states: Tensor) -> Tensor:
        """One for each prompt, (N,), from its states (1 + depth, N, d)."""
        if self.kind == LOGIT:
            return led_by(net.logits(states[-1]), DECLINE)
        return self.inside(states)

    def inside(self, states: Tensor) -> Tensor:
        """One for each prompt, (N,), from its states (1 + depth, N, d) in the chosen layers."""
        result = states.new_zeros(states.shape[1])
        for layer in self.layers:
            state, direction = states[layer], self.spaces.directions[layer]
            if self.kind == PROBE:
                # −ln of the probe's probability of an answer
                result = result + F.softplus(-self.spaces.odds(state, layer))
            else:  # the plane half-way between the means is where the cosine is 0
                centered = state - self.spaces.middles[layer] * direction
                # squared: at −α it is at its goal, and beyond it nothing is won
                result = result + (-self.alpha - F.cosine_similarity(centered, direction)).square()
        return result / len(self.layers)


def led_by(logits: Tensor, word: int) -> Tensor:
    """How far a word leads before all others, softly from 0 on, (N,), from logits (N, V).

    No word in particular is asked for in its place: it is to lose to whichever other one leads.
    """
    others = logits.clone()
    others[:, word] = float("-inf")
    return F.softplus(logits[:, word] - others.max(1).values)
