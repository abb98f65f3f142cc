"""POPE, CHAIR, BEAF and MaskLLM over draws of scenes, kept in docs/measured.md."""

from time import process_time

import numpy as np
import pytest

from engine.core.result import Table
from engine.core.run import answer
from engine.evaluation.experiment import OUTCOMES, decided
from engine.evaluation.language.beaf.figures import FIGURES as BEAF_FIGURES
from engine.evaluation.language.beaf.figures import KINDS, beaf_figures, by_kind
from engine.evaluation.language.beaf.law import false_yes, log_odds
from engine.evaluation.language.beaf.method import SCENES as BEAF_SCENES
from engine.evaluation.language.beaf.removal_law import ALPHAS, WITHIN, fit_distance
from engine.evaluation.language.captioned import RATES
from engine.evaluation.language.polling import SPLITS
from engine.evaluation.language.rates import unfit
from engine.hallucination import (
    BEAF,
    CHAIR,
    MVP,
    OPERA,
    POPE,
    STRATEGIES,
    Greedy,
    MaskLLM,
    RemovalLaw,
    ScenesCase,
)
from engine.hallucination.measures.mask_llm import DENSE, LEARNED, MAGNITUDE
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, SEEING, load
from tests.outcomes import mean_sd

pytestmark = pytest.mark.slow
FITTING = [kind for kind in STRATEGIES if not unfit(load(HABIT), kind)]
SCENES, DRAWS = 24, (0, 1, 2)
FEW = 10  # scenes for MVP, which answers one question at a time
FIGURES = ("accuracy", "F1", "yes-ratio", "false yes")
GAP = 0.10  # of false yes, adversarial less random, that the sheet expects of the habit


def cases(model, kind):
    return [ScenesCase(load(model), kind(), scenes(kind), seed=draw) for draw in DRAWS]


def scenes(kind):
    return FEW if kind is MVP else SCENES


def polled(model, kind):
    results = [POPE()(case)["rates"] for case in cases(model, kind)]
    figures = [
        f"{name} "
        + " / ".join(mean_sd([draw.cell(split, name) for draw in results]) for split in SPLITS)
        for name in FIGURES
    ]
    other, neither, total = (
        sum(float(draw_rates[name].sum()) for draw_rates in results)
        for name in ("decided otherwise", "neither", "questions")
    )
    figures.append(f"words against logits {other:.0f}, neither {neither:.0f} of {total:.0f}")
    return results, "; ".join(figures)


def false_yes_gaps(draws):
    splits = (
        [draw.cell(split, "false yes") for draw in draws] for split in ("adversarial", "random")
    )
    return np.subtract(*splits)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", FITTING, ids=lambda kind: kind.name)
def test_every_decoding_is_measured_by_pope_and_chair(kind, measure):
    results, summary = polled(HABIT, kind)
    gap = false_yes_gaps(results)
    verdict = "✓" if np.mean(gap) >= GAP else "✗"
    measure(
        f"POPE (random / popular / adversarial), {HABIT}, 3 draws of {scenes(kind)} scenes: "
        f"{kind.name}",
        f"{summary}; false yes, adversarial less random {mean_sd(gap)} ({verdict} ≥ {GAP:.2f})",
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
            f"{mean_sd([float(rate[name][0]) for rate in rates], 1 if name == 'words' else 3)}"
            for name in RATES
        ),
    )


def test_usual_company_is_harder_for_the_habit_than_for_the_honest_model(measure):
    gaps = {}
    for model in (HABIT, HONEST):
        results, summary = polled(model, Greedy)
        gaps[model] = np.mean(false_yes_gaps(results))
        if model == HONEST:
            measure(
                f"POPE (random / popular / adversarial), {model}, 3 draws of {SCENES} scenes: "
                "Greedy",
                summary,
            )
    assert gaps[HABIT] > gaps[HONEST]


BEAF_FEW = {MVP: 4, OPERA: 12}  # scenes of a draw for those that ask one by one
PARTNER_GAP = 0.20  # SB+ of partners over that of other things, as the sheet has it
REPORTED_FIGURES = (*BEAF_FIGURES[:6], "accuracy")


def all_records(name, strategy, count=BEAF_SCENES):
    """The records of all draws as those of one: scenes are numbered on."""
    parts = [
        BEAF()(ScenesCase(load(name), strategy, count, "biased", seed=draw))["records"]
        for draw in DRAWS
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].order}
    columns["scene"] = np.concatenate([part["scene"] + count * n for n, part in enumerate(parts)])
    units = dict(zip(parts[0].order, parts[0].units, strict=True))
    return Table.of({column: (values, units[column]) for column, values in columns.items()})


def row(records):
    """The figures in words, in percent with the interval."""
    result, kinds = beaf_figures(records), by_kind(records)
    figures = [
        f"{name} {100 * result[name][0]:.1f} [{100 * result[f'{name}, low'][0]:.1f}, "
        f"{100 * result[f'{name}, high'][0]:.1f}]"
        for name in REPORTED_FIGURES
    ]
    stays = ", ".join(f"{100 * share:.1f}" for share in kinds["SB+"])
    return "; ".join(
        [*figures, f"SB+ by what was taken out {stays}", f"{result['pairs'][0]} pairs"]
    )


def measured_as(name, strategy, count=BEAF_SCENES):
    return f"BEAF, {name}, {len(DRAWS)} draws of {count} scenes: {strategy}"


@pytest.mark.parametrize("kind", FITTING, ids=lambda kind: kind.name)
def test_every_strategy_is_measured_on_the_model_with_the_habit(kind, measure):
    count = BEAF_FEW.get(kind, BEAF_SCENES)
    records = all_records(HABIT, kind(), count)
    measure(measured_as(HABIT, kind.name, count), row(records))
    assert beaf_figures(records)["pairs"][0] >= 200 or kind in BEAF_FEW


def test_a_yes_stays_for_the_partner_of_what_is_still_there_and_not_elsewhere(measure):
    """On the model with the habit by 20 points at least; on the honest one by less than 10."""
    gaps = {}
    for name in (HABIT, HONEST, SEEING):
        records = all_records(name, Greedy())
        if name != HABIT:
            measure(measured_as(name, Greedy.name), row(records))
        stays = by_kind(records)
        gaps[name] = stays.cell(KINDS[0], "SB+") - stays.cell(KINDS[2], "SB+")
        measure(f"BEAF, {name}: SB+ of partners over others", f"{100 * gaps[name]:.1f} points")
    assert gaps[HABIT] >= PARTNER_GAP
    assert gaps[HONEST] < PARTNER_GAP / 2


def test_two_hundred_pairs_take_less_than_a_minute_of_one_core(measure):
    begun = process_time()
    result = BEAF()(ScenesCase(load(HABIT), Greedy(), BEAF_SCENES, "biased"))
    seconds = process_time() - begun
    measure("BEAF, seconds of processor time for 200 pairs", f"{seconds:.0f}")
    assert result["figures"]["pairs"][0] >= 200
    assert seconds <= 60


@pytest.mark.parametrize("name", [HABIT, SEEING])
def test_the_law_holds_for_a_habit_of_words_and_not_for_one_of_seeing(name, measure):
    """Over all draws together within .03, as the sheet has it, where the habit is in the words."""
    margins = [
        RemovalLaw()(ScenesCase(load(name), Greedy(), 300, "biased", seed=draw))["margins"]
        for draw in DRAWS
    ]
    clear, hidden = (np.concatenate([m[what] for m in margins]) for what in ("clear", "hidden"))
    measured = [float(((1 + alpha) * clear > alpha * hidden).mean()) for alpha in ALPHAS]
    prior = log_odds(RemovalLaw().together)
    d = fit_distance(measured[0], prior)
    law = [false_yes(d, prior, alpha) for alpha in ALPHAS]
    gap = np.abs(np.subtract(measured, law)).max()
    summary = "; ".join(
        f"{alpha:g}: {rate:.3f} ({by:.3f})"
        for alpha, rate, by in zip(ALPHAS, measured, law, strict=True)
    )
    measure(
        f"{len(clear)} partners taken out, {name}: yes stays (law), by α of VCD",
        f"{summary}; largest gap {gap:.3f}",
    )
    assert (gap <= WITHIN) == (name == HABIT)


SEEDS, MASKED = 3, 50
REPORTED_DIGITS = {"loss": 3, "perplexity": 3, "lie rate": 2, "false yes": 2, "CHAIR_i": 2}


@pytest.mark.timeout(3600)
def test_a_learned_mask_has_a_lower_loss_than_the_largest_weights(measure):
    """The paper's claim is of the language's loss; what is made up is told beside it."""
    results = [
        answer(MaskLLM(), ScenesCase(load(HABIT), Greedy(), MASKED, "biased", seed=seed))["models"]
        for seed in range(SEEDS)
    ]
    for row in (DENSE, MAGNITUDE, LEARNED):
        figures = [
            f"{name} {mean_sd([result.cell(row, name) for result in results], digits)}"
            for name, digits in REPORTED_DIGITS.items()
        ]
        measure(
            f"MaskLLM, TinyVLM with the habit, 2:4, {MASKED} biased scenes, {SEEDS} seeds, {row}",
            "; ".join(figures),
        )
    margins = np.array(
        [result.cell(MAGNITUDE, "loss") - result.cell(LEARNED, "loss") for result in results]
    )
    (outcome,), (margin,), (within,) = decided(margins[:, None])
    measure(
        f"MaskLLM, TinyVLM with the habit, 2:4, {SEEDS} seeds: the learned mask has a lower loss "
        "than the largest weights",
        f"{OUTCOMES[int(outcome)]} here: margin {margin:+.3f} ± {within:.3f} nat",
    )
    for result in results:
        assert result.cell(LEARNED, "stays") == pytest.approx(0.5, abs=1e-6)
        assert result.cell(LEARNED, "loss") != result.cell(MAGNITUDE, "loss")
