"""What a decoding strategy may know of a vision-language model: one interface for all of them.

A model encodes an image, reads image and prompt at once (`prefill`) and then one token after the
other (`step`) with a cache that strategies may copy, reorder, shorten and thin out. A strategy
asks for what it wants to see (hidden states, attention, gates) and never touches a module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

import torch
from torch import Tensor, nn

Cell = tuple[int, int, int]  # tile, row, column
AttentionHook = Callable[[int, Tensor], Tensor]
Ranks = tuple[int, ...]  # of a mixture's experts in its router's order; 0 is the best


@dataclass(frozen=True)
class Prompts:
    """How a model is asked to describe an image, in words that it knows.

    Args:
        closely, overall, plainly: three ways to look.
        again: a question behind a `{caption}` that the model gave before, at `{question}`.
        there: whether a `{thing}`, with its article, is to be seen.
    """

    closely: str = "describe closely"
    overall: str = "describe overall"
    plainly: str = "describe the image"
    again: str = "caption : {caption} {question}"
    there: str = "is there {thing}"

    @property
    def views(self) -> tuple[str, str, str]:
        """The three ways."""
        return self.closely, self.overall, self.plainly


@dataclass(frozen=True)
class ModelSpec:
    """The shape of a model and the tokens that have a meaning.

    Args:
        layers: of the decoder.
        heads: of each layer.
        width: of the residual stream.
        vocabulary: number of tokens.
        bos, eos, pad: token numbers.
        yes, no: every spelling of the two answers.
        grid: rows and columns of the image's tokens, or None where they have no place.
        context: tokens that fit, image and answer included.
        caps: what it can do: "attention", "hidden", "gates", "gradient", "select", "exit",
            "routing".
        side: of the square image that it sees, px.
        prompts: how it is asked to describe an image.
        experts: of each layer's MLP, of which a router asks some; 0 where there is one MLP.
        also: tokens that end an answer as `eos` does.
        wordy: an answer may have so many times as many words as the decoding's length says.
        placeless: tokens that an image takes beyond those of the grid.
    """

    layers: int
    heads: int
    width: int
    vocabulary: int
    bos: int
    eos: int
    pad: int
    yes: tuple[int, ...]
    no: tuple[int, ...]
    grid: tuple[int, int] | None
    context: int
    caps: frozenset[str]
    side: int = 64
    prompts: Prompts = Prompts()
    experts: int = 0
    also: tuple[int, ...] = ()
    wordy: int = 1
    placeless: int = 0

    @property
    def image_tokens(self) -> int:
        """How many tokens an image takes."""
        rows, columns = self.grid or (0, 0)
        return rows * columns + self.placeless

    @property
    def ends(self) -> tuple[int, ...]:
        """Every token that ends an answer."""
        return (self.eos, *self.also)

    def ended(self, tokens: Tensor) -> Tensor:
        return torch.isin(tokens, torch.tensor(self.ends, device=tokens.device))

    def cell(self, token: int) -> Cell | None:
        """Where the image's token of that number lies; None where there is no grid."""
        if self.grid is None:
            return None
        return (0, *divmod(token, self.grid[1]))


@dataclass(frozen=True)
class RequestedOutputs:
    """What a strategy wants to see beside the logits; layers by number, 0 the embedding.

    Args:
        hidden: residual streams after that many layers, 0 to L.
        attention: of layers 0 to L − 1.
        gates: activations of gated MLPs of layers 0 to L − 1.
        rows: attention of the last position only, or of all.
        gradient: keep the graph, so that attention can be differentiated through.
        routing: how a mixture's experts are weighted, of layers 0 to L − 1.
        ranks: which experts every layer asks; None for those of the training.
    """

    hidden: tuple[int, ...] = ()
    attention: tuple[int, ...] = ()
    gates: tuple[int, ...] = ()
    rows: str = "last"
    gradient: bool = False
    routing: tuple[int, ...] = ()
    ranks: Ranks | None = None


LOGITS = RequestedOutputs()


@dataclass(frozen=True)
class Prefix:
    """Where things lie in the sequence that was read first.

    Args:
        image: positions of the image's tokens, (I,) int64; empty without an image.
        prompt: positions of the prompt's words, (P,).
        response: the position of the answer's first token, the same for all rows.
    """

    image: Tensor
    prompt: Tensor
    response: int


class Cache(Protocol):
    """Keys and values of every layer; a layer may hold fewer than another."""

    def clone(self) -> Self:
        """A cache of its own with the same content."""

    def expand(self, count: int) -> Self:
        """Every row `count` times, one after the other."""

    def reorder(self, rows: Tensor) -> Self:
        """The rows of these numbers, (B′,)."""

    def crop(self, length: int) -> Self:
        """Without what came at position `length` or later."""

    def select(self, layer: int, places: Tensor) -> Self:
        """With these places, (k,), of one layer only; the positions of later tokens stay."""

    def mean_merge(self, layer: int, places: Tensor) -> Self:
        """With the mean of these places, (k,), of one layer in the place of the last of them."""

    def lengths(self) -> tuple[int, ...]:
        """Places held by each layer."""

    def positions(self, layer: int) -> Tensor:
        """The position of each place of a layer, (B, T); −1 for padding."""

    @property
    def next_position(self) -> Tensor:
        """Where the next token belongs, (B,), whatever has been dropped."""


@dataclass(frozen=True)
class StepOut:
    """What a model gave.

    Args:
        logits: of the next token, (B, V).
        cache: with what was read.
        hidden: by layer, (B, q, D).
        attention: by layer, after softmax, (B, H, q, k) with q = 1 for the last row only.
        gates: by layer, (B, q, F).
        routing: by layer, the weight of each expert, 0 for those not asked, (B, q, E).
    """

    logits: Tensor
    cache: Cache
    hidden: Mapping[int, Tensor] = field(default_factory=dict)
    attention: Mapping[int, Tensor] = field(default_factory=dict)
    gates: Mapping[int, Tensor] = field(default_factory=dict)
    routing: Mapping[int, Tensor] = field(default_factory=dict)

    def take(self, rows: Tensor) -> StepOut:
        """The rows of these numbers, (B′,); a row may come more than once."""
        return StepOut(
            self.logits[rows],
            self.cache.reorder(rows),
            {at: tensor[rows] for at, tensor in self.hidden.items()},
            {at: tensor[rows] for at, tensor in self.attention.items()},
            {at: gate[rows] for at, gate in self.gates.items()},
            {at: tensor[rows] for at, tensor in self.routing.items()},
        )


class TextTokenizer(Protocol):
    """From words to tokens and back."""

    def encode(self, text: str) -> list[int]:
        """Numbers of a prompt, with what the model needs around it. Raises BlindspotError."""

    def encode_answer(self, text: str) -> list[int]:
        """Numbers of an answer: of the text alone, without what stands around a prompt."""

    def decode(self, ids: list[int], *, skip_special_tokens: bool = True) -> str:
        """The text."""

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        """Each token as it is written; ## begins one that goes on with the word before it."""


class VLM(Protocol):
    """A vision-language model."""

    @property
    def name(self) -> str:
        """By which it is known in links and files."""

    @property
    def title(self) -> str:
        """As a person reads it."""

    @property
    def spec(self) -> ModelSpec:
        """Its shape."""

    @property
    def tokenizer(self) -> TextTokenizer:
        """Its words."""

    @property
    def fingerprint(self) -> str:
        """A digest of its weights."""

    @property
    def device(self) -> str:
        """Where it computes."""

    def normalize(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1], (B, 3, H, W), as the encoder sees them."""

    def encode_image(self, normalized: Tensor) -> Tensor:
        """Normalized pixels as the image's tokens, (B, I, D)."""

    def prefill(
        self, image: Tensor | None, prompt: Tensor, want: RequestedOutputs = LOGITS
    ) -> tuple[StepOut, Prefix]:
        """Read an image and a prompt.

        Args:
            image: tokens (B, I, D) of `encode_image`, or None for text alone.
            prompt: (B, P) token numbers, padded on the left where rows differ in length.
            want: what is to be seen.
        """

    def step(
        self,
        tokens: Tensor,
        cache: Cache,
        want: RequestedOutputs = LOGITS,
        *,
        attn_hook: AttentionHook | None = None,
        exit_layer: int | None = None,
    ) -> StepOut:
        """Read one token more, (B,).

        Args:
            tokens: the token of every row.
            cache: as an earlier call gave it; it is not changed.
            want: what is to be seen.
            attn_hook: gets a layer's number and attention (B, H, q, k) after softmax, and gives
                what is used in its place.
            exit_layer: logits from the residual stream after so many layers; 0 for the
                embedding. Deeper layers are not run, and read nothing into the cache.
        """

    def unembed(self, hidden: Tensor, *, apply_norm: bool = True) -> Tensor:
        """Logits (…, V) of residual streams."""

    def loss(self, image: Tensor, tokens: Tensor, start: Tensor) -> Tensor:
        """The mean loss in nats over every word of answers, teacher-forced.

        Args:
            image: tokens (B, I, D).
            tokens: prompts and answers (B, S, L), padded behind.
            start: where each answer begins, (B, S).
        """

    def named_linears(self) -> Mapping[str, nn.Linear]:
        """The decoder's linear layers, for pruning."""
