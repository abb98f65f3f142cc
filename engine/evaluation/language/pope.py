"""POPE of a decoding over scenes: yes/no questions in three degrees of difficulty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.language.polling import (
    SPLITS,
    Poll,
    Reading,
    amber,
    build,
    confusion_counts,
    of_counts,
    reading,
    with_intervals,
)
from engine.evaluation.language.rates import ScenesCase, one_by_one
from engine.evaluation.language.scenes import SceneBatch, decode_captions, margins
from engine.evaluation.language.strategy import Strategy
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.sayings import yes_no_question

BOUNDED = ("accuracy", "F1", "yes-ratio", "false yes")
NUMBER = {name: at for at, name in enumerate(CATEGORIES)}

Pair = tuple[int, str]  # an image and a thing


@dataclass(frozen=True)
class POPE(Method[ScenesCase]):
    """Yes/no questions about things that are in a scene and about as many that are not.

    The absent thing is drawn at random, or is the most frequent one (popular), or the one that most
    often stands beside the thing asked before (adversarial). Accuracy is the share of right
    answers; the yes-ratio of a model without a leaning is half. An answer that is not plainly a no
    counts as yes, as the authors count it; those that are neither are counted apart. Beside what is
    said stands what the model's own probabilities of yes and no would decide, whatever the
    decoding. A question that several splits ask about a scene is asked once, so recall is the same
    in all of them. Intervals hold 95 % of the figures when the scenes are drawn again.
    """

    family = "hallucination"
    name = "POPE"
    title = "POPE"
    cost = "wait"
    paper = "Li et al. 2023, https://arxiv.org/abs/2305.10355"
    revision = 2  # tells how many scenes were asked about
    proof = "tests/engine/hallucination/test_pope.py::test_the_rates_are_those_of_the_answers"

    pairs: int = setting(
        3,
        Slider(1, 3, 1, "pairs"),
        "Pairs of questions",
        "How many things that are there are asked for in each scene, and as many that are not. "
        "Scenes with fewer things are left out.",
    )

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Rates of each split, and what they are made of.

        Returns:
            rates: a row for each split, with the scenes that were asked about; those with fewer
                things than `pairs` are not.
            questions: a row for each question: split, scene, thing, there, yes, neither, p(yes);
                the answer is its note.
            amber: one row, every different question by AMBER's rule: what is found is a no.
            together: in how many scenes two things stand, (16, 16); alone on the diagonal.
            asked: how often an absent thing (column) was asked for where another (row) is there.
            false yes: the share of these that got a yes.
        """
        self.check(case)
        sample = case.sample()
        polls = polled(sample, self.pairs, case.seed)
        pairs = sorted(
            {(question.image, question.thing) for poll in polls.values() for question in poll}
        )
        progress(0.0, "asking")
        answers = answers_to(case, sample, pairs, part_of(progress, 0.0, 0.9))
        # the softmax over yes and no alone: all other words cancel
        likely = 1 / (1 + np.exp(-margins(case.vlm, sample).double().numpy()))  # p(yes), (n, 16)
        progress(1.0, "counted")
        readings = {pair: reading(answer) for pair, answer in answers.items()}
        present = sample.layout.present
        absent = false_yes(pairs, readings, present)
        is_present = np.array([present[image, NUMBER[noun]] for image, noun in pairs], bool)
        result = amber([readings[pair].word for pair in pairs], is_present)
        return {
            "rates": rates(polls, readings, likely),
            "questions": question_table(polls, readings, answers, likely),
            "amber": Table.of(
                {name: ([value], "share") for name, value in result.items()}, ("existence",)
            ),
            "together": pair_table(present.astype(np.int64).T @ present.astype(np.int64), "scenes"),
            "asked": pair_table(absent[0], "questions"),
            "false yes": pair_table(absent[1], "share"),
        }

    def finding(self, case: ScenesCase, result: Mapping[str, Any]) -> str:
        """How many answers are right in each split, and how many absent things get a yes."""
        return pope_words(result["rates"], case.strategy.title)


def polled(sample: SceneBatch, pairs: int, seed: int) -> dict[str, list[Poll]]:
    """The questions of every split; the order of a scene's things, which decides, is drawn."""
    random = Random(seed)  # noqa: S311 - nothing secret
    objects = [random.sample(sorted(truth), len(truth)) for truth in sample.truths]
    return {split: build(objects, split, random, pairs) for split in SPLITS}


def answers_to(
    case: ScenesCase, sample: SceneBatch, pairs: Sequence[Pair], progress: Progress
) -> dict[Pair, str]:
    if not pairs:
        return {}
    pixels = sample.pixels[[image for image, _ in pairs]]
    prompts = [yes_no_question(NUMBER[noun]) for _, noun in pairs]
    if isinstance(case.strategy, Strategy):
        spoke = decode_captions(
            case.vlm, pixels, prompts, case.strategy, seed=case.seed, progress=progress
        )
        words = [" ".join(word) for word in spoke.words]
    else:
        yes, _ = one_by_one(case, case.strategy, pixels, prompts, progress)
        words = ["yes" if is_yes else "no" for is_yes in yes]
    return dict(zip(pairs, words, strict=True))


def rates(
    polls: Mapping[str, Sequence[Poll]], readings: Mapping[Pair, Reading], likely: NDArray[Any]
) -> Table:
    """A row for each split: the answers' rates, and beside them what the logits would decide."""
    rows = []
    for poll in polls.values():
        yes = np.array([readings[question.image, question.thing].yes for question in poll], bool)
        present = np.array([question.there for question in poll], bool)
        leans = np.array(
            [likely[question.image, NUMBER[question.thing]] > 0.5 for question in poll], bool
        )
        neither = sum(not readings[question.image, question.thing].word for question in poll)
        row = with_intervals(
            confusion_counts(yes, present), [question.image for question in poll], BOUNDED
        )
        by_logits = of_counts(confusion_counts(leans, present).sum(0))
        row["accuracy by logits"] = float(by_logits["accuracy"]), "share"
        row["false yes by logits"] = float(by_logits["false yes"]), "share"
        row["decided otherwise"] = float((yes != leans).sum()), "questions"
        row["neither"] = float(neither), "questions"
        row["questions"] = float(len(poll)), "questions"
        row["scenes"] = float(len({question.image for question in poll})), "scenes"
        rows.append(row)
    columns = {name: ([row[name][0] for row in rows], unit) for name, (_, unit) in rows[0].items()}
    return Table.of(columns, tuple(polls))


def question_table(
    polls: Mapping[str, Sequence[Poll]],
    readings: Mapping[Pair, Reading],
    replies: Mapping[Pair, str],
    likely: NDArray[Any],
) -> Table:
    """A row for each question of every split."""
    flat = [(at, question) for at, poll in enumerate(polls.values()) for question in poll]
    read = [readings[question.image, question.thing] for _, question in flat]
    columns: dict[str, tuple[list[Any], str]] = {
        "split": ([at for at, _ in flat], ""),
        "scene": ([question.image for _, question in flat], ""),
        "thing": ([NUMBER[question.thing] for _, question in flat], ""),
        "there": ([int(question.there) for _, question in flat], "yes or no"),
        "yes": ([int(answer.yes) for answer in read], "yes or no"),
        "neither": ([int(not answer.word) for answer in read], "yes or no"),
        "p(yes)": (
            [float(likely[question.image, NUMBER[question.thing]]) for _, question in flat],
            "probability",
        ),
    }
    names = [f"is there {question.thing}" for _, question in flat]
    return Table.of(
        columns, names, [replies[question.image, question.thing] for _, question in flat]
    )


def false_yes(
    pairs: Sequence[Pair], readings: Mapping[Pair, Reading], present: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Absent things (columns) asked where another (row) is there: how often, and the share of yes.

    Both are (16, 16); a share of nothing is NaN.
    """
    counts, lied = np.zeros((2, len(CATEGORIES), len(CATEGORIES)))
    for image, noun in pairs:
        if not present[image, NUMBER[noun]]:
            counts[present[image], NUMBER[noun]] += 1
            lied[present[image], NUMBER[noun]] += readings[image, noun].yes
    with np.errstate(invalid="ignore"):
        return counts, lied / counts


def pair_table(values: NDArray[Any], unit: str) -> Table:
    """Things against things."""
    return Table.grid(values, CATEGORIES, CATEGORIES, (unit,) * len(CATEGORIES))


def pope_words(rates: Table, title: str) -> str:
    """Right answers in each split, and the false yes at its two ends."""
    if not rates["questions"].any():
        return f"{title}: no scene has as many things as are asked for, so nothing was asked."
    right = " / ".join(f"{100 * value:.0f}" for value in rates["accuracy"])
    sentence = (
        f"{title}: {right} % of the random / popular / adversarial questions about "
        f"{rates['scenes'][0]:.0f} scenes are answered right"
    )
    first, last = (100 * float(rates.cell(split, "false yes")) for split in (SPLITS[0], SPLITS[-1]))
    if np.isnan([first, last]).any():
        return f"{sentence}; no absent thing was asked for."
    return (
        f"{sentence}; yes to {first:.0f} % of absent things drawn at random and {last:.0f} % of "
        "those "
        "that usually stand beside what is there."
    )
