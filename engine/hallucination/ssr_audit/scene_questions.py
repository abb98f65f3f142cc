"""Questions about the color of a thing in a scene; what is not there, TinyVLM declines.

"what color is the boat" gets a color where a boat is to be seen and "unknown" where none is. Every
scene is asked about one thing that is there and about one that is not, and over all scenes nearly
the same things are asked both ways: declined and answered questions have the same images and nearly
the same words, so that only the image tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from engine.core.errors import BadData
from engine.core.keeping.memory import Memory
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.measures.levels import levels_of, levels_to_pixels
from engine.hallucination.ssr_audit.directions import subspaces
from engine.hallucination.ssr_audit.examined import Examined, causes, most_changed
from engine.hallucination.ssr_audit.network import Edit
from engine.hallucination.vlm_audit.audit_pairs import UNKNOWN, scenes_of
from engine.hallucination.vlm_audit.phrases import COLORED, answers
from engine.vision.data.sprites import COLORS
from engine.vision.language.tiny_vlm.decoder import LAYERS, turn
from engine.vision.language.tiny_vlm.lessons import TOKENIZER
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.packed import prefix, prefix_attention
from engine.vision.language.tiny_vlm.sayings import color_question

LEARNED, TRIED, MOVED = 200, 50, 100  # training, validation and test scenes
SHUFFLES = 20  # of labels, for a probe that has nothing to learn
_EXAMINED: Memory[ExaminedVLM] = Memory(4)


@dataclass(frozen=True, eq=False)
class SceneQuestions:
    """Questions with their images, in pairs: a thing that is not there, and one that is.

    Args:
        levels: the images, (N, 3, 64, 64) int16.
        prompts: what is asked.
        tokens: the same in word numbers, (N, L).
        declined: which the model declines, (N,) bool.
    """

    levels: Tensor
    prompts: list[str]
    tokens: Tensor
    declined: Tensor

    @property
    def pixels(self) -> Tensor:
        """The images in [0, 1]."""
        return levels_to_pixels(self.levels)

    def take(self, rows: Tensor) -> SceneQuestions:
        """Some of them."""
        at = rows.tolist()
        return SceneQuestions(
            self.levels[at], [self.prompts[row] for row in at], self.tokens[at], self.declined[at]
        )


@dataclass(frozen=True, eq=False)
class ExaminedVLM(Examined[SceneQuestions]):
    """A TinyVLM, examined: it is tried on validation scenes, and test scenes are left to move.

    Args:
        vlm: the model; nothing of it changes.
        moved: pairs about test scenes, of which nothing was learned.
        edits: by layer from 1 on, the share that is declined with each kind of edit.
        shuffled: how often the last layer's probe is right on the tests if its labels were
            shuffled, the mean over several times.
    """

    vlm: TinyVLM
    moved: SceneQuestions
    edits: Mapping[str, list[float]]
    shuffled: float


def examined_vlm(vlm: TinyVLM, case: ExperimentCase) -> ExaminedVLM:
    """Directions and probes of the training scenes, tried on validation scenes; made once.

    Raises:
        BadData: the data are no drawn scenes, or the model declines too little about them.
    """
    name = f"{case.fingerprint} {vlm.fingerprint}"
    return _EXAMINED.made(name, lambda: _examined(vlm, case))


@torch.no_grad()
def _examined(vlm: TinyVLM, case: ExperimentCase) -> ExaminedVLM:
    learned, tests, moved = (
        scene_questions(vlm, case, part, count)
        for part, count in (("train", LEARNED), ("validation", TRIED), ("test", MOVED))
    )
    states, tried = (
        streams(vlm, questions.pixels, questions.tokens) for questions in (learned, tests)
    )
    spaces, share_declined = subspaces(states, learned.declined), partial(declines, vlm)
    best = most_changed(spaces, learned, share_declined)
    examination = Examined(spaces, tests, tried, best)
    generator = torch.Generator().manual_seed(case.seed)
    orders = [torch.randperm(len(learned.prompts), generator=generator) for _ in range(SHUFFLES)]
    null = [
        subspaces(states[-1:], learned.declined[order]).accuracies(tried[-1:], tests.declined)[0]
        for order in orders
    ]
    edits = causes(examination, share_declined, case.seed)
    return ExaminedVLM(spaces, tests, tried, best, vlm, moved, edits, float(np.mean(null)))


def scene_questions(vlm: TinyVLM, case: ExperimentCase, part: str, count: int) -> SceneQuestions:
    """Pairs about so many scenes of a part of the data, where the model answers as it was taught.

    Raises:
        BadData: the data are no drawn scenes, or fewer than two pairs are left.
    """
    rows, presence = scenes_of(case.data, part, count, case.seed)
    random = np.random.default_rng([case.seed, 67])
    present = [int(random.choice(np.flatnonzero(row))) if row.any() else -1 for row in presence]
    # the same things on both sides: the word alone must not tell what is declined
    absent = matched(present, presence, random)
    indices = [at for at, pair in enumerate(zip(absent, present, strict=True)) if min(pair) >= 0]
    levels, color = levels_of(case.data.pixels(rows)), case.data.truth["color"][rows]
    prompts = [
        [color_question(categories[at]) for at in indices] for categories in (absent, present)
    ]
    replies = [answers(vlm, levels_to_pixels(levels[indices]), questions) for questions in prompts]
    colors = [[COLORS[color[at, present[at]]]] for at in indices]
    as_taught = [
        at
        for at, right in enumerate(colors)
        if replies[0][at] == [UNKNOWN] and replies[1][at] == right
    ]
    if len(as_taught) < 2:
        raise BadData(f"{vlm.title} declines too little about these scenes: choose more of them.")
    # both of a pair or none: as many are declined as answered
    order = [(side, at) for at in as_taught for side in (0, 1)]
    questions = [prompts[side][at] for side, at in order]
    return SceneQuestions(
        levels[[indices[at] for _, at in order]],
        questions,
        torch.tensor([TOKENIZER.encode(question) for question in questions]),
        torch.tensor([side == 0 for side, _ in order], device=vlm.device),
    )


def matched(categories: list[int], presence: np.ndarray, random: np.random.Generator) -> list[int]:
    """The same things in another order, so that each is absent from its scene.

    Args:
        categories: the thing of each scene; −1 for a scene without any.
        presence: which things each scene holds, (n, 16) bool.
        random: of the order.

    Returns:
        A thing for each scene; −1 where none is left that is absent.
    """
    pool = [categories[at] for at in random.permutation(len(categories))]
    chosen = []
    for row in presence:
        at = next(
            (at for at, category in enumerate(pool) if category >= 0 and not row[category]), None
        )
        chosen.append(-1 if at is None else pool.pop(at))
    return chosen


def is_color(words: list[str]) -> bool:
    """Whether an answer is a color and nothing else: a refusal that gave way to nonsense is not."""
    return len(words) == 1 and words[0] in COLORED


def streams(
    vlm: TinyVLM, pixels: Tensor, tokens: Tensor, upto: int = LAYERS, edit: Edit | None = None
) -> Tensor:
    """The residual at the question's last word, (1 + upto, N, 128): as embedded, and by layer.

    Args:
        vlm: the model.
        pixels: images (N, 3, 64, 64) in [0, 1].
        tokens: a question for each, (N, L) word numbers.
        upto: the last layer that is computed.
        edit: changes the residual after each layer.
    """
    decoder = vlm.parts.decoder
    begin = prefix(decoder, vlm.encode_image(vlm.normalize(pixels)))
    hidden = torch.cat([begin, decoder.embed(tokens.to(vlm.device))], 1)
    start, length = begin.shape[1], tokens.shape[1]
    by = turn(torch.arange(start + length, device=vlm.device))
    last = torch.full((len(hidden),), start + length - 1, device=vlm.device)
    states = [hidden[:, -1]]
    for at, layer in enumerate(decoder.stack[:upto], 1):
        hidden, _ = layer.joined(
            hidden, prefix_attention(layer, hidden, by, start, [(1, length)], [])
        )
        hidden = edit(at, hidden, last) if edit else hidden
        states.append(hidden[:, -1])
    return torch.stack(states)


@torch.no_grad()
def declines(vlm: TinyVLM, questions: SceneQuestions, edit: Edit | None = None) -> float:
    """The share of questions whose answer begins with "unknown"."""
    return refused(vlm, questions.pixels, questions.tokens, edit).float().mean().item()


@torch.no_grad()
def refused(vlm: TinyVLM, pixels: Tensor, tokens: Tensor, edit: Edit | None = None) -> Tensor:
    """Which questions' answers begin with "unknown", (N,) bool."""
    logits = vlm.unembed(streams(vlm, pixels, tokens, edit=edit)[-1])
    return logits.argmax(1) == REFUSED


REFUSED = TOKENIZER.encode(UNKNOWN)[0]
