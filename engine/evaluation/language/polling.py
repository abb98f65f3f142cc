"""POPE's questions, how an answer is read as yes or no, and the rates; for any lists of things.

Li et al. 2023, Evaluating Object Hallucination in Large Vision-Language Models,
https://arxiv.org/abs/2305.10355, section 5, after the authors' code (`utils.py`, `evaluate.py`).
Its oddities are kept, each behind a name: `question(published=True)` writes "imange", since every
"a" of the template became "an" before a vowel; whatever is not plainly a no counts as yes
(`Reading.yes`), which `Reading.word` tells apart; where no other thing is left in a ranking, the
question that should be popular or adversarial is drawn at random.

AMBER (Wang et al. 2023, https://arxiv.org/abs/2311.07397) counts the other way round: what is to
be found is "no", and an answer that is neither is wrong.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.language.resampling import middle_interval

SPLITS = ("random", "popular", "adversarial")
TEMPLATE = "Is there a {} in the image?"
VOWELS = "aeiou"
NOS = {"No", "not", "no"}  # as the authors look for them: "NO" and "No!" are none
REFUSALS = {"no", "not", "none", "nope"}
PERCENT = 95  # of the draws lie in an interval
DRAWS, BOUND = 1000, 2_000_000  # of the bootstrap; numbers that may be drawn at once

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rate = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Poll:
    """One question: whether a thing is in an image, and whether it is."""

    image: int
    thing: str
    there: bool


@dataclass(frozen=True)
class Reading:
    """An answer read twice.

    Args:
        yes: as POPE's authors read it: yes unless a word of the first sentence is exactly
            "No", "no" or "not".
        word: "yes" or "no" in any spelling; "" where there is neither, or both.
    """

    yes: bool
    word: Literal["yes", "no", ""]


# ---------------------------------------------------------------- questions


def build(
    objects: Sequence[Sequence[str]], split: str, random: Random, pairs: int = 3
) -> list[Poll]:
    """POPE's questions of a split: of each image `pairs` things that are there, and as many not.

    Args:
        objects: the things of each image; the first ones are asked for. An image with fewer than
            `pairs` is left out of everything.
        split: one of SPLITS.
        random: the source of chance; `Random(seed)` gives the draws of `random.seed(seed)`.
        pairs: questions with yes, and with no, about each image.
    """
    usable = {at: list(group) for at, group in enumerate(objects) if len(group) >= pairs}
    # over the images that are asked about, as the authors count over those they drew
    often = Counter(name for group in usable.values() for name in group)
    names = list(often)
    popular = [name for name, _ in often.most_common()]
    company = usual_company(list(usable.values()))
    polls = []
    for image, nouns in usable.items():
        # one for all pairs of the image: no absent thing is asked for twice
        taken: set[str] = set(nouns)
        for noun in nouns[:pairs]:
            polls.append(Poll(image, noun, there=True))
            ranked = {"popular": popular, "adversarial": company.get(noun, [])}.get(split, [])
            absent = next((candidate for candidate in ranked if candidate not in taken), None)
            if absent is None and not taken >= often.keys():
                absent = random.choice(names)
                while absent in taken:
                    absent = random.choice(names)
            if absent is not None:  # the authors' code draws for ever where nothing is left
                taken.add(absent)
                polls.append(Poll(image, absent, there=False))
    return polls


def usual_company(objects: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """For each thing those that stand beside it in some image, the most frequent first."""
    company: dict[str, Counter[str]] = {}
    for nouns in objects:
        for noun in nouns:
            counted = company.setdefault(noun, Counter())
            counted.update(other for other in nouns if other != noun)
    return {noun: [name for name, _ in counter.most_common()] for noun, counter in company.items()}


def noun_question(noun: str, template: str = TEMPLATE, *, published: bool = False) -> str:
    """The question for a thing: with "an" before a vowel, or letter for letter as published."""
    if noun[:1] not in VOWELS:
        return template.format(noun)
    if published:
        return template.replace("a", "an").format(noun)
    return re.sub(r"\ba \{\}", "an {}", template).format(noun)


def as_lines(polls: Iterable[Poll], *, published: bool = False) -> str:
    """Questions as the JSON lines that the authors' script writes."""
    return "".join(
        json.dumps(
            {
                "question_id": number,
                "image": str(poll.image),
                "text": noun_question(poll.thing, published=published),
                "label": "yes" if poll.there else "no",
            }
        )
        + "\n"
        for number, poll in enumerate(polls, 1)
    )


# ---------------------------------------------------------------- answers


def reading(text: str) -> Reading:
    """An answer in words as yes or no."""
    first = text.split(".", maxsplit=1)[0]
    yes = not NOS & set(first.replace(",", "").split(" "))
    words = re.findall(r"[a-z']+", first.lower().replace("’", "'"))
    denied = any(word in REFUSALS or word.endswith("n't") for word in words)
    affirmed = "yes" in words or "yeah" in words
    if affirmed == denied:
        return Reading(yes, "")
    return Reading(yes, "yes" if affirmed else "no")


def confusion_counts(yes: Bools, present: Bools) -> Floats:
    """True and false yes, true and false no of each answer, (n, 4); they add up over answers."""
    return np.stack([yes & present, yes & ~present, ~yes & ~present, ~yes & present], -1).astype(
        np.float64
    )


def of_counts(counts: Floats) -> dict[str, Floats]:
    """Every rate of counts (…, 4); NaN where nothing is to be divided by.

    Precision, recall and F1 are of yes. "false yes" is the share of absent things that get one.
    """
    tp, fp, tn, fn = np.moveaxis(counts, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = tp + fp + tn + fn
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        return {
            "accuracy": (tp + tn) / total,
            "precision": precision,
            "recall": recall,
            "F1": 2 * precision * recall / (precision + recall),
            "yes-ratio": (tp + fp) / total,
            "false yes": fp / (fp + tn),
        }


def amber(words: Sequence[str], present: Bools) -> dict[str, float]:
    """AMBER's rates, of which what is to be found is a no.

    The authors' script also rounds precision and recall to tenths of a percent before F1, and adds
    0.0001 below its line; that is left out.

    Args:
        words: "yes", "no", or "" for neither, which is wrong.
        present: the truth.
    """
    no, yes = np.array([word == "no" for word in words], bool), np.array(words) == "yes"
    right = float((np.where(present, yes, no)).sum())
    caught = float((no & ~present).sum())
    precision, recall = ratio(caught, no.sum()), ratio(caught, (~present).sum())
    return {
        "accuracy": ratio(right, len(present)),
        "precision": precision,
        "recall": recall,
        "F1": ratio(2 * precision * recall, precision + recall),
    }


def ratio(part: float, whole: float) -> float:
    """A part of a whole; NaN of nothing."""
    return float(part / whole) if whole else float("nan")


# ---------------------------------------------------------------- intervals


def interval(counts: Floats, rate: Rate, seed: int = 0) -> tuple[float, float]:
    """The middle 95 % of a rate over images drawn again with replacement; NaN of fewer than two.

    Args:
        counts: what adds up over images, (images, k).
        rate: of sums (draws, k).
        seed: of the draws.
    """
    return middle_interval(rate(redrawn(counts, seed)), PERCENT)


def redrawn(counts: Floats, seed: int = 0) -> Floats:
    """Sums of counts (images, k) over as many images, drawn again with replacement, (draws, k)."""
    images = len(counts)
    # of one image every draw is the same: its interval would have no width
    if images < 2:
        return np.full((1, counts.shape[1]), np.nan)
    rng = np.random.default_rng(seed)
    draws = DRAWS if images <= BOUND // 100 else DRAWS // 5
    at_once = max(BOUND // images, 1)
    return np.concatenate(
        [
            # how often each image is drawn is multinomial: no draw has to be copied
            rng.multinomial(images, np.full(images, 1 / images), min(at_once, draws - start))
            @ counts
            for start in range(0, draws, at_once)
        ]
    )


def summed(counts: Floats, images: Sequence[Any]) -> Floats:
    """Counts of answers (n, k) added up for each image, (images, k), in order of appearance."""
    places: Mapping[Any, int] = {image: at for at, image in enumerate(dict.fromkeys(images))}
    result = np.zeros((len(places), counts.shape[1]))
    # unbuffered: `+=` would count one answer of an image that comes again
    np.add.at(result, [places[image] for image in images], counts)
    return result


def with_intervals(
    counts: Floats, images: Sequence[Any], bounded: Sequence[str]
) -> dict[str, tuple[float, str]]:
    """The rates of answers (n, 4), each with its unit; of some also the ends of their interval."""
    resampled = of_counts(redrawn(summed(counts, images)))
    results: dict[str, tuple[float, str]] = {}
    for name, value in of_counts(counts.sum(0)).items():
        results[name] = float(value), "share"
        if name in bounded:
            low, high = middle_interval(resampled[name], PERCENT)
            results |= {f"{name} low": (low, "share"), f"{name} high": (high, "share")}
    return results
