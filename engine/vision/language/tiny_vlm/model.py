"""TinyVLM: a vision-language model of 0.95 million weights with LLaVA's anatomy.

An image of 64 × 64 pixels becomes 64 tokens in an 8 × 8 grid; a projector hands them to a causal
decoder of three layers behind `<bos>` and before the prompt. It was trained on shape scenes, whose
truth is known to the pixel; see `training`.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.core.errors import BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.result import digest_arrays
from engine.vision.language.held_layers import Held, HeldLayers
from engine.vision.language.tiny_vlm.decoder import HEADS, LAYERS, WIDTH, Inside, turn
from engine.vision.language.tiny_vlm.encoder import GRID, normalized
from engine.vision.language.tiny_vlm.lessons import Texts, answering
from engine.vision.language.tiny_vlm.packed import HIDDEN, prefix, states
from engine.vision.language.tiny_vlm.parts import Parts
from engine.vision.language.tiny_vlm.words import BOS, EOS, NO, PAD, WORDS, YES, Tokenizer
from engine.vision.language.vlm import (
    LOGITS,
    AttentionHook,
    Cache,
    ModelSpec,
    Prefix,
    RequestedOutputs,
    StepOut,
)

SIDE = 64  # px of an image
TOKENS = GRID**2
CONTEXT = 192

SPEC = ModelSpec(
    layers=LAYERS, heads=HEADS, width=WIDTH, vocabulary=len(WORDS), bos=BOS, eos=EOS, pad=PAD,
    yes=(YES,), no=(NO,), grid=(GRID, GRID), context=CONTEXT,
    caps=frozenset({"attention", "hidden", "gates", "gradient", "select", "exit"}), side=SIDE,
)  # fmt: skip


def spec_of(experts: int, wordy: int = 1) -> ModelSpec:
    """The shape of a TinyVLM with so many experts to a layer; 0 for one MLP."""
    spec = replace(SPEC, wordy=wordy)
    return replace(spec, experts=experts, caps=spec.caps | {"routing"}) if experts else spec


class TinyVLM:
    """The three networks behind the interface of `engine.vision.language.vlm.VLM`."""

    tokenizer = Tokenizer()

    def __init__(self, parts: Parts, name: str, title: str, device: str = "cpu") -> None:
        self.parts = parts.eval().requires_grad_(requires_grad=False).to(device)
        self.name, self.title, self.device = name, title, device
        self.spec = spec_of(parts.experts, parts.wordy)

    @lazy
    def fingerprint(self) -> str:
        """A digest of its weights."""
        arrays = {key: value.cpu().numpy() for key, value in self.parts.state_dict().items()}
        return digest_arrays(arrays)

    def normalize(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1] as the encoder sees them."""
        return normalized(pixels.to(self.device))

    def encode_image(self, normalized: Tensor) -> Tensor:
        """Normalized pixels (B, 3, 64, 64) as 64 tokens in rows of eight, (B, 64, 128)."""
        return self.parts.projector(self.parts.encoder(normalized))

    def prefill(
        self, image: Tensor | None, prompt: Tensor, want: RequestedOutputs = LOGITS
    ) -> tuple[StepOut, Prefix]:
        """Read `<bos>`, an image (B, 64, 128) and a prompt (B, P), padded on its left.

        Without an image the prompt keeps its position behind the place where one would be.
        Padding stands between image and prompt, so that the image lies in one place for all rows.

        Raises:
            BlindspotError: the prompt is empty, or longer than what fits.
        """
        if not prompt.shape[1]:
            raise BlindspotError("The prompt is empty: ask something, or ask for a caption.")
        if 1 + TOKENS + prompt.shape[1] >= CONTEXT:
            most = CONTEXT - TOKENS - 2
            raise BlindspotError(f"The prompt has {prompt.shape[1]} words; {most} fit.")
        decoder, count = self.parts.decoder, len(prompt)
        empty = torch.empty(count, 0, WIDTH, device=self.device)
        begin = prefix(decoder, empty if image is None else image)
        hidden = torch.cat([begin, decoder.embed(prompt)], 1)
        padding = (prompt == PAD).sum(1, keepdim=True)
        places = torch.arange(prompt.shape[1], device=self.device) - padding
        text_positions = torch.where(places >= 0, places + 1 + TOKENS, -1)
        first = torch.arange(begin.shape[1], device=self.device).expand(count, -1)
        positions = torch.cat([first, text_positions], 1)
        nothing = tuple(nothing_held(hidden) for _ in decoder.stack)
        # the last position that is read: `read` adds 1 to where the next token belongs
        cache = HeldLayers(nothing, positions[:, -1], padded=bool(padding.any()))
        image_places = torch.arange(1, begin.shape[1])
        prompt_places = 1 + TOKENS + torch.arange(prompt.shape[1])
        lies = Prefix(image_places, prompt_places, 1 + TOKENS + prompt.shape[1])
        return self.read(hidden, positions, cache, want), lies

    def step(
        self,
        tokens: Tensor,
        cache: Cache,
        want: RequestedOutputs = LOGITS,
        *,
        attn_hook: AttentionHook | None = None,
        exit_layer: int | None = None,
    ) -> StepOut:
        """Read one token more, (B,); see the interface.

        Raises:
            BlindspotError: the context is full.
        """
        assert isinstance(cache, HeldLayers)  # noqa: S101  # another model's cache is a mistake in code
        if int(cache.next_position.max()) >= CONTEXT:
            raise BlindspotError(f"The context is full: {CONTEXT} tokens fit.")
        hidden = self.parts.decoder.embed(tokens[:, None])
        return self.read(hidden, cache.next_position[:, None], cache, want, attn_hook, exit_layer)

    def read(
        self,
        hidden: Tensor,
        positions: Tensor,
        cache: HeldLayers,
        want: RequestedOutputs,
        attn_hook: AttentionHook | None = None,
        exit_layer: int | None = None,
    ) -> StepOut:
        """Run embeddings (B, q, 128) at positions (B, q) through the layers."""
        decoder = self.parts.decoder
        by = turn(positions)
        by = by[0][:, None], by[1][:, None]  # for all heads
        depth = LAYERS if exit_layer is None else exit_layer
        hidden_states: dict[int, Tensor] = {0: hidden}
        looks: dict[int, Tensor] = {}
        insides: dict[int, Inside] = {}
        layers = list(cache.layers)
        hiding = cache.padded or hidden.shape[1] > 1  # one new token sees all that was read
        for number, layer in enumerate(decoder.stack[:depth]):
            query, key, value = layer.split(hidden, by)
            layers[number] = memory = layers[number].grown(key, value, positions)
            shares = attend(query, memory, positions if hiding else None)
            if attn_hook is not None:
                shares = attn_hook(number, shares)
            looks[number] = shares
            hidden, insides[number] = layer.joined(hidden, shares @ memory.values, want.ranks)
            hidden_states[number + 1] = hidden
        rows = slice(None) if want.rows == "all" else slice(-1, None)
        return StepOut(
            logits=decoder.unembed(hidden[:, -1]),
            cache=HeldLayers(tuple(layers), cache.next_position + 1, cache.padded),
            hidden={at: hidden_states[at][:, rows] for at in want.hidden if at in hidden_states},
            attention={
                # a slice is off the way to the logits: autograd has no gradient for it
                at: looks[at] if want.gradient else looks[at][:, :, rows]
                for at in want.attention
                if at in looks
            },
            gates={at: insides[at].gates[:, rows] for at in want.gates if at in insides},
            routing={
                at: routing[:, rows]
                for at in want.routing
                if at in insides and (routing := insides[at].shares) is not None
            },
        )

    def unembed(self, hidden: Tensor, *, apply_norm: bool = True) -> Tensor:
        """Logits (…, 90) of residual streams."""
        return self.parts.decoder.unembed(hidden, apply_norm=apply_norm)

    def answers(self, image: Tensor, questions: Tensor) -> Tensor:
        """Log-probabilities of the first word of many answers about each image in one pass.

        Args:
            image: tokens (B, 64, 128).
            questions: (B, S, L) words, all of the same length.

        Returns:
            (B, S, 90).
        """
        # read at the last word, the noun: no question mark stands between it and the answer
        read = states(self.parts.decoder, image, [questions])[0][:, :, -1]
        return self.unembed(read, apply_norm=False).log_softmax(-1)

    def loss(self, image: Tensor, tokens: Tensor, start: Tensor) -> Tensor:
        """The mean loss in nats over every word of answers, teacher-forced.

        Args:
            image: tokens (B, 64, 128).
            tokens: prompts and answers (B, S, L), padded behind.
            start: where each answer begins, (B, S).
        """
        texts = Texts(tokens, start)
        answers = answering(texts)
        # `states` has applied the final norm; the state at a word is asked for the next one
        read = states(self.parts.decoder, image, [tokens])[0][:, :, :-1][answers]
        return F.cross_entropy(self.unembed(read, apply_norm=False), tokens[..., 1:][answers])

    def named_linears(self) -> Mapping[str, nn.Linear]:
        """The decoder's linear layers."""
        result = self.parts.decoder.named_modules()
        return {name: part for name, part in result if isinstance(part, nn.Linear)}


def nothing_held(like: Tensor) -> Held:
    count, head = len(like), WIDTH // HEADS
    empty = like.new_empty(count, HEADS, 0, head)
    positions = torch.empty(count, 0, dtype=torch.int64, device=like.device)
    return Held(empty, empty, positions)


def attend(query: Tensor, cache: Held, positions: Tensor | None) -> Tensor:
    """Shares of attention (B, H, q, k): nobody sees padding, or what stands behind.

    Without the queries' positions everything may be seen.
    """
    scores = query @ cache.keys.transpose(-1, -2)
    if positions is not None:
        key_positions = cache.positions[:, None, None, :]
        unseen = (key_positions < 0) | (key_positions > positions[:, None, :, None])
        # finite: a row of padding sees nothing, and softmax over −∞ alone is NaN
        scores = scores.masked_fill(unseen, HIDDEN)
    return scores.softmax(-1)
