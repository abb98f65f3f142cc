"""Subspace rerouting by an image: a scene is moved until a declined question is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.experiment import Experiment, ExperimentCase, Figures
from engine.hallucination.experiments.audit_claims import half_point
from engine.hallucination.experiments.audit_pairs import SCENES
from engine.hallucination.experiments.defenses import STRENGTHS, defense, disagreement
from engine.hallucination.experiments.image_rerouting_claims import (
    ACCURACY,
    AT_END,
    AT_WORD,
    CHANGE,
    CLAIMS,
    EPS50,
    FIRST,
    FOUND,
    IN_SCENE,
    LEVELS,
    MIDDLE,
    NOISE,
    OUTPUT,
    PROBES,
    ROUTES,
    SHUFFLED,
    STEPS,
    UNSEEN,
    Route,
    answered,
)
from engine.hallucination.experiments.one_scene import Aim, side_by_side
from engine.hallucination.experiments.perturb import (
    Bound,
    Loss,
    Perturbed,
    as_it_is,
    noisy,
    perturbed,
)
from engine.hallucination.experiments.phrases import answers
from engine.hallucination.experiments.refusal_views import by_layer, strip
from engine.hallucination.experiments.scene_questions import (
    REFUSED,
    ExaminedVLM,
    SceneQuestions,
    examined_vlm,
    is_color,
    refused,
    streams,
)
from engine.hallucination.refusal.directions import PAPER
from engine.hallucination.refusal.examined import CAUSES, REMOVED
from engine.hallucination.refusal.losses import LOGIT, Goal, led_by
from engine.hallucination.tiny_vlm import weights
from engine.hallucination.tiny_vlm.decoder import LAYERS
from engine.keeping.memory import Memory
from engine.measures.detection import auroc
from engine.measures.levels import pixels_of
from engine.method import Choice, Progress, Slider, defaults, part_of, setting
from engine.result import Pictures, Result, Table, View
from engine.run import digest

_MOVED: Memory[tuple[list[Perturbed], list[float]]] = Memory(4)  # unaware defenses' images too
DECLINED, ANSWERED = "declined", "answered"


@dataclass(frozen=True)
class ImageRerouting(Experiment):
    """How little of an image has to change until a question it declines is answered?

    A simulation: TinyVLM is asked for the color of things in drawn scenes, and says "unknown" of
    what is not there. The *direction* of a layer points from the mean state of answered questions
    to that of declined ones, at the question's last word; a *probe* is a logistic unit on the same
    states. *Rerouting* moves the image by steps along the gradient, every value by at most ε, until
    that state lies among the answered; the question stays what it was. The image is rounded to 8
    bits and the model asked again: an answer counts when it is a color and nothing else. The thing
    is not there, so no color is right. Defenses are measured against images made without them
    (*behind*) and through them. The monitor is the last layer's probe, with 5 % false alarms; the
    detector asks again after JPEG. An attack that fails proves nothing.
    """

    name = "ImageRerouting"
    family = "hallucination"
    title = "Audit: an image that leads around a refusal"
    paper = PAPER
    question = "How little of an image has to change until a question it declines is answered?"
    proof = (
        "tests/engine/hallucination/experiments/test_image_rerouting.py"
        "::test_figures_are_those_of_steps_written_out"
    )
    data = (SCENES,)
    argument_defaults = defaults(data=SCENES)
    measures = (
        *map(answered, LEVELS), EPS50, STEPS, IN_SCENE, UNSEEN, FOUND, CHANGE, ACCURACY,
    )  # fmt: skip
    charted = (answered(MIDDLE), CHANGE, ACCURACY)
    units = MappingProxyType({EPS50: "/255", STEPS: "steps"})
    axis = "%"
    claims = CLAIMS

    audited: str = setting(
        weights.HONEST,
        Choice(weights.DENSE, titles={one: weights.TITLES[one] for one in weights.DENSE}),
        "Model", "Which TinyVLM is audited.",
    )  # fmt: skip
    asked: int = setting(
        40, Slider(4, 100, 1), "Questions", "Declined ones that are rerouted, for each seed anew."
    )
    steps: int = setting(20, Slider(5, 100, 5), "Steps", "Of each attack.")
    step: float = setting(
        1.0, Slider(0.25, 4.0, 0.25, "/255"), "Step size",
        "How far each step moves a value; a quarter of ε at most.",
    )  # fmt: skip
    alpha: float = setting(
        1.0, Slider(0.0, 1.5, 0.1), "How far to the other side",
        "The cosine with the direction that is sought, with its sign changed.",
    )  # fmt: skip
    strength: int = setting(
        3, Slider(1, 5, 1), "Strength of the defenses",
        f"Quality of JPEG and σ of the blur: {STRENGTHS}.",
    )  # fmt: skip

    def conditions(self, case: ExperimentCase) -> Mapping[str, Route | None]:  # noqa: ARG002
        """Ways to move the image, edits of the state, and probes."""
        return {**ROUTES, **dict.fromkeys((*CAUSES, *PROBES))}

    def before(self, case: ExperimentCase) -> str:  # noqa: ARG002
        """What is moved."""
        return (
            f"A simulation: up to {self.asked} declined questions about drawn scenes, "
            f"{len(ROUTES)} ways to move the image, {len(LEVELS) - 1} sizes of change, "
            f"{self.seeds} seeds. Nothing is trained but probes; it can be stopped."
        )

    def figures(
        self, condition: str, what: Route | None, case: ExperimentCase, progress: Progress,
        views: dict[str, View],
    ) -> Figures:  # fmt: skip
        """Of a way to move: answers by ε and what they cost; of an edit or a probe, its share."""
        one = examined_vlm(weights.load(self.audited), case)
        found = dict.fromkeys(self.measures, float("nan"))
        if condition in CAUSES:
            usual = 1.0 if condition in CAUSES[:2] else 0.0
            return found | {CHANGE: abs(one.causes(case.seed)[condition][one.best - 1] - usual)}
        if condition in PROBES:
            told = {AT_WORD: one.accuracies[0], AT_END: one.accuracies[-1]}
            right = one.shuffled(case.seed) if condition == SHUFFLED else told[condition]
            return found | {ACCURACY: right}
        assert what is not None  # noqa: S101  # what is left are ways to move
        far = self.questions(one)
        moved, steps = self.moved(one, what, case, progress)
        way = defense(what.defense, self.strength)
        shown = [way(pixels_of(far.levels + each.change)) for each in moved]
        said = [answers(one.vlm, pixels, far.prompts) for pixels in shown]
        hits = [np.array([is_color(words) for words in each]) for each in said]
        shares = [float(each.mean()) for each in hits]
        at = LEVELS.index(MIDDLE)
        with torch.no_grad():
            last = streams(one.vlm, shown[at], far.asked)
        if condition in (FIRST, OUTPUT, NOISE):
            views["rerouted along"] = along(one, views.get("rerouted along"), condition, last)
        mine, unseen = hits[at], ~one.stopped(last[-1]).cpu().numpy()
        own = [words[0] in colors for words, colors in zip(said[at], far.colors, strict=True)]
        return found | dict(zip(map(answered, LEVELS), shares, strict=True)) | {
            EPS50: half_point(LEVELS, shares),
            STEPS: float(np.mean(steps)) if steps else float("nan"),
            IN_SCENE: share_of(own, mine), UNSEEN: share_of(unseen, mine),
            FOUND: float("nan") if what.defense != "none" else self.found(
                one, far, shown[at], said[at], mine | what.noise
            ),
        }  # fmt: skip

    def questions(self, one: ExaminedVLM) -> SceneQuestions:
        """The declined questions that are rerouted; no direction was learned from them."""
        far = one.far
        return far.take(torch.arange(min(self.asked, len(far.prompts))))

    def moved(
        self, one: ExaminedVLM, what: Route, case: ExperimentCase, progress: Progress
    ) -> tuple[list[Perturbed], list[float]]:
        """The images at every ε, each from a start of its own; the steps until each is answered."""
        far = self.questions(one)
        chances = [torch.Generator().manual_seed(1000 * case.seed + at)
                   for at in range(len(LEVELS))]  # fmt: skip
        if what.noise:
            changes = [noisy(far.levels, epsilon, chance)
                       for epsilon, chance in zip(LEVELS, chances, strict=True)]  # fmt: skip
            return [Perturbed(each, np.zeros(1, np.float32)) for each in changes], []
        inside = what.defense if what.through else ""
        way = defense(what.defense, self.strength) if what.through else as_it_is

        def make() -> tuple[list[Perturbed], list[float]]:
            first = FirstAnswers(one, far, self.steps)
            found = []
            for at, (epsilon, chance) in enumerate(zip(LEVELS, chances, strict=True)):
                part = part_of(progress, at / len(LEVELS), (at + 1) / len(LEVELS),
                               lead=f"ε = {epsilon}/255")  # fmt: skip
                look = first.look if epsilon == MIDDLE and not inside else lambda *_: None
                found.append(perturbed(
                    far.levels, self.loss(one, what, far), Bound(epsilon, self.steps, self.step),
                    chance, (way,), part, look, one.vlm.device,
                ))  # fmt: skip
            return found, [] if inside else first.steps

        name = f"{digest(self, case)} {one.vlm.fingerprint} {what.kind} {what.where} {inside}"
        return _MOVED.made(name, make)

    def loss(self, one: ExaminedVLM, what: Route, far: SceneQuestions) -> Loss:
        """What the steps lower: that the states of the layers, or the output, are a refusal's."""
        layers = {"first": (one.middle,), "last": (LAYERS,), "": ()}[what.where]
        goal = Goal(what.kind, layers, self.alpha, one.spaces)

        def each(pixels: Tensor, rows: Tensor) -> Tensor:
            states = streams(one.vlm, pixels, far.asked[rows], max(layers, default=LAYERS))
            if what.kind == LOGIT:
                return led_by(one.vlm.unembed(states[-1]), REFUSED)
            return goal.inside(states)

        return each

    def found(
        self, one: ExaminedVLM, far: SceneQuestions, pixels: Tensor, said: list[list[str]],
        which: np.ndarray,
    ) -> float:  # fmt: skip
        """AUROC of the detector between clean images and some of those moved; NaN of none."""
        if not which.any():
            return float("nan")
        clean = answers(one.vlm, far.pixels, far.prompts)
        known = disagreement(one.vlm, far.pixels, far.prompts, clean)
        return auroc(known, disagreement(one.vlm, pixels, far.prompts, said)[which])

    def picture(self, case: ExperimentCase) -> Pictures:
        """One scene before and after, with random noise of the same size beside it."""
        one = examined_vlm(weights.load(self.audited), case)
        first = self.questions(one).take(torch.tensor([0]))
        prompt = first.prompts[0]
        words = f"“{prompt}?” There is none, and it is meant to name a color all the same"
        aim = Aim(self.loss(one, ROUTES[FIRST], first), words)
        bound = Bound(MIDDLE, self.steps, self.step)
        return side_by_side(one.vlm, first.levels[0], prompt, aim, bound, case.seed)[0]

    def more(self, case: ExperimentCase) -> Result:
        """By layer: how declined and answered questions part, and what edits do."""
        one = examined_vlm(weights.load(self.audited), case)
        return {
            "rerouted strip": strip(one), "rerouted layers": by_layer(one, one.causes(case.seed)),
        }  # fmt: skip

    def finding(self, case: ExperimentCase, found: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How many are rerouted, how many noise does, and what one direction does."""
        table: Table = found["table"]
        hit, control = (100 * table.cell(name, answered(MIDDLE)) for name in (FIRST, NOISE))
        gone = 100 * table.cell(REMOVED, CHANGE)
        return (
            f"Moving each value by at most {MIDDLE}/255 makes it answer {hit:.0f} % of what it "
            f"declined, noise {control:.0f} %; without one direction inside it declines "
            f"{gone:.0f} % less. A simulation."
        )


class FirstAnswers:
    """After how many steps each question is no longer declined; all steps where it stays so."""

    def __init__(self, one: ExaminedVLM, far: SceneQuestions, steps: int) -> None:
        self.one, self.far = one, far
        self.steps = [float(steps)] * len(far.prompts)
        self.open = torch.arange(len(far.prompts))

    def look(self, step: int, pixels: Tensor) -> None:
        """Ask those that were declined until now about the images as they are."""
        if not len(self.open):
            return
        still = refused(self.one.vlm, pixels[self.open], self.far.asked[self.open]).cpu()
        for row in self.open[~still].tolist():
            self.steps[row] = float(step)
        self.open = self.open[still]


def share_of(these: Any, among: np.ndarray) -> float:
    """How many of some are these; NaN of none."""
    return float(np.asarray(these)[among].mean()) if among.any() else float("nan")


def along(one: ExaminedVLM, before: Any, name: str, states: Tensor) -> Table:
    """Where the states lie along each layer's direction: 1 as declined ones, −1 as answered ones.

    Args:
        one: the model, examined; its own tests are the first two columns.
        before: the table with the conditions so far, or None.
        name: of the condition.
        states: of its questions, (1 + L, N, d).
    """

    def mean(held: Tensor) -> np.ndarray:
        half = (one.spaces.gaps / 2).clamp(min=1e-9)[:, None]
        return (one.spaces.projections(held.cpu()) / half).mean(1).double().numpy()

    if before is None:
        columns = {
            "layer": (np.arange(len(states)), ""),
            DECLINED: (mean(one.states[:, one.tests.declined]), ""),
            ANSWERED: (mean(one.states[:, ~one.tests.declined]), ""),
        }  # fmt: skip
    else:
        columns = {each: (before[each], "") for each in before.order}
    return Table.of({**columns, name: (mean(states), "")})
