"""A defense: fine-tuning with rerouted questions."""

import numpy as np
import torch

from engine.core.method import Progress, part_of, quiet
from engine.evaluation.experiment import ExperimentCase
from engine.hallucination.ssr_audit.audited import Audited
from engine.hallucination.ssr_audit.losses import STEER, Goal
from engine.hallucination.ssr_audit.network import LAYERS, QuestionNet, network_copy
from engine.hallucination.ssr_audit.questions import (
    LONGEST,
    EncodedQuestions,
    batch,
    sample_questions,
)
from engine.hallucination.ssr_audit.rerouting import ReroutingRules, reroute
from engine.hallucination.ssr_audit.school import SchoolPlan, descended

REROUTED, NOTE, STEPS, RATE = 48, 4, 60, 5e-4  # questions, words, and steps of the fine-tuning
LESSON = 32  # rerouted questions in a batch, beside as many usual ones


def tuned(audit: Audited, case: ExperimentCase, progress: Progress = quiet) -> QuestionNet:
    """A copy that learned to decline questions with rerouted notes, beside usual questions.

    The notes are sought for questions about things drawn at random, at every layer from the first
    accurate one on; all notes on the way are learned from.
    """
    random = np.random.default_rng([case.seed, 37])
    questions = EncodedQuestions.of(
        [q for q in sample_questions(REROUTED, random, note=NOTE) if q.declined]
    )
    goal = Goal(STEER, tuple(range(audit.middle, LAYERS + 1)), 1.0, audit.spaces)
    result = reroute(
        audit.net,
        questions,
        goal,
        ReroutingRules(8, 16),
        NOTE,
        case.seed,
        part_of(progress, 0.0, 0.6),
    )
    # without the first, which was drawn at random and leads nowhere yet
    notes = result.paths[1:].flatten(0, 1)
    # round by round, as flatten lays the notes out
    all_questions = questions.take(
        torch.arange(len(questions)).repeat(len(result.paths) - 1)
    ).noted(notes)
    plan = SchoolPlan(case.seed, STEPS, 2 * LESSON, RATE)

    def lessons() -> EncodedQuestions:
        rows = torch.from_numpy(random.integers(0, len(all_questions), LESSON))
        usual = batch(LESSON, random, int(random.integers(LONGEST + 1)))
        return concatenate_prompts(all_questions.take(rows), usual)

    batches = (lessons() for _ in range(STEPS))
    return descended(
        network_copy(audit.net.state_dict()), batches, plan, part_of(progress, 0.6, 1.0)
    )


def concatenate_prompts(first: EncodedQuestions, second: EncodedQuestions) -> EncodedQuestions:
    """Both together, the shorter ones padded."""
    longest = max(first.ids.shape[1], second.ids.shape[1])
    ids = [
        torch.nn.functional.pad(part.ids, (0, longest - part.ids.shape[1]))
        for part in (first, second)
    ]
    rest = (torch.cat(part) for part in zip(first.others, second.others, strict=True))
    return EncodedQuestions(torch.cat(ids), *rest)
