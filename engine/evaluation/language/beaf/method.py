"""Questions about pairs of scenes, before and after a thing was taken out exactly (BEAF).

Ye-Bin et al. 2024, BEAF, https://arxiv.org/abs/2407.13442. There a detector, a mask and an
inpainting model take a thing out of a photograph; here the scene is drawn again without it, and
every pixel that it does not touch stays the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Method, Progress, Slider, defaults, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.language.beaf.differences import yes_and_no
from engine.evaluation.language.beaf.figures import (
    KINDS,
    beaf_figures,
    by_kind,
    official_reading,
    relation,
    thing_outcomes,
    yes_value,
)
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scenes import TOGETHER, SceneBatch, decode_tokens
from engine.evaluation.language.strategy import Strategy
from engine.vision.data.layout import Layout
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import generate
from engine.vision.language.decoding.record import Step
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.sayings import LEADER, PARTNER, yes_no_question

SCENES = 70  # about 200 pairs


@dataclass(frozen=True)
class Asking:
    """What is asked of one image: the scene, what was taken out (-1: nothing), and for what."""

    scene: int
    removed: int
    asked: int


@dataclass(frozen=True)
class BEAF(Method[ScenesCase]):
    """What a model answers before and after a thing is taken out of a scene.

    TU (true understanding): it said yes while the thing was there, and no once it was gone. IG
    (ignorance): wrong both times. SB+ and SB− (stubbornness): always yes, always no. The four add
    up to 100 %. ID (indecision): of the questions about things that stayed, how many went from
    right to wrong or back: low is good. Only TU shows that the answer follows the image: whoever
    always says yes is right about each thing that is there, and has a TU of 0. Intervals: the
    middle 90 % of resamples of the scenes. Scenes are drawn, so that nothing but the thing changes;
    the figures say nothing about photographs.
    """

    family = "hallucination"
    name = "BEAF"
    title = "Before and after"
    cost = "wait"
    paper = "Ye-Bin et al. 2024, https://arxiv.org/abs/2407.13442"
    argument_defaults = defaults(count=SCENES, kind="biased")
    proof = "tests/engine/hallucination/test_beaf.py::test_the_records_are_what_the_model_says"

    absent: int = setting(
        4,
        Slider(0, 10, 1, "things"),
        "Absent things",
        "How many things that are not in a scene "
        "are asked for too: first the partners of those that are there, then others by chance.",
    )

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Ask every question before and after each thing is taken out.

        Returns:
            figures: TU, IG, SB+, SB−, ID, F1 and plain accuracy with their intervals, one row.
            kinds, things: the same by what was taken out.
            relation: by how much p(yes) about a thing falls when another is taken out, (16, 16).
            records: a row for each pair of answers; scene, removed and asked by number, whether
                what was asked for was there (before), what was said (1 yes, 0 no, NaN neither) and
                p(yes) before and after; whether the partner of what was removed stays, and how
                opaque the removed thing was.
            reading: how many answers the released script reads in another way.
        """
        self.check(case)
        layout = layout_of(case)
        questions = list(askings(layout, self.absent, case.seed))
        texts, chances = answers(case, layout, questions, progress)
        records = paired(layout, questions, texts, chances)
        return {
            "figures": beaf_figures(records),
            "kinds": by_kind(records),
            "things": thing_outcomes(records),
            "relation": relation(records),
            "records": records,
            "reading": readings(texts),
        }

    def finding(self, case: ScenesCase, result: Mapping[str, Any]) -> str:
        """How often the answer follows the image, and how stubborn a yes is by what stays."""
        return said_of(case.vlm.title, result["figures"], result["kinds"])


def said_of(model: str, figures: Table, kinds: Table) -> str:
    """The finding from the figures of all pairs and by what was taken out."""
    pairs, stubborn = int(figures["pairs"][0]), dict(zip(kinds.rows, kinds["SB+"], strict=True))
    if not pairs:
        return f"{model} gave no clear answer to any pair: nothing can be counted."
    first = f"{model} follows the image in {100 * figures['TU'][0]:.0f} % of {pairs} pairs"
    if KINDS[0] not in stubborn or KINDS[2] not in stubborn:
        return f"{first}; in {100 * figures['SB+'][0]:.0f} % it says yes all the same."
    return (
        f"{first}. Yes stays for {100 * stubborn[KINDS[0]]:.0f} % of partners beside their leader, "
        f"{100 * stubborn[KINDS[2]]:.0f} % of others."
    )


# ---------------------------------------------------------------- what is asked


def askings(layout: Layout, absent: int, seed: int) -> Iterator[Asking]:
    """Of every scene: all questions about it as it is, then without each of its things."""
    for row, present in enumerate(layout.present):
        categories = np.flatnonzero(present).tolist()
        questions = [*categories, *absent_things(categories, absent, (seed, row))]
        for removed in (-1, *categories):
            yield from (Asking(row, removed, question) for question in questions)


def absent_things(present: Sequence[int], count: int, seed: tuple[int, int]) -> list[int]:
    """Things that are not in a scene: partners of those that are, then others by chance."""
    partners = [
        PARTNER[category]
        for category in present
        if category in PARTNER and PARTNER[category] not in present
    ]
    others = [index for index in range(len(CATEGORIES)) if index not in {*present, *partners}]
    return [*partners, *np.random.default_rng(seed).permutation(others).tolist()][:count]


def layout_of(case: ScenesCase) -> Layout:
    """The scenes of a case, before anything is taken out; the same that Rates counts."""
    return case.layout()


def question_images(layout: Layout, questions: Sequence[Asking]) -> Tensor:
    """What each question is asked about, (n, 3, 64, 64) in [0, 1]."""
    scenes = layout.take(np.array([question.scene for question in questions]))
    removed = np.array([question.removed for question in questions])[:, None]
    # −1 equals no thing: then nothing goes
    present = scenes.present & (np.arange(len(CATEGORIES))[None] != removed)
    return SceneBatch.of(replace(scenes, present=present)).pixels


# ---------------------------------------------------------------- what is answered


@torch.no_grad()
def answers(
    case: ScenesCase, layout: Layout, questions: Sequence[Asking], progress: Progress
) -> tuple[list[str], list[float]]:
    """What is said to each question, and p(yes) among yes and no where that is decided."""
    alone = not isinstance(case.strategy, Strategy) or not case.strategy.batched
    batch_size = 1 if alone else TOGETHER
    replies: list[tuple[str, float]] = []
    for start in range(0, len(questions), batch_size):
        progress(start / len(questions), "asking")
        block = questions[start : start + batch_size]
        replies += decode_answers(
            case, question_images(layout, block), [question.asked for question in block], start
        )
    progress(1.0, "asked")
    texts, chances = zip(*replies, strict=True)
    return list(texts), list(chances)


def decode_answers(
    case: ScenesCase, pixels: Tensor, categories: Sequence[int], batch: int
) -> list[tuple[str, float]]:
    """Answers about images (n, 3, 64, 64), one question each, with p(yes); MVP one at a time."""
    questions = [yes_no_question(category) for category in categories]
    if not isinstance(case.strategy, Strategy):
        (image,), (question,) = pixels, questions
        yes, no = yes_and_no(case.strategy(CaptionCase(case.vlm, image, question, case.seed)))
        return [("yes" if yes >= no else "no", yes_probability(yes, no))]
    prompts = torch.tensor([case.vlm.tokenizer.encode(question) for question in questions])
    generated = generate(
        case.vlm,
        case.strategy,
        case.vlm.normalize(pixels),
        prompts.to(case.vlm.device),
        seed=case.seed,
        batch=batch,
    )
    return [
        (" ".join(decode_tokens(case.vlm, row)), leaning(case.vlm, steps))
        for row, steps in zip(generated.tokens.tolist(), generated.steps, strict=True)
    ]


def leaning(vlm: TinyVLM, steps: Sequence[Step]) -> float:
    """p(yes) among yes and no at the first of them that was said; NaN where none was.

    One that is not among the best eight words there counts as 0.
    """
    yes, no = set(vlm.spec.yes), set(vlm.spec.no)
    best = next((step.final for step in steps if step.token in yes | no), None)
    if best is None:
        return nan
    share = dict(zip(best.tokens.tolist(), best.shares.tolist(), strict=True))
    return yes_probability(*(sum(share.get(token, 0.0) for token in ids) for ids in (yes, no)))


def yes_probability(yes: float, no: float) -> float:
    """p(yes) of two shares; NaN where both are 0."""
    return yes / (yes + no) if yes + no > 0 else nan


# ---------------------------------------------------------------- what is kept


def paired(
    layout: Layout, questions: Sequence[Asking], texts: Sequence[str], chances: Sequence[float]
) -> Table:
    """A row for each question about a copy, beside what was said of the original."""
    positions = {question: at for at, question in enumerate(questions)}
    after = [at for at, question in enumerate(questions) if question.removed >= 0]
    before = [positions[replace(questions[at], removed=-1)] for at in after]
    said_yes, p_yes = np.array([yes_value(text) for text in texts]), np.array(chances)
    scene, removed, category = (
        np.array([getattr(questions[at], name) for at in after], np.int16)
        for name in ("scene", "removed", "asked")
    )
    present = layout.present[scene]
    fellow = FELLOWS[removed]  # the partner or the leader of what was taken out
    rows = np.arange(len(after))
    # −1 reads the last thing's column, which the first condition leaves out again
    company = (fellow >= 0) & present[rows, fellow]
    columns = {
        "scene": (scene, ""),
        "removed": (removed, ""),
        "asked": (category, ""),
        "there": (present[rows, category].astype(np.int8), ""),
        "says before": (said_yes[before].astype(np.float32), ""),
        "says after": (said_yes[after].astype(np.float32), ""),
        "p before": (p_yes[before].astype(np.float32), "share"),
        "p after": (p_yes[after].astype(np.float32), "share"),
        "company": (company.astype(np.int8), ""),
        "opacity": (layout.opacity[scene, removed].astype(np.float32), "share"),
    }
    return Table.of(columns)


FELLOWS = np.array(
    [PARTNER.get(index, LEADER.get(index, -1)) for index in range(len(CATEGORIES))], np.int16
)


def readings(texts: Sequence[str]) -> Table:
    """Where the released script would read an answer in another way, one row of counts."""
    parsed = np.array([yes_value(text) for text in texts])
    official, taken_over = official_reading(texts)
    read_otherwise = ~taken_over & ~np.isnan(parsed) & (parsed != official)
    return Table.of(
        {
            "answers": ([len(texts)], "answers"),
            "neither yes nor no": ([int(np.isnan(parsed).sum())], "answers"),
            "taken over from the one before": ([int(taken_over.sum())], "answers"),
            "read otherwise by a part of a word": ([int(read_otherwise.sum())], "answers"),
        },
        rows=("all answers",),
    )
