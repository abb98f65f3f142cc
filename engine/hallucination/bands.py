"""What TinyVLM is found to do on scenes it was not trained on: the figures on its card."""

from math import nan

import numpy as np

from engine.evaluation.language.chair import Chair, chair
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.scenes import (
    VOCABULARY,
    SceneBatch,
    captions,
    contrasted,
    lie_rate,
    margins,
)
from engine.hallucination.decoding.vcd import VCD
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.decoding.generate import DecodingMethod
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.sayings import PARTNER

SEED = 1077  # of scenes that no training has seen
COUNT = 300
STEP = 900
ALPHAS = (0.0, 0.5, 1.0, 2.0)


def figures(vlm: TinyVLM, count: int = COUNT, seed: int = SEED) -> dict[str, float]:
    """All figures by name; shares, except where the name says points."""
    results: dict[str, float] = {}
    for name, kind, clean in (
        ("broken", "broken", False),
        ("clean broken", "broken", True),
        ("clean biased", "biased", True),
    ):
        sample = SceneBatch.drawn(count, kind, seed=seed, clean=clean)
        results |= named_rates(name, *caption_rates(vlm, sample, Greedy()))
        if name == "broken":
            for alpha in ALPHAS[1:]:
                method = VCD(alpha=alpha, step=STEP)
                results |= named_rates(
                    f"{name}, VCD α {alpha:g}", *caption_rates(vlm, sample, method)
                )
            results |= poll_rates(vlm, sample)
    removed = SceneBatch.drawn(count, "biased", seed=seed + 1)
    results |= removal(vlm, removed)
    return {name: round(value, 4) for name, value in results.items()}


def caption_rates(
    vlm: TinyVLM, sample: SceneBatch, strategy: DecodingMethod
) -> tuple[Chair, float]:
    """CHAIR over captions, and how often a leader without its follower is given it."""
    result = captions(vlm, sample, strategy).words
    return chair(result, sample.truths, VOCABULARY), lie_rate(result, sample)


def named_rates(name: str, rates: Chair, lies: float) -> dict[str, float]:
    """Rates under their names."""
    return {
        f"{name}: CHAIR_i": rates.instance,
        f"{name}: CHAIR_s": rates.sentence,
        f"{name}: recall": rates.recall,
        f"{name}: lie rate": lies,
    }


def poll_rates(vlm: TinyVLM, sample: SceneBatch) -> dict[str, float]:
    """Yes/no questions: false yes of partners and of others, misses, and under VCD."""
    clear, hidden = margins(vlm, sample), margins(vlm, sample, STEP)
    present, led, in_theme = sample.layout.present, sample.leading(), sample.themed()
    partner, other, foreign = (
        led & ~present,
        ~led & ~present & in_theme,
        ~led & ~present & ~in_theme,
    )
    results = {}
    for alpha in ALPHAS:
        yes = (contrasted(clear, hidden, alpha) > 0).numpy()
        under = f", VCD α {alpha:g}" if alpha else ""
        results[f"false yes, partner{under}"] = mean(yes[partner])
    yes = (clear > 0).numpy()
    results["false yes, other of the theme"] = mean(yes[other])
    results["false yes, foreign"] = mean(yes[foreign])
    results["missed"] = mean(~yes[present])
    results["missed, opaque"] = mean(~yes[present & (sample.layout.opacity == 1)])
    absent = yes[~present]
    results["balanced accuracy, all things"] = (mean(yes[present]) + 1 - mean(absent)) / 2
    habit = np.any(
        led, axis=1
    )  # scenes with a leader: its absent partner against other absent things
    results["accuracy, habit questions: other"] = accuracy(yes, present, ~led & ~present, habit)
    results["accuracy, habit questions: partner"] = accuracy(yes, present, partner, habit)
    return results


def accuracy(yes: np.ndarray, present: np.ndarray, absent: np.ndarray, rows: np.ndarray) -> float:
    """Mean of the rates on leaders that are there and on absent things, in some scenes."""
    leaders = np.zeros_like(present)
    leaders[:, list(PARTNER)] = present[:, list(PARTNER)]
    # both kinds count alike, however many there are of each
    return (mean(yes[rows][leaders[rows]]) + 1 - mean(yes[rows][absent[rows]])) / 2


def removal(vlm: TinyVLM, sample: SceneBatch) -> dict[str, float]:
    """Of things seen before they were taken away exactly: how often the answer stays yes (SB+).

    The follower of a leader that stays, the leader of a follower that stays, any other.
    """
    before = (margins(vlm, sample) > 0).numpy()
    stubborn: dict[str, list[bool]] = {"partner": [], "reverse": [], "other": []}
    led, present = sample.leading(), sample.layout.present
    for category, noun in enumerate(CATEGORIES):
        rows = np.flatnonzero(present[:, category])
        if not len(rows):
            continue
        without = SceneBatch.of(sample.layout.take(rows).without(noun))
        after = (margins(vlm, without)[:, category] > 0).numpy()
        for row, still in zip(rows, after, strict=True):
            leads = category in PARTNER and present[row, PARTNER[category]]
            kind = "partner" if led[row, category] else "reverse" if leads else "other"
            stubborn[kind].append(bool(before[row, category] and still))
    return {f"SB+, {kind} removed": mean(np.array(numbers)) for kind, numbers in stubborn.items()}


def mean(flags: np.ndarray) -> float:
    """A share; NaN of nothing."""
    return float(flags.mean()) if flags.size else nan
