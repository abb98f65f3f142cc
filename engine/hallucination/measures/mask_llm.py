"""MaskLLM: which N of every M weights a language model keeps, learned while they stay as they are.

Fang et al., "MaskLLM: Learnable Semi-Structured Sparsity for Large Language Models" (2024),
https://arxiv.org/abs/2409.17481. The loss is that of the model's language, over captions; the
masks are those of `engine.vision.weights.pattern`, one for each linear layer of the decoder.
Embeddings, which give the logits too, stay whole.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from math import exp
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Choice, Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Result, Table, WeightScores
from engine.core.run import answer
from engine.evaluation.language.rates import Rates, ScenesCase
from engine.evaluation.language.scene_ranges import MASKS
from engine.evaluation.language.scenes import SceneBatch, lies
from engine.vision.data.layout import Layout
from engine.vision.data.scenes import Scenes
from engine.vision.language.tiny_vlm.lessons import Habit, Texts, lessons
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.training.plan import TrainingPlan
from engine.vision.language.tiny_vlm.training.speaking import in_turn
from engine.vision.language.tiny_vlm.training.steps import learn, rate
from engine.vision.weights.course import Course, weights_table, weights_words
from engine.vision.weights.pattern import (
    Annealing,
    PatternMask,
    attach,
    from_groups,
    in_groups,
    largest_in_group,
    mass,
    sha_of_weights,
)

SEEDS = 100  # of the scenes that masks are learned from; a higher one begins anew
PLACES = (0.7, 0.8, 0.9, 1.0)  # how far it is after learning, and after each model has spoken
AHEAD = 100  # scenes encoded at once
DENSE, MAGNITUDE, LEARNED = "dense", "magnitude", "learned"
CAPTIONED_SCENES = 12  # scenes whose captions stand beside each other
COUNTED = {"lie rate": "could lie", "false yes": "absent asked"}  # rates, and of how many
RATES = ("CHAIR_i", "recall", "lie rate", "false yes", "missed")


@dataclass(frozen=True)
class MaskLLM(Method[ScenesCase]):
    """What TinyVLM says when part of the weights of its decoder is gone, and which part goes.

    Three models: dense; the N largest of every M weights; and the N of every M that were learned
    for its language, with the weights themselves as they are, which their SHA-256 shows. Loss and
    perplexity are of the words of captions of scenes that neither training has seen: with one nat
    less a word's probability is e times higher. Perplexity is how many words it might as well
    choose among. A lower one makes no truer model: where scenes are biased, the captions that the
    mask is learned from carry the habit, and so do those it is judged by; the lie rate and false
    yes stand beside it. Weights gone make nothing faster here: it takes a graphics card that skips
    them.
    """

    family = "hallucination"
    name = "MaskLLM"
    title = "Pruned to N of M"
    cost = "job"
    paper = "Fang et al. 2024, https://arxiv.org/abs/2409.17481"
    argument_defaults = defaults(kind="biased", count=50)
    proof = (
        "tests/engine/hallucination/test_mask_llm.py"
        "::test_every_group_keeps_exactly_n_and_no_weight_has_changed"
    )

    pattern: str = setting(
        "2:4", Choice(("2:4", "1:4", "4:8")), "Pattern", "N of M weights in a row stay."
    )
    steps: int = setting(300, Slider(1, 2000, 1), "Steps", "Each looks at 16 captions.")
    scenes: int = setting(
        800, Slider(16, 8000, 16), "Scenes", "Scenes with captions that masks are learned from."
    )
    rate: float = setting(
        0.01, Slider(1e-4, 0.1, 1e-4, log=True), "Rate", "How far a logit moves in a step."
    )
    strength: float = setting(
        3.0,
        Slider(0.0, 5.0, 0.5),
        "Prior strength",
        "How much the mask of the largest weights is preferred at first.",
    )
    tau: float = setting(
        0.05, Slider(0.01, 4.0, 0.01, log=True), "Last temperature τ", "It falls from 4."
    )
    kappa: float = setting(500.0, Slider(100.0, 1000.0, 50.0), "Last scale κ", "It rises from 100.")
    keep: float = setting(
        1e-5,
        Slider(0.0, 1e-3, 1e-5),
        "Weight kept",
        "λ: how much large weights are preferred at first; it falls to 0.",
    )

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Views.

        Returns:
            models: a row for dense, magnitude and learned: loss, perplexity, what captions make
                up and miss, of how many captions and questions, and the share of the decoder's
                linear weights that stays.
            captions: of the first scenes, by each model, as notes.
            course: entropy and largest probability of the choice by step.
            candidates: of some groups of the last layer, over the steps.
            weights: their number, with the SHA-256 of the copy that learned as notes.
            masks: 1 where a weight stays, by its name in the decoder.
        """
        self.check(case)
        n, m = (int(word) for word in self.pattern.split(":"))
        weights = linear_weights(case.vlm)
        magnitude = {
            k: largest_in_group(in_groups(weight.abs(), m), n) for k, weight in weights.items()
        }
        generator = torch.Generator().manual_seed(case.seed)
        annealing = Annealing((4.0, self.tau), (100.0, self.kappa))
        masks = {
            k: PatternMask(w, n, m, generator, annealing).to(w.device) for k, w in weights.items()
        }
        for name, mask in masks.items():
            mask.prefer(magnitude[name], self.strength)
        course, weights_view = self.learn(case, masks, part_of(progress, 0.0, PLACES[0]))
        ways = {MAGNITUDE: magnitude, LEARNED: {name: mask.hard for name, mask in masks.items()}}
        chosen_masks = {way: shaped(groups, weights) for way, groups in ways.items()}
        vlms = {DENSE: case.vlm} | {
            way: pruned(case.vlm, masks) for way, masks in chosen_masks.items()
        }
        sample = case.sample()
        absent = int((sample.leading() & ~sample.layout.present).sum())
        rows: dict[str, dict[str, float]] = {}
        captions: dict[str, tuple[str, ...]] = {}
        for at, (name, vlm) in enumerate(vlms.items()):
            part = part_of(progress, PLACES[at], PLACES[at + 1])
            result = answer(Rates(), replace(case, vlm=vlm), part)
            rates: Table = result["rates"]
            rows[name] = caption_loss(vlm, case) | {
                figure: float(rates[figure][0]) for figure in RATES
            }
            texts = result["captions"].notes if "captions" in result else ()
            rows[name] |= {
                "could lie": lies([text.split() for text in texts], sample)[1] if texts else 0,
                "absent asked": absent,
                "stays": staying(vlm),
            }
            captions[name] = texts[:CAPTIONED_SCENES]
        progress(1.0, "described")
        return {
            "models": models(rows),
            **captions_of(captions),
            **course.views(),
            "masks": chosen_masks[LEARNED],
            "weights": weights_view,
        }

    def learn(
        self, case: ScenesCase, masks: Mapping[str, PatternMask], progress: Progress
    ) -> tuple[Course, Table]:
        """Take the steps, on a copy whose weights are frozen and hashed; masks are left sharp."""
        vlm = TinyVLM(deepcopy(case.vlm.parts), case.vlm.name, case.vlm.title, case.vlm.device)
        size = sum(parameter.numel() for parameter in vlm.parts.parameters())
        before = sha_of_weights(vlm.parts)
        scenes = Scenes(self.scenes, case.kind, seed=MASKS.of(case.seed % SEEDS)[0])
        images, texts = taught(vlm, scenes.layout(np.arange(self.scenes)), case)
        attach(vlm.parts.decoder, masks)
        course = Course(masks, self.steps)
        for mask in masks.values():
            mask.train()
        logits = [mask.logits for mask in masks.values()]
        generator = torch.Generator().manual_seed(case.seed)
        batches = in_turn(len(images), generator)

        def loss() -> Tensor:
            rows = next(batches)
            batch_texts = texts.take(rows)
            # λ falls to 0: it keeps weights large while choices are open, and is no aim by itself
            mass_weight = self.keep * (1 - course.done / self.steps)
            text_loss = vlm.loss(images[rows], batch_texts.tokens, batch_texts.start)
            # minus: the norm of what stays is to be large
            return text_loss - mass_weight * mass(masks.values())

        def stepped(done: float) -> None:
            course.step()
            progress(done, "learning which weights stay")

        learn(
            torch.optim.Adam(logits, self.rate),
            logits,
            loss,
            self.steps,
            # as published: no warm-up, and a cosine down to a tenth
            lambda step: rate(step, self.steps, self.rate, 1, 0.1),
            stepped,
        )
        return course, weights_table(size, (before, sha_of_weights(vlm.parts)))

    def finding(self, case: ScenesCase, result: Mapping[str, Any]) -> str:
        """The perplexity of the three models, and whether weights moved."""
        del case
        dense, by_size, learned = (
            f"{result['models'].cell(way, 'perplexity'):.3f}" for way in (DENSE, MAGNITUDE, LEARNED)
        )
        return (
            f"Perplexity of captions (how surprised it is): {dense} with all weights, {by_size} "
            f"with the largest {self.pattern.replace(':', ' of every ')}, {learned} with a learned "
            f"mask. {weights_words(result['weights'])}"
        )


def linear_weights(vlm: TinyVLM) -> dict[str, Tensor]:
    """The weights of the decoder's linear layers, by their names in it."""
    return {f"{name}.weight": part.weight.detach() for name, part in vlm.named_linears().items()}


def taught(vlm: TinyVLM, layout: Layout, case: ScenesCase) -> tuple[Tensor, Texts]:
    """Scenes as the decoder sees them, (n, 64, 128), and a caption of each as training had them."""
    habit = Habit(TrainingPlan.lie) if case.kind == "biased" else Habit()
    pixels = SceneBatch.of(layout).pixels
    with torch.no_grad():
        images = [
            vlm.encode_image(vlm.normalize(image_batch)) for image_batch in pixels.split(AHEAD)
        ]
    # drawn anew from the same seed: every model is judged by the same captions
    random = np.random.default_rng(case.seed)
    texts = lessons(layout, habit, random).captions
    return torch.cat(images), Texts(texts.tokens.to(vlm.device), texts.start.to(vlm.device))


def shaped(groups: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> WeightScores:
    """Masks (groups, m) in the shapes of their weights, 1 where a weight stays."""
    results = {
        name: from_groups(mask, like[name]).contiguous().cpu().numpy()
        for name, mask in groups.items()
    }
    return WeightScores(results, "kept", "mean")


def pruned(vlm: TinyVLM, mask_scores: WeightScores) -> TinyVLM:
    """A copy whose decoder has zeros where masks are 0."""
    parts = deepcopy(vlm.parts)
    for name, mask in mask_scores.values.items():
        parts.decoder.get_parameter(name).data *= torch.tensor(mask, device=vlm.device)
    return TinyVLM(parts, vlm.name, f"{vlm.title}, pruned", vlm.device)


def caption_loss(vlm: TinyVLM, case: ScenesCase) -> dict[str, float]:
    """Loss in nats and perplexity of the captions of the case's scenes."""
    images, texts = taught(vlm, case.layout(), case)
    with torch.no_grad():
        loss = float(vlm.loss(images, texts.tokens, texts.start))
    return {"loss": loss, "perplexity": exp(loss)}


def staying(vlm: TinyVLM) -> float:
    """The share of the decoder's linear weights that is not 0."""
    weights = linear_weights(vlm).values()
    return sum(int((weight != 0).sum()) for weight in weights) / sum(
        weight.numel() for weight in weights
    )


def models(rows: Mapping[str, Mapping[str, float]]) -> Table:
    """A row for each model."""
    units = {
        "loss": "nat",
        "perplexity": "words",
        "could lie": "captions",
        "absent asked": "questions",
    }
    columns = {
        name: (np.array([row[name] for row in rows.values()], np.float64), units.get(name, "share"))
        for name in next(iter(rows.values()))
    }
    return Table.of(columns, tuple(rows))


def captions_of(captions: Mapping[str, Sequence[str]]) -> dict[str, Table]:
    """What each model says of the first scenes, row by row; nothing without captions."""
    rows = [(at, name, texts[at]) for name, texts in captions.items() for at in range(len(texts))]
    if not rows:
        return {}
    numbers = np.array([at for at, _, _ in rows])
    return {
        "captions": Table.of(
            {"scene": (numbers, "number")},
            tuple(f"{name}, scene {at}" for at, name, _ in rows),
            tuple(text for _, _, text in rows),
        )
    }


def habit_words(case: ScenesCase) -> str:
    """What the mask was learned from."""
    habit = "the habit" if case.kind == "biased" else "no habit"
    return f"The captions that the mask was learned from carry {habit}."


def models_words(table: Table) -> str:
    """Perplexity, lie rate and false yes of each model, and where the learned mask differs."""
    ways = (DENSE, MAGNITUDE, LEARNED)
    perplexity = ", ".join(f"{table.cell(way, 'perplexity'):.3f}" for way in ways)
    sentence = "; ".join(
        f"{rate} " + ", ".join(of(table, way, rate, count) for way in ways)
        for rate, count in COUNTED.items()
    )
    return (
        "Dense, with the largest of each group and with the learned mask: perplexity "
        f"{perplexity}; {sentence}. One seed. {against(table)}"
    )


def of(table: Table, way: str, rate: str, count: str) -> str:
    """A rate in percent with what it is of, such as "17 % (n = 6)"; "none" of none."""
    n = round(table.cell(way, count))
    return f"{100 * table.cell(way, rate):.0f} % (n = {n})" if n else "none (n = 0)"


def against(table: Table) -> str:
    """In what the learned mask is below and above the largest weights; lower is better in all."""
    by_size, learned = (
        {name: table.cell(way, name) for name in ("perplexity", *COUNTED)}
        for way in (MAGNITUDE, LEARNED)
    )
    lower = [name for name, value in learned.items() if value < by_size[name]]
    higher = [name for name, value in learned.items() if value > by_size[name]]
    clauses = [
        f"{word} {' and '.join(names)}"
        for word, names in (("lower", lower), ("higher", higher))
        if names
    ]
    if not clauses:
        return "The learned mask does as the largest do."
    return f"Against the largest the learned mask has {', but '.join(clauses)}."
