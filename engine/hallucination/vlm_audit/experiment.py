"""A visual-perturbation audit of TinyVLM: how little of an image has to change for a phrase."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch

from engine.core.keeping.memory import Memory
from engine.core.method import Choice, Progress, Slider, defaults, part_of, setting
from engine.core.result import Pictures, Result, Table, View
from engine.core.run import digest
from engine.evaluation.experiment import ExperimentCase, Figures
from engine.evaluation.kept_experiment import KeptExperiment
from engine.evaluation.measures.detection import auroc
from engine.evaluation.measures.levels import levels_to_pixels
from engine.hallucination.vlm_audit.audit_pairs import (
    SCENES,
    AuditPairs,
    declined_pairs,
    described_pairs,
    sample_scenes,
    still_named,
)
from engine.hallucination.vlm_audit.claims import (
    AWARE,
    CLAIMS,
    DETECTOR_AUROC,
    ELSE,
    EPS50,
    LEVELS,
    MIDDLE,
    NAMED,
    NOISE,
    PLAIN,
    WAYS,
    AuditWay,
    half_point,
    success,
)
from engine.hallucination.vlm_audit.defenses import DETECTOR, JPEG, STRENGTHS, defense, disagreement
from engine.hallucination.vlm_audit.drawings import DRAWINGS
from engine.hallucination.vlm_audit.one_scene import side_by_side, towards
from engine.hallucination.vlm_audit.perturb import (
    PAPER,
    Bound,
    Perturbed,
    as_it_is,
    noisy,
    of_phrases,
    perturbed,
)
from engine.hallucination.vlm_audit.phrases import PHRASES, answers, losses, matches_phrase
from engine.vision.language.tiny_vlm import weights
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.sayings import PROMPTS

AGAIN = PROMPTS["overall"]  # the other prompt
_ATTACKED: Memory[list[Perturbed]] = Memory(2)  # a condition's images are another's too


@dataclass(frozen=True)
class VisualAudit(KeptExperiment):
    """How little of an image has to change until a model says a phrase of the auditor's?

    A simulation: the model is TinyVLM, which comes with Blindspot, and the phrases are a fixed list
    of harmless ones in its own words. Each image is moved towards each phrase by steps along the
    gradient, every value by at most ε, from a start of its own for each ε; then it is rounded to 8
    bits and the model is asked again. A trial *succeeds* when greedy decoding gives exactly the
    phrase and nothing else. ε50 is where half of them do. Random noise of the same size is the
    control. A defense (JPEG, blur) is measured twice: against images made without it, and against
    images made through it, since only the second says what it is worth. The detector looks twice,
    the second time at a JPEG copy, and asks how much less likely its own answer has become. An
    attack that fails proves nothing: another one may succeed.
    """

    name = "VisualAudit"
    family = "hallucination"
    title = "Audit: how much change until it says a phrase?"
    paper = PAPER
    question = "How little of an image has to change until the model says what it is meant to?"
    proof = (
        "tests/engine/hallucination/vlm_audit/test_audit.py"
        "::test_figures_are_those_of_steps_written_out"
    )
    example = defaults(images=2, targets=1, steps=10, seeds=1)
    attacks: ClassVar[tuple[str, ...]] = tuple(WAYS)
    example_constants = defaults(attacks=(PLAIN, NOISE, AWARE[JPEG]), claims=())
    data = (SCENES,)
    measures = (*map(success, LEVELS), EPS50, NAMED, DETECTOR_AUROC, ELSE)
    charted = (success(MIDDLE), NAMED)
    units = MappingProxyType({EPS50: "/255"})
    axis = "%"
    claims = CLAIMS
    drawings = DRAWINGS

    audited: str = setting(
        weights.HONEST,
        Choice(weights.DENSE, titles={name: weights.TITLES[name] for name in weights.DENSE}),
        "Model",
        "Which TinyVLM is audited.",
    )
    images: int = setting(16, Slider(2, 64, 1), "Images", "How many scenes, for each seed anew.")
    targets: int = setting(
        4, Slider(1, 8, 1), "Phrases", "How many of the list each image is moved towards."
    )
    steps: int = setting(20, Slider(10, 500, 10), "Steps", "Of each attack.")
    step: float = setting(
        1.0,
        Slider(0.5, 4.0, 0.5, "/255"),
        "Step size",
        "How far each step moves a value; a quarter of ε at most.",
    )
    strength: int = setting(
        3,
        Slider(1, 5, 1),
        "Strength of the defenses",
        f"Quality of JPEG and σ of the blur: {STRENGTHS}.",
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, AuditWay]:  # noqa: ARG002
        """With and without defenses, by an attacker who knows them or not; and noise."""
        return {name: WAYS[name] for name in self.attacks}

    def before(self, case: ExperimentCase) -> str:  # noqa: ARG002
        """What is attacked."""
        return (
            f"A simulation: {self.images} drawn scenes × {self.targets} harmless phrases, "
            f"{len(LEVELS) - 1} sizes of change, {self.seeds} seeds. Nothing is trained; it can be "
            "stopped and resumed."
        )

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Success at every ε, where it reaches one half, what is still named and what is found."""
        what = WAYS[name]
        vlm = weights.load(self.audited)
        pairs = (
            declined_pairs(vlm, case, self.images, self.targets)
            if what.declined
            else (described_pairs(case, self.images, self.targets))
        )
        moved = self.moved(vlm, pairs, what, case, part_of(progress, 0.0, 0.8))
        way = defense(what.defense, self.strength)
        shares, named, nats, replies = [], [], [], []
        for at, perturbation in enumerate(moved):
            pixels = way(levels_to_pixels(pairs.levels + perturbation.change))
            replies.append(answers(vlm, pixels, pairs.prompts))
            shares.append(float(np.mean(matches_phrase(replies[-1], pairs.phrases))))
            named.append(still_named(replies[-1], pairs))
            with torch.no_grad():
                nats.append(losses(vlm, pixels, pairs.wanted).mean().item())
            part_of(progress, 0.8, 1.0)((at + 1) / len(moved), "asking")
        columns = {"nats": (nats, "nat"), "named": (named, "share")}
        views: dict[str, View] = {
            view: Table.of({"ε": (np.array(LEVELS, np.float64), "/255"), name: column})
            for view, column in columns.items()
        }
        if name == PLAIN:
            views["steps"] = traces(moved)
        at = LEVELS.index(MIDDLE)
        results = dict(zip(map(success, LEVELS), shares, strict=True))
        return results | {
            EPS50: half_point(LEVELS, shares),
            NAMED: named[at],
            DETECTOR_AUROC: self.found(vlm, pairs, moved[at], replies[at], what),
            ELSE: self.said_again(vlm, pairs, moved[at], what),
        }, views

    def moved(
        self,
        vlm: TinyVLM,
        pairs: AuditPairs,
        what: AuditWay,
        case: ExperimentCase,
        progress: Progress,
    ) -> list[Perturbed]:
        """The images at every ε, each from a start of its own."""
        inside = what.defense if what.through else "detector" if what.evades else ""
        ways = [defense(what.defense, self.strength)] if what.through else [as_it_is]
        ways += [defense(*DETECTOR)] if what.evades else []

        loss = of_phrases(vlm, pairs.wanted)

        def make() -> list[Perturbed]:
            results = []
            for at, epsilon in enumerate(LEVELS):
                # a thousand apart: no two seeds share a start at any ε
                generator = torch.Generator().manual_seed(1000 * case.seed + at)
                part = part_of(
                    progress, at / len(LEVELS), (at + 1) / len(LEVELS), lead=f"ε = {epsilon}/255"
                )
                if what.noise:
                    change = noisy(pairs.levels, epsilon, generator)
                    results.append(Perturbed(change, np.zeros(1, np.float32)))
                else:
                    bound = Bound(epsilon, self.steps, self.step)
                    results.append(
                        perturbed(
                            pairs.levels, loss, bound, generator, ways, part, device=vlm.device
                        )
                    )
            return results

        if what.noise:
            return make()
        name = f"{digest(self, case)} {vlm.fingerprint} {inside} {what.declined}"
        return _ATTACKED.made(name, make)

    def found(
        self,
        vlm: TinyVLM,
        pairs: AuditPairs,
        moved: Perturbed,
        replies: list[list[str]],
        what: AuditWay,
    ) -> float:
        """AUROC of the detector between clean images and those that succeeded; NaN of none."""
        hits = np.array(matches_phrase(replies, pairs.phrases))
        if what.defense != "none" or what.declined or not (hits.any() or what.noise):
            return float("nan")
        clean = levels_to_pixels(pairs.levels[pairs.first])
        prompts = [pairs.prompts[row] for row in pairs.first]
        clean_scores = disagreement(vlm, clean, prompts, answers(vlm, clean, prompts))
        changed = levels_to_pixels(pairs.levels + moved.change)
        scores = disagreement(vlm, changed, pairs.prompts, replies)
        return auroc(clean_scores, scores if what.noise else scores[hits])

    def said_again(
        self, vlm: TinyVLM, pairs: AuditPairs, moved: Perturbed, what: AuditWay
    ) -> float:
        """How many say the phrase to another prompt too, for which they were not made."""
        if what.declined:
            return float("nan")
        pixels = defense(what.defense, self.strength)(levels_to_pixels(pairs.levels + moved.change))
        return float(
            np.mean(matches_phrase(answers(vlm, pixels, [AGAIN] * len(pixels)), pairs.phrases))
        )

    def picture(self, case: ExperimentCase) -> Pictures:
        """One image before and after, with random noise of the same size beside it."""
        levels = sample_scenes(case, 1)[0][0]
        bound = Bound(MIDDLE, self.steps, self.step)
        vlm = weights.load(self.audited)
        prompt = PROMPTS["image"]
        aim = towards(vlm, prompt, PHRASES[0])
        return side_by_side(vlm, levels, prompt, aim, bound, case.seed)[0]

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How many succeed, how many do with noise, and that it is a simulation."""
        table: Table = result["table"]
        hit, control = (100 * table.cell(name, success(MIDDLE)) for name in (PLAIN, NOISE))
        return (
            f"Moving each value by at most {MIDDLE}/255 brings the phrase in {hit:.0f} % of "
            f"trials, noise in {control:.0f} %. A simulation."
        )


def traces(moved: Sequence[Perturbed]) -> Table:
    """The mean loss by step, a column for each ε above 0."""
    columns = {
        f"ε = {epsilon}/255": (perturbation.trace, "nat")
        for epsilon, perturbation in zip(LEVELS, moved, strict=True)
        if epsilon
    }
    steps = np.arange(len(moved[-1].trace), dtype=np.float32)
    return Table.of({"step": (steps, "")} | columns)
