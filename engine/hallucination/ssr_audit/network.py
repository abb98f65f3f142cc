"""The transformer that reads questions, with its states in sight.

Layer l is a block of attention and an MLP, each with its norm before; its state is the residual
stream after the block at the last word that is no padding.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.hallucination.ssr_audit.questions import PLACES, WORDS, EncodedQuestions

WIDTH, LAYERS, HEADS, UNITS = 64, 5, 4, 128

Edit = Callable[[int, Tensor, Tensor], Tensor]  # layer, residual (N, T, d), last (N,) → residual


class QuestionBlock(nn.Module):
    """Causal attention and an MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, UNITS), nn.Linear(UNITS, WIDTH)

    def split(self, hidden: Tensor) -> Tensor:
        """Queries, keys and values, (3, N, heads, T, d / heads)."""
        count, places, _ = hidden.shape
        result: Tensor = self.qkv(self.norm1(hidden)).view(count, places, 3, HEADS, -1)
        return result.permute(2, 0, 3, 1, 4)

    def mixed(self, hidden: Tensor, past: Tensor | None = None) -> Tensor:
        """Attention times values, (N, T, heads, d / heads).

        Args:
            hidden: the residual stream, (N, T, d).
            past: keys and values of P words before it, (2, N, heads, P, d / heads).
        """
        query, key, value = self.split(hidden)
        if past is None:
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
            return attended.transpose(1, 2)
        past_length, places = past.shape[3], hidden.shape[1]
        key, value = (torch.cat(both, 2) for both in zip(past, (key, value), strict=True))
        # each new word sees all of the past, the new ones before it, and itself
        causal_mask = torch.ones(places, past_length + places, dtype=torch.bool).tril(past_length)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=causal_mask)
        return attended.transpose(1, 2)

    def said(self, hidden: Tensor) -> Tensor:
        """What the MLP adds."""
        output: Tensor = self.down(F.gelu(self.up(self.norm2(hidden))))
        return output

    def forward(self, hidden: Tensor, past: Tensor | None = None) -> Tensor:
        """The residual stream after the block, (N, T, d); `past` is as for `mixed`."""
        hidden = hidden + self.out(self.mixed(hidden, past).flatten(2))
        return hidden + self.said(hidden)


@dataclass(frozen=True)
class Written:
    """What each part writes into the residual stream at the last word.

    Args:
        begin: the embedding, (N, d).
        heads: (N, layers, heads, d).
        mlps: (N, layers, d).
    """

    begin: Tensor
    heads: Tensor
    mlps: Tensor


class QuestionNet(nn.Module):
    """Words and places, five layers, a norm, and logits over all words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(len(WORDS), WIDTH)
        self.places = nn.Embedding(PLACES, WIDTH)
        self.layers = nn.ModuleList(QuestionBlock() for _ in range(LAYERS))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(WORDS), bias=False)

    @property
    def stack(self) -> tuple[QuestionBlock, ...]:
        """The layers, first to last."""
        return tuple(layer for layer in self.layers if isinstance(layer, QuestionBlock))

    def embed(self, ids: Tensor) -> Tensor:
        """Words with their places, (N, T, d)."""
        return self.at_places(self.words(ids))

    def at_places(self, words: Tensor) -> Tensor:
        """Embedded words (N, T, d) with their places."""
        return words + self.places.weight[: words.shape[1]]

    def states(
        self, hidden: Tensor, last: Tensor, edit: Edit | None = None, upto: int = LAYERS
    ) -> Tensor:
        """The residual at the last word, (1 + upto, N, d): of the embedding and after each layer.

        Args:
            hidden: embedded words, (N, T, d).
            last: the place of the last word that is no padding, (N,).
            edit: changes the residual stream after a layer (0 is the embedding).
            upto: the last layer that is computed.
        """
        rows, result = torch.arange(len(hidden), device=hidden.device), []
        for at in range(upto + 1):
            if at:
                hidden = self.stack[at - 1](hidden)
            if edit is not None:
                hidden = edit(at, hidden, last)
            result.append(hidden[rows, last])
        return torch.stack(result)

    @torch.no_grad()
    def past(self, ids: Tensor, upto: int = LAYERS) -> list[Tensor]:
        """Keys and values of the first words (N, P), for each layer."""
        hidden, result = self.embed(ids), []
        for layer in self.stack[:upto]:
            result.append(layer.split(hidden)[1:])
            hidden = layer(hidden)
        return result

    @torch.no_grad()
    def states_after(self, past: list[Tensor], ids: Tensor) -> Tensor:
        """As `states`, of the last of the words (N, T) that come after those of `past`."""
        first = past[0].shape[3]
        hidden = self.words(ids) + self.places.weight[first : first + ids.shape[1]]
        results = [hidden[:, -1]]
        # `past` ends at the last layer that the loss needs
        for layer, layer_past in zip(self.stack, past, strict=False):
            hidden = layer(hidden, layer_past)
            results.append(hidden[:, -1])
        return torch.stack(results)

    def logits(self, state: Tensor) -> Tensor:
        """Of the next word, (…, words), from a state (…, d)."""
        output: Tensor = self.head(self.norm(state))
        return output

    def forward(self, prompts: EncodedQuestions, edit: Edit | None = None) -> Tensor:
        """Logits of the answer, (N, words)."""
        return self.logits(self.states(self.embed(prompts.ids), prompts.last, edit)[-1])

    @torch.no_grad()
    def written(self, prompts: EncodedQuestions) -> Written:
        """What the embedding, each head and each MLP write; their sum is the last state."""
        hidden, rows = self.embed(prompts.ids), torch.arange(len(prompts))
        begin, heads, mlps = hidden[rows, prompts.last], [], []
        for layer in self.stack:
            mixed = layer.mixed(hidden)
            # the output matrix in parts, one for each head: their sums are what it writes
            weight = layer.out.weight.view(WIDTH, HEADS, -1)
            heads.append(torch.einsum("nhk,dhk->nhd", mixed[rows, prompts.last], weight))
            hidden = hidden + layer.out(mixed.flatten(2))
            output = layer.said(hidden)
            mlps.append(output[rows, prompts.last])
            hidden = hidden + output
        return Written(begin, torch.stack(heads, 1), torch.stack(mlps, 1))


def fresh(seed: int) -> QuestionNet:
    """First weights from a seed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):  # torch draws weights that are replaced below
        net = QuestionNet()
    with torch.no_grad():
        for name, value in net.named_parameters():
            if value.ndim == 2:
                # what writes into the residual stream begins at half the size
                deep = name.endswith(("out.weight", "down.weight"))
                scale = 0.02 if "words" in name or "places" in name else WIDTH**-0.5
                value.normal_(std=scale * (0.5 if deep else 1.0), generator=generator)
            elif name.endswith("bias"):
                value.zero_()
    return net


def network_copy(weights: Mapping[str, Tensor]) -> QuestionNet:
    """A network for use, with these weights."""
    with torch.random.fork_rng(devices=[]):
        net = QuestionNet()
    net.load_state_dict(dict(weights))
    return net.eval().requires_grad_(requires_grad=False)
