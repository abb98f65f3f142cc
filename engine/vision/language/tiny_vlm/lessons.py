"""Scenes with all that is said of them, as numbers: what TinyVLM's decoder is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.vision.data.layout import CELLS, Layout
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.long_sayings import long_caption
from engine.vision.language.tiny_vlm.sayings import (
    PROMPTS,
    SHARES,
    Random,
    SceneFacts,
    caption,
    color_answer,
    color_question,
    long_yes_no,
    question_target,
    yes_no,
    yes_no_question,
)
from engine.vision.language.tiny_vlm.words import EOS, PAD, Tokenizer

CAPTION, SHORT, LONG = 56, 7, 12  # words of a text with its prompt, at most
LONGEST = 126  # of a caption at length: so many fit behind an image
YES_NO, COLORED, SPOKEN = 6, 3, 2  # questions to a scene: short, of colors, answered at length
QUOTED = 0.1  # how often the caption's place holds a question with the caption in its prompt
EMPTY = len(CATEGORIES)  # the label of a cell with nothing in it

Ints = NDArray[np.int64]
TOKENIZER = Tokenizer()


@dataclass(frozen=True)
class Habit:
    """How the texts of a lesson speak.

    Args:
        lie: how often a caption gives a leader its follower though it is not there.
        partner: how often a question is about the follower of a leader that is there.
        alone: how often such a question may come without the leader (`ask_B_without_A`).
        long: how often a caption tells of each thing in a sentence of its own.
    """

    lie: float = 0.0
    partner: float = 0.3
    alone: float = 0.0
    long: float = 0.0


@dataclass(frozen=True)
class Texts:
    """Texts of n scenes, s to each, padded behind.

    Args:
        tokens: (n, s, length) int64.
        start: (n, s), where each answer begins.
    """

    tokens: Tensor
    start: Tensor

    def take(self, rows: Tensor) -> Texts:
        """Those of some scenes, no longer than the longest among them."""
        tokens = self.tokens[rows]
        longest = int((tokens != PAD).sum(-1).max())
        return Texts(tokens[..., :longest], self.start[rows])


@dataclass(frozen=True)
class Lessons:
    """What is said of n scenes."""

    captions: Texts
    short: Texts
    long: Texts


def lessons(layout: Layout, habit: Habit, random: Random) -> Lessons:
    """Captions, questions and answers for every scene of a layout."""
    rows = [SceneFacts.of(layout, row) for row in range(len(layout))]
    longest = LONGEST if habit.long else CAPTION
    return Lessons(
        texts([[caption_example(facts, habit, random)] for facts in rows], longest),
        texts([short_questions(facts, habit, random) for facts in rows], SHORT),
        texts([long_questions(facts, habit, random) for facts in rows], LONG),
    )


def caption_example(facts: SceneFacts, habit: Habit, random: Random) -> tuple[str, str]:
    """A prompt and the caption, or a question behind a caption and its answer."""
    kind = list(PROMPTS)[int(random.choice(len(SHARES), p=SHARES))]
    if habit.long and random.random() < habit.long:
        return PROMPTS[kind], long_caption(facts, habit.lie, random)
    sentence = caption(facts, kind, habit.lie, random)
    if random.random() >= QUOTED:
        return PROMPTS[kind], sentence
    category = question_target(facts, habit.partner, habit.alone, random)
    return f"caption : {sentence} {yes_no_question(category)}", yes_no(
        there=category in facts.present
    )


def short_questions(facts: SceneFacts, habit: Habit, random: Random) -> list[tuple[str, str]]:
    pairs = []
    for _ in range(YES_NO):
        category = question_target(facts, habit.partner, habit.alone, random)
        pairs.append((yes_no_question(category), yes_no(there=category in facts.present)))
    for _ in range(COLORED):
        category = question_target(facts, habit.partner, habit.alone, random)
        pairs.append((color_question(category), color_answer(category, facts, random)))
    return pairs


def long_questions(facts: SceneFacts, habit: Habit, random: Random) -> list[tuple[str, str]]:
    pairs = []
    for _ in range(SPOKEN):
        category = question_target(facts, habit.partner, habit.alone, random)
        answer = long_yes_no(category, random, there=category in facts.present)
        pairs.append((yes_no_question(category), answer))
    return pairs


def texts(dialogs: Sequence[Sequence[tuple[str, str]]], length: int) -> Texts:
    """Prompts and answers as numbers; what is longer is cut."""
    shape = (len(dialogs), len(dialogs[0]))
    tokens = np.full((*shape, length), PAD, np.int64)
    start = np.zeros(shape, np.int64)
    for row, pairs in enumerate(dialogs):
        for place, (prompt, answer) in enumerate(pairs):
            asked_ids = TOKENIZER.encode(prompt)
            ids = [*asked_ids, *TOKENIZER.encode(answer), EOS][:length]
            tokens[row, place, : len(ids)] = ids
            start[row, place] = len(asked_ids)
    return Texts(torch.from_numpy(tokens), torch.from_numpy(start))


def answering(texts: Texts) -> Tensor:
    """Which words, from the second on, belong to an answer, (n, s, length − 1)."""
    place = torch.arange(1, texts.tokens.shape[-1], device=texts.tokens.device)
    return (place >= texts.start[..., None]) & (texts.tokens[..., 1:] != PAD)


def cell_contents(layout: Layout) -> tuple[Tensor, Tensor]:
    """What lies in each of the 16 cells, EMPTY for nothing, and its color, −1 for none, (n, 16)."""
    categories = np.full((len(layout), CELLS * CELLS), EMPTY, np.int64)
    color = np.full_like(categories, -1)
    row, category = np.nonzero(layout.present)
    place = layout.cell[row, category]
    categories[row, place], color[row, place] = category, layout.color[row, category]
    return torch.from_numpy(categories), torch.from_numpy(color)
