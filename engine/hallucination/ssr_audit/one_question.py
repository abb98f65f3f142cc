"""One question to the network of the refusal audit: the direction on a dial, and rerouting."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.method import (
    Choice,
    Method,
    Progress,
    Slider,
    Switch,
    defaults,
    part_of,
    quiet,
    setting,
)
from engine.core.result import Curve, Result, Table
from engine.evaluation.experiment import ExperimentCase
from engine.hallucination.ssr_audit.audited import SCENES, Audited, audit_questions, audited
from engine.hallucination.ssr_audit.directions import PAPER, add_direction, states_of
from engine.hallucination.ssr_audit.losses import LOGIT, PROBE, STEER, Goal
from engine.hallucination.ssr_audit.network import LAYERS, Edit
from engine.hallucination.ssr_audit.questions import (
    DECLINE,
    WORDS,
    EncodedQuestions,
    SceneQuestion,
    note_of,
)
from engine.hallucination.ssr_audit.rerouting import ReroutingRules, reroute

OFFERED = 50  # pairs of questions
PLAIN, EDITED, REROUTED = "as it is", "with the dial", "rerouted"
SERIES = {name: name for name in (PLAIN, EDITED, REROUTED)}
CHART_WORDS = 3  # words in the chart


@dataclass(frozen=True)
class DeclinedQuestion(Method[ExperimentCase]):
    """One question about a scene, with one direction of the network on a dial.

    A simulation on a tiny network that was made for it. The dial adds the direction of a layer to
    the state of the last word there, in shares of how far the means of declined and answered
    questions lie apart: to the right it is pushed to DECLINE, to the left away from it. Rerouting
    leaves the network alone and exchanges the words of the note.
    """

    name = "DeclinedQuestion"
    family = "hallucination"
    title = "A question, a direction, a note"
    cost = "wait"
    paper = PAPER
    argument_defaults = defaults(data=SCENES)
    proof = (
        "tests/engine/hallucination/vlm_audit/test_one_scene.py"
        "::test_the_dial_adds_the_direction_to_the_state_of_the_last_word"
    )
    example = defaults(rounds=2)
    main_drawing = Drawing(
        "answers",
        "",
        BarGroups(series=SERIES, title="%", span=(0, 118)),
        lambda _: "How likely each word is as the answer.",
    )
    drawings = (
        Drawing(
            "lens",
            "Would it decline if it ended here?",
            Lines(
                x="layer",
                series=SERIES,
                span=(-4, 104),
                title="probability of DECLINE (%)",
                x_title="layer (0: embedding)",
            ),
            lambda _: "The last norm and the output's weights, put after each layer.",
        ),
        Drawing("trace", "The loss of rerouting, round by round"),
    )

    question: int = setting(
        1, Slider(1, OFFERED, 1), "Question", "About a test scene, drawn by the seed."
    )
    declined: bool = setting(
        True, Switch(), "One that is to be declined", "Off, the same is asked from the other side."
    )
    dial: float = setting(
        -1.0,
        Slider(-2.0, 2.0, 0.25),
        "Direction",
        "0 changes nothing; 1 is the distance between declined and answered questions.",
    )
    layer: int = setting(
        LAYERS - 1, Slider(1, LAYERS, 1), "Layer", "After which the direction is added."
    )
    target: str = setting(
        STEER,
        Choice((STEER, PROBE, LOGIT)),
        "Rerouting goes for",
        "The direction or the probe of the first accurate layer, or the logit of DECLINE.",
    )
    words: int = setting(6, Slider(1, 6, 1), "Words of the note", "All may be exchanged.")
    rounds: int = setting(15, Slider(1, 60, 1), "Rounds", "Of the search, at most.")

    def asked(self, case: ExperimentCase) -> SceneQuestion:
        """The question."""
        first, second = audit_questions(case, OFFERED, self.words, part=2)[2 * self.question - 2 :][
            :2
        ]
        return first if first.declined == self.declined else second

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: answers, words by probability; lens, DECLINE by layer; trace; words of it all."""
        subject = audited(case, part_of(progress, 0.0, 0.3))
        prompts = EncodedQuestions.of([self.asked(case)])
        layers = () if self.target == LOGIT else (subject.middle,)
        goal = Goal(self.target, layers, 1.0, subject.spaces)
        rules = ReroutingRules(self.rounds, 32)
        result = reroute(
            subject.net, prompts, goal, rules, self.words, case.seed, part_of(progress, 0.3, 1.0)
        )
        other = prompts.noted(result.notes)
        states = torch.stack(
            [
                states_of(subject.net, prompts),
                states_of(subject.net, prompts, self.edit(subject)),
                states_of(subject.net, other),
            ]
        )[:, :, 0]  # (3, 1 + L, d)
        chances = subject.net.logits(states).softmax(2).double().numpy()
        answers = worded(chances[:, -1], prompts.fact)
        progress(1.0, "asked")
        return {
            "answers": answers,
            "lens": lens(chances),
            "trace": trace(subject, prompts, result.paths, goal),
            "notes": Table.of(
                {"tried": (result.tried.numpy(), "notes")}, [" ".join(note_of(other.ids[0]))]
            ),
        }

    def edit(self, subject: Audited) -> Edit:
        """What the dial does."""
        spaces = subject.spaces
        size = self.dial * float(spaces.gaps[self.layer])
        return add_direction(spaces.directions[self.layer], self.layer, size)

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:
        """What is said to the question, with the dial, and rerouted."""
        table: Table = result["answers"]
        replies = {name: table.rows[int(np.argmax(table[name]))] for name in table.order}
        question = self.asked(case)
        truth = "to be declined" if question.declined else f"right: {question.fact}"
        moved = f"with the note “{result['notes'].rows[0]}”, {replies[REROUTED]}"
        if replies[PLAIN] != WORDS[DECLINE] and result["notes"]["tried"][0] == 1:
            moved = "it is answered already, so no note is sought"
        elif replies[REROUTED] == replies[PLAIN]:
            moved = "no note was found that changes that"
        return (
            f"“{question.text}” ({truth}): it says {replies[PLAIN]}; with the direction at "
            f"{self.dial:g} in layer {self.layer}, {replies[EDITED]}; {moved}."
        ).replace("-", "−")


def worded(chances: np.ndarray, fact: Tensor) -> Table:
    """DECLINE, the fact that is asked for, and what else is likely, by probability (3, words)."""
    likely = (-chances.max(0)).argsort(kind="stable").tolist()
    word_indices = [DECLINE, int(fact[0])]
    word_indices += [word for word in likely if word not in word_indices][
        : CHART_WORDS - len(word_indices)
    ]
    columns = {
        name: (row[word_indices], "probability")
        for name, row in zip((PLAIN, EDITED, REROUTED), chances, strict=True)
    }
    return Table.of(columns, [WORDS[word] for word in word_indices])


def lens(chances: np.ndarray) -> Table:
    """The probability of DECLINE after each layer, from (3, 1 + L, words)."""
    columns = {"layer": (np.arange(LAYERS + 1), "")}
    for name, row in zip((PLAIN, EDITED, REROUTED), chances, strict=True):
        columns[name] = row[:, DECLINE], "share"
    return Table.of(columns)


@torch.no_grad()
def trace(subject: Audited, prompts: EncodedQuestions, paths: Tensor, goal: Goal) -> Curve:
    """The loss of the best note so far after each round."""
    losses = [
        goal.losses(subject.net, subject.net.words(prompts.noted(notes).ids), prompts.last).item()
        for notes in paths
    ]
    return Curve(
        np.arange(len(losses), dtype=np.float32), np.array(losses, np.float32), "round", "loss", ""
    )
