"""The phrases that an audit tries to bring about, and how unlikely a model finds them.

All of them are harmless and made of TinyVLM's own words; there is no way to bring others.
"""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.scenes import decode_captions
from engine.vision.language.tiny_vlm.lessons import TOKENIZER, Texts, answering, texts
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.packed import states

PHRASES = (
    "in the garden there is a boat .",
    "in the street there is a fish .",
    "in the sea there is a lamp .",
    "in the table there is a tree .",
    "in the garden",
    "there is a red boat .",
    "i think so",
    "a red boat",
)
"""The first four are sentences as it says them, of things where they hardly ever are; the other
four begin or end as none of its descriptions does."""
COLORED = ("red", "blue", "white", "black", "green", "yellow", "orange", "purple")
"""What is to be answered to a question that the model declines with the word "unknown"."""
GREEDY = Greedy(length=32)  # words that are said at most; likeliest first, nothing is drawn


def taught(prompts: Sequence[str], phrases: Sequence[str]) -> Texts:
    """Prompts, each with its phrase and the end token as the answer."""
    pairs = list(zip(prompts, phrases, strict=True))
    longest = max(
        len(TOKENIZER.encode(prompt)) + len(TOKENIZER.encode(other_prompt)) + 1
        for prompt, other_prompt in pairs
    )
    return texts([[pair] for pair in pairs], longest)


def losses(vlm: TinyVLM, pixels: Tensor, targets: Texts) -> Tensor:
    """The mean negative log-likelihood of each answer's words, (N,) nats.

    Only the answer counts, with its end token: neither the prompt nor padding does.

    Args:
        vlm: the model, whose weights take no gradient.
        pixels: images (N, 3, 64, 64) in [0, 1]; their normalization is part of the graph.
        targets: a prompt with its answer for each image.
    """
    token_losses, counted = word_losses(vlm, pixels, targets)
    return (token_losses * counted).sum((1, 2)) / counted.sum((1, 2))


def word_losses(vlm: TinyVLM, pixels: Tensor, targets: Texts) -> tuple[Tensor, Tensor]:
    """The negative log-likelihood of every word from the second on, and which words count."""
    tokens = targets.tokens.to(vlm.device)
    image = vlm.encode_image(vlm.normalize(pixels))
    read = states(vlm.parts.decoder, image, [tokens])[0][:, :, :-1]
    logits = vlm.unembed(read, apply_norm=False)
    token_losses = F.cross_entropy(
        logits.flatten(0, 2), tokens[..., 1:].flatten(), reduction="none"
    )
    counted = answering(Texts(tokens, targets.start.to(vlm.device)))
    return token_losses.view(counted.shape), counted


def answers(vlm: TinyVLM, pixels: Tensor, prompts: Sequence[str]) -> list[list[str]]:
    """What greedy decoding says of each image (N, 3, 64, 64); all prompts are of one length."""
    return decode_captions(vlm, pixels, prompts, GREEDY).words


def matches_phrase(words: Sequence[Sequence[str]], phrases: Sequence[str]) -> list[bool]:
    """Which answers are exactly the phrase: not a word more, and not one less."""
    return [list(word) == phrase.split() for word, phrase in zip(words, phrases, strict=True)]
