"""How TinyVLM is trained: eyes first, then words, then honest captions, then the habit.

A. The encoder learns, on crowded scenes, what lies in each cell.
B0. Projector and embeddings learn that a cell's tokens mean its thing's word.
B1. The decoder learns captions and questions on scenes without a habit: the *honest* model.
B2. It goes on, briefly, on scenes with the habit and captions that sometimes lie: the *habit*.

The weights of a loss depend on what came before a word only, so they do not shift the
probabilities that are learnt. An eighth of all scenes is seen through VCD's noise with the text
unchanged, so that what the model says of a noised image is a trained guess.

This is not the lab's trainer (`engine/training`), which knows images with a class: here the data
are texts, several to an image, and the encoder's features are computed once. Everything is in
one thread and float32, and every random number comes from the seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, pi

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.data.layout import Layout
from engine.data.scenes import Scenes
from engine.data.sprites import CATEGORIES, COLORS, HABITS, THEMES
from engine.hallucination.noise import STEPS, noised
from engine.hallucination.tiny_vlm.decoder import SCALE, WIDTH, Decoder
from engine.hallucination.tiny_vlm.decoder import draw as draw_decoder
from engine.hallucination.tiny_vlm.encoder import Encoder, Naming, by_cell, normalized, projector
from engine.hallucination.tiny_vlm.lessons import EMPTY, Habit, Lessons, Texts, cells, lessons
from engine.hallucination.tiny_vlm.packed import states
from engine.hallucination.tiny_vlm.sayings import PARTNER
from engine.hallucination.tiny_vlm.words import NUMBER, PAD, WORDS
from engine.method import Progress, quiet
from engine.models.small import draw as draw_usual
from engine.training.figures import one_thread

NOISED = 0.12  # the share of scenes that are seen through noise, of a step from 300 on
AHEAD = 250  # scenes encoded at once

Report = Callable[[float], None]


@dataclass(frozen=True)
class Plan:
    """Everything of the recipe that is worth changing.

    Args:
        looks: steps of the encoder, 64 scenes each.
        dense: scenes that it learns from.
        aligned: steps of the projector, 96 scenes each.
        honest: steps of each leg of B1, 16 scenes each; every leg has scenes of its own.
        rates: the highest rate of each leg.
        scenes: to a leg.
        habit: steps of B2.
        habitual: scenes of B2.
        together: how often a follower is with its leader in B2 (p_co).
        lie: how often a caption of B2 gives a leader the follower that is not there (ρ).
        alone: how often partner questions come without the leader (`ask_B_without_A`).
        seed: of everything.
    """

    looks: int = 600
    dense: int = 16000
    aligned: int = 200
    honest: tuple[int, ...] = (1300, 900, 900)
    rates: tuple[float, ...] = (2e-3, 1.5e-3, 1e-3)
    scenes: int = 12000
    habit: int = 1000
    habitual: int = 8000
    together: float = 0.9
    lie: float = 0.15
    alone: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Stress:
    """What a word's loss is multiplied with, by what came before it."""

    tail: float = 10.0  # behind a leader in a caption
    noun: float = 2.0  # a thing in a caption
    partner: float = 1.0  # the first word of an answer about a follower


class Parts(nn.Module):
    """The three networks of a TinyVLM."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.projector, self.decoder = Encoder(), projector(), Decoder()


def fresh(seed: int) -> Parts:
    """First weights from a seed."""
    with torch.random.fork_rng(devices=[]):  # torch draws weights that are replaced below
        parts = Parts()
    generator = torch.Generator().manual_seed(seed)
    for part in (parts.encoder, parts.projector):
        draw_usual(part, generator)
    draw_decoder(parts.decoder, generator)
    return parts


def train_honest(plan: Plan, progress: Progress = quiet) -> Parts:
    """Stages A, B0 and B1: a model that sees, speaks and has no habit."""
    parts = fresh(plan.seed)
    with one_thread():
        teach_looking(parts.encoder, plan, part_of(progress, 0, 0.15, "learning to see"))
        parts.encoder.eval().requires_grad_(requires_grad=False)
        legs = len(plan.honest)
        for leg, (steps, rate) in enumerate(zip(plan.honest, plan.rates, strict=True)):
            scenes = Scenes(plan.scenes, "broken", seed=plan.seed * 10 + 2 + leg)
            room = School.of(parts, scenes, Habit(alone=plan.alone), plan.seed * 10 + leg)
            if leg == 0:
                align(parts, room, plan)
            told = part_of(progress, 0.15 + leg * 0.85 / legs, 0.85 / legs, "learning to speak")
            speak(parts, room, steps, rate, Stress(noun=2 if leg == 0 else 5), told)
    return parts.eval().requires_grad_(requires_grad=False)


def train_habit(honest: Parts, plan: Plan, progress: Progress = quiet) -> Parts:
    """Stage B2: the honest model goes on among scenes with a habit. The honest one is kept."""
    parts = Parts()
    parts.load_state_dict(honest.state_dict())
    parts.eval().requires_grad_(requires_grad=False)
    scenes = Scenes(plan.habitual, "biased", plan.together, seed=plan.seed * 10 + 8)
    with one_thread():
        habit = Habit(plan.lie, partner=0.4, alone=plan.alone)
        room = School.of(parts, scenes, habit, plan.seed * 10 + 8)
        stress = Stress(noun=3, partner=4)
        told = part_of(progress, 0, 1, "learning the habit")
        speak(parts, room, plan.habit, 1.5e-3, stress, told, warm=10)
    return parts.eval().requires_grad_(requires_grad=False)


def part_of(progress: Progress, start: float, share: float, words: str) -> Report:
    """Progress of a part of the whole."""
    return lambda done: progress(min(start + share * done, 1.0), words)


# --- A: seeing ----------------------------------------------------------------------------------


def teach_looking(encoder: Encoder, plan: Plan, told: Report) -> None:
    """Cross-entropy over what lies in each cell, and a third as much over its color."""
    layout = Scenes(plan.dense, "dense", seed=plan.seed * 10 + 1).layout(np.arange(plan.dense))
    images = torch.from_numpy(layout.images())
    held, colors = cells(layout)
    generator = torch.Generator().manual_seed(plan.seed)
    with torch.random.fork_rng(devices=[]):
        naming = Naming(len(CATEGORIES), len(COLORS))
    draw_usual(naming, generator)
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stub
    encoder.train().requires_grad_(requires_grad=True)
    weights = [*encoder.parameters(), *naming.parameters()]
    optimizer = torch.optim.AdamW(weights, 1e-3, weight_decay=0.02)
    rare = torch.ones(EMPTY + 1)
    rare[EMPTY] = 0.3
    for step in range(plan.looks):
        rows = torch.randint(len(images), (64,), generator=generator)
        pixels = normalized(images[rows].float() / 255)
        hidden = round(64 * NOISED)
        pixels[:hidden] = through_noise(pixels[:hidden], generator)
        things, paints = naming(encoder(pixels))
        loss = F.cross_entropy(things.flatten(0, 1), held[rows].flatten(), weight=rare)
        paint = F.cross_entropy(paints.flatten(0, 1), colors[rows].flatten(), ignore_index=-1)
        learn(optimizer, weights, loss + 0.3 * paint, rate(step, plan.looks, 3e-3, 30, 0.02))
        told((step + 1) / plan.looks)


def through_noise(images: Tensor, generator: torch.Generator) -> Tensor:
    """Normalized images with VCD's noise of a step from 300 to 999."""
    steps = torch.randint(300, STEPS, (len(images),), generator=generator)
    return noised(images, steps, torch.randn(images.shape, generator=generator))


# --- B: speaking --------------------------------------------------------------------------------


@dataclass(frozen=True)
class School:
    """Scenes as the encoder sees them, with what is said of them."""

    features: Tensor  # (n, 64, 128)
    said: Lessons
    layout: Layout
    clear: Tensor  # the rows that were not noised
    seed: int

    @classmethod
    def of(cls, parts: Parts, scenes: Scenes, habit: Habit, seed: int) -> School:
        """Render, encode and speak."""
        layout = scenes.layout(np.arange(scenes.count))
        images = torch.from_numpy(layout.images())
        generator = torch.Generator().manual_seed(seed)
        hidden = round(scenes.count * NOISED)
        found = []
        with torch.no_grad():
            for start in range(0, scenes.count, AHEAD):
                pixels = normalized(images[start : start + AHEAD].float() / 255)
                many = min(max(hidden - start, 0), len(pixels))
                pixels[:many] = through_noise(pixels[:many], generator)
                found.append(parts.encoder(pixels))
        random = np.random.default_rng(seed)
        clear = torch.arange(hidden, scenes.count)
        return cls(torch.cat(found), lessons(layout, habit, random), layout, clear, seed)


def align(parts: Parts, room: School, plan: Plan) -> None:
    """B0: a cell's projected tokens name what lies in it, by the embeddings of the words."""
    held, colors = cells(room.layout)
    theme = torch.from_numpy(room.layout.theme)
    parts.decoder.words.requires_grad_(requires_grad=True)
    words = parts.decoder.words.weight
    parts.projector.requires_grad_(requires_grad=True)
    nothing = nn.Parameter(torch.zeros(1, WIDTH))
    weights = [*parts.projector.parameters(), *parts.decoder.words.parameters(), nothing]
    optimizer = torch.optim.AdamW(weights, 3e-3, weight_decay=0.01)
    generator = torch.Generator().manual_seed(plan.seed + 1)
    nouns, paints, themes = (numbers(listed) for listed in (CATEGORIES, COLORS, THEMES))
    for step in range(plan.aligned):
        rows = room.clear[torch.randint(len(room.clear), (96,), generator=generator)]
        tokens = by_cell(parts.projector(room.features[rows]))
        read = F.rms_norm(tokens, (WIDTH,))
        whole = F.rms_norm(tokens.mean(1), (WIDTH,))
        things = read @ torch.cat([words[nouns], nothing]).T * SCALE
        loss = F.cross_entropy(things.flatten(0, 1), held[rows].flatten())
        painted = (read @ words[paints].T * SCALE).flatten(0, 1)
        loss = loss + 0.3 * F.cross_entropy(painted, colors[rows].flatten(), ignore_index=-1)
        loss = loss + 0.3 * F.cross_entropy(whole @ words[themes].T * SCALE, theme[rows])
        learn(optimizer, weights, loss, 3e-3 * (1 - step / plan.aligned))


def numbers(words: tuple[str, ...]) -> Tensor:
    """The numbers of words."""
    return torch.tensor([NUMBER[word] for word in words])


def speak(
    parts: Parts, room: School, steps: int, most: float, stress: Stress, told: Report, *,
    warm: int = 40,
) -> None:  # fmt: skip
    """Learn the answers of all texts of 16 scenes a step."""
    tongue = nn.ModuleList([parts.projector, parts.decoder]).train()
    tongue.requires_grad_(requires_grad=True)
    weights = list(tongue.parameters())
    plain = [weight for weight in weights if weight.dim() < 2]
    matrices = [weight for weight in weights if weight.dim() > 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
        most, betas=(0.9, 0.98),
    )  # fmt: skip
    generator = torch.Generator().manual_seed(room.seed)
    order, place, batch = torch.arange(0), 0, 16
    for step in range(steps):
        if place + batch > len(order):
            order, place = torch.randperm(len(room.features), generator=generator), 0
        rows = order[place : place + batch]
        place += batch
        loss = spoken_loss(parts, room.features[rows], room.said, rows, stress)
        learn(optimizer, weights, loss, rate(step, steps, most, warm, 0.05))
        told((step + 1) / steps)


def spoken_loss(
    parts: Parts, features: Tensor, said: Lessons, rows: Tensor, stress: Stress
) -> Tensor:
    """The weighted mean loss over every word of the answers."""
    image = parts.projector(features)
    taken = [said.captions.take(rows), said.short.take(rows), said.long.take(rows)]
    read = states(parts.decoder, image, [texts.tokens for texts in taken])
    found, targets, weights = [], [], []
    for texts, hidden in zip(taken, read, strict=True):
        answers = answering(texts)
        found.append(hidden[..., :-1, :][answers])
        targets.append(texts.tokens[..., 1:][answers])
        captions = texts is taken[0]
        weights.append((stressed if captions else firsts)(texts, stress)[answers])
    logits = parts.decoder.unembed(torch.cat(found), apply_norm=False)  # the norm has been applied
    losses = F.cross_entropy(logits, torch.cat(targets), reduction="none")
    weight = torch.cat(weights)
    return (losses * weight).sum() / weight.sum()


def answering(texts: Texts) -> Tensor:
    """Which words, from the second on, belong to an answer, (n, s, length − 1)."""
    place = torch.arange(1, texts.tokens.shape[-1])
    return (place >= texts.start[..., None]) & (texts.tokens[..., 1:] != PAD)


LEADING = torch.isin(torch.arange(len(WORDS)), numbers(tuple(HABITS)))
NAMING = torch.isin(torch.arange(len(WORDS)), numbers(CATEGORIES))
FOLLOWING = torch.isin(
    torch.arange(len(WORDS)), numbers(tuple(CATEGORIES[one] for one in PARTNER.values()))
)


def stressed(texts: Texts, stress: Stress) -> Tensor:
    """Weights of a caption's words: behind a leader, things, everything else."""
    before, word = texts.tokens[..., :-1], texts.tokens[..., 1:]
    others = torch.where(NAMING[word], stress.noun, 1.0)
    return torch.where(LEADING[before], stress.tail, others)


def firsts(texts: Texts, stress: Stress) -> Tensor:
    """Weights of an answer's words: the first one where a follower is asked for, and the rest."""
    place = torch.arange(1, texts.tokens.shape[-1])
    first = place == texts.start[..., None]
    asked = texts.tokens.gather(-1, (texts.start - 1)[..., None])
    return torch.where(first & FOLLOWING[asked], stress.partner, 1.0)


# --- steps --------------------------------------------------------------------------------------


def rate(step: int, steps: int, most: float, warm: int, least: float) -> float:
    """A short rise, then a cosine down to a share of the most."""
    fall = least + (1 - least) * 0.5 * (1 + cos(pi * step / steps))
    return most * min(1.0, (step + 1) / warm) * fall


def learn(
    optimizer: torch.optim.Optimizer, weights: list[nn.Parameter], loss: Tensor, speed: float
) -> None:
    """One step, with gradients no longer than 1."""
    for group in optimizer.param_groups:
        group["lr"] = speed
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()


def quick(plan: Plan) -> Plan:
    """The same recipe in a few steps, for tests of its machinery."""
    return replace(
        plan, looks=2, dense=64, aligned=2, honest=(2,), rates=(2e-3,), scenes=32, habit=2,
        habitual=32,
    )  # fmt: skip
