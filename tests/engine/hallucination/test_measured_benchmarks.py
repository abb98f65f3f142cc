"""POPE and CHAIR of every decoding over three draws of scenes, kept in docs/measured.md."""

import numpy as np
import pytest

from engine.hallucination import CHAIR, MVP, POPE, STRATEGIES, Greedy, ScenesCase
from engine.hallucination.measures.captioned import RATES
from engine.hallucination.measures.polling import SPLITS
from engine.hallucination.measures.rates import unfit
from engine.hallucination.tiny_vlm.weights import HABIT, HONEST, load

FITTING = [kind for kind in STRATEGIES if not unfit(load(HABIT), kind)]
SCENES, DRAWS = 24, (0, 1, 2)
FEW = 10  # scenes for MVP, which answers one question at a time
FIGURES = ("accuracy", "F1", "yes-ratio", "false yes")
GAP = 0.10  # of false yes, adversarial less random, that the sheet expects of the habit


def cases(model, kind):
    return [ScenesCase(load(model), kind(), scenes(kind), seed=draw) for draw in DRAWS]


def scenes(kind):
    return FEW if kind is MVP else SCENES


def spread(values, digits=3):
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def polled(model, kind):
    """The rates of each draw, and what is written of them."""
    results = [POPE()(case)["rates"] for case in cases(model, kind)]
    figures = [
        f"{name} "
        + " / ".join(spread([draw.cell(split, name) for draw in results]) for split in SPLITS)
        for name in FIGURES
    ]
    other, neither, total = (
        sum(float(draw_rates[name].sum()) for draw_rates in results)
        for name in ("decided otherwise", "neither", "questions")
    )
    figures.append(f"words against logits {other:.0f}, neither {neither:.0f} of {total:.0f}")
    return results, "; ".join(figures)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", FITTING, ids=lambda kind: kind.name)
def test_every_decoding_is_measured_by_pope_and_chair(kind, measure):
    results, summary = polled(HABIT, kind)
    gap = [
        draw_rates.cell("adversarial", "false yes") - draw_rates.cell("random", "false yes")
        for draw_rates in results
    ]
    verdict = "✓" if np.mean(gap) >= GAP else "✗"
    measure(
        f"POPE (random / popular / adversarial), {HABIT}, 3 draws of {scenes(kind)} scenes: "
        f"{kind.name}",
        f"{summary}; false yes, adversarial less random {spread(gap)} ({verdict} ≥ {GAP:.2f})",
    )
    for table in results:
        assert len(set(table["recall"].tolist())) == 1
    if kind is MVP:
        return
    rates = [CHAIR()(case)["rates"] for case in cases(HABIT, kind)]
    measure(
        f"CHAIR, {HABIT}, 3 draws of {SCENES} scenes: {kind.name}",
        "; ".join(
            f"{name} "
            f"{spread([float(rate[name][0]) for rate in rates], 1 if name == 'words' else 3)}"
            for name in RATES
        ),
    )


@pytest.mark.slow
def test_usual_company_is_harder_for_the_habit_than_for_the_honest_model(measure):
    gaps = {}
    for model in (HABIT, HONEST):
        results, summary = polled(model, Greedy)
        gaps[model] = np.mean(
            [
                draw_rates.cell("adversarial", "false yes") - draw_rates.cell("random", "false yes")
                for draw_rates in results
            ]
        )
        if model == HONEST:
            measure(
                f"POPE (random / popular / adversarial), {model}, 3 draws of {SCENES} scenes: "
                "Greedy",
                summary,
            )
    assert gaps[HABIT] > gaps[HONEST]
