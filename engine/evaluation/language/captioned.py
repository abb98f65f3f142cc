"""CHAIR of a decoding over many scenes, caption by caption, with intervals."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from engine.core.method import Choice, Method, Progress, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.language.chair import Mention, mentions
from engine.evaluation.language.polling import PERCENT, Floats, redrawn, summed
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.resampling import middle_interval
from engine.evaluation.language.scenes import VOCABULARY, captions
from engine.vision.language.tiny_vlm.sayings import PROMPTS

COUNTS = ("invented", "mentions", "lying", "found", "there", "words", "captions")
RATES = {  # over which of the counts each is taken, with its unit
    "CHAIR_i": ("invented", "mentions", "share"),
    "CHAIR_s": ("lying", "captions", "share"),
    "recall": ("found", "there", "share"),
    "words": ("words", "captions", "words"),
}


@dataclass(frozen=True)
class CHAIR(Method[ScenesCase]):
    """Which things a caption names that are not in the image, over many scenes.

    CHAIR_i is the share of mentions, each counted, that are not there; CHAIR_s the share of
    captions with one. Recall is the share of the things there that are named, and words the mean
    length: who says less invents less, so read all four. Intervals hold 95 % of the figures that
    come about when the scenes are drawn again with replacement. A thing that is said not to be
    there counts as named, as the authors count it.
    """

    family = "hallucination"
    name = "CHAIR"
    title = "CHAIR"
    cost = "wait"
    paper = "Rohrbach et al. 2018, https://arxiv.org/abs/1809.02156"
    needs = frozenset({"captions"})
    proof = "tests/engine/hallucination/test_chair.py::test_rates_are_those_of_the_captions"

    prompt: str = setting(
        "image",
        Choice(tuple(PROMPTS), titles=PROMPTS),
        "Prompt",
        "What asks for the caption. “closely” also asks for colors and places: longer captions.",
    )

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """rates, one row with the ends of each interval; captions, a row and note for each scene.

        The captions' columns are whole numbers: invented mentions, all mentions, different true
        things, things there, words.
        """
        self.check(case)
        sample = case.sample()
        strategy = cast(Any, case.strategy)
        prompt = PROMPTS[self.prompt]
        sentences = captions(
            case.vlm, sample, strategy, prompt, seed=case.seed, progress=progress
        ).words
        results = [
            mentions(words, present, VOCABULARY)
            for words, present in zip(sentences, sample.truths, strict=True)
        ]
        counts = counts_of(sentences, sample.truths, results)
        progress(1.0, "counted")
        columns = ("invented", "mentions", "found", "there", "words")
        caption_table = Table.of(
            {name: (counts[:, COUNTS.index(name)].astype(np.int64), "") for name in columns},
            [str(at) for at in range(case.count)],
            [" ".join(words) for words in sentences],
        )
        rates = {
            name: ([value], unit)
            for name, (value, unit) in rates_of(counts, range(case.count)).items()
        }
        return {"rates": Table.of(rates, (case.strategy.title,)), "captions": caption_table}

    def finding(self, case: ScenesCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What is made up, beside what is found."""
        rates = result["rates"]
        return chair_words(rates, 0)


def chair_words(rates: Table, row: int) -> str:
    invented, lying, recall, length = (float(rates[name][row]) for name in RATES)
    if np.isnan(invented):
        return f"{rates.rows[row]} names no thing at all; its recall is {100 * recall:.0f} %."
    return (
        f"{rates.rows[row]} makes up {100 * invented:.1f} % of what it names, in "
        f"{100 * lying:.0f} % "
        f"of its captions, and finds {100 * recall:.0f} % of what is there in {length:.0f} words."
    )


def counts_of(
    captions: Sequence[Sequence[str]],
    truths: Sequence[Collection[str]],
    mention_lists: Sequence[Sequence[Mention]],
) -> Floats:
    """The counts of each caption, (captions, 7), in the order of COUNTS."""
    return np.array(
        [
            (
                sum(not mention.true for mention in named),
                len(named),
                any(not mention.true for mention in named),
                len({mention.node for mention in named if mention.true}),
                len(set(present)),
                len(words),
                1,
            )
            for words, present, named in zip(captions, truths, mention_lists, strict=True)
        ],
        np.float64,
    ).reshape(-1, len(COUNTS))


def rates_of(counts: Floats, images: Sequence[Any]) -> dict[str, tuple[float, str]]:
    """CHAIR's rates of counts (captions, 7) with the ends of their intervals, each with its unit.

    Args:
        counts: of each caption.
        images: what each is about; images are drawn again, not captions.
    """
    resampled, total = redrawn(summed(counts, images)), counts.sum(0)[None]
    results: dict[str, tuple[float, str]] = {}
    for name, (numerator, denominator, unit) in RATES.items():
        at = COUNTS.index(numerator), COUNTS.index(denominator)
        with np.errstate(invalid="ignore", divide="ignore"):
            estimate, resampled_rates = (
                sums[:, at[0]] / sums[:, at[1]] for sums in (total, resampled)
            )
        low, high = middle_interval(resampled_rates, PERCENT)
        results[name] = float(estimate[0]), unit
        results |= {f"{name} low": (low, unit), f"{name} high": (high, unit)}
    return results
