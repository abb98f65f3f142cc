"""Subspace rerouting by an image: a scene is moved until a declined question is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from engine.core.keeping.memory import Memory
from engine.core.method import Choice, Progress, Slider, defaults, part_of, setting
from engine.core.result import Pictures, Result, Table
from engine.core.run import digest
from engine.evaluation.experiment import ExperimentCase, Figures
from engine.evaluation.kept_experiment import KeptExperiment
from engine.evaluation.measures.detection import auroc
from engine.evaluation.measures.levels import levels_to_pixels
from engine.hallucination.ssr_audit.directions import PAPER
from engine.hallucination.ssr_audit.examined import AT_END, AT_WORD, CAUSES, PROBES, REMOVED
from engine.hallucination.ssr_audit.image_rerouting_claims import (
    CLAIMS,
    COMPARED,
    DETECTOR_AUROC,
    EPS50,
    FIRST,
    LEVELS,
    NOISE,
    OUTPUT,
    ROUTES,
    STEPS,
    UNAWARE,
    UNSEEN,
    Route,
    color_measure,
)
from engine.hallucination.ssr_audit.image_rerouting_drawings import DRAWINGS
from engine.hallucination.ssr_audit.inside_claims import ACCURACY, CHANGE
from engine.hallucination.ssr_audit.losses import LOGIT, Goal, led_by
from engine.hallucination.ssr_audit.refusal_views import layer_measures, layer_projections
from engine.hallucination.ssr_audit.scene_questions import (
    REFUSED,
    ExaminedVLM,
    SceneQuestions,
    examined_vlm,
    is_color,
    refused,
    streams,
)
from engine.hallucination.vlm_audit.audit_pairs import SCENES
from engine.hallucination.vlm_audit.claims import half_point
from engine.hallucination.vlm_audit.defenses import JPEG, NONE, STRENGTHS, defense, disagreement
from engine.hallucination.vlm_audit.one_scene import Aim, side_by_side
from engine.hallucination.vlm_audit.perturb import Bound, Loss, Perturbed, noisy, perturbed
from engine.hallucination.vlm_audit.phrases import answers
from engine.vision.language.tiny_vlm import weights
from engine.vision.language.tiny_vlm.decoder import LAYERS
from engine.vision.language.tiny_vlm.model import TinyVLM

_MOVED: Memory[tuple[list[Perturbed], list[float]]] = Memory(4)  # unaware defenses' images too
DECLINED, ANSWERED = "declined", "answered"


@dataclass(frozen=True)
class ImageRerouting(KeptExperiment):
    """How little of an image has to change until a question it declines is answered?

    A simulation: TinyVLM is asked for the color of things in drawn scenes, and says "unknown" of
    what is not there. The *direction* of a layer points from the mean state of answered questions
    to that of declined ones, at the question's last word; a *probe* is a logistic unit on the same
    states. *Rerouting* moves the image by steps along the gradient, every value by at most ε, until
    that state lies among the answered; the question stays what it was. The image is rounded to 8
    bits and the model asked again: an answer counts when it is a color and nothing else. The thing
    is not there, so no color is right. Directions and probes learn from training scenes, are tried
    on validation scenes, and questions about test scenes are moved. Defenses are measured against
    images made without them (*behind*) and through them. The monitor is the last layer's probe,
    with 5 % false alarms; the detector asks again after JPEG and is held against usual answers with
    a color. An attack that fails proves nothing.
    """

    name = "ImageRerouting"
    family = "hallucination"
    title = "Audit: an image that leads around a refusal"
    paper = PAPER
    question = "How little of an image has to change until a question it declines is answered?"
    proof = (
        "tests/engine/hallucination/ssr_audit/test_image_rerouting.py"
        "::test_figures_are_those_of_steps_written_out"
    )
    example = defaults(asked=4, steps=5, seeds=1)
    routes: ClassVar[tuple[str, ...]] = tuple(ROUTES)
    example_constants = defaults(routes=(FIRST, OUTPUT, NOISE, UNAWARE[JPEG]), claims=())
    data = (SCENES,)
    measures = (*map(color_measure, LEVELS), EPS50, STEPS, UNSEEN, DETECTOR_AUROC, CHANGE, ACCURACY)
    charted = (color_measure(COMPARED), CHANGE, ACCURACY)
    units = MappingProxyType({EPS50: "/255", STEPS: "steps"})
    axis = "%"
    claims = CLAIMS
    drawings = DRAWINGS

    seeds: int = setting(
        3,
        Slider(1, 10, 1),
        "Seeds",
        "How often scenes and starts are drawn. One seed decides "
        "nothing: a claim is judged by its spread over seeds.",
    )
    audited: str = setting(
        weights.HONEST,
        Choice(weights.DENSE, titles={name: weights.TITLES[name] for name in weights.DENSE}),
        "Model",
        "Which TinyVLM is audited.",
    )
    asked: int = setting(
        40, Slider(4, 100, 1), "Questions", "Declined ones that are rerouted, for each seed anew."
    )
    steps: int = setting(20, Slider(5, 100, 5), "Steps", "Of each attack.")
    step: float = setting(
        1.0,
        Slider(0.25, 4.0, 0.25, "/255"),
        "Step size",
        "How far each step moves a value; a quarter of ε at most.",
    )
    alpha: float = setting(
        1.0,
        Slider(0.0, 1.5, 0.1),
        "How far to the other side",
        "The cosine with the direction that is sought, with its sign changed.",
    )
    strength: int = setting(
        3,
        Slider(1, 5, 1),
        "Strength of the defenses",
        f"Quality of JPEG and σ of the blur: {STRENGTHS}.",
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, Any]:  # noqa: ARG002
        """Ways to move the image, edits of the state, and probes."""
        return dict.fromkeys((*self.routes, *CAUSES, *PROBES))

    def before(self, case: ExperimentCase) -> str:  # noqa: ARG002
        """What is moved."""
        return (
            f"A simulation: up to {self.asked} declined questions about drawn scenes, "
            f"{len(self.routes)} ways to move the image, {len(LEVELS) - 1} sizes of change, "
            f"{self.seeds} seeds. Nothing is trained but probes; it can be stopped "
            "and resumed."
        )

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Of a way to move: answers by ε and what they cost; of an edit or a probe, its share."""
        model = examined_vlm(weights.load(self.audited), case)
        if name not in ROUTES:
            return layer_figures(model, name), {}
        what = ROUTES[name]
        questions = self.questions(model)
        changes, steps = self.moved(model, what, case, progress)
        way = defense(what.defense, self.strength)
        images = [way(levels_to_pixels(questions.levels + change.change)) for change in changes]
        replies = [answers(model.vlm, pixels, questions.prompts) for pixels in images]
        shares = [float(np.mean([is_color(words) for words in reply])) for reply in replies]
        at = LEVELS.index(COMPARED)
        with torch.no_grad():
            states = streams(model.vlm, images[at], questions.tokens)
        hits = torch.tensor([is_color(words) for words in replies[at]])
        figures = dict(zip(map(color_measure, LEVELS), shares, strict=True)) | {
            EPS50: half_point(LEVELS, shares),
            UNSEEN: (~model.stopped(states[-1]))[hits].float().mean().item(),
        }
        if what.defense == NONE:
            figures[DETECTOR_AUROC] = self.detected(model, questions, images[at], replies[at])
            figures |= {STEPS: float(np.mean(steps))} if steps else {}
        if name not in (FIRST, OUTPUT, NOISE):
            return figures, {}
        return figures, {"rerouted along": projection_table(model, name, states)}

    def questions(self, model: ExaminedVLM) -> SceneQuestions:
        """The declined questions that are moved; nothing was learned from their scenes."""
        far = model.moved.declined.nonzero()[:, 0]
        return model.moved.take(far[: self.asked])

    def moved(
        self, model: ExaminedVLM, what: Route, case: ExperimentCase, progress: Progress
    ) -> tuple[list[Perturbed], list[float]]:
        """The images at every ε, each from a start of its own; steps until each is not declined."""
        questions = self.questions(model)
        # a thousand apart: no two seeds share a start at any ε
        chances = [
            torch.Generator().manual_seed(1000 * case.seed + at) for at in range(len(LEVELS))
        ]
        if what.noise:
            changes = [
                noisy(questions.levels, epsilon, chance)
                for epsilon, chance in zip(LEVELS, chances, strict=True)
            ]
            return [Perturbed(change, np.zeros(1, np.float32)) for change in changes], []
        through = what.defense if what.through else NONE
        way, loss = defense(through, self.strength), self.loss(model, what, questions)

        def make() -> tuple[list[Perturbed], list[float]]:
            first = FirstAnswers(model.vlm, questions, self.steps)
            changes = []
            for at, (epsilon, chance) in enumerate(zip(LEVELS, chances, strict=True)):
                part = part_of(
                    progress, at / len(LEVELS), (at + 1) / len(LEVELS), lead=f"ε = {epsilon}/255"
                )
                look = first.look if epsilon == COMPARED and through == NONE else lambda *_: None
                changes.append(
                    perturbed(
                        questions.levels,
                        loss,
                        Bound(epsilon, self.steps, self.step),
                        chance,
                        (way,),
                        part,
                        look,
                        model.vlm.device,
                    )
                )
            return changes, first.steps if through == NONE else []

        layers = self.layers(model, what)
        name = f"{digest(self, case)} {model.vlm.fingerprint} {what.kind} {layers} {through}"
        return _MOVED.made(name, make)

    def layers(self, model: ExaminedVLM, what: Route) -> tuple[int, ...]:
        """Whose states are led to the other side; none for the output."""
        return {"first": (model.middle,), "last": (LAYERS,), "": ()}[what.where]

    def loss(self, model: ExaminedVLM, what: Route, questions: SceneQuestions) -> Loss:
        """What the steps lower: that the states of the layers, or the output, are a refusal's."""
        layers = self.layers(model, what)
        goal = Goal(what.kind, layers, self.alpha, model.spaces)

        def each(pixels: Tensor, rows: Tensor) -> Tensor:
            depth = max(layers, default=LAYERS)
            states = streams(model.vlm, pixels, questions.tokens[rows], depth)
            if what.kind == LOGIT:
                return led_by(model.vlm.unembed(states[-1]), REFUSED)
            return goal.inside(states)

        return each

    def detected(
        self,
        model: ExaminedVLM,
        questions: SceneQuestions,
        pixels: Tensor,
        replies: list[list[str]],
    ) -> float:
        """The detector's AUROC: rerouted answers against usual ones; NaN without any.

        Usual ones are colors too, of things that are there in the same scenes.
        """
        hits = [at for at, words in enumerate(replies) if is_color(words)]
        if not hits:
            return float("nan")
        near = (~model.moved.declined).nonzero()[:, 0]
        clean = model.moved.take(near[: len(questions.prompts)])
        clean_replies = answers(model.vlm, clean.pixels, clean.prompts)
        prompts, words = [questions.prompts[at] for at in hits], [replies[at] for at in hits]
        return auroc(
            disagreement(model.vlm, clean.pixels, clean.prompts, clean_replies),
            disagreement(model.vlm, pixels[hits], prompts, words),
        )

    def picture(self, case: ExperimentCase) -> Pictures:
        """One scene before and after, with random noise of the same size beside it."""
        model = examined_vlm(weights.load(self.audited), case)
        first = self.questions(model).take(torch.tensor([0]))
        prompt = first.prompts[0]
        words = f"“{prompt}?” There is none, and it is meant to name a color all the same"
        aim = Aim(self.loss(model, ROUTES[FIRST], first), words)
        bound = Bound(COMPARED, self.steps, self.step)
        return side_by_side(model.vlm, first.levels[0], prompt, aim, bound, case.seed)[0]

    def more(self, case: ExperimentCase) -> Result:
        """By layer: how declined and answered questions part, and what edits do."""
        model = examined_vlm(weights.load(self.audited), case)
        return {
            "rerouted strip": layer_projections(model),
            "rerouted layers": layer_measures(model, model.edits),
        }

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How many are rerouted, how many noise does, and what one direction does."""
        table: Table = result["table"]
        hit, control = (100 * table.cell(name, color_measure(COMPARED)) for name in (FIRST, NOISE))
        removal_change = 100 * table.cell(REMOVED, CHANGE)
        return (
            f"Moving each value by at most {COMPARED}/255 makes it answer {hit:.0f} % of what it "
            f"declined, noise {control:.0f} %; without one direction inside it declines "
            f"{removal_change:.0f} % less. A simulation."
        )


class FirstAnswers:
    """After how many steps each question is not declined any more; all steps where it stays so."""

    def __init__(self, vlm: TinyVLM, questions: SceneQuestions, steps: int) -> None:
        self.vlm, self.questions = vlm, questions
        self.steps = [float(steps)] * len(questions.prompts)
        self.open = torch.arange(len(questions.prompts))

    def look(self, step: int, pixels: Tensor) -> None:
        """Ask those that were declined until now about the images as they are, not rounded."""
        if not len(self.open):
            return
        still = refused(self.vlm, pixels[self.open], self.questions.tokens[self.open]).cpu()
        for row in self.open[~still].tolist():
            self.steps[row] = float(step)
        self.open = self.open[still]


def layer_figures(model: ExaminedVLM, condition: str) -> Figures:
    """What an edit changes at the best layer, or how often a probe is right on the tests."""
    if condition in CAUSES:
        unedited_share = 1.0 if condition in CAUSES[:2] else 0.0
        return {CHANGE: abs(model.edits[condition][model.best - 1] - unedited_share)}
    accuracies = {AT_WORD: model.accuracies[0], AT_END: model.accuracies[-1]}
    return {ACCURACY: accuracies.get(condition, model.shuffled)}


def projection_table(model: ExaminedVLM, name: str, states: Tensor) -> Table:
    """Where the states lie along each layer's direction: 1 as declined ones, −1 as answered ones.

    Args:
        model: as it was examined; its own tests are the first two columns.
        name: of the condition.
        states: of its questions, (1 + L, N, d).
    """

    def mean(states: Tensor) -> np.ndarray:
        # 0 is half-way between the means: either of them lies half a gap away
        half = (model.spaces.gaps / 2).clamp(min=1e-9)[:, None]
        return (model.spaces.projections(states) / half).mean(1).cpu().double().numpy()

    declined = model.tests.declined
    columns = {
        "layer": (np.arange(len(states)), ""),
        DECLINED: (mean(model.states[:, declined]), ""),
        ANSWERED: (mean(model.states[:, ~declined]), ""),
        name: (mean(states), ""),
    }
    return Table.of(columns)
