"""What a model is like inside when it says a word: its states, its gates and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.result import Floats
from engine.vision.language.vlm import VLM, RequestedOutputs

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

BEFORE, AT = range(2)
WHEN = ("one word before", "at the word")


@dataclass(frozen=True, eq=False)
class Readings:
    """Words that were said, and the model's inside at each.

    Args:
        states: by name, (n, 2, width): at the word before and at the word itself. "CEV k" is the
            residual stream after k layers, "IAV k" what the gate of the k-th layer's MLP gives.
        made_up: whether the word says what is not so, (n,).
        scene: the number of its image, (n,).
        words: what is named.
        confidence: the probability that the model gave the word, (n,).
        entropy: of all words at that place, in nats, (n,).
    """

    states: Mapping[str, Floats]
    made_up: Flags
    scene: Ints
    words: tuple[str, ...]
    confidence: Floats
    entropy: Floats

    def among(self, rows: Flags) -> Readings:
        """Some of the words."""
        words = tuple(word for word, keep in zip(self.words, rows, strict=True) if keep)
        states = {name: state[rows] for name, state in self.states.items()}
        return Readings(
            states,
            self.made_up[rows],
            self.scene[rows],
            words,
            self.confidence[rows],
            self.entropy[rows],
        )


@dataclass(frozen=True)
class ReadWord:
    """A word of an answer: its row in the batch, its place, what it names, and whether wrongly."""

    row: int
    place: int
    name: str
    made_up: bool


@torch.no_grad()
def read_states(
    vlm: VLM,
    pixels: Tensor,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    words: Sequence[ReadWord],
) -> Readings:
    """Read prompts with their answers once, and keep what stands at some of the words.

    Args:
        vlm: a model that shows its states and gates.
        pixels: (B, 3, H, W) in [0, 1].
        prompts, answers: tokens of each row.
        words: which words; `row` counts within this batch.
    """
    layers = vlm.spec.layers
    texts = [[*prompt, *answer] for prompt, answer in zip(prompts, answers, strict=True)]
    longest = max(map(len, texts))
    padded = torch.tensor([[vlm.spec.pad] * (longest - len(text)) + text for text in texts])
    want = RequestedOutputs(hidden=tuple(range(layers + 1)), gates=tuple(range(layers)), rows="all")
    out, _ = vlm.prefill(vlm.encode_image(vlm.normalize(pixels)), padded.to(vlm.device), want)
    states = {f"CEV {at}": out.hidden[at] for at in range(layers + 1)}
    states |= {f"IAV {at + 1}": out.gates[at] for at in range(layers)}
    rows = torch.tensor([word.row for word in words], dtype=torch.int64)
    behind = torch.tensor([len(answers[word.row]) - word.place for word in words])
    positions = torch.stack([-behind - 1, -behind], 1).long()  # texts end together
    # a word's probability is read one word before, where it was chosen
    shares = vlm.unembed(out.hidden[layers][rows, positions[:, BEFORE]]).float().softmax(-1)
    tokens = torch.tensor([answers[word.row][word.place] for word in words], dtype=torch.int64)
    return Readings(
        {
            name: state[rows[:, None], positions].float().cpu().numpy()
            for name, state in states.items()
        },
        np.array([word.made_up for word in words], bool),
        rows.numpy(),
        tuple(word.name for word in words),
        shares.gather(1, tokens.to(shares.device)[:, None])[:, 0].cpu().numpy(),
        torch.special.entr(shares).sum(-1).cpu().numpy(),
    )


def together(parts: Sequence[Readings], first: Sequence[int]) -> Readings:
    """Readings of several batches as one.

    Args:
        parts: of each batch.
        first: the number of the first scene of each.
    """
    return Readings(
        {name: np.concatenate([part.states[name] for part in parts]) for name in parts[0].states},
        np.concatenate([part.made_up for part in parts]),
        np.concatenate([part.scene + start for part, start in zip(parts, first, strict=True)]),
        tuple(word for part in parts for word in part.words),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.entropy for part in parts]),
    )
