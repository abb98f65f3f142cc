"""Which images and phrases an audit pairs: descriptions, and questions that the model declines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from engine.core.errors import BadData
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.measures.levels import levels_of, levels_to_pixels
from engine.hallucination.vlm_audit.phrases import COLORED, PHRASES, answers, taught
from engine.vision.data import DataSet
from engine.vision.data.layout import Bools, Ints
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.lessons import Texts
from engine.vision.language.tiny_vlm.model import SIDE, TinyVLM
from engine.vision.language.tiny_vlm.sayings import PROMPTS, color_question

SCENES = "scenes:count=500,kind=broken,seed=1000"  # no model learned from scenes of this seed
UNKNOWN = "unknown"  # what TinyVLM says of the color of what is not there


@dataclass(frozen=True)
class AuditPairs:
    """Pairs of an image and a phrase, image after image.

    Args:
        levels: the images, (N, 3, 64, 64) int16, each as often as there are phrases.
        prompts: what is asked.
        phrases: what is to be said.
        wanted: both, as the loss reads them.
        there: the things in each image.
        first: which rows have an image for the first time.
    """

    levels: Tensor
    prompts: list[str]
    phrases: list[str]
    wanted: Texts
    there: list[frozenset[str]]
    first: list[int]


def sample_scenes(case: ExperimentCase, count: int) -> tuple[Tensor, list[frozenset[str]]]:
    """Test scenes as levels (n, 3, 64, 64) int16, and what is in each. Raises BadData."""
    rows, present = scenes_of(case.data, "test", count, case.seed)
    contents = [frozenset(CATEGORIES[index] for index in np.flatnonzero(row)) for row in present]
    return levels_of(case.data.pixels(rows)), contents


def scenes_of(data: DataSet, part: str, count: int, seed: int) -> tuple[Ints, Bools]:
    """The rows of so many scenes of a part of the data, and which things each holds (n, 16).

    Raises:
        BadData: the data are no scenes of TinyVLM's size.
    """
    if "present" not in data.truth or data.images.shape[1:] != (3, SIDE, SIDE):
        raise BadData(
            f"TinyVLM is audited on drawn scenes of {SIDE} px, and {data.card.title} are none: "
            f"choose {SCENES}."
        )
    rows = data.some(part, count, seed)
    return rows, data.truth["present"][rows]


def described_pairs(case: ExperimentCase, count: int, targets: int) -> AuditPairs:
    """Each image with each of the first phrases, asked to be described."""
    levels, contents = sample_scenes(case, count)
    return paired(levels, contents, [PROMPTS["image"]] * len(levels), PHRASES[:targets])


def declined_pairs(vlm: TinyVLM, case: ExperimentCase, count: int, targets: int) -> AuditPairs:
    """Each image with the color of a thing that is not there, of which the model says "unknown".

    Things are tried in an order drawn by the seed; an image of which nothing is declined is left
    out. Raises BadData where no image is left.
    """
    levels, contents = sample_scenes(case, count)
    order = np.random.default_rng([case.seed, 61]).permutation(len(CATEGORIES))
    pixels, prompts = levels_to_pixels(levels), [""] * len(levels)
    for category in order.tolist():
        questions = [color_question(category)] * len(levels)
        for row, words in enumerate(answers(vlm, pixels, questions)):
            if (
                not prompts[row]
                and CATEGORIES[category] not in contents[row]
                and words == [UNKNOWN]
            ):
                prompts[row] = questions[row]
        if all(prompts):
            break
    rows = [row for row, prompt in enumerate(prompts) if prompt]
    if not rows:
        raise BadData(f"{vlm.title} declines nothing about these scenes: choose more of them.")
    return paired(
        levels[rows],
        [contents[row] for row in rows],
        [prompts[row] for row in rows],
        COLORED[:targets],
    )


def paired(
    levels: Tensor,
    noun_sets: Sequence[frozenset[str]],
    prompts: Sequence[str],
    phrases: Sequence[str],
) -> AuditPairs:
    """Every image with every phrase."""
    phrase_count = len(phrases)
    questions = [prompt for prompt in prompts for _ in phrases]
    replies = list(phrases) * len(levels)
    return AuditPairs(
        levels.repeat_interleave(phrase_count, 0),
        questions,
        replies,
        taught(questions, replies),
        [nouns for nouns in noun_sets for _ in phrases],
        list(range(0, phrase_count * len(levels), phrase_count)),
    )


def still_named(replies: Sequence[Sequence[str]], pairs: AuditPairs) -> float:
    """The share of the things in the images that the answers name."""
    present = sum(len(nouns) for nouns in pairs.there)
    named = sum(
        len(nouns.intersection(words)) for nouns, words in zip(pairs.there, replies, strict=True)
    )
    return named / present if present else float("nan")
