"""BEAF for every strategy and model, over three draws of scenes: docs/measured.md."""

from time import process_time

import numpy as np
import pytest

from engine.hallucination import BEAF, MVP, OPERA, STRATEGIES, Greedy, RemovalLaw, ScenesCase
from engine.hallucination.measures.beaf import SCENES
from engine.hallucination.measures.before_after import FIGURES, KINDS, beaf_figures, by_kind
from engine.hallucination.measures.law import false_yes, log_odds
from engine.hallucination.measures.rates import unfit
from engine.hallucination.measures.removal_law import ALPHAS, WITHIN, fit_distance
from engine.hallucination.tiny_vlm.weights import HABIT, HONEST, SEEING, load
from engine.result import Table

FITTING = [kind for kind in STRATEGIES if not unfit(load(HABIT), kind)]
DRAWS = (0, 1, 2)
FEW = {MVP: 4, OPERA: 12}  # scenes of a draw for those that ask one by one
PARTNER_GAP = 0.20  # SB+ of partners over that of other things, as the sheet has it
REPORTED_FIGURES = (*FIGURES[:6], "accuracy")


def all_records(name, strategy, count=SCENES):
    """The records of all draws as those of one: scenes are numbered on."""
    parts = [
        BEAF()(ScenesCase(load(name), strategy, count, "biased", seed=draw))["records"]
        for draw in DRAWS
    ]
    columns = {
        column: np.concatenate([part[column] for part in parts]) for column in parts[0].order
    }
    columns["scene"] = np.concatenate(
        [part["scene"] + count * draw for draw, part in enumerate(parts)]
    )
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


def measured_as(name, strategy, count=SCENES):
    """The name of a row."""
    return f"BEAF, {name}, {len(DRAWS)} draws of {count} scenes: {strategy}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", FITTING, ids=lambda kind: kind.name)
def test_every_strategy_is_measured_on_the_model_with_the_habit(kind, measure):
    count = FEW.get(kind, SCENES)
    records = all_records(HABIT, kind(), count)
    measure(measured_as(HABIT, kind.name, count), row(records))
    assert beaf_figures(records)["pairs"][0] >= 200 or kind in FEW


@pytest.mark.slow
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


@pytest.mark.slow
def test_two_hundred_pairs_take_less_than_a_minute_of_one_core(measure):
    begun = process_time()
    result = BEAF()(ScenesCase(load(HABIT), Greedy(), SCENES, "biased"))
    seconds = process_time() - begun
    measure("BEAF, seconds of processor time for 200 pairs", f"{seconds:.0f}")
    assert result["figures"]["pairs"][0] >= 200
    assert seconds <= 60


@pytest.mark.slow
@pytest.mark.parametrize("name", [HABIT, SEEING])
def test_the_law_holds_for_a_habit_of_words_and_not_for_one_of_seeing(name, measure):
    """Over all draws together within .03, as the sheet has it, where the habit is in the words."""
    margins = [
        RemovalLaw()(ScenesCase(load(name), Greedy(), 300, "biased", seed=draw))["margins"]
        for draw in DRAWS
    ]
    clear, hidden = (
        np.concatenate([margin[what] for margin in margins]) for what in ("clear", "hidden")
    )
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
