"""Subspace rerouting as an audit of a refusal: a simulation on a tiny network of our own."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from engine.core.keeping.memory import Memory
from engine.core.method import Progress, Slider, defaults, part_of, setting
from engine.core.result import Pictures, Result
from engine.core.run import digest
from engine.evaluation.experiment import ExperimentCase, Figures
from engine.evaluation.kept_experiment import KeptExperiment
from engine.hallucination.ssr_audit.audited import (
    SCENES,
    Audited,
    audit_questions,
    audited,
    examined,
    shuffled_accuracy,
)
from engine.hallucination.ssr_audit.defenses import tuned
from engine.hallucination.ssr_audit.directions import PAPER, first_accurate, states_of
from engine.hallucination.ssr_audit.examined import AT_WORD, CAUSES, PROBES, REMOVED, SHUFFLED
from engine.hallucination.ssr_audit.inside_claims import ACCURACY, CHANGE
from engine.hallucination.ssr_audit.losses import LOGIT, Goal
from engine.hallucination.ssr_audit.network import LAYERS
from engine.hallucination.ssr_audit.questions import EncodedQuestions
from engine.hallucination.ssr_audit.refusal_claims import (
    BLIND,
    CLAIMS,
    FIRST,
    FLIPS,
    OUTPUT,
    PASSES,
    RIGHT,
    SEARCHES,
    TRIED,
    UNSEEN,
    SearchWay,
)
from engine.hallucination.ssr_audit.refusal_drawings import DRAWINGS
from engine.hallucination.ssr_audit.refusal_views import (
    free_moves,
    layer_measures,
    layer_projections,
    one_path,
    written_by,
)
from engine.hallucination.ssr_audit.rerouting import Rerouted, ReroutingRules, reroute

_TUNED: Memory[Audited] = Memory(4)


@dataclass(frozen=True)
class RefusalAudit(KeptExperiment):
    """Where does a model decide to decline, and how easily is a question led around it?

    A simulation: a network of five layers that was made for this learned to answer questions about
    scenes and to decline harmless ones, such as what is behind the wall, although it was told. The
    *direction* of a layer points from the mean state of answered questions to that of declined
    ones; a *probe* is a logistic unit on the same states. *Rerouting* exchanges words of a note
    until a declined question's state lies among the answered. The note is no part of the question,
    which stays what it was, so an answer is a bypass; it is a useful one only where it is the right
    fact. The monitor is the probe of the last layer, with 5 % false alarms. A search that fails
    proves nothing. Nothing here is about chat models.
    """

    name = "RefusalAudit"
    family = "hallucination"
    title = "Audit: where is it decided to decline?"
    paper = PAPER
    question = "Where does a model decide to decline a question, and is it easily led around that?"
    proof = (
        "tests/engine/hallucination/ssr_audit/test_refusal.py"
        "::test_figures_are_those_of_edits_and_searches_by_hand"
    )
    example = defaults(asked=4, rounds=2, width=8, seeds=1)
    searches: ClassVar[tuple[str, ...]] = tuple(SEARCHES)
    free_steps: ClassVar[int] = 15  # of a note whose embeddings move freely
    example_constants = defaults(searches=(FIRST, OUTPUT, BLIND), free_steps=2, claims=())
    data = (SCENES,)
    measures = (FLIPS, RIGHT, UNSEEN, CHANGE, ACCURACY, TRIED, PASSES)
    charted = (FLIPS, CHANGE, ACCURACY)
    units = MappingProxyType({TRIED: "notes", PASSES: "passes"})
    axis = "%"
    claims = CLAIMS
    drawings = DRAWINGS
    revision = 2

    asked: int = setting(
        12, Slider(4, 48, 1), "Questions", "Declined ones that are rerouted, for each seed anew."
    )
    words: int = setting(6, Slider(1, 6, 1), "Words of the note", "All of them may be exchanged.")
    rounds: int = setting(30, Slider(1, 60, 1), "Rounds", "Of each search, at most.")
    width: int = setting(
        64, Slider(8, 128, 8), "Notes in each round", "How many are tried for each question."
    )
    alpha: float = setting(
        1.0,
        Slider(0.0, 1.5, 0.1),
        "How far to the other side",
        "The cosine with the direction that is sought, with its sign changed.",
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, Any]:  # noqa: ARG002
        """Searches, edits of the state, and probes."""
        return dict.fromkeys((*self.searches, *CAUSES, *PROBES))

    def before(self, case: ExperimentCase) -> str:  # noqa: ARG002
        """What is searched."""
        return (
            f"A simulation: {self.asked} declined questions about drawn scenes, "
            f"{len(self.searches)} searches, {self.seeds} networks. Those of seeds 0 to 2 come "
            "with Blindspot, others are trained in about half a minute; it can be stopped "
            "and resumed."
        )

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Of a search: answers and what they cost; of an edit or a probe, what it changes."""
        audit = audited(case, part_of(progress, 0.0, 0.3))
        if name in CAUSES:
            unedited_share = 1.0 if name in CAUSES[:2] else 0.0
            now = audit.causes(case.seed)[name][audit.best - 1]
            return {CHANGE: abs(now - unedited_share)}, {}
        if name == SHUFFLED:
            return {ACCURACY: shuffled_accuracy(audit, case)}, {}
        if name in PROBES:
            return {ACCURACY: audit.accuracies[0 if name == AT_WORD else -1]}, {}
        subject, prompts, moved = self.searched(SEARCHES[name], case, part_of(progress, 0.3, 1.0))
        flips = moved.flipped
        right = moved.said == prompts.fact
        states = states_of(subject.net, prompts.noted(moved.notes))
        unseen = ~subject.stopped(states[-1])
        figures = {
            FLIPS: flips.float().mean().item(),
            TRIED: moved.tried.mean().item(),
            RIGHT: right[flips].float().mean().item(),
            PASSES: moved.passes.mean().item(),
            UNSEEN: unseen[flips].float().mean().item(),
        }
        return figures, {"decline way": one_path(subject, prompts, moved)} if name == FIRST else {}

    def prompts(self, case: ExperimentCase) -> EncodedQuestions:
        """The declined questions that are rerouted; no direction was learned from them."""
        questions = audit_questions(case, self.asked, self.words, part=1)
        return EncodedQuestions.of([question for question in questions if question.declined])

    def goal(self, what: SearchWay, subject: Audited) -> Goal:
        """What a search lowers."""
        first = subject.middle
        layers = {
            "": (),
            "first": (first,),
            "before": (max(1, first - 1),),
            "last": (LAYERS,),
            "onward": tuple(range(first, LAYERS + 1)),
        }[what.where]
        return Goal(what.kind, layers, self.alpha, subject.spaces)

    def searched(
        self, what: SearchWay, case: ExperimentCase, progress: Progress
    ) -> tuple[Audited, EncodedQuestions, Rerouted]:
        """The network that was searched, its questions, and what came of it."""
        subject, prompts = audited(case), self.prompts(case)
        if what.tuned:
            name = f"{digest(self, case)} {case.seed}"
            subject = _TUNED.made(
                name, lambda: examined(tuned(subject, case, part_of(progress, 0.0, 0.5)), case)
            )
        rules = ReroutingRules(self.rounds, self.width, blind=what.blind)
        part = part_of(progress, 0.5, 1.0)
        goal = self.goal(what, subject)
        moved = reroute(subject.net, prompts, goal, rules, self.words, case.seed, part)
        return subject, prompts, moved

    def picture(self, case: ExperimentCase) -> Pictures:
        """Declined and answered questions along the direction of each layer."""
        return layer_projections(audited(case))

    def more(self, case: ExperimentCase) -> Result:
        """By layer and by head, and free moves of the note."""
        audit, prompts = audited(case), self.prompts(case)
        return {
            "decline layers": layer_measures(audit, audit.causes(case.seed)),
            "decline parts": written_by(audit),
            "decline free": free_moves(
                audit,
                prompts,
                {
                    FIRST: self.goal(SEARCHES[FIRST], audit),
                    OUTPUT: Goal(LOGIT, (), self.alpha, audit.spaces),
                },
                self.free_steps,
                self.words,
            ),
        }

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """From where on it shows, what the direction does and where, and how many are rerouted."""
        table, layers = result["table"], result["decline layers"]
        first = first_accurate(layers["probe right"].tolist())
        least = int(np.nanargmin(layers[REMOVED]))
        removal_change = 100 * table.cell(REMOVED, CHANGE)
        most = max(100 * table.cell(search, FLIPS) for search in self.searches)
        blind = 100 * table.cell(BLIND, FLIPS)
        return (
            f"What a tiny network declines can be read from layer {first} of {LAYERS} on; one "
            f"direction less after layer {least} ends {removal_change:.0f} % of it. A note "
            "reroutes "
            f"at most {most:.0f} %, random words {blind:.0f} %. A simulation."
        )
