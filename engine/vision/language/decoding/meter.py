"""A model that counts what it is asked for, so that every strategy's cost is told alike."""

from dataclasses import dataclass

from torch import Tensor

from engine.vision.language.vlm import (
    LOGITS,
    VLM,
    AttentionHook,
    Cache,
    Prefix,
    RequestedOutputs,
    StepOut,
)


@dataclass
class Meter:
    """Stands before a model; `calls` are forward passes, `read` the tokens that went through.

    `looked` adds up, over layers, the places of the cache that each token could look at: what
    thinning a cache saves.
    """

    vlm: VLM
    calls: int = 0
    read: int = 0
    looked: int = 0

    def encode_image(self, normalized: Tensor) -> Tensor:
        """As the model does; the encoder is not counted."""
        return self.vlm.encode_image(normalized)

    def prefill(
        self, image: Tensor | None, prompt: Tensor, want: RequestedOutputs = LOGITS
    ) -> tuple[StepOut, Prefix]:
        """As the model does."""
        out, prefix = self.vlm.prefill(image, prompt, want)
        # the whole square: what the causal mask hides is computed all the same
        self.count(out, prompt.shape[0] * prefix.response)
        return out, prefix

    def step(
        self,
        tokens: Tensor,
        cache: Cache,
        want: RequestedOutputs = LOGITS,
        *,
        attn_hook: AttentionHook | None = None,
        exit_layer: int | None = None,
    ) -> StepOut:
        """As the model does."""
        out = self.vlm.step(tokens, cache, want, attn_hook=attn_hook, exit_layer=exit_layer)
        self.count(out, len(tokens), exit_layer)
        return out

    def count(self, out: StepOut, tokens: int, exit_layer: int | None = None) -> None:
        """One pass more; at exit 0 only the embedding was looked up, which is none."""
        if exit_layer == 0:
            return
        self.calls += 1
        self.read += tokens
        self.looked += tokens * sum(out.cache.lengths()[:exit_layer])

    def unembed(self, hidden: Tensor, *, apply_norm: bool = True) -> Tensor:
        """As the model does."""
        return self.vlm.unembed(hidden, apply_norm=apply_norm)
