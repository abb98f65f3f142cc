"""Networks that give one answer for a bag of tiles: attention, the best tile, or their mean."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.models.small import init_weights

MAX, MEAN, ATTENTION = "max", "mean", "attention"
HIDDEN, ATTENTION_WIDTH = 64, 32
DROPOUT = 0.25
HEADS, HEAD_WIDTH, DROPPED = 4, 16, 0.1  # of the recycling network


@dataclass(frozen=True)
class BagAnswer:
    """What a network makes of bags.

    Args:
        logits: (B, classes).
        embedding: what the classifier is given, (B, H).
        weights: what each tile counts for, (B, N), a sum of 1 over the tiles that are seen; with
            recycled tokens, theirs is what is missing to 1.
        hidden: each tile, (B, N, H).
    """

    logits: Tensor
    embedding: Tensor
    weights: Tensor
    hidden: Tensor


class Recycling(nn.Module):
    """What a student does not see, as k tokens: global queries ask it by cross-attention.

    The queries are no weights: they follow the tokens, q ← μ q + (1 − μ) tokens, and no gradient
    reaches them.
    """

    queries: Tensor

    def __init__(self, tokens: int, momentum: float, generator: torch.Generator) -> None:
        super().__init__()
        self.tokens, self.momentum = tokens, momentum
        inner = HEADS * HEAD_WIDTH
        self.norm = nn.LayerNorm(HIDDEN)
        self.ask = nn.Linear(HIDDEN, inner, bias=False)
        self.tell = nn.Linear(HIDDEN, 2 * inner, bias=False)
        self.out = nn.Linear(inner, HIDDEN)
        init_weights(self, generator)
        # the published bound, which is of other sizes than these
        reach = sqrt(6 / (3 * 256 + 512))
        queries = 2 * reach * torch.rand(tokens, HIDDEN, generator=generator) - reach
        self.register_buffer("queries", queries)

    def forward(
        self, hidden: Tensor, recycled_mask: Tensor, noise: torch.Generator | None
    ) -> Tensor:
        """Tokens (B, k, H) of the tiles (B, N, H) that are given, (B, N) bool."""
        queries = self.queries.clone()  # they move before the gradients are taken
        query = self.ask(self.norm(queries)).view(self.tokens, HEADS, HEAD_WIDTH)
        key_value = self.tell(self.norm(hidden)).view(*hidden.shape[:2], 2, HEADS, HEAD_WIDTH)
        match = torch.einsum("khd,bnhd->bhkn", query, key_value[:, :, 0]) / sqrt(HEAD_WIDTH)
        share = match.masked_fill(~recycled_mask[:, None, None], -torch.inf).softmax(-1)
        share = dropped(share.nan_to_num(0.0), DROPPED, noise)  # a bag may have given none
        result = torch.einsum("bhkn,bnhd->bkhd", share, key_value[:, :, 1]).flatten(2)
        return self.out(result)

    @torch.no_grad()
    def follow(self, tokens: Tensor) -> None:
        """Let the queries move towards the tokens of a batch, (B, k, H)."""
        self.queries.lerp_(tokens.mean(0), 1 - self.momentum)


class BagNetwork(nn.Module):
    """Tiles → hidden → one embedding for the bag → its class.

    Args:
        features: numbers for each tile.
        classes: of bags.
        pooling: ATTENTION (ABMIL), MAX (each class has its best tile) or MEAN.
        cut: makes the features (B, N, D) of pictures (B, 3, side, side) of bags.
        generator: of the first weights.
        recycling: the network of the masked tiles, if there is one.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        pooling: str,
        cut: Any,
        generator: torch.Generator,
        recycling: Recycling | None = None,
    ) -> None:
        super().__init__()
        self.pooling, self.cut = pooling, cut
        self.embed = nn.Linear(features, HIDDEN)
        if pooling == ATTENTION:
            self.look = nn.Linear(HIDDEN, ATTENTION_WIDTH, bias=False)
            self.weigh = nn.Linear(ATTENTION_WIDTH, 1, bias=False)
        self.head = nn.Linear(HIDDEN, classes)
        init_weights(self, generator)
        self.recycling = recycling

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (B, classes) of the pictures of bags."""
        return self.read(self.cut(pictures)).logits

    def read(
        self,
        tiles: Tensor,
        visible: Tensor | None = None,
        noise: torch.Generator | None = None,
        recycled_mask: Tensor | None = None,
        recycled_noise: torch.Generator | None = None,
    ) -> BagAnswer:
        """The answer about bags.

        Args:
            tiles: (B, N, D).
            visible: which of them are looked at, (B, N) bool; all when left out.
            noise: of dropout; none of it without.
            recycled_mask: which go to the recycling network, (B, N) bool.
            recycled_noise: of that network's dropout.
        """
        hidden = dropped(F.gelu(self.embed(tiles)), DROPOUT, noise)
        attended_tokens, attended_mask = hidden, visible
        if recycled_mask is not None and self.recycling is not None:
            tokens = self.recycling(hidden, recycled_mask, recycled_noise)
            if recycled_noise is not None:
                self.recycling.follow(tokens)
            attended_tokens = torch.cat([hidden, tokens], 1)
            if visible is not None:
                attended_mask = torch.cat([visible, visible.new_ones(tokens.shape[:2])], 1)
        if self.pooling == MAX:
            return self.by_best(hidden, visible)
        # mean pooling: equal matches, whose softmax is a mean over the tiles that are seen
        match = attended_tokens.new_zeros(attended_tokens.shape[:2])
        if self.pooling == ATTENTION:
            match = self.weigh(F.gelu(self.look(attended_tokens))).squeeze(-1)
        if attended_mask is not None:
            match = match.masked_fill(~attended_mask, -torch.inf)
        weights = match.softmax(1)
        embedding = torch.einsum("bn,bnh->bh", weights, attended_tokens)
        return BagAnswer(self.head(embedding), embedding, weights[:, : tiles.shape[1]], hidden)

    def by_best(self, hidden: Tensor, visible: Tensor | None) -> BagAnswer:
        """Each class by its best tile; a tile weighs by the logit of the class that is said."""
        tile_logits = self.head(hidden)  # (B, N, classes)
        if visible is not None:
            tile_logits = tile_logits.masked_fill(~visible[..., None], -torch.inf)
        logits = tile_logits.amax(1)
        says = logits.argmax(1)
        weights = tile_logits.gather(
            2, says[:, None, None].expand(-1, tile_logits.shape[1], 1)
        ).squeeze(2)
        return BagAnswer(logits, hidden.mean(1), weights.softmax(1), hidden)

    def class_scores(self, answer: BagAnswer) -> Tensor:
        """What each tile says of each class by itself, (B, N, classes), a sum of 1 over classes.

        With attention, W (aₙ hₙ): the tile's own part of the bag's logits (MHIM-MIL v2); else W hₙ.
        The first bias, which the published code adds to every class, changes nothing.
        """
        part = answer.hidden
        if self.pooling == ATTENTION:
            part = answer.weights[..., None] * answer.hidden
        return (part @ self.head.weight.T).softmax(-1)


def dropped(values: Tensor, share: float, noise: torch.Generator | None) -> Tensor:
    """Dropout from a generator of one's own; the values as they are without one."""
    if noise is None:
        return values
    keep = torch.rand(values.shape, generator=noise).to(values.device) >= share
    return values * keep / (1 - share)
