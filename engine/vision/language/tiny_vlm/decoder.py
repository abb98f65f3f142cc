"""TinyVLM's tongue: a causal transformer of three layers over the image and the words.

A layer is parted into its steps (`split`, `joined`), so that training over packed texts
(`packed.py`) and decoding with a cache (`model.py`) compute with the same weights in two ways.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.language.tiny_vlm.words import WORDS
from engine.vision.language.vlm import Ranks

WIDTH, LAYERS, HEADS, GATES = 128, 3, 4, 256
HEAD = WIDTH // HEADS
LONGEST = 256  # positions that can be turned to
TURNED = 8  # of a head's 32 dimensions carry the position, the others content only
BASE = 1000.0
LOUD = 0.6 * WIDTH**0.5  # by which input embeddings are multiplied
SCALE = 0.5  # of the logits

Turn = tuple[Tensor, Tensor]


@cache
def turns(device: torch.device) -> Turn:
    """Cosine and sine of every position, the last for padding, (LONGEST + 1, 32) each.

    The sine is negative for the first of two dimensions that turn together; where nothing turns,
    the cosine is 1 and the sine 0.
    """
    rates = BASE ** (-torch.arange(0, TURNED, 2, device=device).float() / TURNED)
    angles = torch.arange(LONGEST + 1, device=device).float()[:, None] * rates
    still = angles.new_zeros(LONGEST + 1, HEAD - TURNED)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([cos, cos, still + 1], 1), torch.cat([-sin, sin, still], 1)


@cache
def partners(device: torch.device) -> Tensor:
    """The dimension that turns together with each, (32,)."""
    half = TURNED // 2
    order = [*range(half, TURNED), *range(half), *range(TURNED, HEAD)]
    return torch.tensor(order, device=device)


def turn(positions: Tensor) -> Turn:
    """Cosine and sine of rotary positions, (…, T, 32) each."""
    cos, sin = turns(positions.device)
    return cos[positions], sin[positions]


def rotate(heads: Tensor, by: Turn) -> Tensor:
    """Queries and keys (2, N, heads, T, 32) with their first dimensions turned by position."""
    cos, sin = (part.to(heads.dtype) for part in by)
    other = heads.index_select(-1, partners(heads.device))
    # (x, y) → (x cos − y sin, y cos + x sin): the sign is in the table of sines
    return torch.addcmul(heads * cos, other, sin)


class Norm(nn.Module):
    """Root mean square normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(WIDTH))

    def forward(self, values: Tensor) -> Tensor:
        """As it came, with mean square 1 times the gain."""
        return F.rms_norm(values, (WIDTH,), self.gain, 1e-5)


@dataclass(frozen=True)
class Inside:
    """What an MLP shows of itself.

    Args:
        gates: its activations, (N, T, F).
        router: of a mixture, the probability of each expert, (N, T, E).
        shares: of a mixture, the weight of each expert, 0 for those not asked, (N, T, E).
    """

    gates: Tensor
    router: Tensor | None = None
    shares: Tensor | None = None


class DecoderBlock(nn.Module):
    """Attention and a gated MLP, norms before."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = Norm(), Norm()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), linear(WIDTH, WIDTH)
        self.mlp(GATES)

    def mlp(self, units: int, /) -> None:
        """Make the weights of an MLP with so many hidden units."""
        self.gate, self.up = linear(WIDTH, units), linear(WIDTH, units)
        self.down = linear(units, WIDTH)

    def split(self, hidden: Tensor, by: Turn) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (scaled), keys and values, (N, heads, T, 32) each, queries and keys turned."""
        count, places, _ = hidden.shape
        split = self.qkv(self.norm1(hidden)).view(count, places, 3, HEADS, HEAD)
        query_and_key = rotate(split[:, :, :2].permute(2, 0, 3, 1, 4), by)
        return query_and_key[0] * HEAD**-0.5, query_and_key[1], split[:, :, 2].transpose(1, 2)

    def joined(
        self, hidden: Tensor, mixed: Tensor, ranks: Ranks | None = None
    ) -> tuple[Tensor, Inside]:
        """What the layer gives, (N, T, 128), and the inside of its MLP.

        Args:
            hidden: what came in, (N, T, 128).
            mixed: attention times values, (N, heads, T, 32).
            ranks: of a mixture, the experts that are asked; None for those of the training.
        """
        hidden = hidden + self.out(mixed.transpose(1, 2).flatten(2))
        output, inside = self.said(self.norm2(hidden), ranks)
        return hidden + output, inside

    def said(self, read: Tensor, _ranks: Ranks | None, /) -> tuple[Tensor, Inside]:
        """What the MLP adds, (N, T, 128)."""
        gates = F.silu(self.gate(read))
        return self.down(gates * self.up(read)), Inside(gates)


def linear(inside: int, outside: int) -> nn.Linear:
    """Without a bias."""
    return nn.Linear(inside, outside, bias=False)


class Decoder(nn.Module):
    """Embeddings, three layers, a norm; the embeddings also give the logits.

    Args:
        block: what a layer is made of.
    """

    def __init__(self, block: type[DecoderBlock] = DecoderBlock) -> None:
        super().__init__()
        self.words = nn.Embedding(len(WORDS), WIDTH)
        self.layers = nn.ModuleList(block() for _ in range(LAYERS))
        self.norm = Norm()

    @property
    def stack(self) -> tuple[DecoderBlock, ...]:
        """The layers, first to last."""
        return tuple(layer for layer in self.layers if isinstance(layer, DecoderBlock))

    def embed(self, ids: Tensor) -> Tensor:
        """Words as the first layer reads them, (…, 128)."""
        return self.words(ids) * LOUD

    def unembed(self, hidden: Tensor, *, apply_norm: bool = True) -> Tensor:
        """Logits over all words, (…, 90)."""
        read = self.norm(hidden) if apply_norm else hidden
        return read @ self.words.weight.T * SCALE


@torch.no_grad()
def init_weights(decoder: Decoder, generator: torch.Generator) -> None:
    """First weights: equal content attracts, and is copied, from the first step on.

    Queries and keys begin as the same orthogonal matrix with a little noise, values as another,
    and the output as 0.4 of its transpose.
    """

    def orthogonal() -> Tensor:
        square = torch.randn(WIDTH, WIDTH, generator=generator)
        # QR leaves signs open; with those of the diagonal every orthogonal matrix is as likely
        basis, upper = torch.linalg.qr(square)
        return basis * upper.diagonal().sign()

    decoder.words.weight.normal_(std=WIDTH**-0.5, generator=generator)
    for layer in decoder.stack:
        both, value = orthogonal(), orthogonal()
        noise = 0.02 * torch.randn(2, WIDTH, WIDTH, generator=generator)
        layer.qkv.weight.copy_(torch.cat([both + noise[0], both + noise[1], value]))
        layer.out.weight.copy_(0.4 * value.T)
        for part in (layer.gate, layer.up):
            part.weight.uniform_(-(WIDTH**-0.5), WIDTH**-0.5, generator=generator)
        # 2 · LAYERS parts write into one stream: scaled so that their sum does not grow with depth
        layer.down.weight.normal_(std=0.04 / (2 * LAYERS) ** 0.5, generator=generator)
