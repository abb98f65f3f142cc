"""A model of the library transformers behind the interface of `engine.vision.language.vlm.VLM`."""

import inspect
from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.core.errors import BlindspotError
from engine.vision.language.held_layers import Held, HeldLayers
from engine.vision.language.hugging_face.attention import LISTENER, Listener
from engine.vision.language.hugging_face.cache import LayerCache
from engine.vision.language.hugging_face.families import Family, linears
from engine.vision.language.hugging_face.tongue import NO, YES, PromptTokenizer
from engine.vision.language.vlm import (
    LOGITS,
    AttentionHook,
    Cache,
    ModelSpec,
    Prefix,
    Prompts,
    RequestedOutputs,
    StepOut,
)

MOST_CONTEXT = 4096  # tokens; more would need more memory than attention maps are worth
PROMPTS = Prompts(
    "Describe closely what you see in the image.",
    "Describe the image as a whole.",
    "Describe the image.",
    "A description of the image: {caption} {question}",
    "Is there {thing} in this image? Answer yes or no.",
)


class HuggingFaceVLM:
    """The library's layers, called one after another.

    The sequence is what stands before the image, the image, and the prompt. Padding stands between
    image and prompt, so that the image lies in one place for all rows. Without an image the prompt
    keeps its position behind the place where one would be.

    Args:
        family: the kind of model, with its network in evaluation mode.
        tongue: its words.
        name: by which it is known in links.
        title: as a person reads it.
        fingerprint: a digest of its weights.
        mean, std: by which pixels are normalized, one for each color.
    """

    def __init__(
        self,
        family: Family,
        tongue: PromptTokenizer,
        name: str,
        title: str,
        fingerprint: str,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        self.family, self.tokenizer, self.name, self.title = family, tongue, name, title
        self.fingerprint, self.mean, self.std = fingerprint, mean, std
        self.device = str(family.network.device)
        self.before = torch.tensor([tongue.parted("?")[0]], dtype=torch.int64, device=self.device)
        layer = inspect.signature(inspect.unwrap(type(family.decoder.layers[0]).forward))
        # layers of the library call the cache by either name
        self.held_as = next(
            name for name in ("cache", "past_key_values") if name in layer.parameters
        )
        self.spec = self.specified()

    def specified(self) -> ModelSpec:
        """The shape, from the configuration; what it can do, by a try."""
        config, family, prompt_tokenizer = self.family.decoder.config, self.family, self.tokenizer
        hf_tokenizer = prompt_tokenizer.tokenizer
        ends = self.family.network.generation_config.eos_token_id
        end, *also = [ends] if isinstance(ends, int) else ends or [hf_tokenizer.eos_token_id]
        pad = end if hf_tokenizer.pad_token_id is None else hf_tokenizer.pad_token_id
        # within its window a sliding mask hides nothing, so that none is needed
        reach = getattr(config, "sliding_window", None) or MOST_CONTEXT
        begin = int(self.before[0, 0]) if self.before.numel() else end
        return ModelSpec(
            layers=len(family.decoder.layers), heads=config.num_attention_heads,
            width=config.hidden_size, vocabulary=self.head.out_features, bos=begin, eos=end,
            pad=pad, yes=prompt_tokenizer.spellings(YES), no=prompt_tokenizer.spellings(NO),
            grid=family.grid, context=min(config.max_position_embeddings, MOST_CONTEXT, reach),
            caps=self.tried(), side=family.side, prompts=PROMPTS, also=tuple(also),
            placeless=family.tokens - (prod(family.grid) if family.grid else 0),
        )  # fmt: skip

    @property
    def head(self) -> nn.Linear:
        """From the residual stream to logits."""
        head: nn.Linear = self.family.network.get_output_embeddings()
        return head

    @property
    def nbytes(self) -> int:
        """Bytes of its weights."""
        return sum(
            parameter.numel() * parameter.element_size()
            for parameter in self.family.network.parameters()
        )

    @torch.no_grad()
    def tried(self) -> frozenset[str]:
        """What it can do: whether its layers' attention is to be seen is found out."""
        listener = Listener()
        positions = torch.zeros(1, 1, dtype=torch.int64, device=self.device)
        hidden = self.family.decoder.embed_tokens(positions)
        cache = LayerCache(self.nothing(1, hidden), positions)
        self.layer(0, hidden, positions, cache, listener)
        always = {"hidden", "select", "exit"}
        return frozenset(always | ({"attention", "gradient"} if listener.shares else set()))

    def normalize(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1] as the encoder sees them."""
        mean, std = (torch.tensor(numbers, device=self.device) for numbers in (self.mean, self.std))
        return (pixels.to(self.device) - mean[:, None, None]) / std[:, None, None]

    @torch.no_grad()
    def encode_image(self, normalized: Tensor) -> Tensor:
        """Normalized pixels (B, 3, side, side) as the image's tokens, (B, I, D).

        Where the question decides what is seen, they are what the eye alone saw; `prefill` asks.
        """
        return self.family.features(normalized.to(self.head.weight.dtype))

    def prefill(
        self, image: Tensor | None, prompt: Tensor, want: RequestedOutputs = LOGITS
    ) -> tuple[StepOut, Prefix]:
        """Read an image and a prompt; see the interface.

        Raises:
            BlindspotError: the prompt is empty, or longer than what fits.
        """
        count, length = prompt.shape
        start = self.before.shape[1]
        behind = start + self.family.tokens
        if not length:
            raise BlindspotError("The prompt is empty: ask something, or ask for a caption.")
        if behind + length >= self.spec.context:
            most = self.spec.context - behind - 1
            raise BlindspotError(f"The prompt has {length} tokens; {most} fit.")
        embed, device = self.family.decoder.embed_tokens, prompt.device
        parts = [embed(self.before).expand(count, -1, -1), embed(prompt)]
        places = torch.arange(start, device=device).expand(count, -1)
        if image is not None:
            questions = partial(self.tokenizer.questions, prompt, self.spec.pad)
            parts.insert(1, self.family.asked(image, questions))
            places = torch.arange(behind, device=device).expand(count, -1)
        is_word = prompt != self.spec.pad
        padding = (is_word.cumsum(1) == 0).sum(1, keepdim=True)  # the pad token may be a word too
        offsets = torch.arange(length, device=device) - padding
        positions = torch.cat([places, torch.where(offsets >= 0, offsets + behind, -1)], 1)
        hidden = torch.cat(parts, 1)
        nothing = self.nothing(count, hidden)
        # the last position that is read: `read` adds 1 to where the next token belongs
        cache = HeldLayers(nothing, positions[:, -1], padded=bool(padding.any()))
        grid = self.family.grid
        # an end sign behind the grid is no part of the image: it has no place in it
        image_tokens = 0 if image is None else prod(grid) if grid else self.family.tokens
        lies = Prefix(
            start + torch.arange(image_tokens), behind + torch.arange(length), behind + length
        )
        return self.read(hidden, positions, cache, want), lies

    def nothing(self, count: int, like: Tensor) -> tuple[Held, ...]:
        """Empty layers."""
        config = self.family.decoder.config
        width = getattr(config, "head_dim", None)
        width = width or config.hidden_size // config.num_attention_heads
        heads = config.num_key_value_heads
        empty = like.new_empty(count, heads, 0, width)
        positions = torch.empty(count, 0, dtype=torch.int64, device=like.device)
        return (Held(empty, empty, positions),) * len(self.family.decoder.layers)

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
        if int(cache.next_position.max()) >= self.spec.context:
            raise BlindspotError(f"The context is full: {self.spec.context} tokens fit.")
        hidden = self.family.decoder.embed_tokens(tokens[:, None])
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
        """Run embeddings (B, q, D) at positions (B, q) through the layers."""
        depth = self.spec.layers if exit_layer is None else exit_layer
        listener = Listener(attn_hook)
        layer_cache = LayerCache(cache.layers, positions)
        states = {0: hidden}
        rows = slice(None) if want.rows == "all" else slice(-1, None)
        for number in range(depth):
            hidden = self.layer(number, hidden, positions, layer_cache, listener)
            states[number + 1] = hidden
            if number not in want.attention:
                listener.shares.pop(number, None)  # of a large model they take much memory
        shares = listener.shares
        return StepOut(
            logits=self.unembed(hidden[:, -1]),
            cache=HeldLayers(tuple(layer_cache.layers), cache.next_position + 1, cache.padded),
            hidden={at: states[at][:, rows] for at in want.hidden if at in states},
            attention={
                # a slice is off the way to the logits: autograd has no gradient for it
                at: shares[at] if want.gradient else shares[at][:, :, rows]
                for at in want.attention
                if at in shares
            },
        )

    def layer(
        self, number: int, hidden: Tensor, positions: Tensor, held: LayerCache, listener: Listener
    ) -> Tensor:
        """One of the library's layers, (B, q, D): nobody sees padding, or what stands behind."""
        decoder = self.family.decoder
        turned = self.family.turned(positions, self.before.shape[1])
        key_positions = torch.cat([held.layers[number].positions, positions], 1)[:, None, None, :]
        unseen = (key_positions < 0) | (key_positions > positions[:, None, :, None])
        # finite: a row of padding sees nothing, and softmax over −∞ alone is NaN
        mask = hidden.new_zeros(unseen.shape).masked_fill(unseen, torch.finfo(hidden.dtype).min)
        options: dict[str, Any] = {self.held_as: held, LISTENER: listener}
        result: Tensor | tuple[Tensor, ...] = decoder.layers[number](
            hidden,
            attention_mask=mask,
            use_cache=True,
            position_embeddings=decoder.rotary_emb(hidden, turned),
            **options,
        )
        return result if isinstance(result, Tensor) else result[0]

    def unembed(self, hidden: Tensor, *, apply_norm: bool = True) -> Tensor:
        """Logits (…, V) of residual streams, in 32 bits."""
        read = self.family.decoder.norm(hidden) if apply_norm else hidden
        logits: Tensor = self.head(read)
        return logits.float()

    def loss(self, image: Tensor, tokens: Tensor, start: Tensor) -> Tensor:
        """The mean loss in nats over every word of answers; see the interface."""
        losses = []
        for row, text in enumerate(tokens.unbind(0)):
            for words, begin in zip(text, start[row].tolist(), strict=True):
                sentence = words[: int((words != self.spec.pad).nonzero().max()) + 1]
                want = RequestedOutputs(hidden=(self.spec.layers,), rows="all")
                out, _ = self.prefill(image[row : row + 1], sentence[None, :-1], want)
                states = out.hidden[self.spec.layers][0, -(len(sentence) - begin) :]
                losses.append(
                    F.cross_entropy(self.unembed(states), sentence[begin:], reduction="none")
                )
        return torch.cat(losses).mean()

    def named_linears(self) -> Mapping[str, nn.Linear]:
        """The decoder's linear layers."""
        return linears(self.family.decoder)
