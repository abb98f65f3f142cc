"""What contrast mends of a stubborn yes, beside the closed form that predicts it.

The law is that of `law.py`. How far apart "there" and "gone" look (d) is fitted to the plain rate
alone; every other point of the curve is a prediction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Method, Progress, Slider, defaults, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.language.beaf.figures import PERCENT
from engine.evaluation.language.beaf.law import evidence_for, false_yes, log_odds
from engine.evaluation.language.beaf.method import SCENES, layout_of
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.resampling import middle_interval, resampled_sums
from engine.evaluation.language.scenes import SceneBatch, contrasted, margins
from engine.vision.data.layout import Layout
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.sayings import PARTNER

ALPHAS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
MOST = 400  # pairs
WITHIN = 0.03  # the largest gap at which the law is said to hold, as sheet and bands have it


@dataclass(frozen=True)
class RemovalLaw(Method[ScenesCase]):
    """How often a partner is still said to be there after it was taken out, by the contrast.

    Each point is the share of yes about a thing (a lamp) that was taken out while what it usually
    goes with (a car) stays, with the strength α of contrastive decoding (VCD). The line is what a
    closed form predicts if the yes is a habit of the words alone: of evidence that is normal, with
    the partners' odds in training as the prior. Only its first point is fitted. Where measured
    points lie above the line, the habit hangs on something that is seen. The decoding of the page
    plays no part.
    """

    family = "hallucination"
    name = "RemovalLaw"
    title = "What contrast mends"
    cost = "wait"
    paper = "Leng et al. 2024, https://arxiv.org/abs/2311.16922"
    argument_defaults = defaults(count=SCENES, kind="biased")
    proof = (
        "tests/engine/hallucination/test_curves.py"
        "::test_each_point_is_the_share_of_contrasted_answers"
    )

    step: int = setting(
        900, Slider(0, 999, 1), "Noise step", "How deep in noise the copy is that is subtracted."
    )
    together: float = setting(
        0.9,
        Slider(0.5, 0.97, 0.01),
        "Together",
        "How often partners came together in the scenes that were learned: the prior of the law.",
    )

    def __call__(self, case: ScenesCase, progress: Progress = quiet) -> Result:
        """Rates by α, measured and predicted.

        Returns:
            law: a row for each α: the share of yes with its interval (90 % of resamples of the
                pairs), and that of the law; NaN where it cannot be fitted.
            fit: d, the prior's log-odds b, and the number of pairs.
            margins: of each pair, logits of yes minus no about the clear scene and the hidden one.
        """
        self.check(case)
        layout = layout_of(case)
        clear, hidden = (
            taken_out(case.vlm, layout, step, case.seed, progress, at)
            for at, step in enumerate((None, self.step))
        )
        yes = np.stack([(contrasted(clear, hidden, a) > 0).numpy() for a in ALPHAS])
        measured = [float(answers.mean()) if len(answers) else nan for answers in yes]
        # a pair is drawn again with its answers at every α: points of a curve go together
        resampled_rates = resampled_sums(yes.T) / (len(clear) or nan)
        spans = [middle_interval(rates, PERCENT) for rates in resampled_rates.T]
        prior = log_odds(self.together)
        d = fit_distance(measured[0], prior)
        progress(1.0, "asked")
        columns = {
            "α": (np.array(ALPHAS), ""),
            "measured": (np.array(measured), "share"),
            "low": (np.array([low for low, _ in spans]), "share"),
            "high": (np.array([high for _, high in spans]), "share"),
            "law": (np.array([false_yes(d, prior, a) for a in ALPHAS]), "share"),
        }
        fit = {"d": ([d], ""), "b": ([prior], ""), "pairs": ([len(clear)], "pairs")}
        return {
            "law": Table.of(columns, rows=[f"α = {alpha:g}" for alpha in ALPHAS]),
            "fit": Table.of(fit, rows=("law",)),
            "margins": Table.of(
                {"clear": (clear.numpy(), "logits"), "hidden": (hidden.numpy(), "logits")}
            ),
        }

    def finding(self, case: ScenesCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What α = 1 mends, and whether the law says so."""
        return law_words(result["law"], result["fit"])


def law_words(law: Table, fit: Table) -> str:
    """The rates without contrast and at α = 1, and how far law and measurement are apart."""
    pairs = int(fit["pairs"][0])
    if not pairs:
        return "No scene has both of a pair, so no partner can be taken out."
    plain, contrast = (float(law.cell(row, "measured")) for row in ("α = 0", "α = 1"))
    first = (
        f"Of {pairs} partners that were taken out, {100 * plain:.0f} % are still said to be there, "
        f"with contrast (α = 1) {100 * contrast:.0f} %"
    )
    if not np.isfinite(law["law"]).all():
        return f"{first}. No law can be fitted to a rate of 0 or 100 %."
    gap = np.abs(law["measured"] - law["law"])
    inside = (law["low"] <= law["law"]) & (law["law"] <= law["high"])
    verdict = (
        "as the law predicts"
        if gap.max() <= WITHIN
        else "within what so few pairs can tell from the law"
        if inside.all()
        else "and the law does not hold here"
    )
    points = f"{100 * gap.max():.0f}"
    return (
        f"{first}; the law has {100 * law.cell('α = 1', 'law'):.0f} %: {verdict} (largest gap "
        f"{points} point{'' if points == '1' else 's'}, at {law.rows[int(gap.argmax())]})."
    )


def taken_out(
    vlm: TinyVLM, layout: Layout, step: int | None, seed: int, progress: Progress, half: int
) -> Tensor:
    """Logits of yes minus no about each partner that was taken out while its leader stays, (n,)."""
    results = [torch.empty(0)]
    for at, (leader, follower) in enumerate(PARTNER.items()):
        progress((half + at / len(PARTNER)) / 2, "asking")
        rows = np.flatnonzero(layout.present[:, leader] & layout.present[:, follower])[:MOST]
        if len(rows):
            without = SceneBatch.of(layout.take(rows).without(CATEGORIES[follower]))
            results.append(margins(vlm, without, step, seed)[:, follower])
    return torch.cat(results)


def fit_distance(rate: float, prior: float) -> float:
    """The d that gives the rate; NaN where none does."""
    try:
        return evidence_for(rate, prior) if 0 < rate < 1 else nan
    except ValueError:
        return nan
