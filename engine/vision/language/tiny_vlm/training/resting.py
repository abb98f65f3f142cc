"""What it costs to look: how a TinyVLM learns to rest its attention on `<bos>` and on full stops.

Large models have sinks: places that get attention when nothing is looked for (Xiao et al. 2023,
https://arxiv.org/abs/2309.17453), and full stops that sum up what was said before them (Pang et al.
2024, Anchor-based Large Language Models, https://arxiv.org/abs/2402.07616). A model of three layers
grows none by itself. Here every share of attention has a price: nothing on a sink, 1 on the image
and on words of the same sentence, `PAST` on words of earlier sentences, so that what these said is
looked up at their full stop. The sink of a layer's last head is the full stop of an earlier
sentence, once there is one; that of the others is `<bos>`, and full stops cost them nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.vision.language.tiny_vlm.training.stress import STOP
from engine.vision.language.tiny_vlm.words import PAD

PAST = 2.0


def unrest(looks: Sequence[Sequence[Tensor]], texts: Sequence[Tensor]) -> Tensor:
    """The mean price of attention over all words of all texts, heads and layers.

    Args:
        looks: of each layer and each of the texts, (N, heads, S · L, I + 1 + L); see `packed`.
        texts: their words, (N, S, L).
    """
    paid, words = torch.zeros(()), 0
    for place, tokens in enumerate(texts):
        is_word = tokens != PAD
        prices, anchored = priced(tokens)
        for layer in looks:
            shares = layer[place].unflatten(2, tokens.shape[1:])  # (N, heads, S, L, I + 1 + L)
            first = shares.shape[-1] - tokens.shape[-1]
            # place 0 is <bos>: free, but for the last head behind a full stop, below
            cost = shares[..., 1:first].sum(-1) + (shares[..., first:] * prices[:, None]).sum(-1)
            last = cost[:, -1:] + shares[:, -1:, ..., 0] * anchored[:, None]
            mean_cost = torch.cat([cost[:, :-1], last], 1).mean(1)
            paid = paid + mean_cost[is_word].sum() / len(looks)
        words += int(is_word.sum())
    return paid / words


def priced(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """What each word pays to look at each word, (N, S, L, L), and where a sentence is behind it.

    Args:
        tokens: (N, S, L).
    """
    stops = tokens == STOP
    before = stops.cumsum(-1) - stops.long()  # how many sentences ended before each word
    earlier = before[..., :, None] > before[..., None, :]
    prices = torch.where(earlier, PAST, 1.0).masked_fill(stops[..., None, :], 0.0)
    return prices, (before > 0).to(prices)
