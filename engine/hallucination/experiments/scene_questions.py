"""Questions about the color of a thing in a scene; what is not there, TinyVLM declines.

"what color is the boat" gets a color where a boat is to be seen and "unknown" where none is. Every
scene is asked about one thing that is there and about one that is not, and over all scenes the same
things are asked both ways, so that declined and answered questions have the same images and words.
Only what is in the image tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data.sprites import COLORS
from engine.errors import BadData
from engine.experiment import ExperimentCase
from engine.hallucination.experiments.audit_pairs import UNKNOWN, scenes_of
from engine.hallucination.experiments.phrases import COLORED, answers
from engine.hallucination.refusal.directions import Subspaces, subspaces
from engine.hallucination.refusal.examined import Examined, causes, most_changed
from engine.hallucination.refusal.network import Edit
from engine.hallucination.tiny_vlm.decoder import LAYERS, turn
from engine.hallucination.tiny_vlm.lessons import TOKENIZER
from engine.hallucination.tiny_vlm.model import TinyVLM
from engine.hallucination.tiny_vlm.packed import mixed, prefix
from engine.hallucination.tiny_vlm.sayings import color_question
from engine.keeping.memory import Memory
from engine.measures.levels import levels_of, pixels_of

LEARNED, TESTED = 200, 100  # scenes for directions and probes, and scenes to try them on
_EXAMINED: Memory[ExaminedVLM] = Memory(4)


@dataclass(frozen=True, eq=False)
class SceneQuestions:
    """Questions with their images, in pairs: a thing that is not there, and one that is.

    Args:
        levels: the images, (N, 3, 64, 64) int16.
        prompts: what is asked.
        asked: the same in word numbers, (N, L).
        declined: which the model declines, (N,) bool.
        colors: those of the things in each scene.
    """

    levels: Tensor
    prompts: list[str]
    asked: Tensor
    declined: Tensor
    colors: list[frozenset[str]]

    @property
    def pixels(self) -> Tensor:
        """The images in [0, 1]."""
        return pixels_of(self.levels)

    def take(self, rows: Tensor) -> SceneQuestions:
        """Some of them."""
        at = rows.tolist()
        return SceneQuestions(
            self.levels[rows], [self.prompts[row] for row in at], self.asked[rows],
            self.declined[rows], [self.colors[row] for row in at],
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class ExaminedVLM(Examined[SceneQuestions]):
    """A TinyVLM, examined.

    Args:
        vlm: the model; nothing of it changes.
        learned: the states that directions and probes come from, (1 + L, N, d).
        labels: which of those questions were declined, (N,) bool.
    """

    vlm: TinyVLM
    learned: Tensor
    labels: Tensor

    def causes(self, seed: int) -> dict[str, list[float]]:
        """By layer from 1 on, the share that is declined with each kind of edit."""
        return causes(self, lambda asked, edit: declines(self.vlm, asked, edit), seed)

    def shuffled(self, seed: int) -> float:
        """How often the last layer's probe is right on the tests if its labels were shuffled."""
        chance = torch.Generator().manual_seed(seed)
        labels = self.labels[torch.randperm(len(self.labels), generator=chance)]
        return subspaces(self.learned[-1:], labels).accuracies(
            self.states[-1:], self.tests.declined
        )[0]


def examined_vlm(vlm: TinyVLM, case: ExperimentCase) -> ExaminedVLM:
    """Directions and probes of the training scenes, tried on test scenes; made once.

    Raises:
        BadData: the data are no drawn scenes, or the model declines too little about them.
    """
    name = f"{case.fingerprint} {vlm.fingerprint}"
    return _EXAMINED.made(name, lambda: _examined(vlm, case))


def _examined(vlm: TinyVLM, case: ExperimentCase) -> ExaminedVLM:
    learned = scene_questions(vlm, case, "train", LEARNED)
    tests = scene_questions(vlm, case, "test", TESTED)
    with torch.no_grad():
        states, tried = (streams(vlm, one.pixels, one.asked) for one in (learned, tests))
    spaces: Subspaces = subspaces(states, learned.declined)
    best = most_changed(spaces, learned, lambda asked, edit: declines(vlm, asked, edit))
    return ExaminedVLM(spaces, tests, tried, best, vlm, states, learned.declined)


def scene_questions(vlm: TinyVLM, case: ExperimentCase, part: str, count: int) -> SceneQuestions:
    """Pairs about so many scenes of a part of the data, where the model does as it was taught.

    Raises:
        BadData: the data are no drawn scenes, or fewer than two pairs are left.
    """
    rows, present = scenes_of(case.data, part, count, case.seed)
    random = np.random.default_rng([case.seed, 67])
    there = [int(random.choice(np.flatnonzero(row))) if row.any() else -1 for row in present]
    absent = matched(there, present, random)
    kept = [at for at, thing in enumerate(absent) if thing >= 0]
    levels = levels_of(case.data.pixels(rows))
    prompts = [[color_question(things[at]) for at in kept] for things in (absent, there)]
    far, near = (answers(vlm, pixels_of(levels[kept]), asked) for asked in prompts)
    both = [at for at, (one, two) in enumerate(zip(far, near, strict=True))
            if one == [UNKNOWN] and is_color(two)]  # fmt: skip
    if len(both) < 2:
        raise BadData(f"{vlm.title} declines too little about these scenes: choose more of them.")
    color: Any = case.data.truth["color"][rows]
    colors = [frozenset(COLORS[one] for one in row if one >= 0) for row in color]
    order = [(side, at) for at in both for side in (0, 1)]
    said = [prompts[side][at] for side, at in order]
    places = [kept[at] for _, at in order]
    return SceneQuestions(
        levels[places], said, torch.tensor([TOKENIZER.encode(one) for one in said]),
        torch.tensor([side == 0 for side, _ in order]), [colors[at] for at in places],
    )  # fmt: skip


def matched(there: list[int], present: np.ndarray, random: np.random.Generator) -> list[int]:
    """The same things in another order, so that each is absent from its scene; −1 where none is."""
    pool = [there[at] for at in random.permutation(len(there))]
    found = []
    for row in present:
        at = next((at for at, thing in enumerate(pool) if thing >= 0 and not row[thing]), None)
        found.append(-1 if at is None else pool.pop(at))
    return found


def is_color(words: list[str]) -> bool:
    """Whether an answer is a color and nothing else: a refusal that gave way to nonsense is not."""
    return len(words) == 1 and words[0] in COLORED


def streams(
    vlm: TinyVLM, pixels: Tensor, asked: Tensor, upto: int = LAYERS, edit: Edit | None = None
) -> Tensor:
    """The residual at the question's last word, (1 + upto, N, 128): as embedded, and by layer.

    Args:
        vlm: the model.
        pixels: images (N, 3, 64, 64) in [0, 1].
        asked: a question for each, (N, L) words.
        upto: the last layer that is computed.
        edit: changes the residual after each layer.
    """
    decoder = vlm.parts.decoder
    begin = prefix(decoder, vlm.encode_image(vlm.normalize(pixels)))
    hidden = torch.cat([begin, decoder.embed(asked.to(vlm.device))], 1)
    start, length = begin.shape[1], asked.shape[1]
    by = turn(torch.arange(start + length, device=vlm.device))
    last = torch.full((len(hidden),), start + length - 1, device=vlm.device)
    kept = [hidden[:, -1]]
    for at, layer in enumerate(decoder.stack[:upto], 1):
        hidden, _ = layer.joined(hidden, mixed(layer, hidden, by, start, [(1, length)], []))
        hidden = edit(at, hidden, last) if edit else hidden
        kept.append(hidden[:, -1])
    return torch.stack(kept)


@torch.no_grad()
def declines(vlm: TinyVLM, asked: SceneQuestions, edit: Edit | None = None) -> float:
    """The share of questions whose answer begins with "unknown"."""
    return refused(vlm, asked.pixels, asked.asked, edit).float().mean().item()


@torch.no_grad()
def refused(vlm: TinyVLM, pixels: Tensor, asked: Tensor, edit: Edit | None = None) -> Tensor:
    """Which questions' answers begin with "unknown", (N,) bool."""
    logits = vlm.unembed(streams(vlm, pixels, asked, edit=edit)[-1])
    return logits.argmax(1) == REFUSED


REFUSED = TOKENIZER.encode(UNKNOWN)[0]
