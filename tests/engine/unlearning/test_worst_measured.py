"""Hard, random and easy sets as in the sheet; the figures stand in docs/measured.md.

The digits' CNN learns with 20 % wrong labels; 10 % of the images are to be forgotten. Ours find the
hardest and the easiest by five rounds of two epochs.
"""

from __future__ import annotations

import numpy as np
import pytest

from engine import data as data_sets
from engine.models import embedded
from engine.run import answer
from engine.unlearning import (
    BoardCase,
    FineTune,
    RandomLabels,
    SalUn,
    Scoreboard,
    easiest,
    forget_case,
    hardest,
    request,
)
from tests.engine.unlearning.trained import original

NAME, SHARE, SEEDS = "digits+noisy:share=0.2", 0.1, 3
SPREAD = {"hard": 0.02, "random": 0.06, "easy": 0.0}  # of UA over seeds, in the sheet
WAYS = (FineTune(), RandomLabels(), SalUn())

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def test_retraining_gets_hard_images_right_and_easy_ones_wrong(measure):
    """UA of the retrained model: hard < random < easy, by two standard deviations of the sheet.

    What the sheet says of ways is told with ✓ or ✗.
    """
    data, recipe = data_sets.load(NAME), embedded.plan("digits-cnn").recipe
    wrong = data.truth["clean_label"] != data.labels
    ua, flipped = ({name: [] for name in SPREAD} for _ in range(2))
    gaps = {way.short: {name: [] for name in SPREAD} for way in WAYS}
    for seed in range(SEEDS):
        model = original(NAME, recipe, seed)
        requests = {
            "hard": hardest(model, data, SHARE, seed),
            "easy": easiest(model, data, SHARE, seed),
            "random": request.at_random(data, SHARE, seed),
        }
        for name in SPREAD:
            case = forget_case(model, data, requests[name], recipe, seed)
            table = answer(Scoreboard(seeds=1), BoardCase(case, WAYS))["table"]
            ua[name].append(table.cell("Retrain", "UA"))
            flipped[name].append(wrong[case.splits.forget].mean())
            for way, gap in gaps.items():
                gap[name].append(table.cell(way, "gap"))
    where = f"hard and easy sets, digits CNN with 20 % wrong labels, 10 %, {SEEDS} seeds"
    for name in SPREAD:
        measure(
            f"{where}; {name}: retrained UA, share of wrong labels",
            f"{mean_sd(ua[name])}; {mean_sd(flipped[name])}",
        )
    for way, gap in gaps.items():
        parts = [f"{name} {mean_sd(gap[name])}" for name in SPREAD]
        measure(f"{where}; {way}, average gap", "; ".join(parts))
    for way, sign, claim in (("FT", -1, "smaller"), ("RL", 1, "larger"), ("SalUn", 1, "larger")):
        change = sign * (np.array(gaps[way]["hard"]) - gaps[way]["random"])
        measure(
            f"{where}; claim: {way}'s gap is {claim} on hard images than on random ones",
            f"{'✓' if change.mean() > change.std(ddof=1) else '✗'} ({mean_sd(sign * change)})",
        )
    for less, more in (("hard", "random"), ("random", "easy")):
        margin = 2 * np.hypot(SPREAD[less], SPREAD[more])
        assert (np.array(ua[more]) - ua[less] > margin).all(), (less, more, ua)


def mean_sd(values):
    """Mean and standard deviation over seeds."""
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}".replace("-", "−")
