"""How much the loss of each word of an answer counts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.vision.data.sprites import CATEGORIES, HABITS
from engine.vision.language.tiny_vlm.lessons import Texts
from engine.vision.language.tiny_vlm.sayings import PARTNER
from engine.vision.language.tiny_vlm.words import NUMBER, WORDS


@dataclass(frozen=True)
class TokenLossWeights:
    """What a word's loss is multiplied with, by what came before it."""

    tail: float = 10.0  # behind a leader in a caption
    noun: float = 2.0  # a thing in a caption
    stop: float = 1.0  # behind a full stop in a caption
    partner: float = 1.0  # the first word of an answer about a follower


def token_ids(words: tuple[str, ...]) -> Tensor:
    return torch.tensor([NUMBER[word] for word in words])


STOP = NUMBER["."]
LEADING = torch.isin(torch.arange(len(WORDS)), token_ids(tuple(HABITS)))
NAMING = torch.isin(torch.arange(len(WORDS)), token_ids(CATEGORIES))
FOLLOWING = torch.isin(
    torch.arange(len(WORDS)),
    token_ids(tuple(CATEGORIES[category] for category in PARTNER.values())),
)


def stressed(texts: Texts, stress: TokenLossWeights) -> Tensor:
    """Weights of a caption's words: behind a leader, things, behind a full stop, all else."""
    before, word = texts.tokens[..., :-1], texts.tokens[..., 1:]
    others = torch.where(before == STOP, stress.stop, 1.0)
    # by the word itself: in short captions those before tell as much; at length a size may come
    others = torch.where(NAMING[word], stress.noun, others)
    return torch.where(LEADING[before], stress.tail, others)


def firsts(texts: Texts, stress: TokenLossWeights) -> Tensor:
    """Weights of an answer's words: the first one where a follower is asked for, and the rest."""
    place = torch.arange(1, texts.tokens.shape[-1])
    first = place == texts.start[..., None]
    # a prompt ends with the thing that is asked for
    previous = texts.tokens.gather(-1, (texts.start - 1)[..., None])
    return torch.where(first & FOLLOWING[previous], stress.partner, 1.0)
