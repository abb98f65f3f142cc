"""A model whose every number is written down: a few words, logits and attention from a script."""

from dataclasses import dataclass, replace

import torch

from engine.vision.language.case import CaptionCase
from engine.vision.language.vlm import LOGITS, ModelSpec, Prefix, StepOut

IMAGE = 4  # tokens of an image, behind the beginning
PAD, BOS, EOS = 0, 1, 2


@dataclass(frozen=True)
class TokenCache:
    """A cache that holds the tokens that were read, (B, n), and knows where they stand."""

    tokens: torch.Tensor

    def clone(self):
        return self

    def expand(self, count):
        return TokenCache(self.tokens.repeat_interleave(count, 0))

    def reorder(self, rows):
        return TokenCache(self.tokens[rows])

    def crop(self, length):
        return TokenCache(self.tokens[:, : length - 1 - IMAGE])

    def lengths(self):
        return (1 + IMAGE + self.tokens.shape[1],)

    def positions(self, layer):
        return torch.arange(self.lengths()[0]).expand(len(self.tokens), -1)

    @property
    def next_position(self):
        return torch.full((len(self.tokens),), self.lengths()[0])


class Words:
    def encode(self, text):
        return [int(word) for word in text.split()]

    def decode(self, ids, *, skip_special_tokens=True):
        return " ".join(str(number) for number in ids)

    def convert_ids_to_tokens(self, ids):
        return [str(number) for number in ids]


class Scripted:
    """One layer, one head.

    Args:
        words: size of the vocabulary; the first three are padding, beginning and end.
        speak: from tokens read (B, n), prompt included, to logits (B, V).
        look: from the same to the attention of the last of them, (B, 1 + IMAGE + n).
    """

    name = title = "scripted"
    device = "cpu"
    tokenizer = Words()

    def __init__(self, words, speak, look=None, context=64):
        self.speak, self.look = speak, look
        self.spec = ModelSpec(
            layers=1, heads=1, width=2, vocabulary=words, bos=BOS, eos=EOS, pad=PAD, yes=(3,),
            no=(4,), grid=(2, 2), context=context,
            caps=frozenset({"attention"} if look else set()),
        )  # fmt: skip

    @property
    def fingerprint(self):
        return "scripted"

    def normalize(self, pixels):
        return pixels

    def encode_image(self, normalized):
        return torch.zeros(len(normalized), IMAGE, 2)

    def prefill(self, image, prompt, want=LOGITS):
        first = 1 + IMAGE
        places = torch.arange(1, first), torch.arange(first, first + prompt.shape[1])
        return self.out(TokenCache(prompt), want), Prefix(*places, first + prompt.shape[1])

    def step(self, tokens, cache, want=LOGITS, *, attn_hook=None, exit_layer=None):
        return self.out(TokenCache(torch.cat([cache.tokens, tokens[:, None]], 1)), want)

    def out(self, held, want):
        out = StepOut(self.speak(held.tokens), held)
        if not want.attention:
            return out
        return replace(out, attention={0: self.look(held.tokens)[:, None, None, :]})


def answered(strategy, model, seed=0, prompt="3 4"):
    """A strategy's whole answer about a scripted model: its words without the end, and the rest."""
    return strategy(CaptionCase(model, torch.zeros(3, 2, 2), prompt, seed))


def table(words: int, seed: int = 0, spread: float = 2.0):
    """Logits that depend on the last two words; padding and beginning never come."""
    logits = torch.randn(words, words, words, generator=torch.Generator().manual_seed(seed))
    logits[..., [PAD, BOS]] = -torch.inf

    def speak(tokens):
        return spread * logits[tokens[:, -2], tokens[:, -1]]

    return speak
